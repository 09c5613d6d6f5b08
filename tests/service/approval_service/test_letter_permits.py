"""Letters are judged again as they go into print and as they are mailed: every rule, by what is known then."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import update

from approval_service import addresses, letter_versions, operations, schema
from approval_service.letter_context import LetterContent
from approval_service.letter_permits import LetterGroup
from approval_service.mailroom import care
from approval_service.store import accounts as account_store
from approval_service.store import addresses as address_store
from approval_service.store import stops as stop_store
from approval_service.writer import Tx
from outreach.domain import states
from outreach.domain.roles import REVIEWER
from outreach.v1.bank_service_pb2 import BankEvent, Party, Placement
from outreach.v1.hold_service_pb2 import BadAddressReason, ConfirmAddressRequest, HoldKind, NoContactReason
from outreach.v1.letter_version_service_pb2 import ResumeLetterVersionRequest, SuspendLetterVersionRequest
from outreach.v1.mailroom_service_pb2 import ReleaseCareRequest
from outreach.v1.operations_service_pb2 import SetEmployeeRequest
from outreach.v1.outreach_service_pb2 import CallOutcome, PriorCall
from tests.service.approval_service.letters import SOURCE, authorized_letter, grant_quantity
from tests.service.approval_service.mailroom import Mailroom, open_mailroom
from tests.service.approval_service.world import AGENCY, BANK, CALLER, DAY_MS, NOW_MS, World, principal

Change = Callable[[Mailroom, Any], Awaitable[Any]]
UNANSWERED = PriorCall(outcome=CallOutcome.CALL_OUTCOME_NOT_ANSWERED)


@pytest.fixture
async def room(world: World) -> Mailroom:
    room = await open_mailroom(world)
    await room.place("7001", "7002")
    return room


async def write(room: Mailroom, step: Callable[[Tx], Any]) -> Any:
    """A change under the write lock that cancels nothing by itself: only the rule at the permit can see it."""
    return await room.world.authority.write(lambda tx, calls: [step(tx) for _ in calls], None)


def account(**columns: Any) -> Change:
    async def change(room: Mailroom, row: Any) -> None:
        await write(room, lambda tx: account_store.update_account(tx.connection, row.account_id, columns))

    return change


def outreach(**columns: Any) -> Change:
    async def change(room: Mailroom, row: Any) -> None:
        statement = update(schema.outreach).where(schema.outreach.c.outreach_id == row.outreach_id).values(columns)
        await write(room, lambda tx: tx.connection.execute(statement))

    return change


def resealed(**changes: Any) -> Change:
    """The letter says something else than at the door, or what it says is judged otherwise by now."""

    async def change(room: Mailroom, row: Any) -> None:
        def reseal(tx: Tx) -> bytes:
            person = account_store.persons_by_id(tx.connection, [row.person_id])[row.person_id]
            key = tx.keys.person(person.wrapped_key)
            return key.seal(LetterContent.load(key.unseal(row.request_sealed))._replace(**changes).dump())

        await outreach(request_sealed=await write(room, reseal))(room, row)

    return change


def threshold(**thresholds: Any) -> Change:
    async def change(room: Mailroom, _: Any) -> None:
        await room.world.open_bank(**thresholds)

    return change


async def clerk_leaves(room: Mailroom, _: Any) -> None:
    request = SetEmployeeRequest(caller_id=CALLER, employee_id="dan", team="t1", active=False)
    await room.world.write(operations.set_employee, "ann", request, banks=["*"])


async def hold(room: Mailroom, row: Any) -> None:
    columns = {
        "hold_id": "h1",
        "bank_id": BANK,
        "account_id": row.account_id,
        "kind": HoldKind.HOLD_KIND_DEATH,
        "reason_sealed": b"",
        "set_by": "x",
        "set_ms": NOW_MS,
    }
    await write(room, lambda tx: stop_store.insert_hold(tx.connection, columns))


async def mark(room: Mailroom, row: Any) -> None:
    columns = {
        "bank_id": BANK,
        "subject": row.person_id,
        "reason": NoContactReason.NO_CONTACT_REASON_REFUSAL,
        "evidence_sealed": b"",
        "set_by": "x",
        "set_ms": NOW_MS,
    }
    await write(room, lambda tx: stop_store.put_mark(tx.connection, columns))


async def another_bank_marks_the_address(room: Mailroom, row: Any) -> None:
    """Bad for everybody: what other banks have pending is judged at the permit."""
    columns = {
        "mark_id": "m1",
        "bank_id": "other-bank",
        "address_hash": row.address_hash,
        "person_id": "",
        "reason": BadAddressReason.BAD_ADDRESS_REASON_DEMOLISHED,
        "masked_address": "",
        "evidence_sealed": b"",
        "set_by": "x",
        "set_ms": NOW_MS,
    }
    await write(room, lambda tx: address_store.insert_bad(tx.connection, columns))


async def the_bank_names_it_no_more(room: Mailroom, row: Any) -> None:
    await write(room, lambda tx: address_store.drop_reserved(tx.connection, row.person_id, []))


async def another_debtor(room: Mailroom, _: Any) -> None:
    """The bank names the recipient no more."""
    debtor = Party(customer_id="C9", role=Party.ROLE_DEBTOR, name="李四")
    placement = Placement(account_number="7001", agency_id=AGENCY, parties=[debtor], balance=room.balance(1, 123_456))
    placement.start_time.FromMilliseconds(NOW_MS - DAY_MS)
    placement.end_time.FromMilliseconds(NOW_MS + DAY_MS)
    await room.world.apply(BankEvent(placement=placement))


async def suspend(room: Mailroom, _: Any) -> None:
    request = SuspendLetterVersionRequest(digest=room.digest, reason="修订")
    await room.world.write(letter_versions.suspend, "ben", request)


async def supersede(room: Mailroom, _: Any) -> None:
    """A later version of the letter is in force."""
    room.world.set_clock(NOW_MS + 60_000)
    await authorized_letter(room.world, source=SOURCE.replace("如暂时", "如您暂时").encode())


async def two_days_pass(room: Mailroom, _: Any) -> None:
    room.world.set_clock(NOW_MS + 2 * DAY_MS)


REFUSED: dict[str, Change] = {
    "OPERATOR_MISSING": clerk_leaves,
    "NOT_PLACED": account(agency_id="other-agency"),
    "CASE_RECALLED": account(end_ms=NOW_MS),
    "ACCOUNT_SETTLED": account(settled=True),
    "ACCOUNT_ON_HOLD": hold,
    "DO_NOT_CONTACT": mark,
    "VARIABLE_INVALID": resealed(variables={"line": "95588"}),
    "THIRD_PARTY_DISCLOSURE": another_debtor,
    "LETTER_NOT_AUTHORIZED": supersede,
    "BELOW_MINIMUM_AMOUNT": threshold(letter_minimum_fen=123_456, letter_minimum_inclusive=False),
    "NO_PRIOR_CALL": threshold(prior_call_must_be_answered=True),
    "ADDRESS_INCOMPLETE": resealed(address="西湖区18号"),
    "ADDRESS_SENSITIVE": resealed(address="浙江省杭州市西湖区文三路18号西湖区人民法院"),
    "ADDRESS_BROAD": resealed(address="浙江省杭州市西湖区浙江大学"),
    "ADDRESS_UNDELIVERABLE": resealed(address="江苏省杭州市西湖区文三路18号3幢402室"),
    "ADDRESS_KNOWN_BAD": another_bank_marks_the_address,
}
WAITS: dict[str, Change] = {
    "BALANCE_UNCONFIRMED": two_days_pass,
    "CONTACT_UNVERIFIED": the_bank_names_it_no_more,
    "LETTER_NOT_AUTHORIZED": suspend,
    "CARE_AMOUNT": threshold(care_amount_fen=123_456),
    "QUANTITY_NOT_APPROVED": outreach(quantity_id=""),
}


@pytest.mark.parametrize(("code", "change"), REFUSED.items())
async def test_what_may_not_be_printed_any_more_is_cancelled(room: Mailroom, code: str, change: Change) -> None:
    """With the code, and its place goes to another letter."""
    (asked,) = await room.ask("7001", prior_call=UNANSWERED)
    assert asked.state == states.ADMITTED
    await change(room, await room.world.outreach(asked.outreach_id))
    assert not (await room.start()).run_id
    row = await room.world.outreach(asked.outreach_id)
    assert (row.state, row.quantity_id) == (states.CANCELLED, "")
    assert code in row.codes.split(",")


@pytest.mark.parametrize(("code", "change"), WAITS.items())
async def test_what_has_to_wait_at_the_permit_waits(room: Mailroom, code: str, change: Change) -> None:
    """Without a due time, until what the code names is mended."""
    (asked,) = await room.ask("7001")
    await change(room, await room.world.outreach(asked.outreach_id))
    assert not (await room.start()).run_id
    row = await room.world.outreach(asked.outreach_id)
    assert (row.state, row.codes, row.waiting_for, row.due_ms) == (states.ADMITTED, code, code, None)


@pytest.mark.parametrize(("code", "change"), [*REFUSED.items(), *list(WAITS.items())[:2]])
async def test_the_scan_that_mails_a_letter_asks_every_rule_again(room: Mailroom, code: str, change: Change) -> None:
    """The verdicts on a printed letter are those of now; its own print is none against it."""
    (asked,) = await room.ask("7001", prior_call=UNANSWERED)
    run = await room.start()
    permits = await room.permits(run.run_id)
    await room.report(run.run_id, permits)
    await room.confirm(*(permit.letter_number for permit in permits))
    row = await room.world.outreach(asked.outreach_id)
    assert await write(room, lambda tx: LetterGroup(tx, [row]).judge(row).codes) == []
    await change(room, row)
    now = await room.world.outreach(asked.outreach_id)
    assert code in await write(room, lambda tx: LetterGroup(tx, [now]).judge(now).codes)


async def test_of_two_letters_about_an_account_one_is_printed(room: Mailroom) -> None:
    """The other waits, and is looked at again each day while the first is in print; 30 days from its mailing on."""
    first, second = await room.ask("7001", "7001")
    run = await room.start()
    assert run.letters == 1
    row = await room.world.outreach(second.outreach_id)
    assert (row.codes, row.due_ms) == ("FREQUENCY_CAP", NOW_MS + DAY_MS)
    (permit,) = await room.permits(run.run_id)
    assert permit.outreach_id == first.outreach_id
    await room.report(run.run_id, [permit])
    await room.confirm(permit.letter_number)
    await room.seal(permit.letter_number)
    await room.mail(permit.letter_number)
    room.world.set_clock(NOW_MS + DAY_MS)
    await room.world.open_bank()
    await room.start()
    assert (await room.world.outreach(second.outreach_id)).due_ms == NOW_MS + 30 * DAY_MS


async def test_a_confirmed_address_ends_the_wait(room: Mailroom) -> None:
    """The same door in another spelling; the letter keeps the spelling it was asked with."""
    address = "浙江省杭州市西湖区文三路20号1幢101室"
    (asked,) = await room.ask("7001", address=address)
    request = ConfirmAddressRequest(
        bank_id=BANK, customer_id="C7001", address="杭州西湖区文三路20号1栋101", evidence_reference="rec-8"
    )
    assert (await room.world.write(addresses.confirm, "dan", request)).resumed == 1
    run = await room.start()
    (permit,) = await room.permits(run.run_id)
    assert (permit.outreach_id, permit.address) == (asked.outreach_id, address)


async def test_a_reviewers_release_ends_the_wait(room: Mailroom) -> None:
    """CARE_AMOUNT is asked no more once it was released."""
    await room.world.open_bank(care_amount_fen=123_456)
    (asked,) = await room.ask("7001")
    request = ReleaseCareRequest(outreach_id=asked.outreach_id, reason="已核对")
    await room.write(care.release_care, request, principal("ben", roles=[REVIEWER]))
    assert (await room.start()).letters == 1


async def test_a_suspended_version_waits_for_its_return(room: Mailroom) -> None:
    """What waited is printed after it."""
    await room.ask("7001")
    await suspend(room, None)
    assert not (await room.start()).run_id
    request = ResumeLetterVersionRequest(digest=room.digest, reason="核对无误")
    assert (await room.world.write(letter_versions.resume, "cat", request)).resumed == 1
    assert (await room.start()).letters == 1


async def test_a_granted_quantity_ends_the_wait(world: World) -> None:
    """What awaited it is judged anew as it is printed, by what is known then."""
    room = await open_mailroom(world, places=1)
    await room.place("7001", "7002", "7003")
    _, elsewhere, good = await room.ask("7001", "7002", "7003")
    await the_bank_names_it_no_more(room, await world.outreach(elsewhere.outreach_id))
    assert {elsewhere.state, good.state} == {states.AWAITING_QUANTITY}
    await grant_quantity(world, 2)
    assert (await room.start()).letters == 2
    assert (await world.outreach(elsewhere.outreach_id)).waiting_for == "CONTACT_UNVERIFIED"


async def test_pending_letters_take_the_new_amounts(room: Mailroom) -> None:
    """The permit shows what the bank's record says when it is given, as 12,345.67."""
    await room.ask("7001")
    await room.repay("7001", 2, 1_234_567)
    (permit,) = await room.permits((await room.start()).run_id)
    assert {value.name: value.text for value in permit.values}["overdue"] == "12,345.67"
    assert permit.balance_sequence == 2


