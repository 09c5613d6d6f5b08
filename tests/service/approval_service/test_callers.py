"""A system that an operator shuts out: nothing more is taken from it, what it had asked for goes on."""

from __future__ import annotations

from typing import Any, TypeVar

import pytest

from approval_service import admission, callers, holds, letter_admission
from approval_service.calls import Call
from approval_service.users import CONSOLE
from approval_service.writer import Handler
from outreach.domain import states
from outreach.domain.errors import Kind, Refusal
from outreach.v1.caller_service_pb2 import (
    Caller,
    CallerWork,
    DeactivateCallerRequest,
    GetCallerRequest,
    ListCallersRequest,
    ReactivateCallerRequest,
)
from outreach.v1.common_pb2 import Principal
from outreach.v1.hold_service_pb2 import HoldKind, PlaceHoldRequest, RequestLiftRequest
from outreach.v1.outreach_service_pb2 import Channel, Decision, SmsItem
from outreach.v1.worker_service_pb2 import Outcome
from tests.service.approval_service.letters import letter_item
from tests.service.approval_service.mailroom import open_mailroom
from tests.service.approval_service.world import BANK, CALLER, HOTLINE, World, asked, decided, phone_of, principal

P = TypeVar("P")
R = TypeVar("R")

OFFICE = "office"
MAKER, CHECKER = "olga", "oleg"
REASON = "私钥疑似泄露"


@pytest.fixture
async def world(world: World) -> World:
    """With two operators who call through another caller than everybody else."""
    await world.hire_at(OFFICE, MAKER, CHECKER)
    await world.hire_at(CALLER, MAKER)
    return world


def operator(employee: str = MAKER, caller: str = OFFICE, banks: tuple[str, ...] = ("*",)) -> Principal:
    return Principal(caller_id=caller, employee_id=employee, bank_ids=banks)


async def write(world: World, handler: Handler[Call[P], R], request: P, who: Principal | None = None) -> R:
    return await world.authority.write(handler, Call(who or operator(), request))


async def deactivate(world: World, caller_id: str = CALLER, who: Principal | None = None) -> Caller:
    request = DeactivateCallerRequest(caller_id=caller_id, reason=REASON)
    return await write(world, callers.deactivate, request, who)


async def reactivate(world: World, who: Principal, caller_id: str = CALLER) -> Caller:
    return await write(world, callers.reactivate, ReactivateCallerRequest(caller_id=caller_id, reason="已换钥"), who)


def sms(world: World, number: str) -> Any:
    item = SmsItem(
        request_id=f"of-{number}",
        bank_id=BANK,
        account_number=number,
        phone_number=phone_of(number),
        template_name="reminder",
        variables={"line": HOTLINE},
    )
    return asked(world.authority, principal("dan"), item)[0]


def reason_of(answer: Any) -> str:
    assert isinstance(answer, Refusal), answer
    return answer.reason


async def test_nothing_more_is_taken_from_a_caller_that_is_shut_out(world: World) -> None:
    """Requests of both channels and deeds are refused in the very next transaction, and none of it is stored."""
    await world.ready("1001")
    await deactivate(world)
    (message,) = await world.authority.write_many(admission.admit, [sms(world, "1001")])
    (letter,) = await world.authority.write_many(letter_admission.admit, [Call(principal("dan"), letter_item("1001"))])
    assert (reason_of(message), reason_of(letter)) == ("CALLER_DEACTIVATED", "CALLER_DEACTIVATED")
    hold = PlaceHoldRequest(bank_id=BANK, account_number="1001", kind=HoldKind.HOLD_KIND_COMPLAINT, reason="客户投诉")
    with pytest.raises(Refusal) as refused:
        await world.write(holds.place_hold, "ann", hold)
    assert (refused.value.kind, refused.value.reason) == (Kind.DENIED, "CALLER_DEACTIVATED")
    assert await world.entries("admitted") == await world.entries("blocked") == await world.entries("hold_placed") == []


async def test_what_it_had_asked_for_still_leaves(world: World) -> None:
    """A request that was decided before is no less the bank's will: it gets its permit."""
    await world.ready("1001")
    decision = await world.ask("1001")
    await deactivate(world)
    assert [permit.outreach_id for permit in await world.lease()] == [decision.outreach_id]


async def test_another_operator_lets_it_in_again(world: World) -> None:
    """Neither who shut it out nor that person by another way; then a request is decided as if nothing had been."""
    await world.ready("1001")
    await deactivate(world)
    for who in (operator(MAKER), operator(MAKER, caller=CONSOLE)):
        with pytest.raises(Refusal) as refused:
            await reactivate(world, who)
        assert refused.value.kind is Kind.DENIED
    assert not (await reactivate(world, operator(CHECKER))).HasField("deactivation")
    (answer,) = await world.authority.write_many(admission.admit, [sms(world, "1001")])
    decision = decided(answer)
    assert isinstance(decision, Decision)
    assert decision.state == states.ADMITTED


