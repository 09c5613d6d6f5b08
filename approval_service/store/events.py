"""SQL on the bank's events."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select

from approval_service.schema import bank_event
from approval_service.store.rows import insert_rows

_KNOWN = select(bank_event.c.result).where(
    bank_event.c.bank_id == bindparam("bank_id"), bank_event.c.event_id == bindparam("event_id")
)


def known_event(connection: Connection, bank_id: str, event_id: str) -> bytes | None:
    """The serialized EventResult of an event applied before; None if it is new."""
    result: bytes | None = connection.execute(_KNOWN, {"bank_id": bank_id, "event_id": event_id}).scalar_one_or_none()
    return result


def insert_event(connection: Connection, bank_id: str, event_id: str, result: bytes) -> None:
    insert_rows(connection, bank_event, [{"bank_id": bank_id, "event_id": event_id, "result": result}])
