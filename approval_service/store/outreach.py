"""SQL on outreach and attempts. Each change of state is guarded by the state it leaves."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    func,
    not_,
    select,
    text,
    union,
    update,
)

from approval_service import schema
from approval_service.store.lists import one_of
from approval_service.store.rows import Query, insert_rows, insert_tuples, update_rows
from approval_service.store.scopes import Scope, select_in
from approval_service.store.searches import IS_ADMITTED, IS_RARE
from outreach.domain import states
from outreach.v1.outreach_service_pb2 import Channel

outreach, attempt = schema.outreach, schema.attempt

ACTIVE = (
    states.AWAITING_QUANTITY,
    states.ADMITTED,
    states.RELEASED,
    states.UNCONFIRMED,
    states.SENT,
    states.PRINTED,
    states.TO_PULL,
    states.MAILED,
)
"""What has not ended: what a cancellation withdraws, marks or names."""

# Written out, since a partial index serves only a query that says its condition in the same words.
_WAITING = text(f"state IN ({states.ADMITTED:d}, {states.AWAITING_QUANTITY:d})")
_BY_REQUEST = Query(
    select(outreach.c.request_id, outreach.c.request_hash, outreach.c.decision).where(
        outreach.c.caller_id == bindparam("caller_id"), one_of(outreach.c.request_id, "request_ids")
    )
)
_BY_ID = Query(select(outreach).where(one_of(outreach.c.outreach_id, "ids")))
_ATTEMPTS_BY_ID = Query(select(attempt).where(one_of(attempt.c.attempt_id, "ids")))
# The index's own condition, word for word: a database sees only then that it may use it.
_BY_CARRIER_ID = Query(
    select(attempt).where(
        attempt.c.carrier_id == bindparam("carrier_id"),
        one_of(attempt.c.carrier_message_id, "message_ids"),
        text("attempt.carrier_message_id <> ''"),
    )
)
_RECENT = select(
    attempt.c.attempt_id, attempt.c.identity, attempt.c.phone_hash, attempt.c.bank_id, attempt.c.released_ms
).where(attempt.c.released_ms > bindparam("since_ms"), attempt.c.may_have_left.is_(True))
_SENDS = Query(
    union(
        _RECENT.where(one_of(attempt.c.identity, "identities")),
        _RECENT.where(one_of(attempt.c.phone_hash, "phone_hashes")),
    )
)


def by_request(connection: Connection, caller_id: str, request_ids: Collection[str]) -> list[tuple[str, str, bytes]]:
    """Request id, hash of the request and serialized Decision of those of a caller that were decided before."""
    return _BY_REQUEST.tuples(connection, caller_id=caller_id, request_ids=request_ids)


class NewSms(NamedTuple):
    """A row of an SMS, as it is admitted or blocked. Made by the hundred: a tuple takes a tenth of a dict's memory."""

    outreach_id: str
    caller_id: str
    request_id: str
    request_hash: str
    employee_id: str
    team: str
    bank_id: str
    case_id: str
    account_id: str
    person_id: str
    phone_hash: str
    masked_phone: str
    masked_account: str
    request_sealed: bytes
    template_digest: str
    state: int
    due_ms: int | None
    waiting_for: str
    not_before_ms: int
    not_after_ms: int
    decision: bytes
    codes: str
    created_ms: int
    amounts_ms: int
    overdue_fen: int | None
    agreed_to_quiet_hours: bool
    channel: int = Channel.CHANNEL_SMS
    cause: str = ""
    attempt_id: str = ""
    address_hash: str = ""
    masked_address: str = ""
    postal_class: int = 0
    letter_name: str = ""
    quantity_id: str = ""
    care_released: bool = False


def insert_sms(connection: Connection, rows: Sequence[NewSms]) -> None:
    insert_tuples(connection, outreach, rows, NewSms._fields)


