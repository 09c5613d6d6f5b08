from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest
from sqlalchemy import Row, select

from approval_service import bank_events, schema
from approval_service.consumer import Unreadable, account_number, read_event
from outreach.domain import states
from outreach.domain.errors import Kind, Refusal
from outreach.v1.bank_service_pb2 import (
    Balance,
    BankEvent,
    EventResult,
    FeedMark,
    HoldInstruction,
    Party,
    Placement,
    Recall,
    Repayment,
)
from outreach.v1.hold_service_pb2 import HoldKind
from outreach.v1.worker_service_pb2 import Outcome
from tests.service.approval_service.world import AGENCY, BANK, DAY_MS, NOW_MS, World, phone_of

PARTIAL, FULL, REVERSAL = Repayment.KIND_PARTIAL, Repayment.KIND_FULL, Repayment.KIND_REVERSAL


@pytest.fixture
async def ready(world: World) -> World:
    await world.ready("6001", "6002")
    return world


def balance(sequence: int, overdue: int, as_of_ms: int = NOW_MS, number: str = "6001") -> Balance:
    told = Balance(account_number=number, sequence=sequence, overdue_amount_fen=overdue, outstanding_amount_fen=99_900)
    told.as_of_time.FromMilliseconds(as_of_ms)
    return told


async def repay(world: World, kind: Repayment.Kind.ValueType, sequence: int, after: int | None = None) -> EventResult:
    told = Repayment(account_number="6001", sequence=sequence, kind=kind, amount_fen=100)
    if after is not None:
        told.balance_after.CopyFrom(balance(sequence, after))
    return await world.apply(BankEvent(repayment=told))


async def place(world: World, sequence: int, **changes: Any) -> EventResult:
    placement = Placement(
        account_number="6001",
        agency_id=AGENCY,
        parties=[
            Party(
                customer_id="C6001",
                role=Party.ROLE_DEBTOR,
                name="张三",
                phone_numbers=changes.pop("phones", [phone_of("6001")]),
                identity_number=changes.pop("identity", ""),
            )
        ],
        balance=balance(sequence, 500),
    )
    placement.start_time.FromMilliseconds(NOW_MS - DAY_MS)
    placement.end_time.FromMilliseconds(NOW_MS + DAY_MS)
    for name, value in changes.items():
        setattr(placement, name, value)
    return await world.apply(BankEvent(placement=placement))


async def account(world: World) -> Row[Any]:
    query = select(schema.account).where(schema.account.c.number_hash == world.authority.keys.hash("account", "6001"))
    return await world.authority.read(lambda connection: connection.execute(query).one())


async def codes(world: World) -> list[str]:
    return [finding.code for finding in (await world.ask("6001")).findings]


async def test_a_full_repayment_ends_what_is_pending_and_bars_what_comes(ready: World) -> None:
    """Of this account alone, at once, with a written notice that tells the new state."""
    pending, other = await ready.ask("6001"), await ready.ask("6002")
    result = await repay(ready, FULL, 2)
    assert (result.cancelled, result.superseded, result.duplicate) == (1, False, False)
    row = await ready.outreach(pending.outreach_id)
    assert (row.state, row.cause) == (states.CANCELLED, "REPAID_IN_FULL")
    assert [permit.outreach_id for permit in await ready.lease()] == [other.outreach_id]
    assert "ACCOUNT_SETTLED" in await codes(ready)
    (notice,) = await ready.entries("notice")
    assert (notice["outreach"], notice["codes"], notice["by"]) == (pending.outreach_id, ["REPAID_IN_FULL"], "bank")


async def test_a_full_repayment_names_what_may_be_leaving(ready: World) -> None:
    """It is marked, so that it does not come back when the worker hands it over unsent."""
    await ready.ask("6001")
    (permit,) = await ready.lease()
    assert (await repay(ready, FULL, 2)).cancelled == 0
    (notice,) = await ready.entries("notice")
    assert notice["attempt"] == permit.attempt_id
    await ready.report(permit.attempt_id, Outcome.OUTCOME_NOT_SENT)
    assert (await ready.outreach(permit.outreach_id)).cause == "REPAID_IN_FULL"
    assert await ready.lease() == []


