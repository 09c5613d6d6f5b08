"""SimulatePolicy as it is asked for: progress, the numbers, the ledger's entry, and who may not."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration

from approval_service import policies
from approval_service.calls import Call
from approval_service.simulation import making
from approval_service.simulation.past import BLOCKED, HELD, LET_THROUGH, UNKNOWN, Become
from outreach.domain import states
from outreach.domain.errors import Kind, Refusal
from outreach.v1.mailroom_service_pb2 import ReturnReason
from outreach.v1.outreach_service_pb2 import CallOutcome, PriorCall
from outreach.v1.policy_service_pb2 import (
    CarrierChoice,
    DraftPolicyRequest,
    GetPolicyRequest,
    Policy,
    SimulatedChannel,
    SimulatePolicyRequest,
    SimulatePolicyResponse,
)
from tests.service.approval_service.mailroom import Mailroom, open_mailroom
from tests.service.approval_service.simulated import story
from tests.service.approval_service.world import (
    AGENCY,
    BANK,
    CARRIER,
    DAY_MS,
    HOTLINE,
    World,
    actor,
    phone_of,
    principal,
)


async def draft(world: World, **thresholds: Any) -> int:
    named = {"bank_name": "示例银行", "agency_id": AGENCY, "agency_name": "示例催收", "hotlines": [HOTLINE]}
    policy = Policy(**(named | {"carriers": [CarrierChoice(carrier_id=CARRIER)]} | thresholds))
    request = DraftPolicyRequest(bank_id=BANK, policy=policy)
    return (await world.write(policies.draft, "ann", request)).version.version


async def parts(world: World, version: int, days: int = 30, banks: tuple[str, ...] = (BANK,)) -> list[Any]:
    request = SimulatePolicyRequest(bank_id=BANK, version=version, period=Duration(seconds=days * 86_400))
    call = Call(principal("cat", banks=banks), request)
    return [part async for part in making.make(world.authority, call)]


def cells(channel: SimulatedChannel) -> dict[tuple[int, int], int]:
    return {(cell.happened, cell.would): cell.requests for cell in channel.cells}


async def test_progress_comes_first_and_the_numbers_last(world: World) -> None:
    """They stay with the version, for who is to activate it; the ledger says who looked, at what, and the counts."""
    await world.ready("6001", "6002")
    first = await world.ask("6001")
    await world.lease()
    world.set_clock(world.now_ms() + 1_000)
    version = await draft(world, agency_name="另一机构")
    *progress, last = await parts(world, version)
    assert all(part.WhichOneof("part") == "progress" for part in progress)
    assert (progress[0].progress.done, progress[0].progress.total) == (0, 1)
    sms, letters = last.simulation.channels
    assert (sms.requests, letters.requests) == (1, 0)
    assert cells(sms) == {(LET_THROUGH, BLOCKED): 1}
    assert list(sms.cells[0].outreach_ids) == [first.outreach_id]
    (code,) = sms.codes
    assert (code.code, code.happened, code.would, code.added) == ("IDENTITY_MISSING", 0, 1, 1)
    (entry,) = await world.entries("policy_simulated")
    assert (entry["by"], entry["version"], entry["requests"]) == (actor("cat"), version, 1)
    assert entry["counts"] == ["SMS LET_THROUGH BLOCKED 1"]
    call = Call(principal("ann"), GetPolicyRequest(bank_id=BANK, version=version))
    assert (await world.authority.read(policies.get, call)).simulation == last.simulation


async def test_no_request_is_changed_and_only_the_period_is_looked_at(world: World) -> None:
    """A request before the period counts toward the cap, and is not counted itself."""
    await world.ready("6001")
    await world.ask("6001")
    await world.lease()
    world.set_clock(world.now_ms() + DAY_MS)
    await world.place("6001", phone_of("6001"))
    await world.open_bank()
    second = await world.ask("6001")
    before = await world.outreach(second.outreach_id)
    world.set_clock(world.now_ms() + 60_000)
    version = await draft(world, sms_gap_minutes=2_880)
    (*_, last) = await parts(world, version, days=1)
    assert cells(last.simulation.channels[0]) == {(LET_THROUGH, HELD): 1}
    assert last.simulation.channels[0].codes[0].code == "FREQUENCY_CAP"
    assert await world.outreach(second.outreach_id) == before


async def test_another_bank_and_a_missing_version_are_refused(world: World) -> None:
    """Before anything is read, and nothing is recorded."""
    version = await draft(world)
    with pytest.raises(Refusal, check=lambda e: e.kind is Kind.DENIED):
        await parts(world, version, banks=("other-bank",))
    with pytest.raises(Refusal, check=lambda e: e.kind is Kind.NOT_FOUND):
        await parts(world, 99)
    assert await world.entries("policy_simulated") == []


async def test_what_is_left_midway_is_not_recorded(world: World) -> None:
    """A caller who goes away has seen no numbers."""
    await world.ready("6001")
    await world.ask("6001")
    version = await draft(world)
    request = SimulatePolicyRequest(bank_id=BANK, version=version, period=Duration(seconds=86_400))
    async with aclosing(making.make(world.authority, Call(principal("cat"), request))) as told:
        assert isinstance(await anext(told), SimulatePolicyResponse)
    assert await world.entries("policy_simulated") == []


@pytest.fixture
async def room(world: World) -> Mailroom:
    await world.open_bank(letter_minimum_fen=100_000, exempt_return_reasons=[])
    room = await open_mailroom(world)
    await room.place("7201", "7202", "7203")
    return room


async def become(room: Mailroom, version: int) -> dict[str, Become]:
    room.world.set_clock(room.world.now_ms() + 1_000)
    return (await story(room.world, version)).would


NO_ANSWER = PriorCall(outcome=CallOutcome.CALL_OUTCOME_NOT_ANSWERED, recording_reference="rec-2")


@pytest.mark.parametrize(
    ("thresholds", "outcome", "code"),
    [
        ({}, LET_THROUGH, ""),
        ({"letter_minimum_fen": 123_456}, LET_THROUGH, ""),
        ({"letter_minimum_fen": 123_456, "letter_minimum_inclusive": False}, BLOCKED, "BELOW_MINIMUM_AMOUNT"),
        ({"letter_minimum_fen": 123_457}, BLOCKED, "BELOW_MINIMUM_AMOUNT"),
        ({"care_amount_fen": 123_456}, HELD, "CARE_AMOUNT"),
        ({"care_amount_fen": 123_455}, LET_THROUGH, ""),
        ({"prior_call_must_be_answered": True}, BLOCKED, "NO_PRIOR_CALL"),
        ({"hotlines": ["4001234567"]}, BLOCKED, "VARIABLE_INVALID"),
        ({"agency_id": "another-agency"}, UNKNOWN, ""),
    ],
)
async def test_a_letter_by_each_threshold(room: Mailroom, thresholds: dict[str, Any], outcome: int, code: str) -> None:
    """One that was printed and mailed: on both sides of each edge, by what was owed when it was asked for."""
    call = NO_ANSWER
    call.call_time.FromMilliseconds(room.world.now_ms() - DAY_MS)
    await room.ask("7201", prior_call=call)
    run = await room.start()
    permits = await room.permits(run.run_id)
    await room.report(run.run_id, permits)
    numbers = [permit.letter_number for permit in permits]
    await room.confirm(*numbers)
    await room.seal(*numbers)
    await room.mail(*numbers)
    await room.world.apply(room.balance_event("7201", 9, 999))
    version = await draft(room.world, **({"letter_minimum_fen": 100_000} | thresholds))
    (told,) = (await become(room, version)).values()
    assert (told.outcome, sorted(told.codes)) == (outcome, [code] if code else [])


async def test_what_was_below_the_minimum_would_have_been_let_through(room: Mailroom) -> None:
    """Blocked then, and asked for again under the draft's smaller minimum; too soon after another one it waits."""
    await room.world.open_bank(letter_minimum_fen=200_000)
    await room.ask("7201", "7202")
    room.world.set_clock(room.world.now_ms() + DAY_MS)
    await room.ask("7201")
    version = await draft(room.world, letter_minimum_fen=100_000)
    told = sorted((one.outcome, *one.codes) for one in (await become(room, version)).values())
    assert told == [(LET_THROUGH,), (LET_THROUGH,), (HELD, "FREQUENCY_CAP")]


