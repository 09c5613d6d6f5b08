"""The entries of the ledger that concern something, found and proven in one pass over all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from approval_service.authority import Authority
from approval_service.ledger_reads import newest_key
from approval_service.store import log as store
from outreach.ledger.merkle import Prover, leaf_hash
from outreach.v1.evidence_service_pb2 import (
    EvidenceSeal,
    ExportEvidenceResponse,
    ProvenEntries,
    ProvenEntry,
)
from outreach.v1.ledger_service_pb2 import LedgerEntry

PAGE = 500
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
    """The entries concerned as far as the newest checkpoint covers them, with their proofs, then the checkpoint."""
    signed = await authority.read(store.signed)
    prover, found = Prover(), []
    for start in range(0, signed.size, Prover.BLOCK):
        block = await authority.read(_block, start, min(Prover.BLOCK, signed.size - start), concern)
        prover.add(block.leaves, keep=bool(block.entries))
        found += block.entries
    proofs = prover.proofs(entry.index for entry in found)
    pairs = [ProvenEntry(entry=entry, proof=proof) for entry, proof in zip(found, proofs, strict=True)]
    for first in range(0, len(pairs), PAGE):
        yield ExportEvidenceResponse(entries=ProvenEntries(entries=pairs[first : first + PAGE]))
    key = newest_key(signed, authority.signer.verifier_key)
    seal = EvidenceSeal(checkpoint=signed.checkpoint, verifier_key=key, handovers=signed.handovers)
    yield ExportEvidenceResponse(seal=seal)


@dataclass(frozen=True, slots=True)
class _Block:
    leaves: list[bytes]
    entries: list[LedgerEntry]


def _block(connection: Any, start: int, count: int, concern: Concern) -> _Block:
    rows = store.entries(connection, start, count)
    return _Block(
        [leaf_hash(row.body) for row in rows],
        [LedgerEntry(index=row.seq, body=row.body) for row in rows if concern.finds(row.body)],
    )