async def test_the_ledger_tells_of_both(world: World) -> None:
    """Who, which caller and why; a reason that holds a phone number is refused."""
    wrong = DeactivateCallerRequest(caller_id=CALLER, reason="客户 13800138000 投诉")
    with pytest.raises(Refusal) as refused:
        await write(world, callers.deactivate, wrong)
    assert refused.value.field == "reason"
    await deactivate(world)
    await reactivate(world, operator(CHECKER))
    (shut,) = await world.entries("caller_deactivated")
    (opened,) = await world.entries("caller_reactivated")
    assert (shut["caller"], shut["reason"], shut["by"]) == (CALLER, REASON, f"{OFFICE}/{MAKER}")
    assert (opened["caller"], opened["by"]) == (CALLER, f"{OFFICE}/{CHECKER}")


async def test_a_way_in_is_left(world: World) -> None:
    """Neither the console nor the caller by which the operator calls is shut out; both say the way out."""
    for caller_id, way_out in ((CONSOLE, "deactivate the person's account"), (OFFICE, "use the console")):
        with pytest.raises(Refusal, match=way_out) as refused:
            await deactivate(world, caller_id)
        assert refused.value.reason == "LAST_WAY_IN"
    assert await world.entries("caller_deactivated") == []


async def test_each_step_is_taken_once(world: World) -> None:
    """Shutting out twice, so that the name of the first one would be lost, is refused; so is letting in who is in."""
    with pytest.raises(Refusal) as refused:
        await reactivate(world, operator(CHECKER))
    assert refused.value.reason == "NOT_DEACTIVATED"
    await deactivate(world)
    with pytest.raises(Refusal) as refused:
        await deactivate(world, who=operator(CHECKER))
    assert refused.value.reason == "ALREADY_DEACTIVATED"


async def test_an_operator_of_one_bank_may_not(world: World) -> None:
    """A caller may speak for several banks: it takes somebody who does so for all."""
    for request in (deactivate(world, who=operator(banks=(BANK,))), reactivate(world, operator(banks=(BANK,)))):
        with pytest.raises(Refusal) as refused:
            await request
        assert refused.value.reason == "BANK_NOT_COVERED"
    for read, asked_for in (
        (callers.list_callers, ListCallersRequest()),
        (callers.get_caller, GetCallerRequest(caller_id=CALLER)),
    ):
        with pytest.raises(Refusal) as refused:
            await world.authority.read(read, Call(operator(banks=(BANK,)), asked_for))  # type: ignore[arg-type]
        assert refused.value.reason == "BANK_NOT_COVERED"


async def test_what_is_under_way_is_listed(world: World) -> None:
    """Messages that wait, that may be leaving and of which nobody knows; letters in a run, in the queue and without a
    quantity; a lift asked for. Not what was sent, and nothing of another caller."""
    await world.ready("1001", "1002", "1003", "1004")
    await leave(world, "1001", None)
    await leave(world, "1002", Outcome.OUTCOME_UNKNOWN)
    await leave(world, "1003", Outcome.OUTCOME_ACCEPTED)
    await world.ask("1004")
    room = await open_mailroom(world, places=2)
    await room.place("5001", "5002", "5003")
    await room.ask("5001")
    await room.start()
    await room.ask("5002", "5003")
    kind = HoldKind.HOLD_KIND_COMPLAINT
    complaint = PlaceHoldRequest(bank_id=BANK, account_number="1003", kind=kind, reason="客户投诉")
    held = (await world.write(holds.place_hold, "ann", complaint)).hold.hold_id
    await world.write(holds.request_lift, "ann", RequestLiftRequest(hold_id=held, reason="已处理"))
    work = await world.authority.read(callers.work_of, CALLER)
    sms, letter = Channel.CHANNEL_SMS, Channel.CHANNEL_LETTER
    assert [(one.bank_id, one.channel, one.state, one.count) for one in work.outreach] == [
        (BANK, sms, states.ADMITTED, 1),
        (BANK, sms, states.RELEASED, 1),
        (BANK, sms, states.UNCONFIRMED, 1),
        (BANK, letter, states.ADMITTED, 1),
        (BANK, letter, states.RELEASED, 1),
        (BANK, letter, states.AWAITING_QUANTITY, 1),
    ]
    assert [(one.kind, one.id, one.bank_id) for one in work.waiting] == [("hold_lift", held, BANK)]
    assert await world.authority.read(callers.work_of, OFFICE) == CallerWork()


async def leave(world: World, number: str, outcome: Outcome.ValueType | None) -> None:
    """A message gets its permit, and its report if there is an outcome."""
    await world.ask(number)
    (permit,) = await world.lease()
    if outcome is not None:
        await world.report(permit.attempt_id, outcome)
