"""SQL on all that the database knows of an account, also what is over."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from approval_service.schema import evidence_made, evidence_order, hold, mark, outreach, reply


def outreach_of(connection: Connection, account_id: str) -> list[Row[Any]]:
    """Oldest first."""
    query = select(outreach).where(outreach.c.account_id == account_id)
    return list(connection.execute(query.order_by(outreach.c.outreach_id)))


def holds_of(connection: Connection, account_id: str) -> list[Row[Any]]:
    """Also lifted ones, oldest first."""
    return list(connection.execute(select(hold).where(hold.c.account_id == account_id).order_by(hold.c.hold_id)))


def marks_on(connection: Connection, bank_id: str, subjects: Collection[str]) -> list[Row[Any]]:
    """No-contact marks, oldest first."""
    query = select(mark).where(mark.c.bank_id == bank_id, mark.c.subject.in_(subjects))
    return list(connection.execute(query.order_by(mark.c.set_ms, mark.c.subject, mark.c.reason)))


def count_made(connection: Connection, employee_id: str, since_ms: int) -> int:
    """How many packs somebody has made since then."""
    made = evidence_made.c.employee_id == employee_id, evidence_made.c.made_ms > since_ms
    return int(connection.execute(select(func.count()).select_from(evidence_made).where(*made)).scalar_one())


def is_counted(connection: Connection, evidence_id: str) -> bool:
    made = select(evidence_made.c.evidence_id).where(evidence_made.c.evidence_id == evidence_id)
    return connection.execute(made).first() is not None


def insert_made(connection: Connection, evidence_id: str, employee_id: str, made_ms: int) -> None:
    values = {"evidence_id": evidence_id, "employee_id": employee_id, "made_ms": made_ms}
    connection.execute(insert(evidence_made).values(**values))


def replies_to(connection: Connection, outreach_ids: Collection[str]) -> list[Row[Any]]:
    """In order of arrival."""
    query = select(reply).where(reply.c.outreach_id.in_(outreach_ids))
    return list(connection.execute(query.order_by(reply.c.reply_id)))


def order(connection: Connection, order_id: str) -> Row[Any] | None:
    return connection.execute(select(evidence_order).where(evidence_order.c.order_id == order_id)).first()


def orders_of(connection: Connection, ordered_by: str) -> list[Row[Any]]:
    """The newest first."""
    query = select(evidence_order).where(evidence_order.c.ordered_by == ordered_by)
    return list(connection.execute(query.order_by(evidence_order.c.order_id.desc())))


def insert_order(connection: Connection, values: Mapping[str, Any]) -> None:
    connection.execute(insert(evidence_order).values(**values))


def order_made(connection: Connection, order_id: str, made_real_ms: int) -> None:
    changed = update(evidence_order).where(evidence_order.c.order_id == order_id)
    connection.execute(changed.values(made_real_ms=made_real_ms))


def drop_order(connection: Connection, order_id: str) -> None:
    connection.execute(delete(evidence_order).where(evidence_order.c.order_id == order_id))


def forget_orders(connection: Connection, made_before_ms: int, ordered_before_ms: int) -> None:
    """Those made before then, and of those that were not those ordered before then."""
    made = evidence_order.c.made_real_ms.between(1, made_before_ms)
    unmade = (evidence_order.c.made_real_ms == 0) & (evidence_order.c.ordered_real_ms <= ordered_before_ms)
    connection.execute(delete(evidence_order).where(made | unmade))
