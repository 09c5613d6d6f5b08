from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Row, select

from approval_service import cancellation, reports, schema
from outreach.domain import states
from outreach.v1.outreach_service_pb2 import CancelRequest
from outreach.v1.worker_service_pb2 import AttemptReport, Outcome, Permit, Receipt
from tests.service.approval_service.world import BANK, CARRIER, DAY_MS, NOW_MS, World, phone_of

ACCEPTED, REFUSED = Outcome.OUTCOME_ACCEPTED, Outcome.OUTCOME_REFUSED
NOT_SENT, UNKNOWN = Outcome.OUTCOME_NOT_SENT, Outcome.OUTCOME_UNKNOWN


@pytest.fixture
async def ready(world: World) -> World:
    await world.ready("6001", "6002")
    return world


async def released(world: World, number: str = "6001") -> Permit:
    await world.ask(number)
    (permit,) = await world.lease()
    return permit


async def report(world: World, permit: Permit, outcome: Outcome.ValueType, **told: Any) -> bool:
    said = AttemptReport(attempt_id=permit.attempt_id, outcome=outcome, **told)
    return await world.authority.write(reports.report, said)


async def receipt(world: World, **told: Any) -> bool:
    return await world.authority.write(reports.receive, Receipt(**({"carrier_id": CARRIER} | told)))


async def attempt(world: World, permit: Permit) -> Row[Any]:
    query = select(schema.attempt).where(schema.attempt.c.attempt_id == permit.attempt_id)
    return await world.authority.read(lambda connection: connection.execute(query).one())


async def standing(world: World, permit: Permit) -> str:
    return states.name((await world.outreach(permit.outreach_id)).state)


ONE_REPORT = [
    (ACCEPTED, "SENT", "SENT", True),
    (REFUSED, "UNDELIVERED", "UNDELIVERED", False),
    (NOT_SENT, "ADMITTED", "ADMITTED", False),
    (UNKNOWN, "UNCONFIRMED", "UNCONFIRMED", True),
]


@pytest.mark.parametrize(("outcome", "state", "attempt_state", "may_have_left"), ONE_REPORT)
async def test_what_each_outcome_brings(
    ready: World, outcome: Outcome.ValueType, state: str, attempt_state: str, may_have_left: bool
) -> None:
    """The state of the outreach and of its attempt; a repeat changes nothing, and the ledger has the move once."""
    permit = await released(ready)
    for _ in range(2):
        assert await report(ready, permit, outcome, carrier_code="c")
    row = await attempt(ready, permit)
    assert await standing(ready, permit) == state
    assert (states.name(row.state), row.may_have_left) == (attempt_state, may_have_left)
    entries = [entry for entry in await ready.entries(state.lower()) if entry.get("attempt") == permit.attempt_id]
    assert [entry["carrier_code"] for entry in entries] == ["c"]


async def test_what_was_refused_and_delivered_all_the_same_counts(ready: World) -> None:
    """Its state stays; the person has the message, so the caps count it, and the ledger says what contradicted."""
    permit = await released(ready)
    await report(ready, permit, REFUSED)
    assert [finding.code for finding in (await ready.ask("6001")).findings] == []
    for _ in range(2):
        assert await receipt(ready, attempt_id=permit.attempt_id, delivered=True)
    assert await standing(ready, permit) == "UNDELIVERED"
    assert [finding.code for finding in (await ready.ask("6001")).findings] == ["FREQUENCY_CAP"]
    assert [entry["state"] for entry in await ready.entries("contradicted")] == ["DELIVERED"]


SECOND_WORDS = [
    # After UNCONFIRMED, the attempt's own late word or the carrier's record ends the doubt.
    (UNKNOWN, ACCEPTED, "SENT"),
    (UNKNOWN, REFUSED, "UNDELIVERED"),
    (UNKNOWN, NOT_SENT, "ADMITTED"),
    # What the carrier took stays taken.
    (ACCEPTED, NOT_SENT, "SENT"),
    (ACCEPTED, REFUSED, "SENT"),
    (ACCEPTED, UNKNOWN, "SENT"),
    (REFUSED, ACCEPTED, "UNDELIVERED"),
    (REFUSED, NOT_SENT, "UNDELIVERED"),
    # It was said to be unsent and the carrier has it after all: it must not leave again.
    (NOT_SENT, ACCEPTED, "CANCELLED"),
    (NOT_SENT, UNKNOWN, "ADMITTED"),
]


@pytest.mark.parametrize(("first", "second", "state"), SECOND_WORDS)
async def test_a_second_word(ready: World, first: Outcome.ValueType, second: Outcome.ValueType, state: str) -> None:
    """Reports of one attempt in one batch are taken in order."""
    permit = await released(ready)
    said = [AttemptReport(attempt_id=permit.attempt_id, outcome=outcome) for outcome in (first, second)]
    await ready.authority.write_many(reports.report, said)
    assert await standing(ready, permit) == state


async def test_an_unknown_attempt_is_told_so(ready: World) -> None:
    """The worker learns that nobody knows it; nothing changes."""
    assert not await report(ready, Permit(attempt_id="nobody's"), ACCEPTED)


async def test_what_was_not_sent_waits_as_the_worker_says(ready: World) -> None:
    """It is due again after the carrier's pause, under a new attempt, and its first one counts for nothing."""
    permit = await released(ready)
    await report(ready, permit, NOT_SENT, retry_after_ms=60_000)
    assert (await ready.outreach(permit.outreach_id)).due_ms == NOW_MS + 60_000
    assert await ready.lease() == []
    ready.set_clock(NOW_MS + 60_000)
    (again,) = await ready.lease()
    assert (again.outreach_id, again.attempt_id != permit.attempt_id) == (permit.outreach_id, True)


