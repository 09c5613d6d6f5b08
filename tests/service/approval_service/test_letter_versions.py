from __future__ import annotations

import asyncio
from io import BytesIO
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from PIL import Image

from approval_service import letter_versions
from approval_service.calls import Call
from approval_service.catalog import Catalog
from approval_service.store.head import read_catalog_version
from outreach.domain import states
from outreach.domain.errors import Kind, Refusal
from outreach.v1.letter_version_service_pb2 import (
    ApproveLetterVersionRequest,
    DraftLetterVersionRequest,
    GetLetterVersionRequest,
    LintLetterVersionRequest,
    ListLetterVersionsRequest,
    RecordLetterDocumentRequest,
    ResumeLetterVersionRequest,
    RetireLetterVersionRequest,
    SuspendLetterVersionRequest,
    VerifyLetterDocumentRequest,
)
from outreach.v1.template_service_pb2 import BankDocument, TemplateState
from tests.service.approval_service.letters import (
    NAME,
    SOURCE,
    authorized_letter,
    draft_letter,
    letter_content,
    letter_review,
)
from tests.service.approval_service.mailroom import open_mailroom
from tests.service.approval_service.world import BANK, World, actor, principal

DRAFT = TemplateState.TEMPLATE_STATE_DRAFT
REVIEWED = TemplateState.TEMPLATE_STATE_REVIEWED
APPROVED = TemplateState.TEMPLATE_STATE_APPROVED
SUSPENDED = TemplateState.TEMPLATE_STATE_SUSPENDED
RETIRED = TemplateState.TEMPLATE_STATE_RETIRED
LETTERS = Path(__file__).parents[3] / "examples" / "sample-bank" / "letters"
DOCUMENT = BankDocument(reference="银发〔2026〕88号", date="2026-11-20", scan_sha256="ab" * 32)


def refused(kind: Kind, reason: str = "") -> Any:
    return pytest.raises(Refusal, check=lambda e: e.kind is kind and (not reason or e.reason == reason))


async def catalog(world: World) -> Catalog:
    version = await world.authority.read(read_catalog_version)
    return await world.authority.read(world.authority.catalogs.at, version)


async def in_force(world: World) -> str:
    """The digest of the version in force; empty if none is."""
    version = (await catalog(world)).letter_version_at(BANK, NAME, world.now_ms())
    return version.digest if version else ""


async def test_headquarters_files_a_version_under_a_number(world: World) -> None:
    """Reviewed by another than the drafter under a filing number, a version is in force; the ledger has both steps."""
    drafted = await draft_letter(world)
    assert (drafted.state, drafted.title, drafted.envelope) == (DRAFT, "缴款告知函", "DL")
    assert [placeholder.name for placeholder in drafted.placeholders][:2] == ["name", "tail"]
    assert await in_force(world) == ""
    with refused(Kind.DENIED, "SAME_PERSON"):
        await world.write(letter_versions.review, "ann", letter_review(drafted.digest, filing_number="BA-2026-1"))
    request = letter_review(drafted.digest, filing_number="BA-2026-1")
    filed = (await world.write(letter_versions.review, "ben", request)).version
    assert (filed.state, filed.filing_number, filed.reviewed_by) == (APPROVED, "BA-2026-1", actor("ben"))
    assert await in_force(world) == drafted.digest
    (entry,) = await world.entries("letter_version_drafted")
    assert (entry["letter_version"], entry["name"], entry["by"]) == (drafted.digest, NAME, actor("ann"))
    (entry,) = await world.entries("letter_version_reviewed")
    assert (entry["state"], entry["by"]) == ("APPROVED", actor("ben"))
    assert b"BA-2026-1" not in b"".join(await world.bodies())


async def test_the_banks_approver_authorizes_what_headquarters_reviewed(world: World) -> None:
    """Without a filing number a version waits for the bank's approver, who is neither drafter nor reviewer."""
    digest = (await draft_letter(world)).digest
    approval = ApproveLetterVersionRequest(digest=digest, approve=True)
    with refused(Kind.PRECONDITION, "LETTER_VERSION_STATE"):
        await world.write(letter_versions.approve, "cat", approval)
    assert (await world.write(letter_versions.review, "ben", letter_review(digest))).version.state == REVIEWED
    assert await in_force(world) == ""
    for maker in ("ann", "ben"):
        with refused(Kind.DENIED, "SAME_PERSON"):
            await world.write(letter_versions.approve, maker, approval)
    approved = (await world.write(letter_versions.approve, "cat", approval)).version
    assert (approved.state, approved.approved_by, approved.filing_number) == (APPROVED, actor("cat"), "")
    assert await in_force(world) == digest


