"""SQL on the callers that are shut out, and on what is under way for a caller."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, text

from approval_service import schema
from outreach.domain import states
from outreach.v1.mailroom_service_pb2 import LetterState

deactivation = schema.caller_deactivation
outreach, attempt, letter = schema.outreach, schema.attempt, schema.letter

IN_HAND = (LetterState.LETTER_STATE_RELEASED, LetterState.LETTER_STATE_PRINTED, LetterState.LETTER_STATE_TO_PULL)


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


def count_under_way(connection: Connection, caller_id: str, banks: Collection[str]) -> Counter[tuple[str, int, int]]:
    """The caller's requests that have not left, or of which nobody knows, by bank, channel and state."""
    # Of every caller, since with one named a database reads all that this one ever asked for.
    keys = (outreach.c.caller_id, outreach.c.bank_id, outreach.c.channel, outreach.c.state)
    counted = select(*keys, func.count()).group_by(*keys)
    # Two indexes' own conditions, word for word: a database sees only then that it may use them.
    admitted = counted.where(outreach.c.channel.in_((1, 2)), text("state = 1"))
    awaiting = counted.where(text("state = 10"))
    unsettled = (states.RELEASED, states.UNCONFIRMED)
    sent = (
        select(*keys, func.count(outreach.c.outreach_id.distinct()))
        .join(attempt, attempt.c.outreach_id == outreach.c.outreach_id)
        .where(attempt.c.state.in_(unsettled), outreach.c.state.in_(unsettled))
        .group_by(*keys)
    )
    in_hand = (
        select(*keys, func.count(outreach.c.outreach_id.distinct()))
        .join(letter, letter.c.outreach_id == outreach.c.outreach_id)
        .where(letter.c.bank_id.in_(banks), letter.c.state.in_(IN_HAND))
        .group_by(*keys)
    )
    counts: Counter[tuple[str, int, int]] = Counter()
    for query in (admitted, awaiting, sent, in_hand):
        for owner, bank_id, channel, state, count in connection.execute(query):
            if owner == caller_id:
                counts[bank_id, channel, state] += count
    return counts
