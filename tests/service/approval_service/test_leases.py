from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import delete, update

from approval_service import bank_events, cancellation, expiry, leases, operations, schema
from outreach.domain import states
from outreach.domain.clocks import real_ms
from outreach.v1.bank_service_pb2 import Balance, BankEvent, FeedMark, Party, Placement
from outreach.v1.hold_service_pb2 import HoldKind, NoContactReason
from outreach.v1.operations_service_pb2 import SetEmployeeRequest
from outreach.v1.outreach_service_pb2 import CancelRequest
from outreach.v1.worker_service_pb2 import LeaseRequest, LeaseResponse, Outcome
from tests.service.approval_service.world import (
    AGENCY,
    BANK,
    CALLER,
    CARRIER,
    DAY_MS,
    HOTLINE,
    NOW_MS,
    TEXT,
    World,
    phone_of,
)

MINUTE_MS = 60_000


@pytest.fixture
async def ready(world: World) -> World:
    await world.ready("6001", "6002", "6003")
    return world


async def lease(world: World, lease_id: str = "l", **changes: Any) -> LeaseResponse:
    wanted: dict[str, Any] = {"worker_id": "w", "carrier_ids": [CARRIER], "max_permits": 10, "lease_id": lease_id}
    return await world.authority.write(leases.lease, LeaseRequest(**(wanted | changes)))


async def tell_balance(world: World, sequence: int) -> None:
    """Nine yuan overdue, as of now."""
    told = Balance(account_number="6001", sequence=sequence, overdue_amount_fen=900)
    told.as_of_time.FromMilliseconds(world.now_ms())
    await world.apply(BankEvent(balance=told))


async def complete_through(world: World, ms: int) -> None:
    mark = FeedMark()
    mark.complete_through.FromMilliseconds(ms)
    await world.apply(BankEvent(feed_mark=mark))


async def test_a_permit_carries_all_that_is_rendered(ready: World) -> None:
    """Text, digest, values from the bank's record, the balance's sequence, and both deadlines."""
    decision = await ready.ask("6001")
    (permit,) = (await lease(ready)).permits
    assert (permit.outreach_id, permit.bank_id, permit.carrier_id) == (decision.outreach_id, BANK, CARRIER)
    assert (permit.phone_number, permit.signature, permit.template_text) == (phone_of("6001"), "示例银行", TEXT)
    assert {value.name: value.text for value in permit.values} == {
        "name": "张三",
        "tail": "6001",
        "amount": "123.45",
        "line": HOTLINE,
    }
    assert (permit.template_digest, permit.balance_sequence) == (decision.template_digest, 1)
    assert (permit.send_within_ms, permit.report_within_ms) == (5_000, 40_000)
    (entry,) = await ready.entries("released")
    assert (entry["attempt"], entry["carrier"], entry["balance_sequence"]) == (permit.attempt_id, CARRIER, 1)


async def test_the_amounts_are_those_of_the_moment_of_leaving(ready: World) -> None:
    """A balance told after the request is what the message shows."""
    await ready.ask("6001")
    await tell_balance(ready, 7)
    (permit,) = (await lease(ready)).permits
    assert (permit.values[2].text, permit.balance_sequence) == ("9.00", 7)


async def test_a_lost_answer_is_given_again(ready: World) -> None:
    """The same lease id gets the same permits, but for those that were reported; never new ones."""
    await ready.ask("6001")
    await ready.ask("6002")
    first = await lease(ready)
    await ready.ask("6003")
    assert (await lease(ready)).permits == first.permits
    await ready.report(first.permits[0].attempt_id, Outcome.OUTCOME_ACCEPTED)
    assert list((await lease(ready)).permits) == [first.permits[1]]


async def test_workers_at_the_same_time_get_different_messages(ready: World) -> None:
    """No message is permitted twice."""
    for number in ("6001", "6002", "6003"):
        await ready.ask(number)
    answers = await asyncio.gather(*(lease(ready, f"l{n}", max_permits=1) for n in range(6)))
    permitted = [permit.outreach_id for answer in answers for permit in answer.permits]
    assert len(permitted) == len(set(permitted)) == 3