async def test_the_banks_document_authorizes_by_two_more_people(world: World) -> None:
    """A document entered by one person and read alike by another authorizes the version."""
    digest = (await draft_letter(world)).digest
    await world.write(letter_versions.review, "ben", letter_review(digest))
    entry = RecordLetterDocumentRequest(digest=digest, document=DOCUMENT)
    verification = VerifyLetterDocumentRequest(digest=digest, document=DOCUMENT)
    with refused(Kind.DENIED, "SAME_PERSON"):
        await world.write(letter_versions.document, "ann", entry)
    await world.write(letter_versions.document, "cat", entry)
    with refused(Kind.DENIED, "SAME_PERSON"):
        await world.write(letter_versions.verify, "cat", verification)
    other = BankDocument(reference="银发〔2026〕89号", date=DOCUMENT.date, scan_sha256=DOCUMENT.scan_sha256)
    with refused(Kind.PRECONDITION, "DOCUMENT_DIFFERS"):
        await world.write(letter_versions.verify, "dan", VerifyLetterDocumentRequest(digest=digest, document=other))
    verified = (await world.write(letter_versions.verify, "dan", verification)).version
    assert (verified.state, verified.bank_document, verified.approved_by) == (APPROVED, DOCUMENT, actor("dan"))


async def test_a_rejected_version_is_over(world: World) -> None:
    """A rejection needs a reason, also with a filing number, and ends the version."""
    digest = (await draft_letter(world)).digest
    with refused(Kind.INVALID):
        await world.write(letter_versions.review, "ben", letter_review(digest, passes=False))
    request = letter_review(digest, passes=False, filing_number="BA-2026-1", comment="缺少银行公章")
    rejected = (await world.write(letter_versions.review, "ben", request)).version
    assert (rejected.state, rejected.filing_number) == (TemplateState.TEMPLATE_STATE_REJECTED, "")
    with refused(Kind.PRECONDITION, "LETTER_VERSION_STATE"):
        await world.write(letter_versions.review, "cat", letter_review(digest, filing_number="BA-2026-1"))
    with refused(Kind.CONFLICT):
        await draft_letter(world)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("bank: 示例银行", "bank: 另一银行", "LETTER_NOT_AUTHORIZED"),
        ("示例催收", "宏信催收", "LETTER_NOT_AUTHORIZED"),
        (
            "根据《中华人民共和国民法典》第六百七十五条和《商业银行信用卡业务监督管理办法》，",
            "",
            "LETTER_NOT_AUTHORIZED",
        ),
        ("您有权查询账户信息、提出异议、协商还款和投诉。", "", "LETTER_NOT_AUTHORIZED"),
        ("agency: 示例催收\n", "", "IDENTITY_MISSING"),
        ("如您在收到本函前已经还款，请忽略本函。", "再不还款，已移交公安机关立案。", "CONTENT_PROHIBITED"),
        ("12378", "010-87654321", "CONTENT_PROHIBITED"),
    ],
)
async def test_a_version_that_lacks_or_claims_something_cannot_be_drafted(
    world: World, old: str, new: str, code: str
) -> None:
    """Another sender, a missing statement, a threat or a foreign number stops the draft; LintLetterVersion says so."""
    assert old in SOURCE
    content = letter_content(source=SOURCE.replace(old, new).encode())
    request = LintLetterVersionRequest(content=content)
    linted = await world.authority.read(letter_versions.lint, Call(principal("ann"), request))
    stopping = [finding for finding in linted.findings if not finding.waits]
    assert code in {finding.code for finding in stopping}
    with pytest.raises(Refusal) as caught:
        await draft_letter(world, source=content.source)
    assert (caught.value.kind, caught.value.reason) == (Kind.INVALID, "LETTER_VERSION_REFUSED")
    assert [field for field, _ in caught.value.violations] == [finding.field for finding in stopping]
    assert await world.entries("letter_version_drafted") == []


async def test_a_source_that_cannot_be_read_names_its_line(world: World) -> None:
    """What is not in the format is refused before anything is looked for in it."""
    with pytest.raises(Refusal, match="line 1") as caught:
        await draft_letter(world, source=b"nothing")
    assert (caught.value.kind, caught.value.field) == (Kind.INVALID, "source")


async def test_a_content_is_named_by_all_that_its_approvers_saw(world: World) -> None:
    """Another text, letterhead, date or name is another version, and nothing else is; lint tells the digest."""
    later = Timestamp()
    later.FromMilliseconds(world.now_ms() + 1000)
    contents = [
        letter_content(),
        letter_content(source=SOURCE.encode() + b"\n"),
        letter_content(letterhead_image=_png("red")),
        letter_content(letterhead_image=_png("blue")),
        letter_content(effective_from=later),
        letter_content(effective_until=later),
        letter_content(name="second-notice"),
    ]
    digests = []
    for content in contents:
        request = LintLetterVersionRequest(content=content)
        digests.append((await world.authority.read(letter_versions.lint, Call(principal("ann"), request))).digest)
    assert len(set(digests)) == len(contents)
    assert (await draft_letter(world)).digest == digests[0]
    with refused(Kind.INVALID):
        await draft_letter(world, effective_from=later, effective_until=later)


