"""The entries of the ledger that concern something, found without reading those of others, and proven."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import Connection

from approval_service.authority import Authority
from approval_service.ledger_proofs import tiles
from approval_service.ledger_reads import newest_key
from approval_service.store import log as store
from outreach.domain.ids import time_key
from outreach.v1.evidence_service_pb2 import (
    EvidenceSeal,
    ExportEvidenceResponse,
    ProvenEntries,
    ProvenEntry,
)
from outreach.v1.ledger_service_pb2 import LedgerEntry

PAGE = 500
STRETCH = 100_000
"""Entries that are looked through in one reading transaction."""
_TALLIES = frozenset({"quantity_taken", "quantity_given_back"})
"""Kinds that count many outreach together, whosever they are."""
_NAMES_OUTREACH = b'"outreach":"'
_POLICIES = frozenset({"policy_drafted", "policy_activated"})


@dataclass(slots=True)
class Concern:
    """What entries are looked for by: one bank's ids, and the versions of its policy."""

    bank_id: str
    outreach_ids: set[str] = field(default_factory=set)
    ids: set[str] = field(default_factory=set)
    """Of the account and its people, of attempts, letters, runs, versions, holds, quantities."""
    policies: set[int] = field(default_factory=set)

    def finds(self, body: bytes) -> bool:
        """`includes`, of an entry's canonical JSON. That of another outreach, which most are, is not decoded."""
        at = body.find(_NAMES_OUTREACH) + len(_NAMES_OUTREACH)
        if at >= len(_NAMES_OUTREACH) and body[at : body.find(b'"', at)].decode() not in self.outreach_ids:
            return False
        return self.includes(orjson.loads(body))

    def includes(self, entry: dict[str, Any]) -> bool:
        """True if the entry concerns one of these. What names an outreach concerns that one alone: a run or a version
        that it shares with others brings none of theirs."""
        if entry["bank"] != self.bank_id:
            return False
        if "outreach" in entry:
            return entry["outreach"] in self.outreach_ids
        kind = entry["kind"]
        if kind in _POLICIES:
            return entry["version"] in self.policies
        return kind not in _TALLIES and any(type(value) is str and value in self.ids for value in entry.values())


async def proven(authority: Authority, concern: Concern) -> AsyncIterator[ExportEvidenceResponse]:
    """The entries concerned as far as the newest checkpoint covers them, with their proofs, then the checkpoint. Before
    them it tells how far the search is."""
    signed = await authority.read(store.signed)
    found = await authority.read(_of_moves, signed.size, concern)
    for start in range(0, signed.size, STRETCH):
        end = min(start + STRETCH, signed.size)
        found += await authority.read(_of_no_move, start, end, concern)
        yield ExportEvidenceResponse(entries=ProvenEntries(looked_through=end, ledger_size=signed.size))
    found.sort(key=lambda entry: entry.index)
    pairs = await authority.read(_with_proofs, signed.size, found)
    for first in range(0, len(pairs), PAGE):
        yield ExportEvidenceResponse(
            entries=ProvenEntries(
                entries=pairs[first : first + PAGE], looked_through=signed.size, ledger_size=signed.size
            )
        )
    key = newest_key(signed, authority.signer.verifier_key)
    seal = EvidenceSeal(checkpoint=signed.checkpoint, verifier_key=key, handovers=signed.handovers)
    yield ExportEvidenceResponse(seal=seal)


def _of_moves(connection: Connection, size: int, concern: Concern) -> list[LedgerEntry]:
    """The entries that moved the outreach: the status changes know their numbers."""
    rows = store.entries_of_changes(connection, {time_key(one) for one in concern.outreach_ids})
    return [LedgerEntry(index=row.seq, body=row.body) for row in rows if row.seq < size and concern.finds(row.body)]


def _of_no_move(connection: Connection, start: int, end: int, concern: Concern) -> list[LedgerEntry]:
    """The entries concerned among those that moved no outreach, which are few: only these are read."""
    rows = store.entries_without_change(connection, start, end)
    return [LedgerEntry(index=row.seq, body=row.body) for row in rows if concern.finds(row.body)]


def _with_proofs(connection: Connection, size: int, found: Sequence[LedgerEntry]) -> list[ProvenEntry]:
    tree = tiles(connection, size)
    return [ProvenEntry(entry=entry, proof=tree.inclusion(entry.index)) for entry in found]
