from __future__ import annotations

from collections.abc import Sequence

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import update

from approval_service import lookups, operations, schema, wall_clock
from approval_service.authority import Authority
from approval_service.calls import Call
from approval_service.store.head import read_clock
from outreach.domain import states
from outreach.domain.clocks import real_ms
from outreach.domain.errors import Kind, Refusal
from outreach.v1.common_pb2 import State
from outreach.v1.operations_service_pb2 import (
    ConfirmWallClockRequest,
    GetSummaryRequest,
    GetSummaryResponse,
    ListUnconfirmedRequest,
    ResolveUnconfirmedRequest,
    SetBusinessClockRequest,
    SetEmployeeRequest,
    UnconfirmedAttempt,
)
from outreach.v1.worker_service_pb2 import ListLookupsRequest, Outcome
from tests.service.approval_service.world import BANK, CALLER, CARRIER, NOW_MS, World, actor, principal

PHONE = "13800138001"
ALL: Sequence[str] = ["*"]


def employee(name: str, *, active: bool = True) -> SetEmployeeRequest:
    return SetEmployeeRequest(caller_id=CALLER, employee_id=name, active=active)


async def summary(world: World) -> GetSummaryResponse:
    call = Call(principal("ann"), GetSummaryRequest(bank_id=BANK))
    return await world.authority.read(operations.get_summary, call)


async def unconfirmed(world: World) -> list[UnconfirmedAttempt]:
    call = Call(principal("ann"), ListUnconfirmedRequest(bank_id=BANK))
    return list((await world.authority.read(operations.list_unconfirmed, call)).attempts)


@pytest.fixture
async def sending(world: World) -> World:
    """With an approved version and an account to write to."""
    await world.place("6001", PHONE)
    await world.approve((await world.draft()).digest)
    return world


async def test_the_summary_counts_states_and_codes(sending: World) -> None:
    """An outreach counts once by state, and under each code that blocks it or that it waits for."""
    await sending.submit("6001", PHONE)
    await sending.submit("6001", "13900139009")
    await sending.submit("9999", "123")
    found = await summary(sending)
    assert dict(found.states) == {"ADMITTED": 2, "BLOCKED": 1}
    assert dict(found.codes) == {"CONTACT_UNVERIFIED": 1, "NOT_PLACED": 1, "PHONE_INVALID": 1}
    await sending.lease()
    assert dict((await summary(sending)).states) == {"RELEASED": 1, "ADMITTED": 1, "BLOCKED": 1}


async def test_the_summary_tells_clock_feed_and_stop(sending: World) -> None:
    """It shows the business clock, how far the feed reaches, whether it is proven, and why permits stopped."""
    found = await summary(sending)
    assert found.business_time.ToMilliseconds() == NOW_MS
    assert (found.feed_complete_through.ToMilliseconds(), found.feed_proven) == (NOW_MS, True)
    assert found.permits_stopped == ""
    sending.authority.guard._offset -= 10
    await wall_clock.watch(sending.authority)
    assert "ConfirmWallClock" in (await summary(sending)).permits_stopped
    with sending.authority.database.writer.begin() as connection:
        connection.execute(update(schema.feed).values(proven_real_ms=real_ms() - 60_500))
    assert not (await summary(sending)).feed_proven


async def test_the_clock_is_set_for_everything_after_it(world: World) -> None:
    """The business clock shows the time set and runs at the rate set; the ledger says who set it."""
    moment = Timestamp()
    moment.FromMilliseconds(NOW_MS + 86_400_000)
    request = SetBusinessClockRequest(time=moment, rate=1000.0)
    await world.write(operations.set_business_clock, "ann", request, banks=ALL)
    clock = await world.authority.read(read_clock)
    assert clock.at(clock.real_anchor_ms) == moment.ToMilliseconds()
    assert clock.at(clock.real_anchor_ms + 1) == moment.ToMilliseconds() + 1000
    (entry,) = await world.entries("clock_set")
    assert (entry["to"], entry["rate"], entry["by"]) == ("2026-11-25T04:00:00.000Z", "1000", actor("ann"))