async def test_files_are_shown_with_one_version_and_left_out_of_lists(world: World) -> None:
    """GetLetterVersion gives the content as it was drafted; lists and the catalog leave its files out."""
    image = _png("red")
    digest = (await authorized_letter(world, letterhead_image=image)).digest
    call = Call(principal("ann"), GetLetterVersionRequest(digest=digest))
    shown = (await world.authority.read(letter_versions.get, call)).version
    assert shown.content == letter_content(letterhead_image=image)
    page = Call(principal("ann"), ListLetterVersionsRequest(bank_id=BANK))
    (listed,) = (await world.authority.read(letter_versions.list_versions, page)).versions
    assert (listed.digest, listed.content) == (digest, letter_content())
    assert (await catalog(world)).letter_versions[digest].content == letter_content()


async def test_the_banks_own_pdf_is_a_version_too(world: World) -> None:
    """It is stored and given back to the byte; an encrypted one is refused with the reason."""
    pdf = (LETTERS / "payment-notice.pdf").read_bytes()
    content = letter_content(
        bank_id="sample-bank", source=(LETTERS / "payment-notice.md").read_bytes(), official_pdf=pdf
    )
    who = principal("ann", banks=["sample-bank"])
    call = Call(who, DraftLetterVersionRequest(content=content))
    submission = await world.authority.read(letter_versions.submission, call)
    drafted = (await world.authority.write(letter_versions.draft, submission)).version
    assert (drafted.title, drafted.content.official_pdf) == (submission.reading.head.title, b"")
    found = Call(who, GetLetterVersionRequest(digest=drafted.digest))
    assert (await world.authority.read(letter_versions.get, found)).version.content == content

    locked = BytesIO()
    with pikepdf.open(BytesIO(pdf)) as opened:
        opened.save(locked, encryption=pikepdf.Encryption(owner="secret", user=""))
    content.official_pdf = locked.getvalue()
    with pytest.raises(Refusal, match="加密") as caught:
        await world.authority.read(letter_versions.submission, Call(who, DraftLetterVersionRequest(content=content)))
    assert (caught.value.kind, caught.value.field) == (Kind.INVALID, "official_pdf")


async def test_another_banks_versions_do_not_exist(world: World) -> None:
    """A token of another bank finds no version, and cannot draft, check or list for this one."""
    digest = (await draft_letter(world)).digest
    stranger = principal("ben", banks=["other-bank"])
    with refused(Kind.NOT_FOUND):
        await world.write(letter_versions.review, "ben", letter_review(digest), banks=["other-bank"])
    with refused(Kind.NOT_FOUND):
        await world.authority.read(letter_versions.get, Call(stranger, GetLetterVersionRequest(digest=digest)))
    with refused(Kind.DENIED, "BANK_NOT_COVERED"):
        await world.authority.read(
            letter_versions.lint, Call(stranger, LintLetterVersionRequest(content=letter_content()))
        )
    with refused(Kind.DENIED, "BANK_NOT_COVERED"):
        await world.authority.read(
            letter_versions.list_versions, Call(stranger, ListLetterVersionsRequest(bank_id=BANK))
        )


async def test_only_an_active_employee_acts(world: World) -> None:
    """A token without an employee in service drafts nothing."""
    with refused(Kind.DENIED, "OPERATOR_MISSING"):
        await draft_letter(world, employee="zoe")


async def test_the_version_in_force_is_the_last_to_take_effect(world: World) -> None:
    """A version authorized for later takes over at its date, and the older one is superseded then."""
    later = Timestamp()
    later.FromMilliseconds(world.now_ms() + 3_600_000)
    new = await authorized_letter(world, effective_from=later)
    old = await authorized_letter(world)
    assert await in_force(world) == old.digest
    world.set_clock(later.ToMilliseconds())
    assert await in_force(world) == new.digest
    known = await catalog(world)
    assert known.superseded(known.letter_versions[old.digest], world.now_ms())
    assert not known.superseded(known.letter_versions[new.digest], world.now_ms())


