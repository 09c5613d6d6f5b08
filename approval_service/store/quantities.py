"""SQL on the register of quantities and on the outreach that wait for a place in one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, Table, func, insert, select, update

from approval_service.schema import outreach, quantity
from approval_service.store.lists import one_of
from approval_service.store.rows import update_rows
from outreach.domain import states

_HAS_PLACES = quantity.c.used < quantity.c.granted
_BY_ID = select(quantity).where(one_of(quantity.c.quantity_id, "ids"))


class Team(NamedTuple):
    """Whose letters, and which: what a quantity is granted for."""

    bank_id: str
    letter_name: str
    team: str


def insert_quantity(connection: Connection, values: Mapping[str, Any]) -> None:
    connection.execute(insert(quantity).values(**values))


def get_many(connection: Connection, ids: Collection[str]) -> list[Row[Any]]:
    return list(connection.execute(_BY_ID, {"ids": ids}))


def update_quantity(connection: Connection, quantity_id: str, values: Mapping[str, Any]) -> None:
    connection.execute(update(quantity).where(quantity.c.quantity_id == quantity_id).values(**values))


def page(connection: Connection, bank_id: str, state: int, before_id: str, limit: int) -> list[Row[Any]]:
    """Newest first; of one state, or of all for 0."""
    query = select(quantity).where(quantity.c.bank_id == bank_id)
    if state:
        query = query.where(quantity.c.state == state)
    if before_id:
        query = query.where(quantity.c.quantity_id < before_id)
    return list(connection.execute(query.order_by(quantity.c.quantity_id.desc()).limit(limit)))


def with_places(connection: Connection, team: Team) -> list[Row[Any]]:
    """The quantities that have places left, the oldest grant first."""
    query = select(quantity).where(_HAS_PLACES, *_of(quantity, team))
    return list(connection.execute(query.order_by(quantity.c.decided_ms, quantity.c.quantity_id)))


def set_used(connection: Connection, used: Mapping[str, int]) -> None:
    """Sets how many places are taken, by quantity id."""
    rows = [{"quantity_id": quantity_id, "used": count} for quantity_id, count in used.items()]
    update_rows(connection, quantity, {"quantity_id": "quantity_id"}, rows)


def set_places(connection: Connection, places: Mapping[str, str]) -> None:
    """Sets in which quantity (empty for none) an outreach has its place, by outreach id."""
    rows = [{"outreach_id": outreach_id, "quantity_id": quantity_id} for outreach_id, quantity_id in places.items()]
    update_rows(connection, outreach, {"outreach_id": "outreach_id"}, rows)


def awaiting(connection: Connection, team: Team, now_ms: int, limit: int) -> Sequence[Row[Any]]:
    """A team's letters that wait for a place and have not expired, in the order in which they were asked for."""
    query = select(outreach).where(_waits(now_ms), *_of(outreach, team))
    return list(connection.execute(query.order_by(outreach.c.outreach_id).limit(limit)))


def count_awaiting(connection: Connection, team: Team, now_ms: int) -> int:
    query = select(func.count()).select_from(outreach).where(_waits(now_ms), *_of(outreach, team))
    return connection.execute(query).scalar_one()


def teams_to_serve(connection: Connection, now_ms: int) -> list[Team]:
    """The teams that have places left and letters that wait for one."""
    same_team = (outreach.c[name] == quantity.c[name] for name in Team._fields)
    query = select(*(quantity.c[name] for name in Team._fields)).distinct()
    found = query.where(_HAS_PLACES, select(outreach.c.outreach_id).where(_waits(now_ms), *same_team).exists())
    return [Team(*row) for row in connection.execute(found)]


def _waits(now_ms: int) -> ColumnElement[bool]:
    return (outreach.c.state == states.AWAITING_QUANTITY) & (outreach.c.not_after_ms > now_ms)


def _of(table: Table, team: Team) -> list[ColumnElement[bool]]:
    return [table.c[name] == value for name, value in team._asdict().items()]
