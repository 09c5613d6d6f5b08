"""SQL on the register of quantities and on the outreach that wait for a place in one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, insert, select, update

from approval_service.schema import outreach, quantity
from approval_service.store.lists import one_of
from approval_service.store.rows import update_rows
from outreach.domain import states

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
    return list(
        connection.execute(
            select(quantity)
            .where(
                quantity.c.used < quantity.c.granted,
                quantity.c.bank_id == team.bank_id,
                quantity.c.letter_name == team.letter_name,
                quantity.c.team == team.team,
            )
            .order_by(quantity.c.decided_ms, quantity.c.quantity_id)
        )
    )


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
    return list(
        connection.execute(
            select(outreach)
            .where(
                outreach.c.state == states.AWAITING_QUANTITY,
                outreach.c.bank_id == team.bank_id,
                outreach.c.letter_name == team.letter_name,
                outreach.c.team == team.team,
                outreach.c.not_after_ms > now_ms,
            )
            .order_by(outreach.c.outreach_id)
            .limit(limit)
        )
    )
