"""What the worker processes do: lay out a run into the archive, lay out a preview. Messages come and go as bytes."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from typing import BinaryIO, cast

from letter_service import overlay, samples
from letter_service.archive import Archive
from letter_service.layout.permit import Permit, RenderedLetter
from letter_service.layout.press import Press
from letter_service.settings import LetterSettings, open_archive
from outreach.domain.errors import Refusal
from outreach.letters import source
from outreach.letters.model import Letter
from outreach.runtime.logs import EventLogger
from outreach.v1 import print_service_pb2 as pb
from outreach.v1.common_pb2 import Finding
from outreach.v1.letter_service_pb2 import PreviewLetterRequest, PreviewLetterResponse
from outreach.v1.letter_version_service_pb2 import LetterContent

_PROGRESS = 1_000
_MAX_REFUSAL = 300

_log = EventLogger("letter_service.work")


def lay_out(settings: LetterSettings, rendering: bytes, permits: Sequence[bytes]) -> bytes:
    """Lays out a run: keeps its PDF and each letter's archive copy, and returns the ReportRenderingRequest to send."""
    asked = pb.Rendering.FromString(rendering)
    wanted = (_permit(asked.run_id, pb.LetterPermit.FromString(permit)) for permit in permits)
    report = pb.ReportRenderingRequest(run_id=asked.run_id)
    try:
        press = Press(_read(asked.version.content))
    except Refusal as refusal:  # it was linted when it was drafted: the fonts or the layout are others since
        report.letters.extend(_refused(permit.letter_number, refusal) for permit in wanted)
        return report.SerializeToString()
    archive = open_archive(settings)
    with archive.create() as run:
        letters = press.run(wanted, cast(BinaryIO, run), _Copies(archive).take)  # it is only written to
        report.letters.extend(map(_reported, letters))
        if any(not letter.refusal for letter in report.letters):
            report.pdf_sha256 = run.keep()
    archive.settle()
    return report.SerializeToString()


def preview(request: bytes) -> bytes:
    """The PreviewLetterResponse to a PreviewLetterRequest."""
    asked = PreviewLetterRequest.FromString(request)
    try:
        letter = _read(asked.content)
        _, pdf = Press(letter).letter(samples.permit(letter, asked.values))
    except Refusal as refusal:
        return PreviewLetterResponse(findings=_findings(refusal)).SerializeToString()
    if asked.show_window:
        pdf = overlay.show_window(pdf, letter.head.envelope)
    return PreviewLetterResponse(pdf=pdf).SerializeToString()


def mark_as_copy(pdf: bytes) -> bytes:
    """The PDF with 副本 COPY across each page."""
    return overlay.mark_as_copy(pdf)


class _Copies:
    """Keeps archive copies, and logs how far it is."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._kept = 0

    def take(self, permit: Permit, pdf: bytes) -> None:
        self._archive.keep(pdf)
        self._kept += 1
        if self._kept % _PROGRESS == 0:
            _log.info("letters_laid_out", run_id=permit.run_id, letters=self._kept)


def _read(content: LetterContent) -> Letter:
    return source.read(content.source, content.letterhead_image, content.official_pdf)


def _permit(run_id: str, permit: pb.LetterPermit) -> Permit:
    return Permit(
        letter_number=permit.letter_number,
        run_id=run_id,
        letter_date=datetime.date.fromisoformat(permit.letter_date),
        recipient_name=permit.recipient_name,
        address=(permit.address,),
        postcode=permit.postcode,
        values={value.name: value.text for value in permit.values},
        authorization=permit.authorization,
    )


def _reported(letter: RenderedLetter) -> pb.RenderedLetter:
    if letter.refusal is not None:
        return _refused(letter.letter_number, letter.refusal)
    return pb.RenderedLetter(letter_number=letter.letter_number, sheets=letter.sheets, pdf_sha256=letter.sha256)


def _refused(letter_number: str, refusal: Refusal) -> pb.RenderedLetter:
    field = refusal.violations[0][0] if refusal.violations else ""
    return pb.RenderedLetter(letter_number=letter_number, refusal=refusal.message[:_MAX_REFUSAL], field=field[:64])


def _findings(refusal: Refusal) -> Iterator[Finding]:
    for field, reason in refusal.violations or (("", refusal.message),):
        yield Finding(code=refusal.reason, field=field, reason=reason)
