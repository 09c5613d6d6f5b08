"""SQL on what people replied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select, text

from approval_service.schema import attempt, person, reply


def is_known(connection: Connection, carrier_id: str, carrier_reply_id: str) -> bool:
    known = connection.execute(
        select(reply.c.reply_id).where(reply.c.carrier_id == carrier_id, reply.c.carrier_reply_id == carrier_reply_id)
    )
    return known.first() is not None


def last_attempt(connection: Connection, carrier_id: str, phone_hash: str) -> Row[Any] | None:
    """The newest attempt to a number through a carrier that may have left."""
    return connection.execute(
        select(attempt)
        .where(
            attempt.c.phone_hash == phone_hash, attempt.c.carrier_id == carrier_id, attempt.c.may_have_left.is_(True)
        )
        .order_by(attempt.c.released_ms.desc(), attempt.c.attempt_id.desc())
        .limit(1)
    ).first()


def insert_reply(connection: Connection, values: Mapping[str, Any]) -> None:
    connection.execute(insert(reply).values(**values))


def replies_after(
    connection: Connection, bank_id: str, caller_id: str, after_id: str, limit: int
) -> Sequence[Row[Any]]:
    """In order of arrival, without those of restricted people; of one caller's messages, or of all if caller_id is
    empty."""
    restricted = select(person.c.person_id).where(text("person.restricted"))
    query = select(reply).where(reply.c.bank_id == bank_id, reply.c.reply_id > after_id)
    query = query.where(reply.c.person_id.not_in(restricted))
    if caller_id:
        query = query.where(reply.c.caller_id == caller_id)
    return connection.execute(query.order_by(reply.c.reply_id).limit(limit)).all()
