"""SQL on the past requests of a bank, by the people or accounts that they are about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Table, bindparam, func, select, text, union

from approval_service import schema
from approval_service.store.lists import one_of
from approval_service.store.rows import records
from outreach.v1.mailroom_service_pb2 import LetterState
from outreach.v1.outreach_service_pb2 import Channel

outreach, attempt, letter, detour = schema.outreach, schema.attempt, schema.letter, schema.detour
person, account, bad_address = schema.person, schema.account, schema.bad_address

_SMS, _LETTER = int(Channel.CHANNEL_SMS), int(Channel.CHANNEL_LETTER)
_COLUMNS = (
    "outreach_id",
    "channel",
    "account_id",
    "person_id",
    "phone_hash",
    "address_hash",
    "template_digest",
    "state",
    "codes",
    "not_before_ms",
    "not_after_ms",
    "decision",
    "attempt_id",
    "created_ms",
    "amounts_ms",
    "overdue_fen",
    "agreed_to_quiet_hours",
    "request_sealed",
)


IN_PRINT = (
    LetterState.LETTER_STATE_RELEASED,
    LetterState.LETTER_STATE_PRINTED,
    LetterState.LETTER_STATE_TO_PULL,
)


class Period(NamedTuple):
    """A bank's requests from one moment to before another (business time, ms)."""

    bank_id: str
    start_ms: int
    end_ms: int


def _asked() -> ColumnElement[bool]:
    return (outreach.c.created_ms >= bindparam("start_ms")) & (outreach.c.created_ms < bindparam("end_ms"))


_REQUESTS = select(*(outreach.c[name] for name in _COLUMNS))
_SMS_OF = (one_of(outreach.c.person_id, "ids"), outreach.c.channel == _SMS, _asked())
_BY_PERSON = (
    _REQUESTS.where(
        *_SMS_OF,
        (outreach.c.created_ms > bindparam("after_ms"))
        | ((outreach.c.created_ms == bindparam("after_ms")) & (outreach.c.outreach_id > bindparam("after_id"))),
    )
    .order_by(outreach.c.created_ms, outreach.c.outreach_id)
    .limit(bindparam("limit"))
)
_NUMBERS = select(outreach.c.person_id, outreach.c.phone_hash).distinct().where(*_SMS_OF)
_BY_ACCOUNT = _REQUESTS.where(one_of(outreach.c.account_id, "ids"), outreach.c.channel == _LETTER, _asked())
# The bank is looked at by us: a database might otherwise go through all that is the bank's.
_SHARERS = (
    select(outreach.c.phone_hash, outreach.c.person_id, outreach.c.bank_id)
    .distinct()
    .where(one_of(outreach.c.phone_hash, "hashes"), _asked())
)
_NAMESAKES = select(person.c.identity, person.c.person_id, person.c.bank_id).where(
    one_of(person.c.identity, "identities")
)
_PEOPLE = select(person.c.person_id, person.c.identity, person.c.wrapped_key).where(one_of(person.c.person_id, "ids"))
_DETOURS = select(detour).where(one_of(detour.c.outreach_id, "ids")).order_by(detour.c.outreach_id, detour.c.entry)
_ATTEMPTS = select(
    attempt.c.attempt_id,
    attempt.c.outreach_id,
    attempt.c.identity,
    attempt.c.phone_hash,
    attempt.c.bank_id,
    attempt.c.released_ms,
    attempt.c.may_have_left,
)
_ATTEMPTS_OF = _ATTEMPTS.where(one_of(attempt.c.outreach_id, "ids"))
_SENT = (
    _ATTEMPTS.join(outreach, outreach.c.outreach_id == attempt.c.outreach_id)
    .where(attempt.c.released_ms > bindparam("since_ms"), attempt.c.may_have_left.is_(True))
    .where((outreach.c.bank_id != bindparam("bank_id")) | (outreach.c.created_ms < bindparam("start_ms")))
)
_SENT_TO = union(
    _SENT.where(one_of(attempt.c.identity, "identities")), _SENT.where(one_of(attempt.c.phone_hash, "hashes"))
)
_LETTERS = select(
    letter.c.letter_number,
    letter.c.outreach_id,
    letter.c.account_id,
    letter.c.released_ms,
    letter.c.mailed_ms,
    letter.c.state,
    letter.c.overdue_fen,
).where(one_of(letter.c.account_id, "ids"))
_BAD = select(
    bad_address.c.address_hash,
    bad_address.c.person_id,
    bad_address.c.reason,
    bad_address.c.set_ms,
    bad_address.c.evidence_sealed,
).where(one_of(bad_address.c.address_hash, "hashes"))
_RETURNED = (
    select(
        letter.c.letter_number,
        letter.c.person_id,
        letter.c.return_reason,
        letter.c.address_closed,
        outreach.c.address_hash,
    )
    .join(letter, letter.c.outreach_id == outreach.c.outreach_id)
    .where(
        outreach.c.bank_id == bindparam("bank_id"),
        one_of(outreach.c.address_hash, "hashes"),
        text("outreach.address_hash <> ''"),  # word for word as the partial index has it
        letter.c.return_reason != 0,
    )
)