async def test_no_more_than_asked_for_and_more_at_once(ready: World) -> None:
    """The limit holds, and the answer says that more may be due now."""
    await ready.ask("6001")
    await ready.ask("6002")
    answer = await lease(ready, max_permits=1)
    assert (len(answer.permits), answer.retry_after_ms) == (1, 0)


async def test_another_carriers_worker_gets_nothing(ready: World) -> None:
    """A message leaves through its bank's carrier."""
    await ready.ask("6001")
    assert not (await lease(ready, carrier_ids=["another"])).permits


async def test_no_permit_while_the_feed_is_unproven(ready: World) -> None:
    """60 s after our last probe came back nothing leaves, and no worker asks in haste; a proof opens again."""
    await ready.ask("6001")
    await ready.authority.write(bank_events.prove_feeds, (BANK, real_ms() - 61_000))
    stalled = await lease(ready, "a")
    assert (list(stalled.permits), stalled.retry_after_ms) == ([], 1_000)
    await ready.authority.write(bank_events.prove_feeds, (BANK, real_ms() - 50_000))
    assert len((await lease(ready, "b")).permits) == 1


async def test_the_cap_holds_within_one_lease(ready: World) -> None:
    """Of two messages to one person one leaves; the other waits for a day."""
    await ready.ask("6001")
    second = await ready.ask("6001")
    assert len((await lease(ready)).permits) == 1
    row = await ready.outreach(second.outreach_id)
    assert (row.state, row.codes, row.due_ms) == (states.ADMITTED, "FREQUENCY_CAP", NOW_MS + DAY_MS)


@pytest.mark.parametrize(
    ("outcome", "counts"),
    [
        (Outcome.OUTCOME_ACCEPTED, True),
        (Outcome.OUTCOME_UNKNOWN, True),
        (Outcome.OUTCOME_REFUSED, False),
    ],
)
async def test_what_may_have_left_counts(ready: World, outcome: Outcome.ValueType, counts: bool) -> None:
    """An unknown fate counts toward the cap; a refusal by the carrier does not."""
    await ready.ask("6001")
    (permit,) = (await lease(ready)).permits
    await ready.report(permit.attempt_id, outcome)
    second = await ready.ask("6001")
    assert [finding.code for finding in second.findings] == (["FREQUENCY_CAP"] if counts else [])


LEFT_BEHIND: dict[str, tuple[Callable[[Any], Any], str, str]] = {
    "hold": (lambda row: schema.hold.insert().values(**_a_hold(row)), "CANCELLED", "ACCOUNT_ON_HOLD"),
    "mark": (lambda row: schema.mark.insert().values(**_a_mark(row)), "CANCELLED", "DO_NOT_CONTACT"),
    "dead number": (lambda row: schema.dead_phone.insert().values(**_dead(row)), "CANCELLED", "PHONE_INVALID"),
    "recall": (lambda _: update(schema.account).values(recalled=True), "CANCELLED", "CASE_RECALLED"),
    "settlement": (lambda _: update(schema.account).values(settled=True), "CANCELLED", "ACCOUNT_SETTLED"),
    "another agency": (lambda _: update(schema.account).values(agency_id="other"), "CANCELLED", "NOT_PLACED"),
    "no party": (lambda _: delete(schema.party), "CANCELLED", "THIRD_PARTY_DISCLOSURE"),
    "no contact": (lambda _: delete(schema.contact), "ADMITTED", "CONTACT_UNVERIFIED"),
    "stale feed": (lambda _: update(schema.feed).values(complete_through_ms=0), "ADMITTED", "BALANCE_UNCONFIRMED"),
}


def _dead(row: Any) -> dict[str, Any]:
    return {"phone_hash": row.phone_hash, "evidence_sealed": b""}


def _a_hold(row: Any) -> dict[str, Any]:
    kind = HoldKind.HOLD_KIND_DISPUTE
    named = {"hold_id": "h", "bank_id": BANK, "account_id": row.account_id}
    return {**named, "kind": kind, "reason_sealed": b"", "set_by": "x", "set_ms": NOW_MS}


def _a_mark(row: Any) -> dict[str, Any]:
    reason = NoContactReason.NO_CONTACT_REASON_REFUSAL
    named = {"bank_id": BANK, "subject": row.person_id, "reason": reason}
    return {**named, "evidence_sealed": b"", "set_by": "x", "set_ms": NOW_MS}


