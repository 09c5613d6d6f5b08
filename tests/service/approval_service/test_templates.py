from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from approval_service import templates
from approval_service.calls import Call
from outreach.domain.errors import Kind, Refusal
from outreach.v1.template_service_pb2 import (
    ApproveTemplateRequest,
    BankDocument,
    DraftTemplateRequest,
    Filing,
    GetTemplateRequest,
    LintTemplateRequest,
    ListTemplatesRequest,
    RecordBankDocumentRequest,
    RecordFilingRequest,
    ReviewTemplateRequest,
    TemplateState,
    VerifyBankDocumentRequest,
)
from tests.service.approval_service.world import BANK, TEXT, World, actor, content, principal

DOCUMENT = BankDocument(reference="银发〔2026〕88号", date="2026-11-20", scan_sha256="ab" * 32)


def review(digest: str, *, passes: bool = True, comment: str = "") -> ReviewTemplateRequest:
    fields: dict[str, Any] = {"digest": digest, "pass": passes, "comment": comment}
    return ReviewTemplateRequest(**fields)


def approval(digest: str, *, approve: bool = True, comment: str = "") -> ApproveTemplateRequest:
    return ApproveTemplateRequest(digest=digest, approve=approve, comment=comment)


def document(digest: str, document: BankDocument = DOCUMENT) -> RecordBankDocumentRequest:
    return RecordBankDocumentRequest(digest=digest, document=document)


def verification(digest: str, document: BankDocument = DOCUMENT) -> VerifyBankDocumentRequest:
    return VerifyBankDocumentRequest(digest=digest, document=document)


def refused(kind: Kind, reason: str = "") -> Any:
    return pytest.raises(Refusal, check=lambda e: e.kind is kind and (not reason or e.reason == reason))


async def test_a_version_passes_both_gates_by_three_people(world: World) -> None:
    """Drafted, reviewed and approved by three people, a version is in force, and each step is in the ledger."""
    drafted = await world.draft()
    assert drafted.state == TemplateState.TEMPLATE_STATE_DRAFT
    assert (await world.write(templates.review, "ben", review(drafted.digest))).template.reviewed_by == actor("ben")
    approved = (await world.write(templates.approve, "cat", approval(drafted.digest))).template
    assert approved.state == TemplateState.TEMPLATE_STATE_APPROVED
    assert (approved.drafted_by, approved.approved_by) == (actor("ann"), actor("cat"))
    await world.place("6001", "13800138000")
    assert (await world.submit("6001", "13800138000")).template_digest == drafted.digest
    for kind, by in (("template_drafted", "ann"), ("template_reviewed", "ben"), ("template_approved", "cat")):
        (entry,) = await world.entries(kind)
        assert (entry["template"], entry["by"]) == (drafted.digest, actor(by))


async def test_a_drafter_passes_no_gate(world: World) -> None:
    """Whoever drafted a version neither reviews, approves, documents nor verifies it."""
    digest = (await world.draft()).digest
    with refused(Kind.DENIED, "SAME_PERSON"):
        await world.write(templates.review, "ann", review(digest))
    await world.write(templates.review, "ben", review(digest))
    with refused(Kind.DENIED, "SAME_PERSON"):
        await world.write(templates.approve, "ann", approval(digest))
    with refused(Kind.DENIED, "SAME_PERSON"):
        await world.write(templates.document, "ann", document(digest))
    await world.write(templates.document, "cat", document(digest))
    with refused(Kind.DENIED, "SAME_PERSON"):
        await world.write(templates.verify, "ann", verification(digest))


async def test_nobody_passes_a_version_through_two_gates(world: World) -> None:
    """The reviewer does not approve, neither directly nor by the bank's document."""
    digest = (await world.draft()).digest
    await world.write(templates.review, "ben", review(digest))
    with refused(Kind.DENIED, "SAME_PERSON"):
        await world.write(templates.approve, "ben", approval(digest))
    with refused(Kind.DENIED, "SAME_PERSON"):
        await world.write(templates.document, "ben", document(digest))
    await world.write(templates.document, "cat", document(digest))
    with refused(Kind.DENIED, "SAME_PERSON"):
        await world.write(templates.verify, "ben", verification(digest))


