"""SQL on the ledger and its checkpoint."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, exists, select, true

from approval_service.schema import change, head, ledger_entry, ledger_handover, ledger_subtree


class Signed(NamedTuple):
    """The newest signed checkpoint, the number of entries that it covers, and all handovers of keys, oldest first."""

    checkpoint: str
    size: int
    handovers: list[str]


def signed(connection: Connection) -> Signed:
    """As they were at one moment."""
    both = select(head.c.checkpoint, head.c.tree_size, ledger_handover.c.checkpoint.label("handover"))
    joined = both.select_from(head.outerjoin(ledger_handover, true())).order_by(ledger_handover.c.tree_size)
    rows = connection.execute(joined).all()
    return Signed(rows[0].checkpoint, rows[0].tree_size, [row.handover for row in rows if row.handover])


def checkpoint(connection: Connection) -> tuple[str, int]:
    """The newest signed checkpoint, and the number of entries that it covers."""
    row = connection.execute(select(head.c.checkpoint, head.c.tree_size)).one()
    return row.checkpoint, row.tree_size


def entries(connection: Connection, start: int, limit: int) -> list[Row[Any]]:
    """Entries (seq, body) in order, from the index `start` on."""
    return list(
        connection.execute(
            select(ledger_entry).where(ledger_entry.c.seq >= start).order_by(ledger_entry.c.seq).limit(limit)
        )
    )


def entries_back(connection: Connection, start: int, limit: int) -> list[Row[Any]]:
    """Entries (seq, body), the newest first, from the index `start` back."""
    query = select(ledger_entry).where(ledger_entry.c.seq <= start)
    return list(connection.execute(query.order_by(ledger_entry.c.seq.desc()).limit(limit)))


def entries_of_changes(connection: Connection, outreach_keys: Collection[int]) -> list[Row[Any]]:
    """The entries (seq, body) that a status change tells of, by the change's outreach_key."""
    told = select(change.c.position - 1).where(change.c.outreach_key.in_(outreach_keys))
    return list(connection.execute(select(ledger_entry).where(ledger_entry.c.seq.in_(told))))


def entries_without_change(connection: Connection, start: int, end: int) -> list[Row[Any]]:
    """The entries (seq, body) from `start` to before `end` that no status change tells of."""
    # PostgreSQL does not see by itself that only these changes can tell of them.
    told = exists().where(
        change.c.position == ledger_entry.c.seq + 1, change.c.position > start, change.c.position <= end
    )
    within = ledger_entry.c.seq >= start, ledger_entry.c.seq < end
    return list(connection.execute(select(ledger_entry).where(*within, ~told)))


def subtree_roots(connection: Connection, height: int, first: int, count: int) -> list[bytes]:
    """Roots of full subtrees of that height side by side, from the one numbered `first` on."""
    query = select(ledger_subtree.c.root).where(ledger_subtree.c.height == height, ledger_subtree.c.number >= first)
    return list(connection.execute(query.order_by(ledger_subtree.c.number).limit(count)).scalars())