@pytest.mark.parametrize(("put", "state", "code"), LEFT_BEHIND.values(), ids=list(LEFT_BEHIND))
async def test_every_rule_runs_again_at_the_permit(
    ready: World, put: Callable[[Any], Any], state: str, code: str
) -> None:
    """Whatever a stop may have failed to cancel, the permit sees what stands in the database and refuses."""
    decision = await ready.ask("6001")
    row = await ready.outreach(decision.outreach_id)
    with ready.authority.database.writer.begin() as connection:
        connection.execute(put(row))
    assert not (await lease(ready)).permits
    row = await ready.outreach(decision.outreach_id)
    assert (states.name(row.state), row.codes) == (state, code)


async def test_one_that_cannot_be_judged_is_set_aside(ready: World) -> None:
    """What is sealed in it was spoiled: the others get their permits, it waits, and it can still be cancelled."""
    spoiled = await ready.ask("6001")
    good = await ready.ask("6002")
    with ready.authority.database.writer.begin() as connection:
        table = schema.outreach
        connection.execute(
            update(table).where(table.c.outreach_id == spoiled.outreach_id).values(request_sealed=b"x" * 40)
        )
    assert [permit.outreach_id for permit in (await lease(ready)).permits] == [good.outreach_id]
    row = await ready.outreach(spoiled.outreach_id)
    assert (row.state, row.waiting_for, row.due_ms) == (states.ADMITTED, "SET_ASIDE", None)
    cancelling = CancelRequest(bank_id=BANK, account_number="6001", reason="r")
    answer = await ready.write(cancellation.cancel_requested, "dan", cancelling)
    assert list(answer.cancelled_ids) == [spoiled.outreach_id]


async def test_quiet_hours_at_the_permit(ready: World) -> None:
    """What is due at night moves to eight in the morning; it is neither dropped nor sent."""
    decision = await ready.ask("6001")
    ready.set_clock(NOW_MS + 9 * 60 * MINUTE_MS)
    assert not (await lease(ready, "a")).permits
    row = await ready.outreach(decision.outreach_id)
    assert (row.state, row.codes, row.due_ms) == (states.ADMITTED, "QUIET_HOURS", NOW_MS + 20 * 60 * MINUTE_MS)


async def test_stale_amounts_wait_until_the_bank_speaks(ready: World) -> None:
    """The row leaves the queue, and is due again with fresh amounts and a feed that reaches far enough."""
    decision = await ready.ask("6001")
    ready.set_clock(NOW_MS + DAY_MS + MINUTE_MS)
    assert not (await lease(ready, "a")).permits
    row = await ready.outreach(decision.outreach_id)
    assert (row.waiting_for, row.due_ms) == ("BALANCE_UNCONFIRMED", None)
    await tell_balance(ready, 2)
    assert not (await lease(ready, "b")).permits
    await complete_through(ready, ready.now_ms())
    assert len((await lease(ready, "c")).permits) == 1