def insert_many(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    insert_rows(connection, outreach, rows)


def get(connection: Connection, outreach_id: str) -> Row[Any] | None:
    return connection.execute(select(outreach).where(outreach.c.outreach_id == outreach_id)).first()


def get_many(connection: Connection, ids: Collection[str]) -> dict[str, Any]:
    return {row.outreach_id: row for row in _BY_ID.rows(connection, ids=ids)}


def found_by_request(connection: Connection, request_id: str, caller_id: str = "") -> list[Row[Any]]:
    """The outreach of a request's id: of one caller, or of every caller that has employees."""
    callers = [caller_id] if caller_id else select(schema.employee.c.caller_id).distinct()
    query = select(outreach).where(outreach.c.caller_id.in_(callers), outreach.c.request_id == request_id)
    return list(connection.execute(query.order_by(outreach.c.outreach_id.desc())))


@dataclass(frozen=True, slots=True)
class Due:
    """Which SMS a lease may take: those of these banks, at this business time, but not of these versions."""

    bank_ids: tuple[str, ...]
    now_ms: int
    without_templates: tuple[str, ...] = ()

    def values(self, bank_id: str) -> dict[str, Any]:
        """The parameters of a statement on one of the banks."""
        values: dict[str, Any] = {"bank_id": bank_id, "now_ms": self.now_ms}
        return values | {"without_templates": self.without_templates} if self.without_templates else values


def due(connection: Connection, wanted: Due, limit: int) -> list[Any]:
    """What is due, the longest due first. What has expired is left to the sweeper."""
    # One bank at a time comes in the index's order; all banks in one statement would sort everything that is due.
    statement = _due(bool(wanted.without_templates))
    rows = [
        row for bank_id in wanted.bank_ids for row in statement.rows(connection, **wanted.values(bank_id), limit=limit)
    ]
    return sorted(rows, key=lambda row: (row.due_ms, row.outreach_id))[:limit]


def next_due_ms(connection: Connection, wanted: Due) -> int | None:
    """When the next one is due; None if none is."""
    statement = _next_due(bool(wanted.without_templates))
    times = [connection.execute(statement, wanted.values(bank_id)).scalar() for bank_id in wanted.bank_ids]
    return min((time for time in times if time is not None), default=None)


@lru_cache
def _due(excludes: bool) -> Query:
    return Query(
        select(outreach)
        .where(_may_be_leased(excludes), outreach.c.due_ms <= bindparam("now_ms"))
        .order_by(outreach.c.due_ms, outreach.c.outreach_id)
        .limit(bindparam("limit"))
    )


@lru_cache
def _next_due(excludes: bool) -> Select[tuple[Any, ...]]:
    return select(func.min(outreach.c.due_ms)).where(_may_be_leased(excludes))


def _may_be_leased(excludes: bool) -> ColumnElement[bool]:
    may = and_(
        outreach.c.channel == Channel.CHANNEL_SMS,
        outreach.c.state == states.ADMITTED,
        outreach.c.not_after_ms > bindparam("now_ms"),
        outreach.c.bank_id == bindparam("bank_id"),
    )
    return may & not_(one_of(outreach.c.template_digest, "without_templates")) if excludes else may


def expired(connection: Connection, now_ms: int, limit: int) -> list[Row[Any]]:
    """What has waited too long, whether it has a place in a quantity or not."""
    return list(
        connection.execute(
            select(outreach)
            .where(_WAITING, outreach.c.not_after_ms <= now_ms)
            .order_by(outreach.c.not_after_ms)
            .limit(limit)
        )
    )


def active(connection: Connection, scope: Scope) -> list[Row[Any]]:
    """Rows of a scope that have not ended, oldest first."""
    values = scope.values()
    return list(connection.execute(_active(tuple(values)), values))


@lru_cache
def _active(columns: tuple[str, ...]) -> Select[tuple[Any, ...]]:
    return select_in(columns).where(outreach.c.state.in_(ACTIVE)).order_by(outreach.c.outreach_id)


def states_of(connection: Connection, scope: Scope) -> dict[str, int]:
    """States by outreach id."""
    values = scope.values()
    query = select_in(tuple(values)).with_only_columns(outreach.c.outreach_id, outreach.c.state)
    return {row[0]: row[1] for row in connection.execute(query, values)}


def waiting(connection: Connection, code: str, scope: Scope) -> list[Row[Any]]:
    values = scope.values()
    return list(connection.execute(_waiting(tuple(values)), {**values, "code": code}))


@lru_cache
def _waiting(columns: tuple[str, ...]) -> Select[tuple[Any, ...]]:
    return select_in(columns).where(outreach.c.state == states.ADMITTED, outreach.c.waiting_for == bindparam("code"))


def waiting_after(connection: Connection, code: str, bank_id: str, after_id: str, limit: int) -> list[Row[Any]]:
    """A bank's rows that wait for a code, by id."""
    query = _waiting(("bank_id",)).where(outreach.c.outreach_id > after_id).order_by(outreach.c.outreach_id)
    return list(connection.execute(query.limit(limit), {"bank_id": bank_id, "code": code}))


def move_many(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> int:
    """Updates many rows, each guarded by its old state. Rows give outreach_id, old_state and all of: state, due_ms,
    waiting_for, cause, codes, attempt_id. Returns how many rows changed."""
    return update_rows(connection, outreach, {"outreach_id": "outreach_id", "state": "old_state"}, rows)


def insert_detours(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    insert_rows(connection, schema.detour, rows)


def release_care(connection: Connection, outreach_id: str) -> None:
    """A reviewer let the letter go."""
    connection.execute(update(outreach).where(outreach.c.outreach_id == outreach_id).values(care_released=True))


class NewAttempt(NamedTuple):
    """A row of an attempt, as its permit is given."""

    attempt_id: str
    outreach_id: str
    lease_id: str
    worker_id: str
    bank_id: str
    person_id: str
    identity: str
    phone_hash: str
    carrier_id: str
    released_ms: int
    released_real_ms: int
    report_by_real_ms: int
    template_digest: str
    policy_version: int
    balance_sequence: int
    permit_sealed: bytes
    state: int = states.RELEASED
    may_have_left: bool = True
    carrier_message_id: str = ""
    carrier_code: str = ""
    segments: int = 0
    lookups: int = 0
    next_lookup_real_ms: int = 0


def insert_attempts(connection: Connection, rows: Sequence[NewAttempt]) -> None:
    insert_tuples(connection, attempt, rows, NewAttempt._fields)


def attempts_by_id(connection: Connection, ids: Collection[str]) -> dict[str, Any]:
    return {row.attempt_id: row for row in _ATTEMPTS_BY_ID.rows(connection, ids=ids)}


def attempts_of_lease(connection: Connection, lease_id: str) -> list[Row[Any]]:
    return list(connection.execute(select(attempt).where(attempt.c.lease_id == lease_id)))


def attempts_of(connection: Connection, outreach_ids: Collection[str]) -> list[Row[Any]]:
    return list(
        connection.execute(
            select(attempt).where(attempt.c.outreach_id.in_(outreach_ids)).order_by(attempt.c.attempt_id)
        )
    )


def attempts_by_carrier_id(connection: Connection, carrier_id: str, message_ids: Collection[str]) -> dict[str, Any]:
    rows = _BY_CARRIER_ID.rows(connection, carrier_id=carrier_id, message_ids=message_ids)
    return {row.carrier_message_id: row for row in rows}


def candidates(connection: Connection, carrier_id: str, phone_hash: str) -> list[Row[Any]]:
    """Open attempts to a number through a carrier whose own id nobody has told us yet."""
    return list(
        connection.execute(
            select(attempt).where(
                attempt.c.phone_hash == phone_hash,
                attempt.c.carrier_id == carrier_id,
                attempt.c.carrier_message_id == "",
                attempt.c.state.in_((states.RELEASED, states.UNCONFIRMED, states.SENT)),
            )
        )
    )


def overdue_attempts(connection: Connection, real_ms: int, limit: int) -> list[Row[Any]]:
    """Released attempts whose report should have come by now."""
    return list(
        connection.execute(
            select(attempt)
            .where(attempt.c.state == states.RELEASED, attempt.c.report_by_real_ms <= real_ms)
            .order_by(attempt.c.report_by_real_ms)
            .limit(limit)
        )
    )


def unconfirmed_attempts(connection: Connection, bank_id: str, limit: int) -> list[Row[Any]]:
    """A bank's attempts whose fate is unknown, oldest first."""
    return list(
        connection.execute(
            select(attempt)
            .where(attempt.c.bank_id == bank_id, attempt.c.state == states.UNCONFIRMED)
            .order_by(attempt.c.attempt_id)
            .limit(limit)
        )
    )


def update_attempts(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Updates many attempts. Rows give attempt_id and all of: state, may_have_left, carrier_message_id, carrier_code,
    segments."""
    update_rows(connection, attempt, {"attempt_id": "attempt_id"}, rows)


def identify(connection: Connection, person_id: str, old: str, new: str) -> None:
    """Gives a person's attempts the identity that the bank tells of the person now: the caps count by it."""
    connection.execute(
        update(attempt).where(attempt.c.identity == old, attempt.c.person_id == person_id).values(identity=new)
    )


def sends_since(
    connection: Connection, identities: Collection[str], phone_hashes: Collection[str], since_ms: int
) -> list[Any]:
    """What may have left to these people or numbers: attempt_id, identity, phone_hash, bank_id, released_ms."""
    return _SENDS.rows(connection, identities=identities, phone_hashes=phone_hashes, since_ms=since_ms)


def count_by_state(connection: Connection, bank_id: str, channel: int = 0) -> dict[int, int]:
    """Of one channel, or of both."""
    counted = select(outreach.c.state, func.count()).where(*_of(bank_id, channel))
    return {row[0]: row[1] for row in connection.execute(counted.group_by(outreach.c.state))}


def count_admitted(connection: Connection, bank_id: str) -> int:
    admitted = (outreach.c.bank_id == bank_id) & IS_ADMITTED
    return connection.execute(select(func.count()).select_from(outreach).where(admitted)).scalar_one()


def count_held(connection: Connection, bank_id: str) -> list[tuple[str, int]]:
    """Counts of what is admitted and waits for something, by set of codes."""
    # The index's own condition, word for word: a database sees only then that it may use it.
    held = (outreach.c.bank_id == bank_id) & text("state = 1 AND codes <> ''")
    return _by_codes(connection, held)


def count_awaiting(connection: Connection, bank_id: str) -> list[tuple[str, int]]:
    """Counts of what awaits a quantity, by set of codes."""
    awaiting = (outreach.c.bank_id == bank_id) & (outreach.c.state == states.AWAITING_QUANTITY) & IS_RARE
    return _by_codes(connection, awaiting)


def _by_codes(connection: Connection, where: ColumnElement[bool]) -> list[tuple[str, int]]:
    rows = connection.execute(select(outreach.c.codes, func.count()).where(where).group_by(outreach.c.codes))
    return [(row[0], row[1]) for row in rows]


def count_unconfirmed(connection: Connection, bank_id: str) -> int:
    """Attempts whose fate is unknown."""
    counted = select(func.count()).where(attempt.c.state == states.UNCONFIRMED, attempt.c.bank_id == bank_id)
    return connection.execute(counted).scalar_one()


def _of(bank_id: str, channel: int) -> list[ColumnElement[bool]]:
    return [outreach.c.bank_id == bank_id, *([outreach.c.channel == channel] if channel else [])]


def count_by_codes(connection: Connection, bank_id: str, channel: int = 0) -> list[tuple[str, int]]:
    """Counts of what is blocked, cancelled or waiting by the set of its codes; the sets are comma-separated."""
    stopped = outreach.c.state.in_(
        (
            states.AWAITING_QUANTITY,
            states.ADMITTED,
            states.BLOCKED,
            states.CANCELLED,
            states.TO_PULL,
            states.PULLED,
        )
    )
    return _by_codes(connection, and_(*_of(bank_id, channel), outreach.c.codes != "", stopped))
