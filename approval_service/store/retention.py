"""SQL on whose retention period is over."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, case, exists, func, or_, select

from approval_service import schema
from approval_service.store.persons import ERASURE, OPEN

account, party, person, outreach = schema.account, schema.party, schema.person, schema.outreach
attempt, letter, hold, request = schema.attempt, schema.letter, schema.hold, schema.person_request

ENDED = case(
    (and_(account.c.recalled, account.c.recall_event_ms < account.c.end_ms), account.c.recall_event_ms),
    else_=account.c.end_ms,
)
"""When an account ended, or will: at its term, or when the bank took it back before."""


def _over(bank_id: str, cutoff_ms: int) -> ColumnElement[bool]:
    """People of whom nothing happened since `cutoff_ms`, and nothing stands in the way of their erasure."""
    accounts = select(account.c.account_id).join(party, party.c.account_id == account.c.account_id)
    accounts = accounts.where(party.c.person_id == person.c.person_id)
    ours = select(outreach.c.outreach_id).where(outreach.c.person_id == person.c.person_id)
    sent = select(attempt.c.attempt_id).where(attempt.c.outreach_id == outreach.c.outreach_id)
    printed = select(letter.c.letter_number).where(letter.c.outreach_id == outreach.c.outreach_id)
    since = or_(letter.c.released_ms > cutoff_ms, letter.c.mailed_ms > cutoff_ms)
    recent = or_(
        outreach.c.created_ms > cutoff_ms,
        exists(sent.where(attempt.c.released_ms > cutoff_ms)),
        exists(printed.where(since)),
    )
    held = select(hold.c.hold_id).where(hold.c.lifted_by == "", hold.c.account_id.in_(accounts.correlate(person)))
    asked = select(request.c.request_id).where(
        request.c.person_id == person.c.person_id, request.c.kind == ERASURE, request.c.state.in_(OPEN)
    )
    return and_(
        person.c.bank_id == bank_id,
        ~exists(accounts.where(cutoff_ms < ENDED)),
        ~exists(ours.where(recent)),
        ~exists(held),
        ~exists(asked),
    )


def over(connection: Connection, bank_id: str, cutoff_ms: int, after_id: str, limit: int) -> list[Row[Any]]:
    """Rows of person, by id."""
    query = select(person).where(_over(bank_id, cutoff_ms), person.c.person_id > after_id)
    return list(connection.execute(query.order_by(person.c.person_id).limit(limit)))


def count_over(connection: Connection, bank_id: str, cutoff_ms: int) -> int:
    query = select(func.count()).select_from(person).where(_over(bank_id, cutoff_ms))
    return int(connection.execute(query).scalar_one())
