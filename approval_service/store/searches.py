"""SQL by which a bank's outreach are looked through, the newest first."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Result, Select, func, literal, select, text, tuple_

from approval_service import schema
from outreach.domain import states
from outreach.v1.outreach_service_pb2 import Channel

outreach, person = schema.outreach, schema.person

# Conditions of indexes, word for word: a database sees only then that it may use them.
_ADMITTED = text(f"outreach.state = {states.ADMITTED:d}")
_WAITING = text("outreach.waiting_for <> ''")
IS_ADMITTED = outreach.c.channel.in_((Channel.CHANNEL_SMS, Channel.CHANNEL_LETTER)) & _ADMITTED
"""Both channels, since the index has the admitted by channel."""
IS_RARE = text("(outreach.state = 2 OR outreach.state > 4 AND outreach.state < 7 OR outreach.state > 8)")
RARE = frozenset({2, 5, 6, 9, 10, 11, 12, 13, 14, 15})
"""The states that an index has in order."""

COLUMNS = (
    "outreach_id",
    "created_ms",
    "caller_id",
    "case_id",
    "account_id",
    "state",
    "codes",
    "waiting_for",
    "cause",
    "masked_name_hash",
)


class Part(NamedTuple):
    """Some of the outreach, and an index that finds them."""

    where: ColumnElement[bool]
    in_order: bool
    """True if the index has them by time; all of them are read and sorted if not."""
    counted: Select[tuple[str]]
    """What tells whether they are few: themselves, or the people that they went to."""


def of_bank(bank_id: str) -> Part:
    return _part(outreach.c.bank_id == bank_id, in_order=True)


def of_state(bank_id: str, state: int) -> Part:
    """Of one of the `RARE`."""
    return _part((outreach.c.bank_id == bank_id) & (outreach.c.state == state) & IS_RARE, in_order=True)


def of_account(account_id: str) -> Part:
    return _part(outreach.c.account_id == account_id)


def of_case(bank_id: str, case_id: str) -> Part:
    return _part((outreach.c.bank_id == bank_id) & (outreach.c.case_id == case_id))


def of_name(bank_id: str, masked_name_hash: str) -> Part:
    """To the people whose masked name it is."""
    named = (person.c.bank_id == bank_id) & (person.c.masked_name_hash == masked_name_hash)
    people = select(person.c.person_id).where(named)
    return Part(outreach.c.person_id.in_(people), in_order=False, counted=people)


def of_wait(bank_id: str, code: str) -> Part:
    """Waiting for a code and for no time."""
    waits = _ADMITTED & _WAITING & (outreach.c.waiting_for == code)
    return _part((outreach.c.bank_id == bank_id) & waits)


def admitted(bank_id: str) -> Part:
    return _part((outreach.c.bank_id == bank_id) & IS_ADMITTED)


def _part(where: ColumnElement[bool], *, in_order: bool = False) -> Part:
    return Part(where, in_order, select(outreach.c.outreach_id).where(where))


def is_few(connection: Connection, part: Part, many: int) -> bool:
    """True if fewer than that are counted. Counts no further."""
    some = part.counted.limit(many).subquery()
    return connection.execute(select(func.count()).select_from(some)).scalar_one() < many


def newest(
    connection: Connection, part: Part, since_ms: int, before: tuple[int, str], limit: int, *, with_names: bool
) -> Result[tuple[Any, ...]]:
    """The `COLUMNS` of those made since then and before such a time and id, the newest first; the name's where it is
    asked for. Read it as far as it is needed."""
    # A sum keeps a database from an index that has all of a bank in order.
    time = outreach.c.created_ms if part.in_order else outreach.c.created_ms + 0
    name = person.c.masked_name_hash if with_names else literal("").label("masked_name_hash")
    columns = [outreach.c[column] for column in COLUMNS[:-1]]
    # The condition on the time alone is what an index can begin at.
    span = (time >= since_ms) & (time <= before[0]) & (tuple_(time, outreach.c.outreach_id) < before)
    query = select(*columns, name).where(part.where, span)
    if with_names:
        query = query.outerjoin(person, person.c.person_id == outreach.c.person_id)
    return connection.execute(query.order_by(time.desc(), outreach.c.outreach_id.desc()).limit(limit))
