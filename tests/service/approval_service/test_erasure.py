"""Erasing a person: refused while something obliges to keep the data, decided by two, and nothing left afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import LargeBinary, select

from approval_service import holds, replies, reports, schema
from approval_service.personal_data import erasure
from approval_service.store import persons as store
from outreach.domain import states
from outreach.domain.errors import Kind, Refusal
from outreach.ledger.checkpoint import Verifier, parse_and_verify
from outreach.ledger.entries import decode
from outreach.ledger.merkle import Frontier, leaf_hash
from outreach.v1.hold_service_pb2 import ApproveLiftRequest, HoldKind, PlaceHoldRequest, RequestLiftRequest
from outreach.v1.mailroom_service_pb2 import LetterState, ReturnReason
from outreach.v1.person_service_pb2 import PersonRequestState, PersonState
from outreach.v1.print_service_pb2 import ReportErasedPdfsRequest
from outreach.v1.worker_service_pb2 import CarrierReply, Outcome, Receipt
from tests.service.approval_service.mailroom import open_mailroom
from tests.service.approval_service.people import People
from tests.service.approval_service.world import BANK, CARRIER, World, phone_of

STATES = PersonRequestState
NUMBER = "6001"


@pytest.fixture
async def people(world: World) -> People:
    """Account 6001, to whose debtor one message was sent."""
    await world.ready(NUMBER)
    return People(world)


async def sent(world: World, number: str = NUMBER) -> str:
    """A message to the account's debtor that left. Returns its outreach id."""
    decision = await world.ask(number)
    (permit,) = await world.lease()
    await world.report(permit.attempt_id, Outcome.OUTCOME_ACCEPTED)
    return decision.outreach_id


async def refused(act: Any, reason: str) -> Refusal:
    with pytest.raises(Refusal) as raised:
        await act
    assert raised.value.reason == reason
    return raised.value


async def test_records_are_kept_while_the_law_wants_them(people: People) -> None:
    refusal = await refused(people.ask(NUMBER), "RETENTION_RUNS")
    assert refusal.kind is Kind.PRECONDITION
    assert "2030-02" in refusal.message  # 90 days of the account's term, then 1095
    people.years_later()
    asked = await people.ask(NUMBER)
    assert asked.state == STATES.PERSON_REQUEST_STATE_ASKED


async def test_a_hold_stands_in_the_way_until_it_is_lifted(people: People) -> None:
    people.years_later()
    world, complaint = people.world, HoldKind.HOLD_KIND_COMPLAINT
    place = PlaceHoldRequest(bank_id=BANK, account_number=NUMBER, kind=complaint, reason="投诉 C-9")
    hold = (await world.write(holds.place_hold, "cat", place)).hold
    refusal = await refused(people.ask(NUMBER), "HOLD_OPEN")
    assert hold.hold_id in refusal.message
    await world.write(holds.request_lift, "cat", RequestLiftRequest(hold_id=hold.hold_id, reason="已答复"))
    await world.write(holds.approve_lift, "dan", ApproveLiftRequest(hold_id=hold.hold_id))
    await people.ask(NUMBER)


async def test_it_is_asked_for_once_and_decided_by_another(people: People) -> None:
    people.years_later()
    asked = await people.ask(NUMBER)
    await refused(people.ask(NUMBER), "ERASURE_ASKED")
    await refused(people.decide(asked.request_id, employee="ann"), "SAME_PERSON")
    refusal = await people.decide(asked.request_id, approve=False)
    assert refusal.request.state == STATES.PERSON_REQUEST_STATE_REFUSED
    await refused(people.decide(asked.request_id), "NOT_PENDING")
    assert await people.sweep() == 0
    assert (await people.get(NUMBER)).state == PersonState.PERSON_STATE_NORMAL


async def test_a_reason_that_names_somebody_is_refused(people: People) -> None:
    people.years_later()
    with pytest.raises(Refusal, match="reason"):
        await people.ask(NUMBER, reason="张三要求删除")


async def test_a_hold_after_the_approval_stops_it(people: People) -> None:
    people.years_later()
    asked = await people.ask(NUMBER)
    await people.decide(asked.request_id)
    place = PlaceHoldRequest(bank_id=BANK, account_number=NUMBER, kind=HoldKind.HOLD_KIND_COMPLAINT, reason="投诉 C-9")
    await people.world.write(holds.place_hold, "cat", place)
    assert await people.sweep() == 0
    found = await people.get(NUMBER)
    assert [one.state for one in found.requests] == [STATES.PERSON_REQUEST_STATE_STOPPED]
    assert found.requests[0].note == "HOLD_OPEN"
    assert found.state == PersonState.PERSON_STATE_NORMAL


