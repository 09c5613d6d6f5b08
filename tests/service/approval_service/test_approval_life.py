"""An approval lasts as long as the bank's policy says, and is renewed through the same gates."""

from __future__ import annotations

from typing import Any

import pytest

from approval_service import letter_versions, templates
from approval_service.calls import Call
from approval_service.waiting import waiting_for
from outreach.domain import states
from outreach.domain.errors import Kind, Refusal
from outreach.v1.letter_version_service_pb2 import GetLetterVersionRequest, RenewLetterVersionRequest
from outreach.v1.mailroom_service_pb2 import LetterState
from outreach.v1.template_service_pb2 import (
    ApproveTemplateRequest,
    BankDocument,
    GetTemplateRequest,
    ListTemplatesRequest,
    RecordBankDocumentRequest,
    RenewTemplateRequest,
    RetireTemplateRequest,
    ReviewTemplateRequest,
    Template,
    TemplateState,
    VerifyBankDocumentRequest,
)
from tests.service.approval_service.letters import letter_review
from tests.service.approval_service.mailroom import open_mailroom
from tests.service.approval_service.world import BANK, DAY_MS, World, actor, phone_of, principal

LIFE_DAYS = 40
DOCUMENT = BankDocument(reference="DOC-1", date="2026-11-24", scan_sha256="ab" * 32)


@pytest.fixture
async def digest(world: World) -> str:
    """A version approved now, of a bank whose approvals last 40 days, and whose amounts do not grow old."""
    await world.open_bank(approval_life_days=LIFE_DAYS, balance_max_age_minutes=10_080)
    digest = (await world.draft()).digest
    await world.approve(digest)
    return digest


async def later(world: World, days: int) -> None:
    """Days later, at the same hour, with the account of the number told again."""
    world.set_clock(world.now_ms() + days * DAY_MS)
    await world.open_bank(approval_life_days=LIFE_DAYS, balance_max_age_minutes=10_080)


async def get(world: World, digest: str) -> Template:
    call = Call(principal("ann"), GetTemplateRequest(digest=digest))
    return (await world.authority.read(templates.get, call)).template


async def renew(world: World, digest: str, by: str = "ann") -> Template:
    return (await world.write(templates.renew, by, RenewTemplateRequest(digest=digest))).template


async def test_what_asks_for_an_expired_version_is_refused_at_the_door(world: World, digest: str) -> None:
    """To the millisecond: the last of its life it may be asked for, the next it may not."""
    await later(world, LIFE_DAYS)
    await world.place("6001", phone_of("6001"))
    now = world.now_ms()
    world.set_clock(now - 1)
    assert (await world.ask("6001")).state == states.ADMITTED
    world.set_clock(now)
    decision = await world.ask("6001")
    assert decision.state == states.BLOCKED
    assert [finding.code for finding in decision.findings] == ["TEMPLATE_NOT_APPROVED"]


async def test_what_waits_is_refused_when_it_is_to_leave(world: World, digest: str) -> None:
    """Admitted while the approval was good, and no more let go once it is over."""
    await later(world, LIFE_DAYS - 1)
    await world.place("6001", phone_of("6001"))
    decision = await world.ask("6001")
    world.set_clock(world.now_ms() + DAY_MS)
    assert await world.lease() == []
    row = await world.outreach(decision.outreach_id)
    assert (row.state, row.cause) == (states.CANCELLED, "TEMPLATE_NOT_APPROVED")


async def test_it_is_told_until_when_a_version_is_approved(world: World, digest: str) -> None:
    """By list and by get; a policy without a life says nothing."""
    approved_ms = world.now_ms()
    await later(world, LIFE_DAYS - 2)
    call = Call(principal("ann"), ListTemplatesRequest(bank_id=BANK))
    (listed,) = (await world.authority.read(templates.list_versions, call)).templates
    for version in (listed, await get(world, digest)):
        assert version.approve_time.ToMilliseconds() == approved_ms
        assert version.approved_until.ToMilliseconds() == approved_ms + LIFE_DAYS * DAY_MS
        assert version.approval_days_left == 2
    world.set_clock(world.now_ms() + 2 * DAY_MS)
    assert (await get(world, digest)).approval_days_left == 0
    await world.open_bank()
    version = await get(world, digest)
    assert not version.HasField("approved_until")
    assert not version.HasField("approval_days_left")


