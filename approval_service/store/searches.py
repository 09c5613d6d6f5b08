"""SQL by which a bank's outreach are looked through, the newest first."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Result, func, literal, select, text, tuple_

from approval_service import schema
from outreach.domain import states
from outreach.v1.outreach_service_pb2 import Channel

outreach, person = schema.outreach, schema.person

# Conditions of indexes, word for word: a database sees only then that it may use them.
_ADMITTED = text(f"outreach.state = {states.ADMITTED:d}")
_WAITING = text("outreach.waiting_for <> ''")
IS_RARE = text("outreach.state IN (2, 5, 6, 9, 10, 11, 12, 13, 14, 15)")
RARE = frozenset({2, 5, 6, 9, 10, 11, 12, 13, 14, 15})
"""The states that an index has in order."""


class Part(NamedTuple):
    """Some of the outreach, and an index that finds them."""

    where: ColumnElement[bool]
    in_order: bool
    """True if the index has them by time; all of them are read and sorted if not."""


def of_bank(bank_id: str) -> Part:
    return Part(outreach.c.bank_id == bank_id, in_order=True)


def of_state(bank_id: str, state: int) -> Part:
    """Of one of the `RARE`."""
    return Part((outreach.c.bank_id == bank_id) & (outreach.c.state == state) & IS_RARE, in_order=True)


def of_account(account_id: str) -> Part:
    return Part(outreach.c.account_id == account_id, in_order=False)


def of_case(bank_id: str, case_id: str) -> Part:
    return Part((outreach.c.bank_id == bank_id) & (outreach.c.case_id == case_id), in_order=False)


def of_name(bank_id: str, masked_name_hash: str) -> Part:
    """To the people whose masked name it is."""
    named = (person.c.bank_id == bank_id) & (person.c.masked_name_hash == masked_name_hash)
    return Part(outreach.c.person_id.in_(select(person.c.person_id).where(named)), in_order=False)


def of_wait(bank_id: str, code: str) -> Part:
    """Waiting for a code and for no time."""
    waits = _ADMITTED & _WAITING & (outreach.c.waiting_for == code)
    return Part((outreach.c.bank_id == bank_id) & waits, in_order=False)


def admitted(bank_id: str) -> Part:
    of_both = outreach.c.channel.in_((Channel.CHANNEL_SMS, Channel.CHANNEL_LETTER))
    return Part((outreach.c.bank_id == bank_id) & of_both & _ADMITTED, in_order=False)


def is_few(connection: Connection, part: Part, many: int) -> bool:
    """True if these are fewer than that. Counts no further."""
    counted = select(outreach.c.outreach_id).where(part.where).limit(many).subquery()
    return connection.execute(select(func.count()).select_from(counted)).scalar_one() < many


def newest(
    connection: Connection, part: Part, since_ms: int, before: tuple[int, str], limit: int, *, with_names: bool
) -> Result[tuple[Any, ...]]:
    """Those made since then and before such a time and id, the newest first: outreach_id, created_ms, caller_id,
    case_id, account_id, state, codes, waiting_for, cause and, with names, masked_name_hash. Read what you need."""
    # A sum keeps a database from an index that has all of a bank in order.
    time = outreach.c.created_ms if part.in_order else outreach.c.created_ms + 0
    columns = (
        outreach.c.outreach_id,
        outreach.c.created_ms,
        outreach.c.caller_id,
        outreach.c.case_id,
        outreach.c.account_id,
        outreach.c.state,
        outreach.c.codes,
        outreach.c.waiting_for,
        outreach.c.cause,
        person.c.masked_name_hash if with_names else literal("").label("masked_name_hash"),
    )
    # The condition on the time alone is what an index can begin at.
    span = (time >= since_ms) & (time <= before[0]) & (tuple_(time, outreach.c.outreach_id) < before)
    query = select(*columns).where(part.where, span)
    if with_names:
        query = query.outerjoin(person, person.c.person_id == outreach.c.person_id)
    return connection.execute(query.order_by(time.desc(), outreach.c.outreach_id.desc()).limit(limit))