def count(connection: Connection, period: Period) -> int:
    return connection.execute(select(func.count()).where(_of(period))).scalar_one()


def _of(period: Period) -> ColumnElement[bool]:
    span = (outreach.c.created_ms >= period.start_ms) & (outreach.c.created_ms < period.end_ms)
    return (outreach.c.bank_id == period.bank_id) & span


def count_of_nobody(connection: Connection, period: Period) -> list[Any]:
    """channel, codes and count of requests that name nobody known here: an SMS no person, a letter no account."""
    nobody = ((outreach.c.channel == _SMS) & (outreach.c.person_id == "")) | (
        (outreach.c.channel == _LETTER) & (outreach.c.account_id == "")
    )
    query = select(outreach.c.channel, outreach.c.codes, func.count().label("requests")).where(_of(period), nobody)
    return records(connection.execute(query.group_by(outreach.c.channel, outreach.c.codes)))


def people_after(connection: Connection, after_id: str, limit: int) -> list[Any]:
    """The next people of any bank, by id: person_id, bank_id."""
    return _after(connection, person, "person_id", after_id, limit)


def accounts_after(connection: Connection, after_id: str, limit: int) -> list[Any]:
    """The next accounts of any bank, by id: account_id, bank_id."""
    return _after(connection, account, "account_id", after_id, limit)


def _after(connection: Connection, table: Table, key: str, after_id: str, limit: int) -> list[Any]:
    # All banks' in the order of the primary key; a bank's alone would be sorted anew for each page.
    query = select(table.c[key], table.c.bank_id).where(table.c[key] > after_id).order_by(table.c[key]).limit(limit)
    return records(connection.execute(query))


def numbers_of(connection: Connection, period: Period, person_ids: Collection[str]) -> dict[str, set[str]]:
    """Numbers at which these people of the bank were written to in the period, by person id."""
    return _gathered(connection.execute(_NUMBERS, {"ids": person_ids, **_span(period)}).all())


def sms_of(
    connection: Connection, period: Period, person_ids: Collection[str], after: tuple[int, str], limit: int
) -> list[Any]:
    """The period's SMS to these people of the bank, in the order of time, after one (its time and id)."""
    values = {"ids": person_ids, **_span(period), "after_ms": after[0], "after_id": after[1], "limit": limit}
    return records(connection.execute(_BY_PERSON, values))


def letters_of(connection: Connection, period: Period, account_ids: Collection[str]) -> list[Any]:
    """The period's letters about these accounts of the bank."""
    return records(connection.execute(_BY_ACCOUNT, {"ids": account_ids, **_span(period)}))


def _span(period: Period) -> dict[str, int]:
    return {"start_ms": period.start_ms, "end_ms": period.end_ms}


def sharers(connection: Connection, period: Period, phone_hashes: Collection[str]) -> dict[str, set[str]]:
    """Whom of the bank's people these numbers were written to in the period, by number."""
    found = connection.execute(_SHARERS, {"hashes": phone_hashes, **_span(period)}).all()
    return _gathered([(number, who) for number, who, bank_id in found if bank_id == period.bank_id])


def namesakes(connection: Connection, bank_id: str, identities: Collection[str]) -> dict[str, set[str]]:
    """The bank's people that are the same human, by identity."""
    found = connection.execute(_NAMESAKES, {"identities": identities}).all()
    return _gathered([(identity, who) for identity, who, its_bank in found if its_bank == bank_id])


def _gathered(pairs: Sequence[Any]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for key, value in pairs:
        found[key].add(value)
    return found


def people(connection: Connection, person_ids: Collection[str]) -> dict[str, Any]:
    """person_id, identity and wrapped_key, by person id."""
    return {row.person_id: row for row in records(connection.execute(_PEOPLE, {"ids": person_ids}))}


def detours(connection: Connection, outreach_ids: Collection[str]) -> list[Any]:
    """By outreach, in the order of time."""
    return records(connection.execute(_DETOURS, {"ids": outreach_ids}))


def attempts_of(connection: Connection, outreach_ids: Collection[str]) -> list[Any]:
    return records(connection.execute(_ATTEMPTS_OF, {"ids": outreach_ids}))


def sent_before(
    connection: Connection, period: Period, identities: Collection[str], phone_hashes: Collection[str], since_ms: int
) -> list[Any]:
    """Attempts that may have left: other banks', and the bank's own of requests from before the period."""
    values = {"identities": identities, "hashes": phone_hashes, "since_ms": since_ms}
    bank = {"bank_id": period.bank_id, "start_ms": period.start_ms}
    return records(connection.execute(_SENT_TO, values | bank))


def letters_about(connection: Connection, account_ids: Collection[str]) -> list[Any]:
    """All letters that ever got a number."""
    return records(connection.execute(_LETTERS, {"ids": account_ids}))


def bad_addresses(connection: Connection, address_hashes: Collection[str]) -> list[Any]:
    return records(connection.execute(_BAD, {"hashes": address_hashes}))


def returned(connection: Connection, bank_id: str, address_hashes: Collection[str]) -> list[Any]:
    """Letters that came back from these addresses: their number, person, reason, whether it closed the address."""
    return records(connection.execute(_RETURNED, {"bank_id": bank_id, "hashes": address_hashes}))
