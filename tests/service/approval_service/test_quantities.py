from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select

from approval_service import cancellation, expiry, operations, quantities, quantity_register, schema
from approval_service.calls import Call
from outreach.domain import states
from outreach.domain.errors import Kind, Refusal
from outreach.v1.operations_service_pb2 import SetEmployeeRequest
from outreach.v1.outreach_service_pb2 import CancelRequest, Decision, OutreachIds
from outreach.v1.quantity_service_pb2 import (
    AskQuantityRequest,
    DecideQuantityRequest,
    ListQuantitiesRequest,
    Quantity,
    QuantityState,
)
from tests.service.approval_service.letters import (
    NAME,
    authorized_letter,
    grant_quantity,
    letter_item,
    submit_letters,
)
from tests.service.approval_service.world import BANK, CALLER, World, actor, principal

ADMITTED, AWAITING, CANCELLED = states.ADMITTED, states.AWAITING_QUANTITY, states.CANCELLED
ASKED = QuantityState.QUANTITY_STATE_ASKED
GRANTED = QuantityState.QUANTITY_STATE_GRANTED
REFUSED = QuantityState.QUANTITY_STATE_REFUSED


def refused(kind: Kind, reason: str = "") -> Any:
    return pytest.raises(Refusal, check=lambda e: e.kind is kind and (not reason or e.reason == reason))


@pytest.fixture
async def bank(world: World) -> World:
    """A bank with an authorized letter version and four accounts."""
    await authorized_letter(world)
    for number in ("6001", "6002", "6003", "6004"):
        await world.place(number, f"1380013{number}")
    return world


def request(number: int = 10, **changes: Any) -> AskQuantityRequest:
    asked = AskQuantityRequest(bank_id=BANK, letter_name=NAME, number=number, reason="月度寄函")
    asked.MergeFrom(AskQuantityRequest(**changes))
    return asked


async def ask(world: World, number: int = 10) -> str:
    return (await world.write(quantity_register.ask, "ann", request(number))).quantity.quantity_id


async def decide(world: World, quantity_id: str, granted: int, *, employee: str = "ben", comment: str = "") -> int:
    """How many letters were admitted by it."""
    decision = DecideQuantityRequest(quantity_id=quantity_id, granted=granted, comment=comment)
    return (await world.write(quantity_register.decide, employee, decision)).resumed


async def register(world: World, **changes: Any) -> list[Quantity]:
    call = Call(principal("ann"), ListQuantitiesRequest(bank_id=BANK, **changes))
    return list((await world.authority.read(quantity_register.list_quantities, call)).quantities)


async def submit(world: World, *numbers: str, team: str = "t1") -> list[Decision]:
    return await submit_letters(world, *map(letter_item, numbers), team=team)


async def cancel(world: World, *decisions: Decision) -> None:
    ids = OutreachIds(ids=[decision.outreach_id for decision in decisions])
    await world.write(
        cancellation.cancel_requested, "dan", CancelRequest(bank_id=BANK, outreach_ids=ids, reason="不再需要")
    )


async def states_of(world: World, decisions: Sequence[Decision]) -> list[int]:
    return [(await world.outreach(decision.outreach_id)).state for decision in decisions]


async def test_a_quantity_is_asked_by_a_team_and_granted_by_another_person(bank: World) -> None:
    """The register shows who asked for how many, who decided, and what is left; so does the ledger."""
    quantity_id = await ask(bank, 10)
    with refused(Kind.DENIED, "SAME_PERSON"):
        await decide(bank, quantity_id, 10, employee="ann")
    (asked,) = await register(bank)
    assert (asked.state, asked.team, asked.asked, asked.left) == (ASKED, "t1", 10, 0)
    await decide(bank, quantity_id, 10)
    (granted,) = await register(bank)
    assert (granted.state, granted.granted, granted.used, granted.left) == (GRANTED, 10, 0, 10)
    assert (granted.asked_by, granted.decided_by) == (actor("ann"), actor("ben"))
    (entry,) = await bank.entries("quantity_asked")
    assert (entry["quantity"], entry["team"], entry["asked"], entry["by"]) == (quantity_id, "t1", 10, actor("ann"))
    (entry,) = await bank.entries("quantity_granted")
    assert (entry["quantity"], entry["granted"], entry["by"]) == (quantity_id, 10, actor("ben"))


async def test_what_is_cut_or_refused_says_why_and_is_decided_once(bank: World) -> None:
    """Fewer than asked for needs a comment, more is refused, and a decision stands."""
    cut, turned_down = await ask(bank, 10), await ask(bank, 5)
    for granted in (9, 0):
        with refused(Kind.INVALID):
            await decide(bank, cut, granted)
    with refused(Kind.INVALID):
        await decide(bank, cut, 11, comment="更多")
    await decide(bank, cut, 4, comment="按上月用量")
    await decide(bank, turned_down, 0, comment="本月停寄")
    with refused(Kind.PRECONDITION, "QUANTITY_DECIDED"):
        await decide(bank, cut, 10)
    lines = {line.quantity_id: line for line in await register(bank)}
    assert (lines[cut].granted, lines[cut].comment) == (4, "按上月用量")
    assert (lines[turned_down].state, lines[turned_down].left) == (REFUSED, 0)
    (entry,) = await bank.entries("quantity_refused")
    assert (entry["quantity"], entry["comment"]) == (turned_down, "本月停寄")


