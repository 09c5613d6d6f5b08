"""The commands of letter versions: what they ask for, and what they show."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from outreach.v1.letter_version_service_pb2 import (
    GetLetterVersionResponse,
    LetterContent,
    LetterVersion,
    ListLetterVersionsResponse,
    RetireLetterVersionResponse,
    ReviewLetterVersionResponse,
)
from outreach.v1.template_service_pb2 import TemplateState
from tests.fakes.gateway import FakeGateway
from tests.unit.cli.conftest import Run

DIGEST = "a" * 64


def version(
    digit: str, source: str, state: TemplateState.ValueType = TemplateState.TEMPLATE_STATE_DRAFT
) -> LetterVersion:
    content = LetterContent(bank_id="demo-bank", name="payment-notice", source=source.encode())
    return LetterVersion(
        digest=digit * 64, content=content, state=state, title="缴款告知函", envelope="DL", drafted_by="agency/drafter"
    )


def serve(gateway: FakeGateway, *versions: LetterVersion) -> None:
    by_digest = {entry.digest: entry for entry in versions}
    gateway.answers["ListLetterVersions"] = lambda request: ListLetterVersionsResponse(versions=versions)
    gateway.answers["GetLetterVersion"] = lambda request: GetLetterVersionResponse(version=by_digest[request.digest])


def test_a_draft_sends_the_files_as_they_are(gateway: FakeGateway, run: Run, tmp_path: Path) -> None:
    """Source, letterhead and PDF go as the bytes of their files, with name, bank and dates."""
    for name in ("letter.md", "head.png", "form.pdf"):
        (tmp_path / name).write_bytes(name.encode())
    options = ("--name", "payment-notice", "--letterhead", tmp_path / "head.png", "--pdf", tmp_path / "form.pdf")
    dates = ("--effective-from", "2026-03-01T00:00:00+08:00")
    assert run("letter-version", "draft", tmp_path / "letter.md", *options, *dates).exit_code == 0
    (request,) = gateway.asked("DraftLetterVersion")
    content = request.content
    assert (content.bank_id, content.name) == ("demo-bank", "payment-notice")
    assert (content.source, content.letterhead_image, content.official_pdf) == (b"letter.md", b"head.png", b"form.pdf")
    assert content.effective_from.ToJsonString() == "2026-02-28T16:00:00Z"
    assert not content.HasField("effective_until")


def test_a_review_may_carry_the_filing_number(gateway: FakeGateway, run: Run) -> None:
    """With a filing number the answer shows the authorized version; a short digest names it."""
    serve(gateway, version("a", "x"), version("b", "y"))
    filed = version("a", "x", TemplateState.TEMPLATE_STATE_APPROVED)
    filed.filing_number = "BA-2026-1"
    gateway.answers["ReviewLetterVersion"] = lambda request: ReviewLetterVersionResponse(version=filed)
    shown = run("letter-version", "review", "aaaa", "--filing-number", "BA-2026-1").stdout
    (request,) = gateway.asked("ReviewLetterVersion")
    assert (request.digest, getattr(request, "pass"), request.filing_number) == (DIGEST, True, "BA-2026-1")
    assert "已批准 APPROVED" in shown
    assert "备案号 Filing number" in shown


def test_gates_and_stops_carry_what_was_said(gateway: FakeGateway, run: Run, tmp_path: Path) -> None:
    """Each step of a version goes to its own rpc with what was said; of a scan only the hash is sent."""
    serve(gateway, version("a", "x"))
    assert run("letter-version", "approve", "a", "--comment", "ok").exit_code == 0
    assert gateway.asked("ApproveLetterVersion")[0].approve
    assert run("letter-version", "reject", "a", "--comment", "no").exit_code == 0
    assert gateway.asked("ReviewLetterVersion")[0].comment == "no"
    scan = tmp_path / "scan.pdf"
    scan.write_bytes(b"paper")
    document = (DIGEST, "--reference", "R-1", "--date", "2026-03-01", "--scan", scan)
    assert run("letter-version", "document", "record", *document).exit_code == 0
    assert run("letter-version", "document", "verify", *document).exit_code == 0
    entered, read = gateway.asked("RecordLetterDocument")[0].document, gateway.asked("VerifyLetterDocument")[0].document
    assert (entered.scan_sha256, read) == (hashlib.sha256(b"paper").hexdigest(), entered)
    for verb in ("suspend", "resume", "retire"):
        assert run("letter-version", verb, DIGEST, "--reason", "why").exit_code == 0
        assert gateway.asked(f"{verb.capitalize()}LetterVersion")[0].reason == "why"


def test_a_retirement_tells_what_is_to_be_pulled(gateway: FakeGateway, run: Run) -> None:
    """The mailroom sees the numbers of the letters to take out, and how many requests ended."""
    answer = RetireLetterVersionResponse(
        version=version("a", "x"), cancelled_ids=["o-1", "o-2"], to_pull_letter_numbers=["L-7"]
    )
    gateway.answers["RetireLetterVersion"] = lambda request: answer
    shown = run("letter-version", "retire", DIGEST, "--reason", "why").stdout
    assert "L-7" in shown
    assert "因此取消 Cancelled  2" in shown


def test_a_version_is_shown_listed_and_saved(gateway: FakeGateway, run: Run, tmp_path: Path) -> None:
    """Its text is shown; --out saves the files as they were drafted; a list has a line for each."""
    full = version("a", "# 缴款告知函\n")
    full.content.letterhead_image = b"\x89PNG"
    full.content.official_pdf = b"%PDF"
    serve(gateway, full)
    shown = run("letter-version", "show", "a", "--out", tmp_path / "saved").stdout
    assert "# 缴款告知函" in shown
    assert "agency/drafter" in shown
    saved = {path.name: path.read_bytes() for path in (tmp_path / "saved").iterdir()}
    assert saved == {
        "source.md": full.content.source,
        "letterhead.png": full.content.letterhead_image,
        "official.pdf": full.content.official_pdf,
    }
    assert "待内审 DRAFT" in run("letter-version", "list").stdout


def test_versions_are_compared_by_the_lines_that_differ(gateway: FakeGateway, run: Run) -> None:
    """Only changed lines are shown, with what changed marked; the same text is told as such."""
    serve(gateway, version("a", "尊敬的{name}：\n逾期{amount}元\n"), version("b", "尊敬的{name}：\n逾期{minimum}元\n"))
    shown = run("letter-version", "diff", "a", "b").stdout
    assert "第 2 行 line" in shown
    assert "[-{amount}-]元" in shown
    assert "尊敬的" not in shown
    assert json.loads(run("letter-version", "diff", "a", "a", "--json").stdout)["same"] is True