async def test_what_is_unconfirmed_is_lost_only_by_consent(people: People) -> None:
    await people.world.ask(NUMBER)
    (permit,) = await people.world.lease()
    await people.world.report(permit.attempt_id, Outcome.OUTCOME_UNKNOWN)
    people.years_later()
    assert (await people.get(NUMBER)).unconfirmed_attempt_ids == [permit.attempt_id]
    asked = await people.ask(NUMBER)
    refusal = await refused(people.decide(asked.request_id), "UNCONFIRMED_LOSES")
    assert permit.attempt_id in refusal.message
    await people.decide(asked.request_id, accept=True)
    assert await people.sweep() == 1
    (approved,) = await people.world.entries("person_erasure_approved")
    assert approved["unconfirmed"] == [permit.attempt_id]


async def test_what_is_released_is_waited_for_and_what_is_pending_is_cancelled(people: People) -> None:
    """What was released finishes, and nothing else leaves."""
    world = people.world
    await world.open_bank(sms_per_day=4, sms_gap_minutes=30)
    first, second = await world.ask(NUMBER), await world.ask(NUMBER)
    (permit,) = await world.lease(1)
    people.years_later()
    asked = await people.ask(NUMBER)
    done = await people.decide(asked.request_id)
    assert list(done.cancelled_ids) == [second.outreach_id]
    assert list(done.possibly_leaving_attempt_ids) == [permit.attempt_id]
    assert await people.sweep() == 0
    assert (await people.get(NUMBER)).requests[0].note == permit.attempt_id
    assert await world.lease() == []
    await world.report(permit.attempt_id, Outcome.OUTCOME_ACCEPTED)
    assert await people.sweep() == 1
    assert await world.lease() == []
    assert (await world.outreach(first.outreach_id)).state == states.SENT


async def test_nothing_is_left_and_the_ledger_verifies(people: People) -> None:
    world, authority = people.world, people.world.authority
    outreach_id = await sent(world)
    reply = CarrierReply(carrier_id=CARRIER, reply_id="m1", phone_number=phone_of(NUMBER), text="周五还")
    await authority.write(replies.receive, reply)
    secrets = _secrets_of(authority, await people.get(NUMBER))
    assert len(secrets) > 5
    people.years_later()
    person_id = await people.erase(NUMBER)
    held = _everything(authority)
    assert not [secret for secret in secrets if any(secret in text for text in held)]
    row = await world.outreach(outreach_id)
    assert (row.person_id, row.masked_phone, row.request_sealed, row.state) == ("", "", b"", states.SENT)
    (entry,) = await world.entries("person_erased")
    assert entry["person"] == person_id
    await _ledger_verifies(world)
    found = await people.get(NUMBER)
    assert (found.state, found.person_id, found.masked_name) == (PersonState.PERSON_STATE_ERASED, person_id, "")


async def test_nothing_is_left_among_many(people: People) -> None:
    """Rows that were moved about in the file, as it grew, leave no copies of themselves."""
    world = people.world
    others = [f"{number:04}" for number in range(200)]
    secrets: set[bytes] = set()
    for start in range(0, 200, 20):
        for number in others[start : start + 20]:
            await world.place(number, phone_of(number), name="李四")
            await world.ask(number)
        secrets.update(_secrets_of(world.authority, await people.get(NUMBER)))
        await world.place(NUMBER, phone_of(NUMBER))
        await world.lease(20)
    people.years_later()
    await people.erase(NUMBER, accept=True)
    held = _everything(world.authority)
    assert not [secret for secret in secrets if any(secret in text for text in held)]


def _secrets_of(authority: Any, found: Any) -> list[bytes]:
    """The wrapped key, all that is sealed under it, and its keyed hashes and masked values, as they are stored now."""
    secrets: set[bytes] = set()
    with authority.database.reader.connect() as connection:
        for table in (schema.person, schema.contact, schema.address, schema.outreach, schema.attempt, schema.reply):
            for row in connection.execute(select(table).where(table.c.person_id == found.person_id)).mappings():
                for column in table.columns:
                    value = row[column.name]
                    sealed = isinstance(column.type, LargeBinary) and column.name != "decision"
                    telling = column.name.endswith("_hash") or column.name.startswith("masked_")
                    if sealed or (telling and column.name != "customer_hash"):
                        secrets.add(value if isinstance(value, bytes) else value.encode())
    return [secret for secret in secrets if len(secret) > 5]


def _everything(authority: Any) -> list[bytes]:
    """Every value of every table, and on SQLite the files as they lie on the disk."""
    held: list[bytes] = []
    with authority.database.reader.connect() as connection:
        for table in schema.metadata.sorted_tables:
            for row in connection.execute(select(table)):
                held += [value if isinstance(value, bytes) else str(value).encode() for value in row]
    if authority.database.is_sqlite:
        assert authority.database.scrub()
        path = Path(authority.database.url.database)
        held += [one.read_bytes() for one in path.parent.glob(f"{path.name}*")]
    return held


