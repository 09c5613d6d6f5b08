"""Letters at the door: each rule's code, what waits, quantities, and that each request is decided once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from approval_service import addresses, admission, bank_events, letter_admission, marks
from approval_service.calls import Call
from approval_service.views import get
from outreach.domain import states
from outreach.domain.errors import Kind, Refusal
from outreach.v1.bank_service_pb2 import BankEvent, HoldInstruction, Party, Placement, Recall
from outreach.v1.hold_service_pb2 import (
    BadAddressReason,
    HoldKind,
    MarkAddressBadRequest,
    MarkNoContactRequest,
    NoContactReason,
)
from outreach.v1.outreach_service_pb2 import CallOutcome, Channel, Decision, GetRequest, LetterItem, PriorCall, SmsItem
from tests.service.approval_service.letters import letter_item, submit_letters
from tests.service.approval_service.mailroom import Mailroom, address_of, open_mailroom
from tests.service.approval_service.world import AGENCY, BANK, DAY_MS, HOTLINE, NOW_MS, World, asked, decided, principal

Prepare = Callable[[Mailroom], Awaitable[Any]]


@pytest.fixture
async def room(world: World) -> Mailroom:
    room = await open_mailroom(world)
    await room.place("7001", "7002", "7003")
    return room


async def nothing(_: Mailroom) -> None:
    return


async def recall(room: Mailroom) -> None:
    event = BankEvent(recall=Recall(account_number="7001"))
    event.event_time.FromMilliseconds(NOW_MS)
    await room.world.apply(event)


async def hold(room: Mailroom) -> None:
    instruction = HoldInstruction(account_number="7001", kind=HoldKind.HOLD_KIND_DISPUTE, reason="争议")
    await room.world.apply(BankEvent(hold=instruction))


async def settle(room: Mailroom) -> None:
    await room.repay("7001", 2)


async def refuse_contact(room: Mailroom) -> None:
    reason = NoContactReason.NO_CONTACT_REASON_REFUSAL
    request = MarkNoContactRequest(bank_id=BANK, customer_id="C7001", reason=reason, evidence_reference="rec-9")
    await room.world.write(marks.mark_no_contact, "dan", request)


async def mark_bad(room: Mailroom) -> None:
    request = MarkAddressBadRequest(
        bank_id=BANK,
        customer_id="C7002",
        address="杭州西湖区文三路18号3栋7001",
        reason=BadAddressReason.BAD_ADDRESS_REASON_DEMOLISHED,
        evidence_reference="visit-1",
    )
    await room.world.write(addresses.mark_bad, "dan", request)


def threshold(**changes: Any) -> Prepare:
    """A new policy with these thresholds."""

    async def prepare(room: Mailroom) -> None:
        await room.world.open_bank(**changes)

    return prepare


async def two_days_later(room: Mailroom) -> None:
    room.world.set_clock(NOW_MS + 2 * DAY_MS)


async def mail_one(room: Mailroom) -> None:
    _, numbers = await room.printed("7001")
    await room.mail(*numbers)


UNANSWERED = PriorCall(outcome=CallOutcome.CALL_OUTCOME_NOT_ANSWERED)

BLOCKED: dict[str, tuple[Prepare, dict[str, Any]]] = {
    "NOT_PLACED": (nothing, {"account_number": "9999"}),
    "CASE_RECALLED": (recall, {}),
    "ACCOUNT_SETTLED": (settle, {}),
    "LETTER_NOT_AUTHORIZED": (nothing, {"letter_name": "other"}),
    "VARIABLE_INVALID": (nothing, {"variables": {"overdue": "1.00"}}),
    "THIRD_PARTY_DISCLOSURE": (nothing, {"customer_id": "C8888"}),
    "DO_NOT_CONTACT": (refuse_contact, {}),
    "ACCOUNT_ON_HOLD": (hold, {}),
    "BELOW_MINIMUM_AMOUNT": (threshold(letter_minimum_fen=123_457), {}),
    "NO_PRIOR_CALL": (threshold(prior_call_must_be_answered=True), {"prior_call": UNANSWERED}),
    "ADDRESS_INCOMPLETE": (nothing, {"address": "西湖区18号"}),
    "ADDRESS_SENSITIVE": (nothing, {"address": "浙江省杭州市西湖区文三路18号西湖区人民法院"}),
    "ADDRESS_BROAD": (nothing, {"address": "浙江省杭州市西湖区浙江大学"}),
    "ADDRESS_UNDELIVERABLE": (nothing, {"address": "江苏省杭州市西湖区文三路18号3幢402室"}),
    "ADDRESS_KNOWN_BAD": (mark_bad, {}),
}


def refusals(decision: Decision) -> set[str]:
    return {finding.code for finding in decision.findings if not finding.waits}


@pytest.mark.parametrize(("code", "prepare", "changes"), [(code, *case) for code, case in BLOCKED.items()])
async def test_blocked_at_the_door(room: Mailroom, code: str, prepare: Prepare, changes: dict[str, Any]) -> None:
    """By its rule alone, with the code in the view; a blocked letter takes no place."""
    await prepare(room)
    (decision,) = await room.ask("7001", **changes)
    row = await room.world.outreach(decision.outreach_id)
    assert (decision.state, refusals(decision), row.codes, row.quantity_id) == (states.BLOCKED, {code}, code, "")
    assert not decision.HasField("due_time")


async def test_a_clerk_must_be_named(room: Mailroom) -> None:
    """OPERATOR_MISSING for one whom nobody registered."""
    call = Call(principal("nobody"), letter_item("7001", address=address_of("7001")))
    decision = Decision.FromString(await room.world.authority.write(letter_admission.admit, call))
    assert refusals(decision) == {"OPERATOR_MISSING"}


WAITING: dict[str, tuple[Prepare, dict[str, Any]]] = {
    "BALANCE_UNCONFIRMED": (two_days_later, {}),
    "CONTACT_UNVERIFIED": (nothing, {"address": "浙江省杭州市西湖区文三路18号3幢402室"}),
    "CARE_AMOUNT": (threshold(care_amount_fen=123_456), {}),
}


@pytest.mark.parametrize(("code", "prepare", "changes"), [(code, *case) for code, case in WAITING.items()])
async def test_waiting_at_the_door(room: Mailroom, code: str, prepare: Prepare, changes: dict[str, Any]) -> None:
    """Admitted without a due time, until somebody mends it."""
    await prepare(room)
    (decision,) = await room.ask("7001", **changes)
    row = await room.world.outreach(decision.outreach_id)
    assert (decision.state, row.codes, row.waiting_for, row.due_ms) == (states.ADMITTED, code, code, None)
    assert not (await room.start()).run_id


async def test_letters_about_an_account_keep_their_distance(room: Mailroom) -> None:
    """The next one is due 30 days after the last was mailed."""
    await mail_one(room)
    (decision,) = await room.ask("7001")
    assert [finding.code for finding in decision.findings] == ["FREQUENCY_CAP"]
    assert decision.due_time.ToMilliseconds() == NOW_MS + 30 * DAY_MS


async def test_a_letter_without_a_place_awaits_a_quantity(world: World) -> None:
    """In the order of the requests; the rest of the batch is not touched by those that got one."""
    room = await open_mailroom(world, places=2)
    await room.place("7001", "7002", "7003")
    decisions = await room.ask("7001", "9999", "7002", "7003")
    assert [decision.state for decision in decisions] == [
        states.ADMITTED,
        states.BLOCKED,
        states.ADMITTED,
        states.AWAITING_QUANTITY,
    ]
    waiting = await world.outreach(decisions[3].outreach_id)
    assert (waiting.waiting_for, waiting.due_ms, waiting.quantity_id) == ("QUANTITY_NOT_APPROVED", None, "")
    assert [finding.code for finding in decisions[3].findings] == ["QUANTITY_NOT_APPROVED"]


async def test_another_teams_quantity_is_not_ours(room: Mailroom) -> None:
    """A quantity is granted to a team."""
    (decision,) = await submit_letters(room.world, letter_item("7001", address=address_of("7001")), team="t2")
    assert decision.state == states.AWAITING_QUANTITY


async def test_every_finding_is_named(room: Mailroom) -> None:
    """A letter that breaks several rules learns them all, each with its field and where it is in the address."""
    (decision,) = await room.ask(
        "7001", address="江苏省杭州市西湖区18号", variables={"line": "1"}, version_digest="0" * 64
    )
    assert {(finding.code, finding.field) for finding in decision.findings} == {
        ("LETTER_NOT_AUTHORIZED", "version_digest"),
        ("VARIABLE_INVALID", "variables[line]"),
        ("ADDRESS_UNDELIVERABLE", "address"),
        ("ADDRESS_INCOMPLETE", "address"),
        ("CONTACT_UNVERIFIED", "address"),
    }
    assert all(finding.reason for finding in decision.findings)


async def test_evidence_lifts_a_broad_place(room: Mailroom) -> None:
    """The address still has to be the person's own."""
    (decision,) = await room.ask("7001", address="浙江省杭州市西湖区浙江大学", address_evidence="rec-7")
    assert [(finding.code, finding.waits) for finding in decision.findings] == [("CONTACT_UNVERIFIED", True)]


