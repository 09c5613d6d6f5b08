"""Reading the ledger. Its entries concern all banks, so only tokens that cover all of them may read it."""

from __future__ import annotations

from collections.abc import AsyncIterator

from sqlalchemy import Connection

from approval_service.authority import Authority
from approval_service.calls import Call
from approval_service.paging import page_size
from approval_service.people import require_all_banks
from approval_service.store import log as store
from approval_service.writer import Tx, one_by_one
from outreach.v1.ledger_service_pb2 import (
    ExportRequest,
    ExportResponse,
    GetCheckpointResponse,
    LedgerEntries,
    LedgerEntry,
    ListEntriesRequest,
    ListEntriesResponse,
)

EXPORT_PAGE = 1_000


def get_checkpoint(connection: Connection, verifier_key: str) -> GetCheckpointResponse:
    """Read of GetCheckpoint. It tells nothing of the entries, so any token may have it, as a witness should."""
    return GetCheckpointResponse(checkpoint=store.checkpoint(connection)[0], verifier_key=verifier_key)


def list_entries(connection: Connection, call: Call[ListEntriesRequest]) -> ListEntriesResponse:
    """Read of ListEntries."""
    require_all_banks(call)
    start = call.request.start_index
    if start < 0:
        start = max(0, store.checkpoint(connection)[1] + start)
    return ListEntriesResponse(entries=_entries(connection, start, page_size(call.request.page_size)))


def _entries(connection: Connection, start: int, limit: int) -> list[LedgerEntry]:
    return [LedgerEntry(index=row.seq, body=row.body) for row in store.entries(connection, start, limit)]


def _record_export(tx: Tx, call: Call[ExportRequest]) -> None:
    require_all_banks(call)
    tx.record("ledger_exported", "", by=call.actor)


record_export = one_by_one(_record_export)
"""Handler: an export is itself in the ledger, and in what it exports."""


async def export(authority: Authority, call: Call[ExportRequest]) -> AsyncIterator[ExportResponse]:
    """The parts of Export: the entries that the newest checkpoint covers, then that checkpoint."""
    await authority.write(record_export, call)
    checkpoint, size = await authority.read(store.checkpoint)
    for start in range(0, size, EXPORT_PAGE):
        page = await authority.read(_entries, start, min(EXPORT_PAGE, size - start))
        yield ExportResponse(entries=LedgerEntries(entries=page))
    yield ExportResponse(checkpoint=checkpoint)
