"""SQL on the log of status changes."""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import Connection, bindparam, select

from approval_service.schema import change, head
from approval_service.store.rows import Query
from outreach.domain.ids import time_key

_UNPUBLISHED = Query(
    select(change.c.position, change.c.bank_id, change.c.body)
    .where(change.c.position > select(head.c.published_position).scalar_subquery())
    .order_by(change.c.position)
    .limit(bindparam("limit"))
)


def after(
    connection: Connection,
    position: int,
    limit: int,
    *,
    bank_id: str,
    case_id: str = "",
    caller_id: str = "",
    outreach_id: str = "",
) -> list[bytes]:
    """The ProtoJSON of a bank's StatusChanges after a position, in order; of one case, caller or outreach if given."""
    query = select(change.c.body).where(change.c.position > position, change.c.bank_id == bank_id)
    if case_id:
        query = query.where(change.c.case_id == case_id)
    if caller_id:
        query = query.where(change.c.caller_id == caller_id)
    if not outreach_id:
        return list(connection.execute(query.order_by(change.c.position).limit(limit)).scalars())
    rows = connection.execute(query.where(change.c.outreach_key == time_key(outreach_id)).order_by(change.c.position))
    return [body for body in rows.scalars() if orjson.loads(body)["outreachId"] == outreach_id]


def unpublished(connection: Connection, limit: int) -> list[Any]:
    """Changes that the outbox has not published yet, in order: position, bank_id, body."""
    return _UNPUBLISHED.rows(connection, limit=limit)
