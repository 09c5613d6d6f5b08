"""Reading the ledger. Its entries concern all banks, so only tokens that cover all of them may read it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import orjson
from sqlalchemy import Connection

from approval_service.authority import Authority
from approval_service.calls import Call
from approval_service.ledger_proofs import tiles
from approval_service.paging import page_size
from approval_service.people import require_all_banks
from approval_service.store import log as store
from approval_service.writer import Tx, one_by_one
from outreach.domain.errors import not_found
from outreach.ledger.handover import read_handover
from outreach.v1.ledger_service_pb2 import (
    ExportRequest,
    ExportResponse,
    GetCheckpointResponse,
    GetProofRequest,
    GetProofResponse,
    LedgerEntries,
    LedgerEntry,
    ListEntriesRequest,
    ListEntriesResponse,
)

EXPORT_PAGE = 1_000
LOOKED_AT = 10_000
"""Entries that a filter looks through for one page: some 50 ms."""


def get_checkpoint(connection: Connection, verifier_key: str) -> GetCheckpointResponse:
    """Read of GetCheckpoint. It tells nothing of the entries, so any token may have it, as a witness should."""
    found = store.signed(connection)
    key = newest_key(found, verifier_key)
    return GetCheckpointResponse(checkpoint=found.checkpoint, verifier_key=key, handovers=found.handovers)


def newest_key(found: store.Signed, first: str) -> str:
    """The verifier key of what is signed; `first` while it never changed."""
    return read_handover(found.handovers[-1]).new if found.handovers else first


def list_entries(connection: Connection, call: Call[ListEntriesRequest]) -> ListEntriesResponse:
    """Read of ListEntries."""
    require_all_banks(call)
    request, size = call.request, store.checkpoint(connection)[1]
    start = request.start_index
    if start < 0 or (request.newest_first and not start):
        start = max(0, size + (start or -1))
    wanted, limit = _wanted(request), page_size(request.page_size)
    read = store.entries_back if request.newest_first else store.entries
    looked_at = read(connection, start, LOOKED_AT if wanted else limit)
    found = [row for row in looked_at if all(part in row.body for part in wanted)][:limit]
    last = found[-1].seq if len(found) == limit else looked_at[-1].seq if looked_at else -1
    beyond = last - 1 if request.newest_first else last + 1
    return ListEntriesResponse(
        entries=[LedgerEntry(index=row.seq, body=row.body) for row in found],
        next_index=beyond if looked_at and 0 <= beyond < size else -1,
    )


def _wanted(request: ListEntriesRequest) -> list[bytes]:
    """What an entry's canonical JSON must hold: a field of a name stands in it once, a text anywhere."""
    fields = {name: value for name, value in (("kind", request.kind), ("bank", request.bank)) if value}
    parts = [f'"{name}":'.encode() + orjson.dumps(value) for name, value in fields.items()]
    return parts + ([orjson.dumps(request.containing)[1:-1]] if request.containing else [])


def _entries(connection: Connection, start: int, limit: int) -> list[LedgerEntry]:
    return [LedgerEntry(index=row.seq, body=row.body) for row in store.entries(connection, start, limit)]


def prove(connection: Connection, first_key: str, call: Call[GetProofRequest]) -> GetProofResponse:
    """Read of GetProof; `first_key` is the verifier key of a ledger that never changed it."""
    require_all_banks(call)
    index, found = call.request.index, store.signed(connection)
    if index >= found.size:
        raise not_found(f"index: 账本只到 {found.size - 1} 号。The ledger has no such entry: that is its last number.")
    (entry,) = _entries(connection, index, 1)
    return GetProofResponse(
        entry=entry,
        path=tiles(connection, found.size).inclusion(index),
        checkpoint=found.checkpoint,
        verifier_key=newest_key(found, first_key),
        handovers=found.handovers,
    )


def _record_export(tx: Tx, call: Call[ExportRequest]) -> None:
    require_all_banks(call)
    tx.record("ledger_exported", "", by=call.actor)


record_export = one_by_one(_record_export)
"""Handler: an export is itself in the ledger, and in what it exports."""


async def export(authority: Authority, call: Call[ExportRequest]) -> AsyncIterator[ExportResponse]:
    """The parts of Export: the entries that the newest checkpoint covers, then that checkpoint."""
    await authority.write(record_export, call)
    found = await authority.read(store.signed)
    for start in range(0, found.size, EXPORT_PAGE):
        page = await authority.read(_entries, start, min(EXPORT_PAGE, found.size - start))
        yield ExportResponse(entries=LedgerEntries(entries=page))
    yield ExportResponse(checkpoint=found.checkpoint, handovers=found.handovers)