async def test_a_reversal_lifts_the_settlement_and_revives_nothing(ready: World) -> None:
    """What was cancelled stays so; a new request waits until the bank has told the amounts, then goes."""
    old = await ready.ask("6001")
    await repay(ready, FULL, 2)
    await repay(ready, REVERSAL, 3)
    assert await codes(ready) == ["BALANCE_UNCONFIRMED"]
    assert await ready.lease() == []
    await repay(ready, REVERSAL, 4, after=700)
    (permit,) = await ready.lease()
    assert (permit.values[2].text, permit.balance_sequence) == ("7.00", 4)
    assert (await ready.outreach(old.outreach_id)).state == states.CANCELLED


async def test_a_partial_repayment_with_amounts(ready: World) -> None:
    """What is pending takes the bank's new amounts, with a notice; nothing is subtracted here."""
    pending = await ready.ask("6001")
    assert (await repay(ready, PARTIAL, 2, after=333)).cancelled == 0
    (permit,) = await ready.lease()
    assert (permit.outreach_id, permit.values[2].text) == (pending.outreach_id, "3.33")
    (notice,) = await ready.entries("notice")
    assert (notice["outreach"], notice["codes"]) == (pending.outreach_id, ["REPAID_IN_PART"])


async def test_a_partial_repayment_without_amounts(ready: World) -> None:
    """What is pending is cancelled; what comes waits for the amounts."""
    pending = await ready.ask("6001")
    assert (await repay(ready, PARTIAL, 2)).cancelled == 1
    assert (await ready.outreach(pending.outreach_id)).cause == "REPAID_IN_PART"
    assert await codes(ready) == ["BALANCE_UNCONFIRMED"]


async def test_a_repayment_that_leaves_nothing_overdue_settles(ready: World) -> None:
    """The overdue amount is zero: a card balance may remain."""
    await ready.ask("6001")
    assert (await repay(ready, PARTIAL, 2, after=0)).cancelled == 1
    assert await codes(ready) == ["ACCOUNT_SETTLED"]


async def test_a_partial_repayment_lifts_no_settlement(ready: World) -> None:
    """Only a reversal does, or amounts above zero."""
    await repay(ready, FULL, 2)
    await repay(ready, PARTIAL, 3)
    assert "ACCOUNT_SETTLED" in await codes(ready)
    await ready.apply(BankEvent(balance=balance(4, 100)))
    assert await codes(ready) == []


async def test_the_highest_sequence_rules(ready: World) -> None:
    """Over balances, repayments and placements together; lower ones are recorded only."""
    await ready.apply(BankEvent(balance=balance(9, 900)))
    assert (await repay(ready, FULL, 8)).superseded
    assert (await ready.apply(BankEvent(balance=balance(9, 0)))).superseded
    assert (await place(ready, 8)).superseded
    row = await account(ready)
    assert (row.sequence, row.overdue_fen, row.settled) == (9, 900, False)
    kinds = [entry["kind"] for entry in await ready.entries() if entry.get("superseded")]
    assert kinds == ["repayment", "balance", "placed"]


async def test_a_known_event_changes_nothing(ready: World) -> None:
    """A redelivery gets the first answer and is in the ledger once."""
    event = BankEvent(event_id="e", bank_id=BANK, recall=Recall(account_number="6001"))
    await ready.ask("6001")
    answers = await ready.authority.write_many(bank_events.apply, [event, event])
    answers = [*answers, await ready.authority.write(bank_events.apply, event)]
    assert [(a.cancelled, a.duplicate) for a in answers if isinstance(a, EventResult)] == [
        (1, False),
        (1, True),
        (1, True),
    ]
    assert len(await ready.entries("recalled")) == 1


