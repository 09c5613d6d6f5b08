"""SQL on the log of status changes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, select, true

from approval_service.schema import change, head


def after(connection: Connection, position: int, limit: int, wanted: ColumnElement[bool] | None = None) -> list[bytes]:
    """Serialized StatusChanges after a position, in order."""
    query = select(change.c.body).where(change.c.position > position, true() if wanted is None else wanted)
    return list(connection.execute(query.order_by(change.c.position).limit(limit)).scalars())


def unpublished(connection: Connection, limit: int) -> list[Row[Any]]:
    """Changes that the outbox has not published yet, in order: position, bank_id, body."""
    published = select(head.c.published_position).scalar_subquery()
    return list(
        connection.execute(
            select(change.c.position, change.c.bank_id, change.c.body)
            .where(change.c.position > published)
            .order_by(change.c.position)
            .limit(limit)
        )
    )