async def test_letters_below_the_minimum_after_a_repayment_are_cancelled(room: Mailroom) -> None:
    """At once and with a notice, in print too; another account's go on."""
    await room.world.open_bank(letter_minimum_fen=100_000)
    (pending, other) = await room.ask("7001", "7002")
    await room.repay("7001", 2, 99_999)
    row = await room.world.outreach(pending.outreach_id)
    assert (row.state, row.cause) == (states.CANCELLED, "REPAID_IN_PART")
    assert [entry["outreach"] for entry in await room.world.entries("notice")] == [pending.outreach_id]
    run = await room.start()
    await room.report(run.run_id, await room.permits(run.run_id))
    await room.repay("7002", 2, 99_999)
    row = await room.world.outreach(other.outreach_id)
    assert (row.state, row.cause) == (states.TO_PULL, "REPAID_IN_PART")


async def test_a_cancelled_letter_gives_its_place_back(world: World) -> None:
    """To the one that waits for it."""
    room = await open_mailroom(world, places=1)
    await room.place("7001", "7002")
    first, second = await room.ask("7001", "7002")
    assert (first.state, second.state) == (states.ADMITTED, states.AWAITING_QUANTITY)
    await room.repay("7001", 2)
    assert (await world.outreach(second.outreach_id)).state == states.ADMITTED
