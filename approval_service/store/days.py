"""SQL on what happened in a span of business time, from the indexes by day."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from sqlalchemy import ColumnElement, Connection, and_, func, select, text

from approval_service import schema
from outreach.domain import states

outreach, attempt, change = schema.outreach, schema.attempt, schema.change


def count_asked(connection: Connection, bank_id: str, start_ms: int, end_ms: int) -> int:
    """Outreach created in the span."""
    return connection.execute(select(func.count()).where(_created(bank_id, start_ms, end_ms))).scalar_one()


def count_sent(connection: Connection, bank_id: str, start_ms: int, end_ms: int) -> int:
    """Permits given in the span of which it is not certain that nothing left."""
    return connection.execute(
        select(func.count()).where(
            attempt.c.bank_id == bank_id,
            attempt.c.released_ms >= start_ms,
            attempt.c.released_ms < end_ms,
            attempt.c.may_have_left.is_(True),
        )
    ).scalar_one()


def count_moves(
    connection: Connection, bank_id: str, start_ms: int, end_ms: int, moved_to: Collection[int]
) -> dict[int, int]:
    """How often outreach moved in the span, by the state moved to: some of those that change_by_day has."""
    # One by one: of several states at once SQLite reads all times.
    counted = select(func.count()).where(_changed(bank_id, start_ms, end_ms))
    return {state: connection.execute(counted.where(change.c.state == state)).scalar_one() for state in moved_to}


def count_blocked(connection: Connection, bank_id: str, start_ms: int, end_ms: int) -> list[tuple[str, int]]:
    """Counts of what was blocked in the span, by the set of its codes; the sets are comma-separated."""
    # The index's own condition, word for word: a database sees only then that it may use it.
    blocked = _created(bank_id, start_ms, end_ms) & text("state = 7")
    rows = connection.execute(select(outreach.c.codes, func.count()).where(blocked).group_by(outreach.c.codes))
    return [(row[0], row[1]) for row in rows]


def cancellations(connection: Connection, bank_id: str, start_ms: int, end_ms: int) -> Iterator[bytes]:
    """The ProtoJSON of each StatusChange to CANCELLED in the span."""
    cancelled = _changed(bank_id, start_ms, end_ms) & (change.c.state == states.CANCELLED)
    return iter(connection.execute(select(change.c.body).where(cancelled)).scalars())


def _created(bank_id: str, start_ms: int, end_ms: int) -> ColumnElement[bool]:
    span = (outreach.c.created_ms >= start_ms) & (outreach.c.created_ms < end_ms)
    return (outreach.c.bank_id == bank_id) & span


def _changed(bank_id: str, start_ms: int, end_ms: int) -> ColumnElement[bool]:
    # The index's own condition, word for word: a database sees only then that it may use it.
    indexed = text("change.state > 3")
    span = (change.c.time_ms >= start_ms) & (change.c.time_ms < end_ms)
    return and_(change.c.bank_id == bank_id, span, indexed)