async def test_a_suspended_version_is_resumed_by_somebody_else(world: World) -> None:
    """A suspended version stays known as the one in force, so that nothing takes its place; a retired one is gone."""
    digest = (await authorized_letter(world)).digest
    suspension = SuspendLetterVersionRequest(digest=digest, reason="银行要求")
    suspended = (await world.write(letter_versions.suspend, "ben", suspension)).version
    assert (suspended.state, suspended.suspended_by) == (SUSPENDED, actor("ben"))
    assert (await catalog(world)).letter_versions[digest].state == SUSPENDED
    assert await in_force(world) == digest
    resumption = ResumeLetterVersionRequest(digest=digest, reason="已更正")
    with refused(Kind.DENIED, "SAME_PERSON"):
        await world.write(letter_versions.resume, "ben", resumption)
    assert (await world.write(letter_versions.resume, "cat", resumption)).version.state == APPROVED
    retirement = RetireLetterVersionRequest(digest=digest, reason="改版")
    assert (await world.write(letter_versions.retire, "ben", retirement)).version.state == RETIRED
    assert await in_force(world) == ""
    with refused(Kind.PRECONDITION, "LETTER_VERSION_STATE"):
        await world.write(letter_versions.resume, "cat", resumption)


async def test_two_approvers_at_once_decide_once(world: World) -> None:
    """Of two who approve and reject the same version at the same time, one decides and the other is told the state."""
    digest = (await draft_letter(world)).digest
    await world.write(letter_versions.review, "ben", letter_review(digest))
    approval = ApproveLetterVersionRequest(digest=digest, approve=True)
    rejection = ApproveLetterVersionRequest(digest=digest, approve=False, comment="不予同意")
    answers = await asyncio.gather(
        world.write(letter_versions.approve, "cat", approval),
        world.write(letter_versions.approve, "dan", rejection),
        return_exceptions=True,
    )
    refusals = [answer for answer in answers if isinstance(answer, Refusal)]
    assert [refusal.reason for refusal in refusals] == ["LETTER_VERSION_STATE"]
    decisions = [*await world.entries("letter_version_approved"), *await world.entries("letter_version_rejected")]
    assert len(decisions) == 1


async def test_two_drafters_at_once_make_one_version(world: World) -> None:
    """Of two who draft the same content at the same time, one is the drafter and the other learns that it exists."""
    answers = await asyncio.gather(draft_letter(world, "ann"), draft_letter(world, "ben"), return_exceptions=True)
    assert [answer.kind for answer in answers if isinstance(answer, Refusal)] == [Kind.CONFLICT]
    assert len(await world.entries("letter_version_drafted")) == 1


def _png(colour: str) -> bytes:
    file = BytesIO()
    Image.new("RGB", (4, 2), colour).save(file, "PNG")
    return file.getvalue()


async def test_what_is_in_print_with_a_suspended_version_is_taken_out_and_printed_anew(world: World) -> None:
    """What is laid out is withdrawn and what is printed is to be pulled; both wait, and go once it is resumed."""
    room = await open_mailroom(world)
    await room.place("7001", "7002", "7003")
    _, (printed,) = await room.printed("7001")
    (laid_out,) = await room.ask("7002")
    await room.start()
    (pending,) = await room.ask("7003")
    suspension = SuspendLetterVersionRequest(digest=room.digest, reason="银行要求")
    answer = await world.write(letter_versions.suspend, "ben", suspension)
    assert list(answer.to_pull_letter_numbers) == [printed]
    assert (await world.outreach(laid_out.outreach_id)).state == states.ADMITTED
    assert (await room.outreach_of(printed)).state == states.TO_PULL
    await room.pull(printed)
    assert not (await room.start()).run_id
    waiting = await world.outreach(pending.outreach_id)
    assert (waiting.state, waiting.waiting_for) == (states.ADMITTED, "LETTER_NOT_AUTHORIZED")
    resumption = ResumeLetterVersionRequest(digest=room.digest, reason="已更正")
    assert (await world.write(letter_versions.resume, "cat", resumption)).resumed == 3
    assert (await room.start()).letters == 3


async def test_a_retired_version_cancels_what_waits_and_names_what_is_to_be_pulled(world: World) -> None:
    """What awaits a place and what is due is cancelled under the rule's code; what is printed is to be pulled."""
    room = await open_mailroom(world, places=2)
    await room.place("7001", "7002", "7003")
    _, (printed,) = await room.printed("7001")
    due, awaiting = await room.ask("7002", "7003")
    retirement = RetireLetterVersionRequest(digest=room.digest, reason="改版")
    answer = await world.write(letter_versions.retire, "ben", retirement)
    assert set(answer.cancelled_ids) == {due.outreach_id, awaiting.outreach_id}
    assert list(answer.to_pull_letter_numbers) == [printed]
    for outreach_id in answer.cancelled_ids:
        row = await world.outreach(outreach_id)
        assert (row.state, row.cause) == (states.CANCELLED, "LETTER_NOT_AUTHORIZED")