async def test_what_is_handed_back_after_a_cancellation_is_cancelled(ready: World) -> None:
    """Also after its fate had been unknown; it never leaves again."""
    permit = await released(ready)
    await _cancel(ready)
    await report(ready, permit, UNKNOWN)
    assert await standing(ready, permit) == "UNCONFIRMED"
    await report(ready, permit, NOT_SENT)
    row = await ready.outreach(permit.outreach_id)
    assert (states.name(row.state), row.cause) == ("CANCELLED", "REQUESTED")
    assert await ready.lease() == []


async def _cancel(world: World) -> None:
    request = CancelRequest(bank_id=BANK, account_number="6001", reason="asked")
    await world.write(cancellation.cancel_requested, "dan", request)


async def test_what_left_after_all_does_not_leave_a_third_time(ready: World) -> None:
    """The first attempt was handed back and a second is out; the carrier then has the first: once the second is handed
    back too, the message is over."""
    first = await released(ready)
    await report(ready, first, NOT_SENT)
    (second,) = await ready.lease()
    assert await receipt(ready, attempt_id=first.attempt_id, delivered=True)
    assert await standing(ready, first) == "RELEASED"
    await report(ready, second, NOT_SENT)
    row = await ready.outreach(first.outreach_id)
    assert (states.name(row.state), row.cause) == ("CANCELLED", "ALREADY_LEFT")
    (entry,) = await ready.entries("contradicted")
    assert (entry["attempt"], entry["state"]) == (first.attempt_id, "DELIVERED")
    assert (await attempt(ready, first)).may_have_left


@pytest.mark.parametrize("before", [None, ACCEPTED, UNKNOWN])
@pytest.mark.parametrize(("delivered", "state"), [(True, "DELIVERED"), (False, "UNDELIVERED")])
async def test_a_receipt_ends_it_also_before_the_report(
    ready: World, before: Outcome.ValueType | None, delivered: bool, state: str
) -> None:
    """The first final word stands; reports and receipts after it change nothing."""
    permit = await released(ready)
    if before is not None:
        await report(ready, permit, before)
    assert await receipt(ready, attempt_id=permit.attempt_id, delivered=delivered, carrier_code="0")
    for outcome in (ACCEPTED, UNKNOWN, NOT_SENT):
        await report(ready, permit, outcome)
    assert await receipt(ready, attempt_id=permit.attempt_id, delivered=not delivered)
    assert await standing(ready, permit) == state
    assert len(await ready.entries(state.lower())) == 1


async def test_a_receipt_that_tells_nothing_changes_nothing(ready: World) -> None:
    """It is matched, so that nobody reports it again."""
    permit = await released(ready)
    assert await receipt(ready, attempt_id=permit.attempt_id, pending=True)
    assert await standing(ready, permit) == "RELEASED"


async def test_the_ways_to_match_a_receipt(ready: World) -> None:
    """By our id, by the carrier's, or as the one open attempt to its number; never another carrier's or number's."""
    permit = await released(ready)
    await report(ready, permit, ACCEPTED, carrier_message_id="m1")
    ours: dict[str, Any] = {"attempt_id": permit.attempt_id}
    assert not await receipt(ready, **ours, carrier_id="another")
    assert not await receipt(ready, **ours, phone_number=phone_of("6002"))
    assert not await receipt(ready, carrier_message_id="m2")
    assert not await receipt(ready, phone_number=phone_of("6001")), "its carrier's id is known, so it is no candidate"
    assert await standing(ready, permit) == "SENT"
    assert await receipt(ready, carrier_message_id="m1", phone_number=phone_of("6001"), delivered=True)
    assert await standing(ready, permit) == "DELIVERED"


async def test_the_one_candidate_is_taken_and_two_are_not(ready: World) -> None:
    """A receipt that names only the number settles an unconfirmed attempt, if it can be no other's."""
    first = await released(ready)
    await report(ready, first, UNKNOWN)
    ready.set_clock(NOW_MS + DAY_MS)
    second = await released(ready)
    by_number: dict[str, Any] = {"phone_number": phone_of("6001"), "delivered": True}
    assert not await receipt(ready, **by_number)
    await report(ready, second, ACCEPTED, carrier_message_id="m2")
    assert await receipt(ready, **by_number)
    assert [await standing(ready, permit) for permit in (first, second)] == ["DELIVERED", "SENT"]


async def test_a_dead_number_is_closed_by_its_receipt(ready: World) -> None:
    """For everybody and once in the ledger, with the carrier's code as evidence."""
    permit = await released(ready)
    for _ in range(2):
        assert await receipt(ready, attempt_id=permit.attempt_id, number_dead=True, carrier_code="MK:0001")
    assert [finding.code for finding in (await ready.ask("6001")).findings] == ["PHONE_INVALID", "FREQUENCY_CAP"]
    assert [entry["evidence"] for entry in await ready.entries("number_dead")] == [f"{CARRIER}:MK:0001"]


@pytest.mark.parametrize("words", ["号码13800136001不存在", "no:13800136001", "Zhang San has moved"])
async def test_a_carriers_words_stay_out_of_the_ledger(ready: World, words: str) -> None:
    """What stands in place of a code may name or number anybody; the attempt keeps it."""
    permit = await released(ready)
    await receipt(ready, attempt_id=permit.attempt_id, number_dead=True, carrier_code=words)
    assert (await attempt(ready, permit)).carrier_code == words
    assert (await ready.entries("undelivered"))[-1]["carrier_code"] == "words"
    assert not [body for body in await ready.bodies() if words.encode() in body or b"13800136001" in body]
