"""How the example's letter versions are authorized: one is filed by headquarters, one is a bank's official PDF."""

from __future__ import annotations

from datetime import datetime

from examples.stage import FOLDER, Stage
from outreach.v1.letter_version_service_pb2 import (
    ApproveLetterVersionRequest,
    DraftLetterVersionRequest,
    LetterContent,
    LintLetterVersionRequest,
    ReviewLetterVersionRequest,
)
from outreach.wording.formats import CHINA

LETTER = "payment-notice"
FILING_NUMBER = "BA-2026-0317"
_EFFECTIVE = datetime(2026, 3, 1, tzinfo=CHINA)


async def authorize_letters(stage: Stage) -> None:
    """The text version of one bank, reviewed and filed; the other bank's own PDF, which its approver approves."""
    filed = await _drafted(stage, "demo-bank")
    await _review(stage, filed, FILING_NUMBER)
    official = await _drafted(stage, "sample-bank")
    await _review(stage, official, "")
    approver = stage.office["sample-approver"]
    with approver.once():
        request = ApproveLetterVersionRequest(digest=official, approve=True)
        await approver.ask(approver.letter_versions.ApproveLetterVersion, request)
    stage.board.tell(
        stage.now, f"信函版本授权：备案 {FILING_NUMBER}，银行官方 PDF · letter versions: one filed, one official"
    )


async def _drafted(stage: Stage, bank: str) -> str:
    """The digest of the bank's letter, drafted."""
    folder, drafter = FOLDER / bank / "letters", stage.office["drafter-1"]
    pdf = folder / f"{LETTER}.pdf"
    content = LetterContent(
        bank_id=bank,
        name=LETTER,
        source=(folder / f"{LETTER}.md").read_bytes(),
        official_pdf=pdf.read_bytes() if pdf.exists() else b"",
    )
    content.effective_from.FromDatetime(_EFFECTIVE)
    lint = await drafter.ask(drafter.letter_versions.LintLetterVersion, LintLetterVersionRequest(content=content))
    with drafter.once():
        await drafter.ask(drafter.letter_versions.DraftLetterVersion, DraftLetterVersionRequest(content=content))
    stage.digests[bank, f"letter {LETTER}"] = lint.digest
    return lint.digest


async def _review(stage: Stage, digest: str, filing_number: str) -> None:
    reviewer = stage.office["reviewer-1"]
    request = ReviewLetterVersionRequest(digest=digest, filing_number=filing_number)
    setattr(request, "pass", True)  # a keyword of Python's
    with reviewer.once():
        await reviewer.ask(reviewer.letter_versions.ReviewLetterVersion, request)
