"""SQL on attempts whose fate is to be asked of the carrier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update

from approval_service.schema import attempt
from outreach.domain import states

NEVER_MS = 2**63 - 1
"""The next lookup of an attempt whose carrier keeps no record of it any more."""


def due_lookups(
    connection: Connection,
    carrier_id: str,
    *,
    now_ms: int,
    released_after_ms: int,
    released_before_ms: int,
    limit: int,
) -> Sequence[Row[Any]]:
    """Unconfirmed attempts, and sent ones without a receipt, whose next lookup is due; real milliseconds."""
    return connection.execute(
        select(attempt)
        .where(
            attempt.c.state.in_((states.UNCONFIRMED, states.SENT)),
            attempt.c.carrier_id == carrier_id,
            attempt.c.next_lookup_real_ms <= now_ms,
            attempt.c.released_real_ms >= released_after_ms,
            attempt.c.released_real_ms <= released_before_ms,
        )
        .order_by(attempt.c.next_lookup_real_ms, attempt.c.attempt_id)
        .limit(limit)
    ).all()


def end_lookups(connection: Connection, carrier_id: str, *, now_ms: int, released_before_ms: int) -> Sequence[Row[Any]]:
    """Ends the lookups that are due of attempts released before then, and returns those whose fate is unknown."""
    ended = (
        attempt.c.state.in_((states.UNCONFIRMED, states.SENT)),
        attempt.c.carrier_id == carrier_id,
        attempt.c.next_lookup_real_ms <= now_ms,
        attempt.c.released_real_ms < released_before_ms,
    )
    unknown = connection.execute(select(attempt).where(*ended, attempt.c.state == states.UNCONFIRMED)).all()
    connection.execute(update(attempt).where(*ended).values(next_lookup_real_ms=NEVER_MS))
    return unknown


def plan_lookups(connection: Connection, next_ms: Mapping[str, int]) -> None:
    """Counts a lookup of each attempt and sets when the next is due."""
    if not next_ms:
        return
    statement = (
        update(attempt)
        .where(attempt.c.attempt_id == bindparam("b_id"))
        .values(lookups=attempt.c.lookups + 1, next_lookup_real_ms=bindparam("b_next"))
    )
    connection.execute(statement, [{"b_id": one, "b_next": due} for one, due in next_ms.items()])