async def test_a_recalled_case_ends_and_can_be_placed_again(ready: World) -> None:
    """Only by a placement that is not older than what the bank has told since."""
    await ready.apply(BankEvent(balance=balance(5, 500)))
    pending = await ready.ask("6001")
    await ready.apply(BankEvent(recall=Recall(account_number="6001")))
    assert (await ready.outreach(pending.outreach_id)).cause == "CASE_RECALLED"
    await place(ready, 4)
    assert await codes(ready) == ["CASE_RECALLED"]
    await place(ready, 6)
    assert await codes(ready) == []


async def test_another_agencys_placement(ready: World) -> None:
    """What is pending is cancelled at its permit; what comes is refused."""
    pending = await ready.ask("6001")
    await place(ready, 2, agency_id="another")
    assert await ready.lease() == []
    assert (await ready.outreach(pending.outreach_id)).cause == "NOT_PLACED"
    assert await codes(ready) == ["NOT_PLACED"]


async def test_numbers_of_a_placement_replace_the_reserved_ones(ready: World) -> None:
    """One named no more waits for confirmation; named again, what waited is due again."""
    await place(ready, 2, phones=["13800139999"])
    waiting = await ready.ask("6001")
    assert [finding.code for finding in waiting.findings] == ["CONTACT_UNVERIFIED"]
    await place(ready, 3)
    assert [permit.outreach_id for permit in await ready.lease()] == [waiting.outreach_id]


async def test_a_reserved_number_is_so_on_each_account_of_the_person(ready: World) -> None:
    """What waits for it on another account is due again."""
    await ready.place("6005", phone_of("6005"), customer="C6001")
    waiting = await ready.submit("6005", "13800139999")
    await place(ready, 2, phones=["13800139999", phone_of("6005")])
    assert [permit.outreach_id for permit in await ready.lease()] == [waiting.outreach_id]


async def test_a_placement_that_owes_nothing_cancels(ready: World) -> None:
    """Its amounts count like a balance's."""
    await ready.ask("6001")
    placement = Placement(
        account_number="6001",
        agency_id=AGENCY,
        balance=balance(2, 0),
        parties=[Party(customer_id="C6001", role=Party.ROLE_DEBTOR, name="张三")],
    )
    placement.end_time.FromMilliseconds(NOW_MS + DAY_MS)
    assert (await ready.apply(BankEvent(placement=placement))).cancelled == 1


NONSENSE = [
    ({"parties": []}, "placement.parties"),
    ({"parties": [("A", Party.ROLE_DEBTOR), ("B", Party.ROLE_DEBTOR)]}, "placement.parties"),
    ({"parties": [("A", Party.ROLE_DEBTOR), ("A", Party.ROLE_GUARANTOR)]}, "placement.parties"),
    ({"parties": [("A", Party.ROLE_DEBTOR)], "ends": False}, "placement.end_time"),
]


@pytest.mark.parametrize(("what", "field"), NONSENSE)
async def test_a_placement_that_makes_no_sense_is_refused(ready: World, what: dict[str, Any], field: str) -> None:
    """Nothing of it is stored, and its event id stays free for the mended one."""
    placement = Placement(account_number="7001", agency_id=AGENCY, balance=balance(1, 5))
    for customer, role in what["parties"]:
        placement.parties.add(customer_id=customer, role=role, name="张三")
    if what.get("ends", True):
        placement.end_time.FromMilliseconds(NOW_MS)
    before = await ready.bodies()
    with pytest.raises(Refusal) as caught:
        await ready.apply(BankEvent(placement=placement))
    assert (caught.value.kind, caught.value.violations[0][0]) == (Kind.INVALID, field)
    assert await ready.bodies() == before


UNKNOWN = [
    BankEvent(balance=balance(2, 5, number="9999")),
    BankEvent(repayment=Repayment(account_number="9999", sequence=2, kind=FULL)),
    BankEvent(recall=Recall(account_number="9999")),
    BankEvent(hold=HoldInstruction(account_number="9999", kind=HoldKind.HOLD_KIND_DEATH, reason="r")),
]