async def test_the_same_door_in_another_spelling_is_reserved(room: Mailroom) -> None:
    """What the bank reserved is known however it is written."""
    (decision,) = await room.ask("7001", address="杭州市西湖区 文三路１８号 3栋 7001")
    assert (decision.state, list(decision.findings)) == (states.ADMITTED, [])


async def test_an_opt_out_of_sms_lets_letters_go_on(room: Mailroom) -> None:
    """T and TD close SMS only, for what is pending and for what is asked later."""
    (pending,) = await room.ask("7001")
    reason = NoContactReason.NO_CONTACT_REASON_OPT_OUT
    request = MarkNoContactRequest(bank_id=BANK, customer_id="C7001", reason=reason, evidence_reference="rec-9")
    done = await room.world.write(marks.mark_no_contact, "dan", request)
    (later,) = await room.ask("7001")
    assert (list(done.cancelled_ids), refusals(later)) == ([], set())
    assert (await room.start()).letters == 1
    assert pending.state == states.ADMITTED


async def test_a_third_partys_address_is_refused(room: Mailroom) -> None:
    """An address that the bank names for another party of the account."""
    debtor = Party(customer_id="C7005", role=Party.ROLE_DEBTOR, name="张三", addresses=[address_of("7005")])
    other = Party(customer_id="C7006", role=Party.ROLE_THIRD_PARTY, name="李四", addresses=[address_of("7006")])
    placement = Placement(account_number="7005", agency_id=AGENCY, parties=[debtor, other])
    placement.balance.CopyFrom(room.balance(1, 123_456))
    placement.start_time.FromMilliseconds(NOW_MS - DAY_MS)
    placement.end_time.FromMilliseconds(NOW_MS + DAY_MS)
    await room.world.apply(BankEvent(placement=placement))
    (decision,) = await room.ask("7005", address=address_of("7006"))
    assert refusals(decision) == {"THIRD_PARTY_DISCLOSURE"}
    (to_them,) = await room.ask("7005", customer_id="C7006", address=address_of("7006"))
    assert refusals(to_them) == {"THIRD_PARTY_DISCLOSURE"}


