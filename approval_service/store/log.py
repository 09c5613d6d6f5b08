"""SQL on the ledger and its checkpoint."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, select

from approval_service.schema import head, ledger_entry


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