@pytest.mark.parametrize("event", UNKNOWN, ids=lambda event: event.WhichOneof("event"))
async def test_an_account_never_placed_is_not_found(ready: World, event: BankEvent) -> None:
    """The bank is told to place it first."""
    with pytest.raises(Refusal) as caught:
        await ready.apply(event)
    assert caught.value.kind is Kind.NOT_FOUND


async def test_amounts_of_another_sequence_are_refused(ready: World) -> None:
    """A repayment and the balance after it are one statement."""
    told = Repayment(account_number="6001", sequence=2, kind=PARTIAL, balance_after=balance(3, 5))
    with pytest.raises(Refusal) as caught:
        await ready.apply(BankEvent(repayment=told))
    assert caught.value.violations[0][0] == "repayment.balance_after.sequence"
    assert (await account(ready)).sequence == 1


async def test_the_ledger_names_who_handed_an_event_in(ready: World) -> None:
    """An event over gRPC is a person's doing: who, which event, a keyed hash of what it said; once, if repeated."""

    async def hand_in(event_id: str, amount: int) -> None:
        event = BankEvent(event_id=event_id, bank_id=BANK, balance=balance(2, amount))
        await ready.write(bank_events.apply_called, "eve", event)

    for event_id, amount in (("one", 500), ("one", 500), ("two", 500), ("three", 501)):
        await hand_in(event_id, amount)
    entries = await ready.entries("event_handed_in")
    assert [(entry["event"], entry["by"]) for entry in entries] == [
        ("one", "agency/eve"),
        ("two", "agency/eve"),
        ("three", "agency/eve"),
    ]
    assert len({entry["commitment"] for entry in entries}) == 3


async def test_a_feed_never_goes_back(ready: World) -> None:
    """An older mark is recorded only."""
    mark = FeedMark()
    mark.complete_through.FromMilliseconds(NOW_MS - 5 * DAY_MS)
    assert (await ready.apply(BankEvent(feed_mark=mark))).superseded
    assert await codes(ready) == []


async def test_a_feed_is_not_complete_through_what_is_to_come(ready: World) -> None:
    """A mark of the year 2099 does not make the feed pass for fresh until then."""
    mark = FeedMark()
    mark.complete_through.FromJsonString("2099-01-01T00:00:00Z")
    await ready.apply(BankEvent(feed_mark=mark))
    assert await codes(ready) == []
    ready.set_clock(NOW_MS + DAY_MS + 1)
    await ready.apply(BankEvent(balance=balance(2, 500, as_of_ms=NOW_MS + DAY_MS)))
    assert await codes(ready) == ["BALANCE_UNCONFIRMED"]


async def test_an_unreadable_event_holds_the_account_that_it_names(ready: World) -> None:
    """If it is known; what is pending is cancelled."""
    pending = await ready.ask("6001")
    named = (BANK, "6001", "sequence 7")
    assert await ready.authority.write(bank_events.hold_unreadable, named)
    assert (await ready.outreach(pending.outreach_id)).cause == "ACCOUNT_ON_HOLD"
    (entry,) = await ready.entries("hold_placed")
    assert (entry["hold_kind"], entry["by"]) == ("UNREADABLE_EVENT", "bank")
    assert not await ready.authority.write(bank_events.hold_unreadable, (BANK, "9999", "sequence 8"))


