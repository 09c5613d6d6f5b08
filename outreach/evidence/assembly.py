"""Makes an evidence pack of what the authority streams: for the command line and the console alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from enum import StrEnum

from outreach.domain.errors import Kind, Refusal
from outreach.evidence.guide import guide
from outreach.evidence.pack import Pack, letter_name, scan_name, zipped
from outreach.evidence.summary import summary
from outreach.v1.evidence_service_pb2 import Evidence, ExportEvidenceResponse, ProvenEntry

_setting = asyncio.Lock()
"""ReportLab's fonts are not for several threads at once."""


class Step(StrEnum):
    """What is being done."""

    COLLECTING = "COLLECTING"
    ORIGINALS = "ORIGINALS"
    WRITING = "WRITING"


Tell = Callable[[Step, int, int], None]
"""Is told of progress: the step, how many are done, and of how many if that is known, else 0."""
Fetch = Callable[[str], AsyncIterator[bytes]]
"""The pieces of a letter's original, by letter number. Raises Refusal for what cannot be had."""


def _nobody(step: Step, done: int, total: int) -> None:
    """Nobody waits for it."""


@dataclass(frozen=True, slots=True)
class Made:
    """A pack, and what it holds."""

    evidence: Evidence
    file: bytes
    """The ZIP."""
    entries: int
    missing: int
    """Originals that could not be had: not for this role, or the archive is away."""
    verifier_key: str

    @property
    def counts(self) -> dict[str, int]:
        """How many outreach, messages and letters."""
        return {
            "outreach": len(self.evidence.outreach),
            "messages": sum(len(one.messages) for one in self.evidence.outreach),
            "letters": sum(len(one.letters) for one in self.evidence.outreach),
        }


async def assemble(
    parts: AsyncIterator[ExportEvidenceResponse], letter_pdf: Fetch, return_scan: Fetch, tell: Tell = _nobody
) -> Made:
    """The pack of the answer to ExportEvidence. Raises what that raises, and Refusal if it ends before its proof."""
    pack, key = await _gathered(parts, tell)
    evidence = pack.evidence
    originals, missing = await _originals(evidence, letter_pdf, return_scan, tell)
    tell(Step.WRITING, 0, 0)
    async with _setting:
        read = await asyncio.to_thread(summary, pack)
    others = {**originals, "summary.pdf": read, "README.txt": guide(evidence, missing).encode()}
    file = await asyncio.to_thread(zipped, pack, key, others)
    return Made(evidence, file, len(pack.entries), missing, key)


async def _gathered(parts: AsyncIterator[ExportEvidenceResponse], tell: Tell) -> tuple[Pack, str]:
    """The pack, and the verifier key as the authority tells it."""
    content, entries = bytearray(), list[ProvenEntry]()
    async for part in parts:
        content += part.content
        entries += part.entries.entries
        if part.HasField("entries"):
            tell(Step.COLLECTING, part.entries.looked_through, part.entries.ledger_size)
        if part.WhichOneof("part") == "seal":
            return Pack(bytes(content), entries, part.seal.checkpoint, part.seal.handovers), part.seal.verifier_key
    raise Refusal(
        Kind.UNAVAILABLE, "证据未收完即中断，请重试。The evidence ended before its proof: try again.", retry_after_s=2.0
    )


async def _originals(
    evidence: Evidence, letter_pdf: Fetch, return_scan: Fetch, tell: Tell
) -> tuple[dict[str, bytes], int]:
    """The letters' archive copies and the scans of what came back by file name, and how many could not be had."""
    letters = [letter for one in evidence.outreach for letter in one.letters]
    wanted = [(letter_name(one), letter_pdf, one.permit.letter_number) for one in letters if one.pdf_sha256]
    wanted += [(scan_name(one), return_scan, one.permit.letter_number) for one in letters if one.return_scan_kept]
    files, missing = dict[str, bytes](), 0
    for done, (name, fetch, number) in enumerate(wanted):
        tell(Step.ORIGINALS, done, len(wanted))
        try:
            files[name] = b"".join([piece async for piece in fetch(number)])
        except Refusal:
            missing += 1
    return files, missing
