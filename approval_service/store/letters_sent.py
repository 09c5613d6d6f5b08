"""SQL on letters about an account that may have left, or may yet: what the gap between letters counts."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Row, bindparam, or_, select

from approval_service.schema import letter
from approval_service.store.lists import one_of
from outreach.v1.mailroom_service_pb2 import LetterState

_IN_PRINT = (
    LetterState.LETTER_STATE_RELEASED,
    LetterState.LETTER_STATE_PRINTED,
    LetterState.LETTER_STATE_TO_PULL,
)
_LEFT = (LetterState.LETTER_STATE_MAILED, LetterState.LETTER_STATE_RETURNED)
_SENT = select(letter.c.account_id, letter.c.outreach_id, letter.c.mailed_ms).where(
    one_of(letter.c.account_id, "account_ids"),
    or_(letter.c.state.in_(_IN_PRINT), letter.c.state.in_(_LEFT) & (letter.c.mailed_ms > bindparam("since_ms"))),
)


def about(connection: Connection, account_ids: Collection[str], since_ms: int) -> list[Row[Any]]:
    """account_id, outreach_id and mailed_ms (0 while in print) of letters in print, or mailed since then."""
    return list(connection.execute(_SENT, {"account_ids": account_ids, "since_ms": since_ms}))