async def test_a_clock_outside_of_sense_is_refused(world: World) -> None:
    """A time that no ledger entry could show is refused, and the clock stays."""
    request = SetBusinessClockRequest(time=Timestamp(seconds=253_402_300_000), rate=1)
    with pytest.raises(Refusal, check=lambda e: (e.kind, e.field) == (Kind.INVALID, "time")):
        await world.write(operations.set_business_clock, "ann", request, banks=ALL)
    assert world.now_ms() == NOW_MS


def test_a_real_clock_is_not_set() -> None:
    """FAILED_PRECONDITION unless the installation runs on a simulated clock."""
    operations.require_simulated(True)
    with pytest.raises(Refusal, check=lambda e: e.kind is Kind.PRECONDITION):
        operations.require_simulated(False)


async def test_a_confirmed_jump_is_in_the_ledger(world: World) -> None:
    """Who trusted the clock again, and why."""
    request = ConfirmWallClockRequest(reason="NTP 校时")
    await world.write(operations.confirm_wall_clock, "ben", request, banks=ALL)
    (entry,) = await world.entries("wall_clock_confirmed")
    assert (entry["reason"], entry["by"]) == ("NTP 校时", actor("ben"))


async def test_what_concerns_all_banks_needs_a_token_for_all(world: World) -> None:
    """A token of one bank sets neither clock nor employees."""
    for handler, request in (
        (operations.set_business_clock, SetBusinessClockRequest()),
        (operations.set_employee, employee("zoe")),
    ):
        with pytest.raises(Refusal, check=lambda e: e.reason == "BANK_NOT_COVERED"):
            await world.write(handler, "ann", request)  # type: ignore[arg-type]  # two kinds of handlers


async def test_the_first_employee_is_the_operator_who_asks(authority: Authority) -> None:
    """On an empty installation an operator registers himself; before that, nobody else."""
    world = World(authority)
    with pytest.raises(Refusal, check=lambda e: e.reason == "OPERATOR_MISSING"):
        await world.write(operations.set_employee, "ann", employee("ben"), banks=ALL)
    await world.write(operations.set_employee, "ann", employee("ann"), banks=ALL)
    with pytest.raises(Refusal, check=lambda e: e.reason == "OPERATOR_MISSING"):
        await world.write(operations.set_employee, "ben", employee("ben"), banks=ALL)
    await world.write(operations.set_employee, "ann", employee("ben"), banks=ALL)
    assert [entry["employee"] for entry in await world.entries("employee_set")] == [actor("ann"), actor("ben")]


async def test_who_left_acts_no_more(sending: World) -> None:
    """A deactivated employee's requests are blocked at once, and those pending do not leave."""
    pending = await sending.submit("6001", PHONE)
    await sending.write(operations.set_employee, "ann", employee("dan", active=False), banks=ALL)
    assert await sending.lease() == []
    assert (await sending.outreach(pending.outreach_id)).cause == "OPERATOR_MISSING"
    blocked = await sending.submit("6001", PHONE)
    assert [finding.code for finding in blocked.findings] == ["OPERATOR_MISSING"]


async def test_nobody_deactivates_themselves(world: World) -> None:
    """So that somebody is left who can register others."""
    with pytest.raises(Refusal, check=lambda e: e.reason == "SAME_PERSON"):
        await world.write(operations.set_employee, "ann", employee("ann", active=False), banks=ALL)


