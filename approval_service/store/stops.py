"""SQL on holds, no-contact marks, dead numbers and the bank's feed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, Row, insert, select, text, update

from approval_service import schema
from approval_service.store.lists import one_of
from approval_service.store.rows import Query

hold, mark, dead_phone, feed = schema.hold, schema.mark, schema.dead_phone, schema.feed

_OPEN_HOLDS = Query(
    select(hold.c.account_id, hold.c.kind).where(one_of(hold.c.account_id, "account_ids"), hold.c.lifted_by == "")
)
_MARKS = Query(
    select(mark.c.bank_id, mark.c.subject, mark.c.reason).where(
        one_of(mark.c.bank_id, "bank_ids"), one_of(mark.c.subject, "subjects")
    )
)
_DEAD = Query(select(dead_phone.c.phone_hash).where(one_of(dead_phone.c.phone_hash, "hashes")))
_FEEDS = Query(select(feed))


def open_holds(connection: Connection, account_ids: Collection[str]) -> dict[str, list[Any]]:
    """Kinds of holds not lifted, by account id."""
    found: dict[str, list[Any]] = defaultdict(list)
    for account_id, kind in _OPEN_HOLDS.tuples(connection, account_ids=account_ids):
        found[account_id].append(kind)
    return found


def insert_hold(connection: Connection, values: Mapping[str, Any]) -> None:
    connection.execute(insert(hold).values(**values))


def get_hold(connection: Connection, hold_id: str) -> Row[Any] | None:
    return connection.execute(select(hold).where(hold.c.hold_id == hold_id)).first()


def update_hold(connection: Connection, hold_id: str, values: Mapping[str, Any]) -> None:
    connection.execute(update(hold).where(hold.c.hold_id == hold_id).values(**values))


def list_holds(
    connection: Connection, bank_id: str, before_id: str, limit: int, *, lifted: bool, to_lift: bool
) -> list[Row[Any]]:
    """The newest first; also those lifted, or only those that somebody asked to lift."""
    query = select(hold).where(hold.c.bank_id == bank_id)
    # The indexes' own conditions, word for word: a database sees only then that it may use them.
    if to_lift:
        query = query.where(text("hold.lifted_by = '' AND hold.lift_requested_by <> ''"))
    elif not lifted:
        query = query.where(text("hold.lifted_by = ''"))
    if before_id:
        query = query.where(hold.c.hold_id < before_id)
    return list(connection.execute(query.order_by(hold.c.hold_id.desc()).limit(limit)))


def holds_of(connection: Connection, account_id: str) -> list[Row[Any]]:
    return list(connection.execute(select(hold).where(hold.c.account_id == account_id, hold.c.lifted_by == "")))


def marks_on(
    connection: Connection, bank_ids: Collection[str], subjects: Collection[str]
) -> dict[tuple[str, str], list[int]]:
    """Reasons by (bank id, subject)."""
    found: dict[tuple[str, str], list[int]] = defaultdict(list)
    for bank_id, subject, reason in _MARKS.tuples(connection, bank_ids=bank_ids, subjects=subjects):
        found[bank_id, subject].append(reason)
    return found


def put_mark(connection: Connection, values: Mapping[str, Any]) -> None:
    """Inserts a mark; a repeated one keeps its first evidence."""
    known = connection.execute(
        select(mark.c.subject).where(
            mark.c.bank_id == values["bank_id"],
            mark.c.subject == values["subject"],
            mark.c.reason == values["reason"],
        )
    ).first()
    if known is None:
        connection.execute(insert(mark).values(**values))


def dead_among(connection: Connection, phone_hashes: Collection[str]) -> set[str]:
    return {row[0] for row in _DEAD.tuples(connection, hashes=phone_hashes)}


def put_dead(connection: Connection, phone_hash: str, evidence_sealed: bytes) -> bool:
    """True if it was not known yet; a repeated one keeps its first evidence."""
    if dead_among(connection, [phone_hash]):
        return False
    connection.execute(insert(dead_phone).values(phone_hash=phone_hash, evidence_sealed=evidence_sealed))
    return True


def feeds(connection: Connection) -> dict[str, Any]:
    """Every bank's feed, by bank id."""
    return {row.bank_id: row for row in _FEEDS.rows(connection)}


def put_feed(connection: Connection, bank_id: str, **columns: int | str | None) -> None:
    changed = connection.execute(update(feed).where(feed.c.bank_id == bank_id).values(**columns))
    if changed.rowcount == 0:
        values: dict[str, int | str | None] = {"complete_through_ms": 0, "proven_real_ms": 0, **columns}
        connection.execute(insert(feed).values(bank_id=bank_id, **values))
