"""SQL on the segments of long messages, at carriers that send a receipt for each."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from approval_service.schema import attempt, attempt_segment


def put(connection: Connection, attempt_id: str, carrier_id: str, message_ids: Collection[str]) -> None:
    """Keeps the carrier's ids; those that are known stay as they are."""
    known = set(
        connection.scalars(select(attempt_segment.c.message_id).where(attempt_segment.c.attempt_id == attempt_id))
    )
    rows = [
        {"attempt_id": attempt_id, "carrier_id": carrier_id, "message_id": message_id, "delivered": False}
        for message_id in dict.fromkeys(message_ids)
        if message_id not in known
    ]
    if rows:
        connection.execute(insert(attempt_segment), rows)


def attempts(connection: Connection, carrier_id: str, message_ids: Collection[str]) -> dict[str, Row[Any]]:
    """The attempts whose segments have these ids, by id."""
    rows = connection.execute(
        select(attempt, attempt_segment.c.message_id)
        .join(attempt_segment, attempt_segment.c.attempt_id == attempt.c.attempt_id)
        .where(attempt_segment.c.carrier_id == carrier_id, attempt_segment.c.message_id.in_(message_ids))
    )
    return {row.message_id: row for row in rows}


def mark_delivered(connection: Connection, attempt_id: str, message_id: str) -> int:
    """Returns how many segments of the attempt were delivered by now."""
    mine = attempt_segment.c.attempt_id == attempt_id
    connection.execute(
        update(attempt_segment).where(mine, attempt_segment.c.message_id == message_id).values(delivered=True)
    )
    delivered = attempt_segment.c.delivered.is_(True)
    return connection.scalar(select(func.count()).select_from(attempt_segment).where(mine, delivered)) or 0