@pytest.mark.parametrize("state", [states.SENT, states.DELIVERED, states.UNDELIVERED])
async def test_an_unknown_fate_ends_by_evidence(sending: World, state: State.ValueType) -> None:
    """An operator's evidence moves attempt and outreach, is in the ledger, and ends it once."""
    decision = await sending.submit("6001", PHONE)
    (permit,) = await sending.lease()
    await sending.report(permit.attempt_id, Outcome.OUTCOME_UNKNOWN)
    (listed,) = await unconfirmed(sending)
    assert (listed.attempt_id, listed.carrier_id) == (permit.attempt_id, CARRIER)
    request = ResolveUnconfirmedRequest(attempt_id=permit.attempt_id, state=state, evidence_reference="通道后台截图")
    await sending.write(operations.resolve_unconfirmed, "eve", request)
    assert (await sending.outreach(decision.outreach_id)).state == state
    assert await unconfirmed(sending) == []
    entry = (await sending.entries(states.name(state).lower()))[-1]
    assert (entry["evidence"], entry["by"]) == ("通道后台截图", actor("eve"))
    with pytest.raises(Refusal, check=lambda e: e.reason == "NOT_UNCONFIRMED"):
        await sending.write(operations.resolve_unconfirmed, "eve", request)


async def test_what_is_known_of_an_unknown_fate_is_listed(sending: World) -> None:
    """How often the carrier was asked and when it is asked next; once its records end, an operator is told to act."""
    await sending.submit("6001", PHONE)
    (permit,) = await sending.lease()
    await sending.report(permit.attempt_id, Outcome.OUTCOME_UNKNOWN)
    day_ms = 86_400_000
    request = ListLookupsRequest(carrier_id=CARRIER, max_age_ms=day_ms)
    await sending.authority.write(lookups.take, request)
    (listed,) = await unconfirmed(sending)
    assert (listed.lookups, listed.handed_over) == (1, False)
    assert 0 < listed.next_lookup_time.ToMilliseconds() - real_ms() <= lookups.pause_ms(0)
    with sending.authority.database.writer.begin() as connection:
        past = schema.attempt.c.released_real_ms - day_ms
        connection.execute(update(schema.attempt).values(released_real_ms=past, next_lookup_real_ms=1))
    for _ in range(2):
        assert not (await sending.authority.write(lookups.take, request)).lookups
    (listed,) = await unconfirmed(sending)
    assert (listed.lookups, listed.handed_over, listed.HasField("next_lookup_time")) == (1, True, False)
    (entry,) = await sending.entries("handed_to_operator")
    assert (entry["attempt"], entry["lookups"]) == (permit.attempt_id, 1)


async def test_only_an_unknown_fate_of_the_own_bank_is_resolved(sending: World) -> None:
    """A released attempt is not resolved, and another bank's attempt does not exist."""
    await sending.submit("6001", PHONE)
    (permit,) = await sending.lease()
    request = ResolveUnconfirmedRequest(attempt_id=permit.attempt_id, state=states.SENT, evidence_reference="e")
    with pytest.raises(Refusal, check=lambda e: e.kind is Kind.PRECONDITION):
        await sending.write(operations.resolve_unconfirmed, "eve", request)
    with pytest.raises(Refusal, check=lambda e: e.kind is Kind.NOT_FOUND):
        await sending.write(operations.resolve_unconfirmed, "eve", request, banks=["other-bank"])


async def test_the_open_summary_counts_what_has_not_ended(sending: World) -> None:
    """What waits, by why it waits, and what is unknown; nothing that has ended, however much there is of it."""
    await sending.submit("6001", PHONE)
    await sending.submit("6001", "13900139009")
    await sending.submit("9999", "123")
    call = Call(principal("ann"), GetSummaryRequest(bank_id=BANK, open_only=True))
    found = await sending.authority.read(operations.get_summary, call)
    assert (dict(found.states), dict(found.codes)) == ({"ADMITTED": 2}, {"CONTACT_UNVERIFIED": 1})
    (permit,) = await sending.lease()
    await sending.report(permit.attempt_id, Outcome.OUTCOME_UNKNOWN)
    found = await sending.authority.read(operations.get_summary, call)
    assert dict(found.states) == {"ADMITTED": 1, "UNCONFIRMED": 1}