GOOD: dict[str, Any] = {
    "eventId": "e1",
    "bankId": BANK,
    "eventTime": "2026-11-24T04:00:00Z",
    "repayment": {"accountNumber": "6001", "sequence": "2", "kind": "KIND_FULL", "later_field": 1},
}
BAD: list[tuple[bytes, str, str]] = [
    (b"not json", "ProtoJSON", ""),
    (b"[1]", "ProtoJSON", ""),
    (orjson.dumps(GOOD)[:-9], "ProtoJSON", "6001"),
    (orjson.dumps(GOOD | {"bankId": "other"}), "subject", "6001"),
    (orjson.dumps(GOOD | {"eventId": ""}), "event_id", "6001"),
    (orjson.dumps(GOOD | {"repayment": {"account_number": "6001", "sequence": "x"}}), "sequence: ", "6001"),
    (orjson.dumps(GOOD | {"recall": {"accountNumber": 6001}}), "ProtoJSON", "6001"),
    (orjson.dumps(GOOD | {"repayment": None, "recall": {"accountNumber": 6001}}), "accountNumber: ", "6001"),
    (orjson.dumps(GOOD).replace(b"6001", b'6001", "kind": "\\ud800'), "ProtoJSON", "6001"),
    (orjson.dumps(GOOD | {"repayment": {"accountNumber": "6001", "sequence": "0", "kind": 2}}), "sequence", "6001"),
    (orjson.dumps(GOOD | {"repayment": {"accountNumber": "6" * 41}}), "account_number", ""),
    (orjson.dumps({"eventId": "e1", "bankId": BANK}), "", ""),
]


def test_an_event_in_protojson_is_read() -> None:
    """Fields of a later version are ignored."""
    assert read_event(orjson.dumps(GOOD), BANK).repayment.sequence == 2


@pytest.mark.parametrize(("data", "reason", "number"), BAD)
def test_what_cannot_be_read_says_why_and_whom_it_names(data: bytes, reason: str, number: str) -> None:
    """The reason holds no value of it; the account number is found wherever it stands."""
    with pytest.raises(Unreadable) as caught:
        read_event(data, BANK)
    assert reason in str(caught.value)
    assert "6001" not in str(caught.value)
    assert account_number(data) == number


async def test_a_poisoned_event_fails_alone(ready: World) -> None:
    """One whose text a database cannot take neither passes for a database that is away nor keeps others waiting."""
    bad = BankEvent(
        event_id="bad",
        bank_id=BANK,
        hold=HoldInstruction(account_number="6001", kind=HoldKind.HOLD_KIND_DEATH, reason="\x00"),
    )
    good = BankEvent(event_id="good", bank_id=BANK, recall=Recall(account_number="6002"))
    answers = await asyncio.gather(
        *(ready.authority.write(bank_events.apply, event) for event in (bad, good)), return_exceptions=True
    )
    # SQLite takes the text.
    assert not isinstance(answers[0], Refusal)
    assert answers[1] == EventResult()


async def test_caps_count_a_person_whose_identity_the_bank_tells_later(ready: World) -> None:
    """What was sent before the bank told the identity number counts as much as what is sent after."""
    await ready.ask("6001")
    assert len(await ready.lease()) == 1
    await place(ready, 2, identity="11010519491231002X")
    assert await codes(ready) == ["FREQUENCY_CAP"]


async def test_a_placement_that_was_made_before_a_recall_lifts_none(ready: World) -> None:
    """Events may overtake one another: only a placement that the bank made after it took the case back counts."""

    async def happened(event: BankEvent, at_ms: int) -> None:
        event.event_time.FromMilliseconds(at_ms)
        await ready.apply(event)

    def placement() -> BankEvent:
        placed = Placement(
            account_number="6003",
            agency_id=AGENCY,
            parties=[Party(customer_id="C1", role=Party.ROLE_DEBTOR, name="张三", phone_numbers=["13800138003"])],
            balance=Balance(sequence=1, overdue_amount_fen=100),
        )
        placed.start_time.FromMilliseconds(ready.now_ms() - DAY_MS)
        placed.end_time.FromMilliseconds(ready.now_ms() + DAY_MS)
        placed.balance.as_of_time.FromMilliseconds(ready.now_ms())
        return BankEvent(placement=placed)

    async def recalled() -> bool:
        codes = {finding.code for finding in (await ready.submit("6003", "13800138003")).findings}
        return "CASE_RECALLED" in codes

    await happened(placement(), 1_000)
    await happened(BankEvent(recall=Recall(account_number="6003")), 3_000)
    await happened(placement(), 2_000)
    assert await recalled()
    await happened(placement(), 4_000)
    assert not await recalled()