async def test_who_may_ask(bank: World) -> None:
    """An employee in service, with a team of their own, for a letter that the bank authorized; of a covered bank."""
    with refused(Kind.DENIED, "OPERATOR_MISSING"):
        await bank.write(quantity_register.ask, "zoe", request())
    registration = SetEmployeeRequest(caller_id=CALLER, employee_id="fay", team="", active=True)
    await bank.write(operations.set_employee, "ann", registration, banks=["*"])
    with refused(Kind.PRECONDITION, "NO_TEAM"):
        await bank.write(quantity_register.ask, "fay", request())
    with refused(Kind.PRECONDITION, "LETTER_NOT_AUTHORIZED"):
        await bank.write(quantity_register.ask, "ann", request(letter_name="another"))
    with refused(Kind.INVALID):
        await bank.write(quantity_register.ask, "ann", request(reason="致电 13800138000"))
    with refused(Kind.DENIED, "BANK_NOT_COVERED"):
        await bank.write(quantity_register.ask, "ann", request(), banks=["other-bank"])
    quantity_id = await ask(bank)
    with refused(Kind.NOT_FOUND):
        decision = DecideQuantityRequest(quantity_id=quantity_id, granted=1)
        await bank.write(quantity_register.decide, "ben", decision, banks=["other-bank"])
    with refused(Kind.NOT_FOUND):
        await decide(bank, "nothing", 1)


async def test_letters_wait_until_a_quantity_is_granted(bank: World) -> None:
    """Letters without a place wait, are admitted in the order of their requests as far as places go, and count."""
    waiting = await submit(bank, "6001", "6002", "6003")
    assert {decision.state for decision in waiting} == {AWAITING}
    quantity_id = await ask(bank)
    assert await decide(bank, quantity_id, 2, comment="先寄两封") == 2
    assert await states_of(bank, waiting) == [ADMITTED, ADMITTED, AWAITING]
    first = await bank.outreach(waiting[0].outreach_id)
    assert (first.quantity_id, first.waiting_for, first.due_ms) == (quantity_id, "", bank.now_ms())
    (line,) = await register(bank)
    assert (line.used, line.left) == (2, 0)
    admitted = [decision.outreach_id for decision in waiting[:2]]
    assert [entry["outreach"] for entry in await bank.entries("admitted")] == admitted
    (entry,) = await bank.entries("quantity_taken")
    assert (entry["quantity"], entry["letters"]) == (quantity_id, admitted)


async def test_places_are_of_the_oldest_grant_first_and_of_the_team_only(bank: World) -> None:
    """Letters take places in turn over several grants; another team's letters take none of them."""
    old, new = await grant_quantity(bank, 1), await grant_quantity(bank, 5)
    (other,) = await submit(bank, "6004", team="t2")
    assert other.state == AWAITING
    taken = await submit(bank, "6001", "6002", "6003")
    assert {decision.state for decision in taken} == {ADMITTED}
    places = [(await bank.outreach(decision.outreach_id)).quantity_id for decision in taken]
    assert places == [old.quantity_id, new.quantity_id, new.quantity_id]
    assert [line.left for line in await register(bank)] == [3, 0]


async def test_a_cancelled_letters_place_goes_to_the_next_that_waits(bank: World) -> None:
    """What is cancelled before it was printed gives its place back; what waited longest gets it, if any does."""
    await grant_quantity(bank, 1)
    holder, second, third = await submit(bank, "6001", "6002", "6003")
    await cancel(bank, holder)
    assert await states_of(bank, [holder, second, third]) == [CANCELLED, ADMITTED, AWAITING]
    assert [line.left for line in await register(bank)] == [0]
    await cancel(bank, second, third)
    assert await states_of(bank, [second, third]) == [CANCELLED, CANCELLED]
    assert [line.left for line in await register(bank)] == [1]
    given_back = [entry["letters"] for entry in await bank.entries("quantity_given_back")]
    assert given_back == [[holder.outreach_id], [second.outreach_id]]


async def test_an_expired_letter_gives_its_place_back(bank: World) -> None:
    """A place that time set free goes to a letter that still may leave, and not to another expired one."""
    await grant_quantity(bank, 1)
    soon = letter_item("6001")
    soon.not_after.FromMilliseconds(bank.now_ms() + 1000)
    also_soon = letter_item("6002", not_after=soon.not_after)
    decisions = await submit_letters(bank, soon, also_soon, letter_item("6003"))
    bank.set_clock(bank.now_ms() + 2000)
    await bank.authority.write(expiry.sweep, None)
    assert await states_of(bank, decisions) == [states.EXPIRED, states.EXPIRED, ADMITTED]