async def _ledger_verifies(world: World) -> None:
    signer = world.authority.signer
    with world.authority.database.reader.connect() as connection:
        note = connection.execute(select(schema.head.c.checkpoint)).scalar_one()
    checkpoint = parse_and_verify(note, Verifier.from_key(signer.verifier_key))
    tree = Frontier()
    bodies = await world.bodies()
    tree.extend([leaf_hash(body) for body in bodies])
    assert (checkpoint.size, checkpoint.root) == (len(bodies), tree.root())
    assert all(decode(body) for body in bodies)


async def test_the_same_customer_begins_anew(people: People) -> None:
    """With a new key; what was marked stays marked, although nobody can tell any more why."""
    world = people.world
    await sent(world)
    opt_out = CarrierReply(carrier_id=CARRIER, reply_id="m2", phone_number=phone_of(NUMBER), text="N")
    await world.authority.write(replies.receive, opt_out)
    people.years_later()
    former = await people.erase(NUMBER)
    assert (await world.ask(NUMBER)).findings[0].code == "NOT_PLACED"
    await world.place(NUMBER, phone_of(NUMBER))
    found = await people.get(NUMBER)
    assert found.person_id not in ("", former)
    assert found.state == PersonState.PERSON_STATE_NORMAL
    assert found.outreach == 0
    decision = await world.ask(NUMBER)
    assert decision.state == states.BLOCKED
    assert {finding.code for finding in decision.findings} >= {"PHONE_INVALID"}


async def test_late_news_of_what_was_erased_harms_nobody(people: People) -> None:
    world = people.world
    await world.place("6002", phone_of("6002"))
    await world.ask(NUMBER)
    (permit,) = await world.lease()
    await world.report(permit.attempt_id, Outcome.OUTCOME_ACCEPTED)
    people.years_later()
    await people.erase(NUMBER)
    receipt = Receipt(carrier_id=CARRIER, attempt_id=permit.attempt_id, number_dead=True)
    assert await world.authority.write(reports.receive, receipt)
    reply = CarrierReply(carrier_id=CARRIER, reply_id="m3", phone_number=phone_of(NUMBER), text="T")
    assert not await world.authority.write(replies.receive, reply)
    with world.authority.database.reader.connect() as connection:
        assert connection.execute(select(schema.dead_phone)).all() == []


async def test_letters_are_waited_for_until_their_run_is_closed_and_their_pdfs_removed(world: World) -> None:
    mailroom = await open_mailroom(world)
    people = People(world)
    await mailroom.place("7001", "7002")
    run_id, numbers = await mailroom.printed("7001", "7002")
    await mailroom.mail(*numbers)
    hashes = {(await mailroom.letter(number)).pdf_sha256 for number in numbers}
    of_the_run = (await mailroom.get_run(run_id)).pdf_sha256
    people.years_later()
    asked = await people.ask("7001")
    await people.decide(asked.request_id)
    assert await people.sweep() == 0
    assert (await people.get("7001")).requests[0].note == run_id
    await mailroom.close(run_id)
    assert await people.sweep() == 1
    gone = await world.authority.read(store.erased_pdfs, 100)
    (first,) = [number for number in numbers if not (await mailroom.letter(number)).pdf_sha256]
    (other,) = set(numbers) - {first}
    kept = (await mailroom.letter(other)).pdf_sha256
    assert set(gone) == {of_the_run, *hashes} - {kept}
    found = await people.get("7001")
    assert found.requests[0].state == STATES.PERSON_REQUEST_STATE_APPROVED
    await world.authority.write(erasure.report_pdfs, ReportErasedPdfsRequest(pdf_sha256=gone))
    assert (await people.get("7001")).requests[0].state == STATES.PERSON_REQUEST_STATE_DONE
    shown = {one.letter_number: one.masked_name for one in await mailroom.letters()}
    assert shown == {first: "", other: "张**"}


async def test_a_letter_that_comes_back_of_somebody_erased_closes_nothing(world: World) -> None:
    """Its address is forgotten, and no mark or cancellation may fall on others in its place."""
    mailroom = await open_mailroom(world)
    people = People(world)
    await mailroom.place("7001", "7002")
    run_id, (number,) = await mailroom.printed("7001")
    await mailroom.mail(number)
    await mailroom.close(run_id)
    people.years_later()
    await people.erase("7001")
    returned = await mailroom.send_back(number, ReturnReason.RETURN_REASON_MOVED)
    assert not returned.address_closed
    assert (await mailroom.letter(number)).state == LetterState.LETTER_STATE_RETURNED
    with world.authority.database.reader.connect() as connection:
        assert connection.execute(select(schema.bad_address)).all() == []
