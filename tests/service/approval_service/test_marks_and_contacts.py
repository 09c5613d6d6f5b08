from __future__ import annotations

from typing import Any

import pytest

from approval_service import contacts, marks
from outreach.domain import states
from outreach.domain.errors import Kind, Refusal
from outreach.v1.bank_service_pb2 import BankEvent, NoContactInstruction
from outreach.v1.hold_service_pb2 import (
    CloseContactRequest,
    ConfirmContactRequest,
    MarkNoContactRequest,
    NoContactReason,
)
from tests.service.approval_service.world import BANK, World, actor

PHONE = "13800138001"
OTHER = "13900139002"
EVIDENCE = "REC-20261124093000-8001"


@pytest.fixture
async def world(world: World) -> World:
    """With an approved version and two accounts of different people."""
    await world.place("6001", PHONE, customer="C1")
    await world.place("6002", OTHER, customer="C2")
    await world.approve((await world.draft()).digest)
    return world


def mark(**subject: str) -> MarkNoContactRequest:
    fields: dict[str, Any] = dict(subject)
    reason = NoContactReason.NO_CONTACT_REASON_REFUSAL
    return MarkNoContactRequest(bank_id=BANK, reason=reason, evidence_reference=EVIDENCE, **fields)


@pytest.mark.parametrize("subject", [{"customer_id": "C1"}, {"phone_number": PHONE}, {"account_number": "6001"}])
async def test_a_mark_ends_contact_with_its_subject_alone(world: World, subject: dict[str, str]) -> None:
    """What is pending for the person, number or account is cancelled and later requests are blocked; others go on."""
    pending = await world.submit("6001", PHONE)
    other = await world.submit("6002", OTHER)
    done = await world.write(marks.mark_no_contact, "ann", mark(**subject))
    assert list(done.cancelled_ids) == [pending.outreach_id]
    assert (await world.outreach(pending.outreach_id)).cause == "DO_NOT_CONTACT"
    blocked = await world.submit("6001", PHONE)
    assert [finding.code for finding in blocked.findings] == ["DO_NOT_CONTACT"]
    assert (await world.outreach(other.outreach_id)).state == states.ADMITTED
    (entry,) = await world.entries("no_contact")
    assert (entry["reason"], entry["by"]) == ("REFUSAL", actor("ann"))


async def test_a_mark_names_what_may_be_leaving(world: World) -> None:
    """A message that held a permit when the mark was set is named."""
    await world.submit("6001", PHONE)
    (permit,) = await world.lease()
    done = await world.write(marks.mark_no_contact, "ann", mark(phone_number="+86 138 0013 8001"))
    assert list(done.possibly_leaving_attempt_ids) == [permit.attempt_id]


async def test_the_banks_own_mark_works_alike(world: World) -> None:
    """An event of the bank closes the number."""
    pending = await world.submit("6001", PHONE)
    instruction = NoContactInstruction(phone_number=PHONE, reason="来函要求")
    assert (await world.apply(BankEvent(no_contact=instruction))).cancelled == 1
    assert (await world.outreach(pending.outreach_id)).state == states.CANCELLED


async def test_an_unknown_subject_is_refused(world: World) -> None:
    """A customer or account that was never placed is NOT_FOUND, what is no mobile number INVALID_ARGUMENT."""
    for subject, kind in (
        ({"customer_id": "C9"}, Kind.NOT_FOUND),
        ({"account_number": "9"}, Kind.NOT_FOUND),
        ({"phone_number": "021-12345678"}, Kind.INVALID),
    ):
        with pytest.raises(Refusal) as caught:
            await world.write(marks.mark_no_contact, "ann", mark(**subject))
        assert caught.value.kind is kind


async def test_a_confirmed_number_releases_what_waited_for_it(world: World) -> None:
    """A message to a number that nobody vouched for waits, and is due once its evidence is recorded."""
    waiting = await world.submit("6001", "13700137003")
    assert (await world.outreach(waiting.outreach_id)).waiting_for == "CONTACT_UNVERIFIED"
    assert await world.lease() == []
    request = ConfirmContactRequest(
        bank_id=BANK, customer_id="C1", phone_number="13700137003", evidence_reference=EVIDENCE
    )
    assert (await world.write(contacts.confirm, "ann", request)).resumed == 1
    assert [permit.outreach_id for permit in await world.lease()] == [waiting.outreach_id]
    (entry,) = await world.entries("contact_confirmed")
    assert entry["by"] == actor("ann")


async def test_another_persons_number_is_closed_for_this_person(world: World) -> None:
    """What is pending to it for this person is cancelled, and a new placement does not open it again."""
    pending = await world.submit("6001", PHONE)
    request = CloseContactRequest(
        bank_id=BANK,
        customer_id="C1",
        phone_number=PHONE,
        finding=CloseContactRequest.FINDING_NOT_THIS_PERSON,
        evidence_reference=EVIDENCE,
    )
    done = await world.write(contacts.close, "ann", request)
    assert list(done.cancelled_ids) == [pending.outreach_id]
    assert (await world.outreach(pending.outreach_id)).cause == "PHONE_INVALID"
    await world.place("6001", PHONE, customer="C1")
    blocked = await world.submit("6001", PHONE)
    assert [finding.code for finding in blocked.findings] == ["PHONE_INVALID"]


async def test_a_dead_number_is_closed_for_everybody(world: World) -> None:
    """Nobody is written to at a number that is not in service."""
    await world.place("6003", PHONE, customer="C3")
    pending = [(await world.submit(number, PHONE)).outreach_id for number in ("6001", "6003")]
    request = CloseContactRequest(
        bank_id=BANK,
        customer_id="C1",
        phone_number=PHONE,
        finding=CloseContactRequest.FINDING_DEAD,
        evidence_reference=EVIDENCE,
    )
    done = await world.write(contacts.close, "ann", request)
    assert sorted(done.cancelled_ids) == sorted(pending)
    assert (await world.submit("6003", PHONE)).findings[0].code == "PHONE_INVALID"


async def test_the_ledger_has_neither_number_nor_customer(world: World) -> None:
    """Marks and findings are in the ledger without personal data."""
    await world.write(marks.mark_no_contact, "ann", mark(phone_number=PHONE))
    request = ConfirmContactRequest(bank_id=BANK, customer_id="C2", phone_number=OTHER, evidence_reference=EVIDENCE)
    await world.write(contacts.confirm, "ann", request)
    ledger = b"\n".join(await world.bodies())
    for secret in (PHONE, OTHER, EVIDENCE, "张三"):
        assert secret.encode() not in ledger


async def test_only_an_active_employee_of_the_bank_marks(world: World) -> None:
    """Neither somebody out of service nor a token of another bank sets a mark."""
    with pytest.raises(Refusal, check=lambda e: e.reason == "OPERATOR_MISSING"):
        await world.write(marks.mark_no_contact, "", mark(phone_number=PHONE))
    with pytest.raises(Refusal, check=lambda e: e.reason == "BANK_NOT_COVERED"):
        await world.write(marks.mark_no_contact, "ann", mark(phone_number=PHONE), banks=["other-bank"])