async def test_the_gates_have_an_order(world: World) -> None:
    """The bank approves nothing that the agency has not reviewed, and nothing twice."""
    digest = (await world.draft()).digest
    with refused(Kind.PRECONDITION, "TEMPLATE_STATE"):
        await world.write(templates.approve, "cat", approval(digest))
    with refused(Kind.PRECONDITION, "TEMPLATE_STATE"):
        await world.write(templates.document, "cat", document(digest))
    await world.approve(digest)
    with refused(Kind.PRECONDITION, "TEMPLATE_STATE"):
        await world.write(templates.approve, "dan", approval(digest))


async def test_the_banks_document_approves_by_two_more_people(world: World) -> None:
    """A document entered by one person and read alike by another approves; the ledger has its date and scan."""
    digest = (await world.draft()).digest
    await world.write(templates.review, "ben", review(digest))
    await world.write(templates.document, "cat", document(digest))
    with refused(Kind.DENIED, "SAME_PERSON"):
        await world.write(templates.verify, "cat", verification(digest))
    approved = (await world.write(templates.verify, "dan", verification(digest))).template
    assert approved.state == TemplateState.TEMPLATE_STATE_APPROVED
    assert (approved.documented_by, approved.approved_by) == (actor("cat"), actor("dan"))
    assert approved.bank_document == DOCUMENT
    (entry,) = await world.entries("template_approved")
    assert (entry["document_date"], entry["document_scan"]) == (DOCUMENT.date, DOCUMENT.scan_sha256)


async def test_a_document_read_otherwise_approves_nothing(world: World) -> None:
    """What the verifier reads must equal what was entered; a mistake is mended by entering it again."""
    digest = (await world.draft()).digest
    await world.write(templates.review, "ben", review(digest))
    await world.write(templates.document, "cat", document(digest))
    other = BankDocument(reference="银发〔2026〕89号", date=DOCUMENT.date, scan_sha256=DOCUMENT.scan_sha256)
    with refused(Kind.PRECONDITION, "DOCUMENT_DIFFERS"):
        await world.write(templates.verify, "dan", verification(digest, other))
    await world.write(templates.document, "cat", document(digest, other))
    approved = await world.write(templates.verify, "dan", verification(digest, other))
    assert approved.template.bank_document == other


async def test_a_rejection_needs_a_reason_and_is_final(world: World) -> None:
    """A rejected version stays rejected: its text cannot be drafted again unchanged."""
    digest = (await world.draft()).digest
    with refused(Kind.INVALID):
        await world.write(templates.review, "ben", review(digest, passes=False))
    await world.write(templates.review, "ben", review(digest, passes=False, comment="语气不当"))
    with refused(Kind.PRECONDITION, "TEMPLATE_STATE"):
        await world.write(templates.review, "cat", review(digest))
    with refused(Kind.CONFLICT):
        await world.draft()
    changed = await world.draft(text=TEXT + "谢谢。")
    assert changed.digest != digest
    await world.write(templates.review, "ben", review(changed.digest))
    await world.write(templates.approve, "cat", approval(changed.digest, approve=False, comment="不予同意"))
    (entry,) = await world.entries("template_rejected")
    assert (entry["template"], entry["comment"]) == (changed.digest, "不予同意")


async def test_comments_with_numbers_stay_out_of_the_ledger(world: World) -> None:
    """A comment that may hold a phone number is refused, and nothing is recorded."""
    digest = (await world.draft()).digest
    with refused(Kind.INVALID):
        await world.write(templates.review, "ben", review(digest, comment="致电 13800138000"))
    assert await world.entries("template_reviewed") == []


async def test_a_prohibited_text_cannot_be_drafted(world: World) -> None:
    """Every finding that stops it is a violation of its own; nothing is stored. LintTemplate shows the same."""
    bad = content(text="再不还款就起诉你，已移交公安机关立案。")
    with pytest.raises(Refusal) as caught:
        await world.write(templates.draft, "ann", DraftTemplateRequest(content=bad))
    assert caught.value.kind is Kind.INVALID
    request = LintTemplateRequest(content=bad)
    linted = await world.authority.read(templates.lint, Call(principal("ann"), request))
    stopping = [finding for finding in linted.findings if not finding.waits]
    assert [field for field, _ in caught.value.violations] == [finding.field for finding in stopping]
    assert await world.entries("template_drafted") == []


