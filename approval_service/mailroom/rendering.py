"""What letter_service lays out: runs that wait for it, their permits, and what came of them.

A run is listed until its rendering is reported, so a crash loses nothing; the same permits give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection

from approval_service import letter_versions, quantities
from approval_service.calls import is_plain
from approval_service.keys import KeyRing
from approval_service.mailroom.moves import RELEASED, WITHDRAWN, LetterMoves
from approval_service.mailroom.people import no_such_run
from approval_service.mailroom.withdrawal import close_emptied
from approval_service.store import accounts as account_store
from approval_service.store import catalog as catalog_store
from approval_service.store import letters as store
from approval_service.store import outreach as outreach_store
from approval_service.writer import Tx, one_by_one
from outreach.domain import states
from outreach.domain.codes import Code
from outreach.domain.errors import precondition
from outreach.v1.mailroom_service_pb2 import RunState
from outreach.v1.print_service_pb2 import (
    LetterPermit,
    ListPermitsRequest,
    ListPermitsResponse,
    ListRenderingsResponse,
    RenderedLetter,
    Rendering,
    ReportRenderingRequest,
    ReportRenderingResponse,
)

MAX_RENDERINGS = 20
MAX_BYTES = 8 * 1024 * 1024
"""A version with its files may take 5 MB, an answer 16."""
RETRY_AFTER_MS = 1_000
PERMITS_A_PART = 500
ADDRESS_FIELDS = ("address", "postcode")


def list_renderings(connection: Connection) -> ListRenderingsResponse:
    """Read of ListRenderings."""
    runs = store.runs_to_render(connection, MAX_RENDERINGS)
    counts = store.counts(connection, [run.run_id for run in runs])
    response = ListRenderingsResponse(retry_after_ms=RETRY_AFTER_MS)
    for run in runs:
        if response.ByteSize() > MAX_BYTES:
            break
        row = catalog_store.get_version(connection, letter_versions.GATES.table, run.version_digest)
        if row is None:
            raise RuntimeError("a run's version is gone")
        version = letter_versions.with_files(connection, letter_versions.GATES.read(row))
        letters = sum(one.letters for one in counts[run.run_id] if one.state == RELEASED)
        response.renderings.append(Rendering(run_id=run.run_id, version=version, letters=letters))
    return response


def list_permits(connection: Connection, keys: KeyRing, request: ListPermitsRequest) -> list[ListPermitsResponse]:
    """Read of ListPermits: the parts of the stream. Empty once the run was laid out."""
    run = store.get_run(connection, request.run_id)
    if run is None:
        raise no_such_run()
    if run.state != RunState.RUN_STATE_RENDERING:
        return []
    rows = store.of_run(connection, run.run_id, [RELEASED])
    return [ListPermitsResponse(permits=_permits(connection, keys, part)) for part in _parts(rows)]


def _parts(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (rows[start : start + PERMITS_A_PART] for start in range(0, len(rows), PERMITS_A_PART))


def _permits(connection: Connection, keys: KeyRing, rows: Sequence[Any]) -> list[LetterPermit]:
    persons = account_store.persons_by_id(connection, {row.person_id for row in rows})
    return [
        LetterPermit.FromString(keys.person(persons[row.person_id].wrapped_key).unseal(row.permit_sealed))
        for row in rows
    ]


def _report_rendering(tx: Tx, request: ReportRenderingRequest) -> ReportRenderingResponse:
    run = store.get_run(tx.connection, request.run_id)
    if run is None:
        raise no_such_run()
    if run.state != RunState.RUN_STATE_RENDERING:
        if run.pdf_sha256 == request.pdf_sha256:
            return ReportRenderingResponse()
        raise precondition("该批次已排版。The run was laid out already.", "RUN_NOT_RENDERING", "run_id")
    rows = store.of_run(tx.connection, run.run_id, [RELEASED])
    if [row.letter_number for row in rows] != [one.letter_number for one in request.letters]:
        raise precondition(
            "批次中有函件已撤回，请重新排版。A letter was withdrawn meanwhile: lay the run out anew.",
            "RUN_CHANGED",
            "letters",
        )
    if not _complete(request):
        raise precondition(
            "未被拒的函件须有页数与 PDF。What is not refused needs its sheets and its PDF.", "PDF_MISSING", "letters"
        )
    _apply(tx, run, rows, request)
    return ReportRenderingResponse()


report_rendering = one_by_one(_report_rendering)
"""Handler of ReportRendering. The same report again is taken."""


def _complete(request: ReportRenderingRequest) -> bool:
    laid_out = [one for one in request.letters if not one.refusal]
    return bool(request.pdf_sha256) == bool(laid_out) and all(one.sheets and one.pdf_sha256 for one in laid_out)


def _apply(tx: Tx, run: Any, rows: Sequence[Any], request: ReportRenderingRequest) -> None:
    outreach = outreach_store.get_many(tx.connection, {row.outreach_id for row in rows})
    moves, refused = LetterMoves(tx), []
    for row, one in zip(rows, request.letters, strict=True):
        if one.refusal:
            _refuse(moves, row, outreach[row.outreach_id], one)
            refused.append(outreach[row.outreach_id])
        else:
            moves.set(row, {"sheets": one.sheets, "pdf_sha256": one.pdf_sha256})
            moves.record("laid_out", row, sheets=one.sheets, pdf_sha256=one.pdf_sha256)
    moves.write()
    quantities.give_back(tx, refused)
    if request.pdf_sha256:
        laid_out = {"state": RunState.RUN_STATE_READY, "pdf_sha256": request.pdf_sha256}
        store.update_run(tx.connection, run.run_id, laid_out)
    tx.record("run_laid_out", run.bank_id, run=run.run_id, pdf_sha256=request.pdf_sha256, letters=len(rows))
    if not request.pdf_sha256:
        close_emptied(tx, [run.run_id])


def _refuse(moves: LetterMoves, row: Any, outreach: Any, one: RenderedLetter) -> None:
    """The layout cannot hold it: nothing is cut silently."""
    code = Code.ADDRESS_UNDELIVERABLE if one.field in ADDRESS_FIELDS else Code.VARIABLE_INVALID
    moves.move(
        row,
        outreach,
        WITHDRAWN,
        states.CANCELLED,
        columns={"cause": code},
        codes=[code],
        cause=code,
        field=one.field,
        reason=one.refusal if is_plain(one.refusal) else "",
    )