async def test_returns_that_a_draft_exempts_or_no_more_exempts(room: Mailroom) -> None:
    """A mark that a return made is gone under a draft that exempts its reason; one that was never made is unknown."""
    for number in ("7201", "7202"):
        _, letters = await room.printed(number)
        await room.mail(*letters)
        await room.send_back(letters[0], ReturnReason.RETURN_REASON_NOT_COLLECTED)
        await room.world.open_bank(letter_minimum_fen=100_000, exempt_return_reasons=[7])
    room.world.set_clock(room.world.now_ms() + 40 * DAY_MS)
    await room.world.open_bank(letter_minimum_fen=100_000)
    for number in ("7201", "7202"):
        await room.world.apply(room.balance_event(number, 2, 123_456))
    blocked, admitted = await room.ask("7201", "7202")
    assert (blocked.state, admitted.state) == (states.BLOCKED, states.ADMITTED)
    room.world.set_clock(room.world.now_ms() + 1_000)
    for exempt, outcomes in (([7], [LET_THROUGH, LET_THROUGH]), ([], [BLOCKED, UNKNOWN])):
        version = await draft(room.world, letter_minimum_fen=100_000, exempt_return_reasons=exempt)
        (*_, last) = await parts(room.world, version, days=1)
        found = {named: cell for cell in last.simulation.channels[1].cells for named in cell.outreach_ids}
        assert sum(cell.requests for cell in last.simulation.channels[1].cells) == 2
        really = ((blocked, BLOCKED), (admitted, LET_THROUGH))
        assert [found[one.outreach_id].would if one.outreach_id in found else same for one, same in really] == outcomes