async def test_lint_tells_the_digest_and_length_that_a_draft_would_have(world: World) -> None:
    """The digest that LintTemplate shows is the one that DraftTemplate stores."""
    request = LintTemplateRequest(content=content())
    linted = await world.authority.read(templates.lint, Call(principal("ann"), request))
    assert linted.digest == (await world.draft()).digest
    assert linted.longest_characters > len(TEXT)
    assert linted.longest_segments == 3


async def test_only_an_active_employee_acts(world: World) -> None:
    """A token without an employee in service drafts and passes nothing."""
    for nobody in ("", "zoe"):
        with refused(Kind.DENIED, "OPERATOR_MISSING"):
            await world.write(templates.draft, nobody, DraftTemplateRequest(content=content()))
    digest = (await world.draft()).digest
    with refused(Kind.DENIED, "OPERATOR_MISSING"):
        await world.write(templates.review, "", review(digest))


async def test_another_banks_versions_do_not_exist(world: World) -> None:
    """A token of another bank finds no version, and cannot draft or list for this one."""
    digest = (await world.draft()).digest
    with refused(Kind.NOT_FOUND):
        await world.write(templates.review, "ben", review(digest), banks=["other-bank"])
    stranger = principal("ben", banks=["other-bank"])
    with refused(Kind.NOT_FOUND):
        await world.authority.read(templates.get, Call(stranger, GetTemplateRequest(digest=digest)))
    with refused(Kind.DENIED, "BANK_NOT_COVERED"):
        await world.write(templates.draft, "ben", DraftTemplateRequest(content=content()), banks=["other-bank"])
    with refused(Kind.DENIED, "BANK_NOT_COVERED"):
        await world.authority.read(templates.list_versions, Call(stranger, ListTemplatesRequest(bank_id=BANK)))


async def test_lists_are_paged_newest_first(world: World) -> None:
    """Page after page, every version comes once; a token of one's own making is refused."""
    digests = set()
    for number in range(5):
        world.set_clock(world.now_ms() + number % 2)
        digests.add((await world.draft(text=TEXT + "！" * number)).digest)
    seen: list[Any] = []
    token = ""
    while True:
        request = ListTemplatesRequest(bank_id=BANK, page_size=2, page_token=token)
        page = await world.authority.read(templates.list_versions, Call(principal("ann"), request))
        seen.extend(page.templates)
        token = page.next_page_token
        if not token:
            break
    assert {template.digest for template in seen} == digests
    assert len(seen) == 5
    created = [template.create_time.ToMilliseconds() for template in seen]
    assert created == sorted(created, reverse=True)
    with refused(Kind.INVALID):
        bad = ListTemplatesRequest(bank_id=BANK, page_token="x")
        await world.authority.read(templates.list_versions, Call(principal("ann"), bad))


async def test_the_version_in_force_is_the_last_to_take_effect(world: World) -> None:
    """A version approved for later takes over at its date; until then the older one is used."""
    await world.place("6001", "13800138000")
    old = await world.draft()
    later = Timestamp()
    later.FromMilliseconds(world.now_ms() + 3_600_000)
    new = await world.draft(effective_from=later)
    await world.approve(new.digest)
    world.set_clock(world.now_ms() + 1000)
    await world.approve(old.digest)
    assert (await world.submit("6001", "13800138000")).template_digest == old.digest
    world.set_clock(later.ToMilliseconds())
    assert (await world.submit("6001", "13800138000")).template_digest == new.digest


async def test_a_filing_is_usable_only_if_it_equals_the_approved_text(world: World) -> None:
    """The carrier's copy counts once the carrier passed it and its text is the version's own."""
    digest = (await world.draft()).digest

    async def file(text: str, state: Filing.State.ValueType) -> bool:
        filing = Filing(carrier_id="aliyun", template_code="SMS_1", registered_text=text, state=state)
        request = RecordFilingRequest(digest=digest, filing=filing)
        return (await world.write(templates.record_filing, "eve", request)).usable

    assert not await file(TEXT.replace("{", "${"), Filing.STATE_REVIEWING)
    assert not await file("别的文本", Filing.STATE_PASSED)
    assert await file(TEXT.replace("{", "${"), Filing.STATE_PASSED)
    shown = await world.authority.read(templates.get, Call(principal("ann"), GetTemplateRequest(digest=digest)))
    assert [filing.template_code for filing in shown.template.filings] == ["SMS_1"]