async def test_a_name_that_may_not_be_shown_gets_no_letter(room: Mailroom) -> None:
    """What the bank tells as a name is no text to smuggle in."""
    debtor = Party(customer_id="C7005", role=Party.ROLE_DEBTOR, name="加微信abc123", addresses=[address_of("7005")])
    placement = Placement(account_number="7005", agency_id=AGENCY, parties=[debtor])
    placement.balance.CopyFrom(room.balance(1, 123_456))
    placement.start_time.FromMilliseconds(NOW_MS - DAY_MS)
    placement.end_time.FromMilliseconds(NOW_MS + DAY_MS)
    await room.world.apply(BankEvent(placement=placement))
    (decision,) = await room.ask("7005")
    refused = [(finding.code, finding.field) for finding in decision.findings if not finding.waits]
    assert refused == [("VARIABLE_INVALID", "variables[name]")]


async def admit(room: Mailroom, *items: LetterItem) -> list[Decision | Exception]:
    calls = [Call(principal("dan"), item) for item in items]
    return [decided(answer) for answer in await room.world.authority.write_many(letter_admission.admit, calls)]


async def test_the_same_id_gets_the_same_answer(room: Mailroom) -> None:
    """Later and within one call; with another body it is a conflict, and nothing is stored of that."""
    item = letter_item("7001", request_id="r", address=address_of("7001"))
    other = letter_item("7001", request_id="r", address=address_of("7002"))
    first, again, changed = await admit(room, item, item, other)
    assert isinstance(first, Decision)
    assert again == first
    assert isinstance(changed, Refusal)
    assert changed.kind is Kind.CONFLICT
    assert await admit(room, item) == [first]
    assert len(await room.world.entries("admitted")) == 1


