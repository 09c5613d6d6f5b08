"""SQL on all that the database knows of an account, also what is over."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select

from approval_service.schema import evidence_made, hold, mark, outreach, reply


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


def insert_made(connection: Connection, evidence_id: str, employee_id: str, made_ms: int) -> None:
    values = {"evidence_id": evidence_id, "employee_id": employee_id, "made_ms": made_ms}
    connection.execute(insert(evidence_made).values(**values))


def replies_to(connection: Connection, outreach_ids: Collection[str]) -> list[Row[Any]]:
    """In order of arrival."""
    query = select(reply).where(reply.c.outreach_id.in_(outreach_ids))
    return list(connection.execute(query.order_by(reply.c.reply_id)))