async def test_a_large_grant_admits_a_part_at_a_time(bank: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The decision admits the first part and tells the whole number; the sweeper admits the rest, in order, and nobody
    who comes meanwhile is served first."""
    monkeypatch.setattr(quantities, "PART", 2)
    waiting = await submit(bank, "6001", "6002", "6003", "6004", "6001")
    quantity_id = await ask(bank, 4)
    assert await decide(bank, quantity_id, 4) == 4
    assert await states_of(bank, waiting) == [ADMITTED, ADMITTED, AWAITING, AWAITING, AWAITING]
    (newcomer,) = await submit(bank, "6002")
    assert newcomer.state == AWAITING
    assert await bank.authority.write(expiry.sweep, None) == 2
    assert await states_of(bank, waiting) == [ADMITTED, ADMITTED, ADMITTED, ADMITTED, AWAITING]
    assert await bank.authority.write(expiry.sweep, None) == 0


async def test_the_register_is_paged_newest_first_and_filtered_by_state(bank: World) -> None:
    """Page after page, every line comes once; of one state if that is asked for."""
    ids = [await ask(bank, number) for number in range(1, 6)]
    await decide(bank, ids[0], 1)
    assert [line.quantity_id for line in await register(bank, state=GRANTED)] == ids[:1]
    seen: list[str] = []
    token = ""
    while True:
        call = Call(principal("ann"), ListQuantitiesRequest(bank_id=BANK, page_size=2, page_token=token))
        page = await bank.authority.read(quantity_register.list_quantities, call)
        seen.extend(line.quantity_id for line in page.quantities)
        token = page.next_page_token
        if not token:
            break
    assert seen == ids[::-1]
    with refused(Kind.DENIED, "BANK_NOT_COVERED"):
        stranger = Call(principal("ann", banks=["other-bank"]), ListQuantitiesRequest(bank_id=BANK))
        await bank.authority.read(quantity_register.list_quantities, stranger)


async def test_two_deciders_at_once_decide_once(bank: World) -> None:
    """Of two who decide the same line at the same time, one does; letters are admitted by that grant alone."""
    await submit(bank, "6001", "6002", "6003")
    quantity_id = await ask(bank, 10)
    answers = await asyncio.gather(
        decide(bank, quantity_id, 1, employee="ben", comment="核减"),
        decide(bank, quantity_id, 2, employee="cat", comment="核减"),
        return_exceptions=True,
    )
    assert [answer.reason for answer in answers if isinstance(answer, Refusal)] == ["QUANTITY_DECIDED"]
    (line,) = await register(bank)
    assert (line.used, line.granted) in ((1, 1), (2, 2))


async def test_clerks_and_deciders_at_once_never_exceed_what_is_granted(bank: World) -> None:
    """Letters, grants and cancellations at the same time: what is used is what holds a place, and never too many."""
    granted = [await ask(bank, 3) for _ in range(3)]

    async def come_and_go(number: str) -> None:
        decisions = await submit(bank, number, number)
        await cancel(bank, decisions[0])

    await asyncio.gather(
        *(come_and_go(number) for number in ("6001", "6002", "6003", "6004")),
        *(decide(bank, quantity_id, 1, comment="核减") for quantity_id in granted),
    )
    await _assert_balanced(bank)
    assert sum(line.used for line in await register(bank)) == 3


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["submit", "submit", "cancel", "grant", "cut"]), max_size=12), st.data())
async def test_places_are_never_lost_nor_given_twice(bank: World, steps: list[str], data: st.DataObject) -> None:
    """In any order of requests, cancellations and grants, nobody waits while a place is free, and nothing is counted
    that holds none."""
    with bank.authority.database.writer.begin() as connection:
        connection.execute(delete(schema.outreach))
        connection.execute(delete(schema.quantity))
    known: list[Decision] = []
    for step in steps:
        if step == "submit":
            known += await submit(bank, data.draw(st.sampled_from(["6001", "6002", "6003"])))
        elif step == "cancel" and known:
            await cancel(bank, data.draw(st.sampled_from(known)))
        elif step == "grant":
            await grant_quantity(bank, data.draw(st.integers(1, 3)))
        elif step == "cut":
            await decide(bank, await ask(bank, 3), data.draw(st.integers(0, 2)), comment="核减")
        await _assert_balanced(bank)


async def _assert_balanced(world: World) -> None:
    """Used is what holds a place, never more than granted; and no place is free while a letter waits."""
    holding = select(schema.outreach.c.quantity_id, func.count()).group_by(schema.outreach.c.quantity_id)
    waiting = select(func.count()).where(schema.outreach.c.state == AWAITING)
    with world.authority.database.reader.connect() as connection:
        held = Counter({row[0]: row[1] for row in connection.execute(holding)})
        waits = connection.execute(waiting).scalar_one()
    lines = await register(world)
    assert all(line.used == held[line.quantity_id] and 0 <= line.used <= line.granted for line in lines)
    assert not waits or not any(line.left for line in lines)
