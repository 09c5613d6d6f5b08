"""Proofs that an entry stands in the ledger, and that it only grew, from the roots of subtrees that are kept."""

from __future__ import annotations

from functools import partial

from sqlalchemy import Connection

from approval_service.store import log as store
from outreach.ledger.merkle import Tiles, leaf_hash


def tiles(connection: Connection, size: int) -> Tiles:
    """Proofs in the ledger's tree of the first `size` entries, which must not be more than there are. Each reads some
    hundred entries and hashes, however long the ledger is, by this connection."""
    return Tiles(size, partial(_nodes, connection))


def _nodes(connection: Connection, height: int, first: int, count: int) -> list[bytes]:
    if height:
        return store.subtree_roots(connection, height, first, count)
    return [leaf_hash(row.body) for row in store.entries(connection, first, count)]