async def test_not_before_survives_a_wait_without_a_time(ready: World) -> None:
    """What waited for the bank becomes due at the caller's time, not at once."""
    ready.set_clock(NOW_MS + DAY_MS + MINUTE_MS)
    later = ready.now_ms() + 60 * MINUTE_MS
    item: dict[str, Any] = {"not_before": {"seconds": later // 1000}}
    decision = await ready.ask("6001", **item)
    assert not decision.HasField("due_time")
    await tell_balance(ready, 2)
    await complete_through(ready, ready.now_ms())
    assert not (await lease(ready, "a")).permits
    assert (await ready.outreach(decision.outreach_id)).due_ms == later
    ready.set_clock(later)
    assert len((await lease(ready, "b")).permits) == 1


async def test_a_clerk_who_left_signs_nothing_more(ready: World) -> None:
    """What was asked for in that name is cancelled at the permit, with its code."""
    decision = await ready.ask("6001")
    gone = SetEmployeeRequest(caller_id=CALLER, employee_id="dan", active=False)
    await ready.write(operations.set_employee, "ann", gone, banks=["*"])
    assert not (await lease(ready)).permits
    row = await ready.outreach(decision.outreach_id)
    assert (row.state, row.cause) == (states.CANCELLED, "OPERATOR_MISSING")
    (entry,) = await ready.entries("cancelled")
    assert (entry["codes"], entry["policy"]) == (["OPERATOR_MISSING"], 1)


async def test_a_recipient_whom_the_bank_names_no_more(ready: World) -> None:
    """A guarantor who left the placement gets nothing, and stops nobody else's message."""
    guarantor = Party(customer_id="G", role=Party.ROLE_GUARANTOR, name="李四", phone_numbers=["13800137777"])
    await _place_again(ready, 2, [guarantor])
    decision = await ready.submit("6001", "13800137777", customer_id="G")
    await ready.ask("6002")
    await _place_again(ready, 3, [])
    assert [permit.phone_number for permit in (await lease(ready)).permits] == [phone_of("6002")]
    assert (await ready.outreach(decision.outreach_id)).cause == "THIRD_PARTY_DISCLOSURE"


async def _place_again(world: World, sequence: int, others: list[Party]) -> None:
    debtor = Party(customer_id="C6001", role=Party.ROLE_DEBTOR, name="张三", phone_numbers=[phone_of("6001")])
    placement = Placement(
        account_number="6001",
        agency_id=AGENCY,
        balance=Balance(sequence=sequence, overdue_amount_fen=100),
        parties=[debtor, *others],
    )
    placement.start_time.FromMilliseconds(NOW_MS - DAY_MS)
    placement.end_time.FromMilliseconds(NOW_MS + DAY_MS)
    placement.balance.as_of_time.FromMilliseconds(NOW_MS)
    await world.apply(BankEvent(placement=placement))


async def test_what_has_expired_is_not_permitted_even_before_the_sweep(ready: World) -> None:
    """not_after is the first moment at which it may no more leave."""
    until: dict[str, Any] = {"not_after": {"seconds": NOW_MS // 1000 + 60}}
    decision = await ready.ask("6001", **until)
    ready.set_clock(NOW_MS + MINUTE_MS)
    assert not (await lease(ready)).permits
    assert await ready.authority.write(expiry.sweep, None) == 1
    assert (await ready.outreach(decision.outreach_id)).state == states.EXPIRED
    assert await ready.authority.write(expiry.sweep, None) == 0
    assert [entry["outreach"] for entry in await ready.entries("expired")] == [decision.outreach_id]


async def test_what_waits_for_a_cap_beyond_its_time_expires(ready: World) -> None:
    """The excess waits; what passes its not_after expires and tells why it waited."""
    await ready.ask("6001")
    until: dict[str, Any] = {"not_after": {"seconds": NOW_MS // 1000 + 60}}
    second = await ready.ask("6001", **until)
    await lease(ready)
    ready.set_clock(NOW_MS + MINUTE_MS)
    await ready.authority.write(expiry.sweep, None)
    row = await ready.outreach(second.outreach_id)
    assert (row.state, row.codes) == (states.EXPIRED, "FREQUENCY_CAP")


async def test_no_report_in_time_is_unconfirmed(ready: World) -> None:
    """By real time; nothing is sent again, and the cap still counts it."""
    decision = await ready.ask("6001")
    (permit,) = (await lease(ready)).permits
    assert await ready.authority.write(expiry.sweep, None) == 0
    with ready.authority.database.writer.begin() as connection:
        connection.execute(schema.attempt.update().values(report_by_real_ms=real_ms()))
    assert await ready.authority.write(expiry.sweep, None) == 1
    assert (await ready.outreach(decision.outreach_id)).state == states.UNCONFIRMED
    (entry,) = await ready.entries("unconfirmed")
    assert (entry["attempt"], entry["carrier_code"]) == (permit.attempt_id, "no_report_in_time")
    assert not (await lease(ready, "again")).permits


async def test_no_permit_without_a_policy(ready: World) -> None:
    """A bank without rules in force sends nothing."""
    await ready.ask("6001")
    with ready.authority.database.writer.begin() as connection:
        connection.execute(delete(schema.policy))
        connection.execute(schema.head.update().values(catalog_version=schema.head.c.catalog_version + 1))
    assert not (await lease(ready)).permits