async def test_both_channels_share_the_request_ids(room: Mailroom) -> None:
    """An id that a letter has is none for an SMS, and the other way round."""
    await admit(room, letter_item("7001", request_id="r", address=address_of("7001")))
    sms = SmsItem(
        request_id="r", bank_id=BANK, account_number="7001", phone_number="13800137001", template_name="reminder"
    )
    answer = (
        await room.world.authority.write_many(admission.admit, asked(room.world.authority, principal("dan"), sms))
    )[0]
    assert isinstance(answer, Refusal)
    assert answer.kind is Kind.CONFLICT


async def test_what_cannot_be_decided_keeps_nothing_from_the_others(room: Mailroom) -> None:
    """Another bank's token and a time that has passed are answered with an error, and take no place."""
    late = letter_item("7002", address=address_of("7002"))
    late.not_after.FromMilliseconds(NOW_MS)
    answers = await admit(
        room,
        letter_item("7001", bank_id="other-bank"),
        late,
        letter_item("7003", address=address_of("7003")),
    )
    assert [answer.kind if isinstance(answer, Refusal) else getattr(answer, "state", None) for answer in answers] == [
        Kind.DENIED,
        Kind.INVALID,
        states.ADMITTED,
    ]


async def test_preflight_decides_as_admission_does(room: Mailroom) -> None:
    """The same decision, but for the id; nothing is stored."""
    authority = room.world.authority
    for changes in ({}, {"address": "西湖区18号"}, {"customer_id": "C1"}, {"letter_name": "other"}):
        call = Call(principal("dan"), letter_item("7001", **({"address": address_of("7001")} | changes)))
        before = len(await room.world.bodies())
        shown = (await authority.read(letter_admission.preflight, authority.keys, authority.catalogs, call)).decision
        assert len(await room.world.bodies()) == before
        answer = Decision.FromString(await authority.write(letter_admission.admit, call))
        shown.outreach_id = answer.outreach_id
        assert shown == answer


async def test_personal_data_is_in_no_entry_and_in_no_plain_column(room: Mailroom) -> None:
    """The address stands only sealed; what is shown is masked to province and city."""
    (decision,) = await room.ask("7001", prior_call=PriorCall(recording_reference="rec-13800137001"))
    view = await room.world.authority.read(get, Call(principal("dan"), GetRequest(outreach_id=decision.outreach_id)))
    assert (view.outreach.channel, view.outreach.masked_address) == (Channel.CHANNEL_LETTER, "浙江省杭州市****")
    assert view.outreach.masked_phone_number == ""
    secrets = ("文三路".encode(), b"13800137001")
    assert not any(secret in body for body in await room.world.bodies() for secret in secrets)
    row = await room.world.outreach(decision.outreach_id)
    assert not any("文三路" in str(value) for value in row)


async def test_a_lease_takes_no_letters(room: Mailroom) -> None:
    """Nor does a run take SMS."""
    await room.world.ready("6001")
    await room.world.ask("6001")
    await room.ask("7001")
    assert [permit.values[-1].text for permit in await room.world.lease()] == [HOTLINE]
    assert (await room.start()).letters == 1


async def test_known_events_of_the_bank_reach_letters(room: Mailroom) -> None:
    """A full repayment cancels what waits to be printed, with a notice, and gives its place back."""
    (decision,) = await room.ask("7001")
    result = await room.repay("7001", 2)
    row = await room.world.outreach(decision.outreach_id)
    assert (result.cancelled, row.state, row.cause, row.quantity_id) == (1, states.CANCELLED, "REPAID_IN_FULL", "")
    assert bank_events.BANK in {entry.get("by") for entry in await room.world.entries("notice")}