async def test_a_renewal_passes_both_gates_and_the_version_stays_in_force_meanwhile(world: World, digest: str) -> None:
    """Nobody passes two of the gates, nor the one who drafted the text; the same digest is approved anew."""
    await later(world, LIFE_DAYS - 1)
    await world.place("6001", phone_of("6001"))
    renewing = await renew(world, digest, by="eve")
    assert (renewing.state, renewing.renewal.drafted_by) == (TemplateState.TEMPLATE_STATE_APPROVED, actor("eve"))
    assert [(item.kind, item.id) for item in await world.authority.read(waiting_for, "eve")] == [("template", digest)]
    with pytest.raises(Refusal, check=lambda e: e.reason == "TEMPLATE_STATE"):
        await renew(world, digest)
    passed: dict[str, Any] = {"digest": digest, "pass": True}
    for same in ("ann", "eve"):
        with pytest.raises(Refusal, check=lambda e: (e.kind, e.reason) == (Kind.DENIED, "SAME_PERSON")):
            await world.write(templates.review, same, ReviewTemplateRequest(**passed))
    await world.write(templates.review, "cat", ReviewTemplateRequest(**passed))
    approval = ApproveTemplateRequest(digest=digest, approve=True)
    with pytest.raises(Refusal, check=lambda e: e.reason == "SAME_PERSON"):
        await world.write(templates.approve, "cat", approval)
    assert (await world.ask("6001")).state == states.ADMITTED
    approved = (await world.write(templates.approve, "dan", approval)).template
    assert (approved.reviewed_by, approved.approved_by) == (actor("cat"), actor("dan"))
    assert not approved.HasField("renewal")
    assert (await get(world, digest)).approval_days_left == LIFE_DAYS
    world.set_clock(world.now_ms() + DAY_MS)
    assert len(await world.lease()) == 1
    kinds = [e["kind"] for e in await world.entries() if e.get("template") == digest and e.get("renewal")]
    assert kinds == ["template_drafted", "template_reviewed", "template_approved"]


async def test_a_rejected_renewal_changes_nothing(world: World, digest: str) -> None:
    """The version stays as it is until its approval is over, and can be renewed again, also after that."""
    before = await get(world, digest)
    await renew(world, digest)
    rejected: dict[str, Any] = {"digest": digest, "pass": False, "comment": "须重拟"}
    await world.write(templates.review, "ben", ReviewTemplateRequest(**rejected))
    assert await get(world, digest) == before
    await later(world, LIFE_DAYS + 1)
    await world.place("6001", phone_of("6001"))
    assert (await world.ask("6001")).state == states.BLOCKED
    await renew(world, digest)
    await world.approve(digest)
    assert (await world.ask("6001")).state == states.ADMITTED


async def test_a_renewal_by_the_banks_document(world: World, digest: str) -> None:
    """Entered by one person and verified by another; the version then rests on that document."""
    await renew(world, digest)
    passed: dict[str, Any] = {"digest": digest, "pass": True}
    await world.write(templates.review, "ben", ReviewTemplateRequest(**passed))
    await world.write(templates.document, "cat", RecordBankDocumentRequest(digest=digest, document=DOCUMENT))
    assert not (await get(world, digest)).HasField("bank_document")
    request = VerifyBankDocumentRequest(digest=digest, document=DOCUMENT)
    with pytest.raises(Refusal, check=lambda e: e.reason == "SAME_PERSON"):
        await world.write(templates.verify, "cat", request)
    renewed = (await world.write(templates.verify, "dan", request)).template
    assert (renewed.bank_document, renewed.documented_by) == (DOCUMENT, actor("cat"))


async def test_a_retired_version_is_not_renewed(world: World, digest: str) -> None:
    """Retiring ends a renewal that is on its way."""
    await renew(world, digest)
    await world.write(templates.retire, "ben", RetireTemplateRequest(digest=digest, reason="改版"))
    assert await world.authority.read(waiting_for, "ann") == []
    with pytest.raises(Refusal, check=lambda e: e.reason == "TEMPLATE_STATE"):
        await renew(world, digest)


async def test_a_letter_of_an_expired_version_is_refused_and_a_printed_one_pulled(world: World) -> None:
    """At the door, into a run and at the scan that hands it to the post; filed anew, the version is back."""
    await world.open_bank(approval_life_days=LIFE_DAYS, balance_max_age_minutes=10_080)
    room = await open_mailroom(world)
    await later(world, LIFE_DAYS - 1)
    await room.place("7201", "7202", "7203")
    _, (letter,) = await room.printed("7201")
    (waiting,) = await room.ask("7202")
    world.set_clock(world.now_ms() + DAY_MS)
    (scan,) = await room.mail(letter)
    assert (scan.state, list(scan.codes)) == (LetterState.LETTER_STATE_TO_PULL, ["LETTER_NOT_AUTHORIZED"])
    assert not (await room.start()).run_id
    row = await world.outreach(waiting.outreach_id)
    assert (row.state, row.cause) == (states.CANCELLED, "LETTER_NOT_AUTHORIZED")
    (refused,) = await room.ask("7203")
    assert (refused.state, [f.code for f in refused.findings]) == (states.BLOCKED, ["LETTER_NOT_AUTHORIZED"])

    await world.write(letter_versions.renew, "eve", RenewLetterVersionRequest(digest=room.digest))
    request = letter_review(room.digest, filing_number="BA-2027-1")
    with pytest.raises(Refusal, check=lambda e: e.reason == "SAME_PERSON"):
        await world.write(letter_versions.review, "ann", request)
    await world.write(letter_versions.review, "ben", request)
    call = Call(principal("ann"), GetLetterVersionRequest(digest=room.digest))
    version = (await world.authority.read(letter_versions.get, call)).version
    assert (version.filing_number, version.approval_days_left) == ("BA-2027-1", LIFE_DAYS)
    (admitted,) = await room.ask("7203")
    assert admitted.state == states.ADMITTED
