"""Handing out PDFs: a run's once to one station, and again only with a reason; a letter's archive copy for a reason."""

from __future__ import annotations

from approval_service.calls import Call, covers, require_plain
from approval_service.mailroom.people import find_run, require_designated
from approval_service.store import letters as store
from approval_service.writer import Tx, one_by_one
from outreach.domain.errors import not_found, precondition
from outreach.domain.roles import INSPECTOR, SUPERVISOR
from outreach.v1.mailroom_service_pb2 import RunState
from outreach.v1.print_service_pb2 import (
    ReleaseLetterPdfRequest,
    ReleaseLetterPdfResponse,
    ReleaseRunPdfRequest,
    ReleaseRunPdfResponse,
)

RELEASE_MS = 600_000
"""How long, by real time, the station of a release may fetch the same PDF again: a transfer may break off."""


def _release_run(tx: Tx, call: Call[ReleaseRunPdfRequest]) -> ReleaseRunPdfResponse:
    run, request = find_run(tx, call), call.request
    actor = require_designated(tx, call)
    reason = require_plain("reason", request.reason)
    if run.state == RunState.RUN_STATE_RENDERING or not run.pdf_sha256:
        raise precondition("该批次尚无 PDF。The run has no PDF yet.", "RUN_NOT_READY", "run_id")
    same = run.station == request.station and tx.real_ms - run.released_real_ms <= RELEASE_MS
    if run.releases and not same and not reason:
        raise precondition(
            f"PDF 已放给 {run.station}；再次放出须写明理由。The PDF was released to {run.station}: again only with a "
            "reason.",
            "PDF_RELEASED",
            "reason",
        )
    again = bool(run.releases) and same and not reason
    if not again:
        released = {"releases": run.releases + 1, "station": request.station, "released_real_ms": tx.real_ms}
        store.update_run(tx.connection, run.run_id, released)
    tx.record(
        "run_pdf_fetched_again" if again else "run_pdf_released",
        run.bank_id,
        run=run.run_id,
        station=request.station,
        pdf_sha256=run.pdf_sha256,
        reason=reason,
        by=actor,
    )
    return ReleaseRunPdfResponse(pdf_sha256=run.pdf_sha256)


release_run_pdf = one_by_one(_release_run)
"""Handler of ReleaseRunPdf."""


def _release_letter(tx: Tx, call: Call[ReleaseLetterPdfRequest]) -> ReleaseLetterPdfResponse:
    number = call.request.letter_number
    letter = store.by_number(tx.connection, [number]).get(number)
    if letter is None or not covers(call.principal, letter.bank_id):
        raise not_found("letter_number: 没有此函号。There is no such letter.")
    actor = require_designated(tx, call, SUPERVISOR, INSPECTOR)
    reason = require_plain("reason", call.request.reason)
    if not letter.person_id:
        raise precondition("收件人的个人信息已删除。The recipient was erased.", "PERSON_ERASED", "letter_number")
    if not letter.pdf_sha256:
        raise precondition("该函尚无 PDF。The letter has no PDF.", "LETTER_NOT_READY", "letter_number")
    tx.record(
        "letter_pdf_seen",
        letter.bank_id,
        outreach=letter.outreach_id,
        attempt=number,
        pdf_sha256=letter.pdf_sha256,
        reason=reason,
        by=actor,
    )
    return ReleaseLetterPdfResponse(pdf_sha256=letter.pdf_sha256)


release_letter_pdf = one_by_one(_release_letter)
"""Handler of ReleaseLetterPdf."""
