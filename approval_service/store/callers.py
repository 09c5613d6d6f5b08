"""SQL on the callers that are shut out, and on what is under way for a caller."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select

from approval_service import schema
from approval_service.store.searches import IS_ADMITTED, IS_RARE
from outreach.domain import states

deactivation, outreach = schema.caller_deactivation, schema.outreach

UNDER_WAY = (states.RELEASED, states.UNCONFIRMED, states.AWAITING_QUANTITY, states.PRINTED, states.TO_PULL)
"""Beside ADMITTED."""


def deactivated(connection: Connection) -> frozenset[str]:
    """The ids of all that are shut out."""
    return frozenset(connection.execute(select(deactivation.c.caller_id)).scalars())


def list_deactivations(connection: Connection) -> list[Row[Any]]:
    return list(connection.execute(select(deactivation).order_by(deactivation.c.caller_id)))


def get(connection: Connection, caller_id: str) -> Row[Any] | None:
    return connection.execute(select(deactivation).where(deactivation.c.caller_id == caller_id)).first()


def put_in(connection: Connection, values: Mapping[str, Any]) -> None:
    connection.execute(insert(deactivation).values(**values))


def take_out(connection: Connection, caller_id: str) -> None:
    connection.execute(delete(deactivation).where(deactivation.c.caller_id == caller_id))


def count_under_way(connection: Connection, caller_id: str, banks: Collection[str]) -> dict[tuple[str, int, int], int]:
    """The caller's requests that have not left, or of which nobody knows, by bank, channel and state."""
    # Of every caller, since with one named a database reads all that this one ever asked for.
    keys = (outreach.c.caller_id, outreach.c.bank_id, outreach.c.channel, outreach.c.state)
    counted = select(*keys, func.count()).where(outreach.c.bank_id.in_(banks)).group_by(*keys)
    admitted = counted.where(IS_ADMITTED)
    others = counted.where(outreach.c.state.in_(UNDER_WAY), IS_RARE)
    counts: dict[tuple[str, int, int], int] = {}
    for query in (admitted, others):
        for owner, bank_id, channel, state, count in connection.execute(query):
            if owner == caller_id:
                counts[bank_id, channel, state] = count
    return counts
