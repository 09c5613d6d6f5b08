"""SQL on print runs and letters. Each change of a letter's state is guarded by the state it leaves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, text, tuple_, update

from approval_service import schema
from approval_service.store.lists import one_of
from approval_service.store.rows import insert_rows, update_rows
from outreach.domain import states
from outreach.v1.mailroom_service_pb2 import LetterState, RunState
from outreach.v1.outreach_service_pb2 import Channel

print_run, letter, outreach, head = schema.print_run, schema.letter, schema.outreach, schema.head

_BY_NUMBER = select(letter).where(one_of(letter.c.letter_number, "numbers"))
_BY_OUTREACH = (
    select(letter).where(one_of(letter.c.outreach_id, "ids")).order_by(letter.c.released_ms, letter.c.letter_number)
)
# The index's own condition, word for word: a database sees only then that it may use it.
_BY_ITEM = (
    select(letter)
    .where(one_of(letter.c.item_number, "items"), text("letter.item_number <> ''"))
    .order_by(letter.c.mailed_ms)
)
_RUNS = select(print_run).where(one_of(print_run.c.run_id, "ids"))
_DUE = (outreach.c.channel == Channel.CHANNEL_LETTER, outreach.c.state == states.ADMITTED)


def take_serials(connection: Connection, count: int) -> range:
    """Serial numbers for letters that nobody was given before."""
    last: int = connection.execute(
        update(head).values(letter_serial=head.c.letter_serial + count).returning(head.c.letter_serial)
    ).scalar_one()
    return range(last - count + 1, last + 1)


def queue(connection: Connection, bank_id: str, now_ms: int) -> list[Row[Any]]:
    """What is due of a bank by what makes one run: template_digest, letter_name, postal_class, due, oldest_ms."""
    columns = (outreach.c.template_digest, outreach.c.letter_name, outreach.c.postal_class)
    oldest = func.min(outreach.c.due_ms)
    return list(
        connection.execute(
            select(*columns, func.count().label("due"), oldest.label("oldest_ms"))
            .where(*_DUE, outreach.c.bank_id == bank_id)
            .where(outreach.c.due_ms <= now_ms, outreach.c.not_after_ms > now_ms)
            .group_by(*columns)
            .order_by(oldest)
        )
    )


def due(
    connection: Connection,
    bank_id: str,
    version_digest: str,
    postal_class: int,
    now_ms: int,
    after: tuple[int, str],
    limit: int,
) -> list[Row[Any]]:
    """Outreach that may go into a run, the longest due first, after a due time and id."""
    return list(
        connection.execute(
            select(outreach)
            .where(*_DUE, outreach.c.bank_id == bank_id)
            .where(outreach.c.template_digest == version_digest, outreach.c.postal_class == postal_class)
            .where(outreach.c.due_ms <= now_ms, outreach.c.not_after_ms > now_ms)
            .where(tuple_(outreach.c.due_ms, outreach.c.outreach_id) > after)
            .order_by(outreach.c.due_ms, outreach.c.outreach_id)
            .limit(limit)
        )
    )


def insert_run(connection: Connection, values: Mapping[str, Any]) -> None:
    connection.execute(insert(print_run).values(**values))


def get_run(connection: Connection, run_id: str) -> Row[Any] | None:
    return connection.execute(select(print_run).where(print_run.c.run_id == run_id)).first()


def run_of_request(connection: Connection, bank_id: str, run_request_id: str) -> Row[Any] | None:
    return connection.execute(
        select(print_run).where(print_run.c.bank_id == bank_id, print_run.c.run_request_id == run_request_id)
    ).first()


def runs(connection: Connection, run_ids: Collection[str]) -> dict[str, Row[Any]]:
    return {row.run_id: row for row in connection.execute(_RUNS, {"ids": run_ids}).all()}


def update_run(connection: Connection, run_id: str, values: Mapping[str, Any]) -> None:
    connection.execute(update(print_run).where(print_run.c.run_id == run_id).values(**values))


def runs_page(connection: Connection, bank_id: str, state: int, before_id: str, limit: int) -> list[Row[Any]]:
    """Newest first; of one state, or of all for 0."""
    query = select(print_run).where(print_run.c.bank_id == bank_id)
    if state:
        query = query.where(print_run.c.state == state)
    if before_id:
        query = query.where(print_run.c.run_id < before_id)
    return list(connection.execute(query.order_by(print_run.c.run_id.desc()).limit(limit)))


def runs_to_render(connection: Connection, limit: int) -> list[Row[Any]]:
    """Oldest first."""
    rendering = print_run.c.state == RunState.RUN_STATE_RENDERING
    return list(connection.execute(select(print_run).where(rendering).order_by(print_run.c.run_id).limit(limit)))


def counts(connection: Connection, run_ids: Collection[str]) -> dict[str, list[Row[Any]]]:
    """The letters of runs by what is counted of them: state, printed, sealed, letters, sheets."""
    columns = (letter.c.run_id, letter.c.state, letter.c.printed, letter.c.sealed)
    found = defaultdict(list)
    rows = connection.execute(
        select(*columns, func.count().label("letters"), func.sum(letter.c.sheets).label("sheets"))
        .where(letter.c.run_id.in_(run_ids))
        .group_by(*columns)
    )
    for row in rows:
        found[row.run_id].append(row)
    return found


def insert_letters(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    insert_rows(connection, letter, rows)


def by_number(connection: Connection, numbers: Collection[str]) -> dict[str, Row[Any]]:
    return {row.letter_number: row for row in connection.execute(_BY_NUMBER, {"numbers": numbers}).all()}


def of_outreach(connection: Connection, outreach_ids: Collection[str]) -> list[Row[Any]]:
    """Oldest first."""
    return list(connection.execute(_BY_OUTREACH, {"ids": outreach_ids}))


def by_item(connection: Connection, item_numbers: Collection[str]) -> dict[str, Row[Any]]:
    """The letter last mailed under each item number."""
    return {row.item_number: row for row in connection.execute(_BY_ITEM, {"items": item_numbers}).all()}


def of_run(
    connection: Connection, run_id: str, states_wanted: Collection[LetterState.ValueType] = ()
) -> list[Row[Any]]:
    """In the run's order."""
    query = select(letter).where(letter.c.run_id == run_id)
    if states_wanted:
        query = query.where(letter.c.state.in_(states_wanted))
    return list(connection.execute(query.order_by(letter.c.position)))


def in_range(connection: Connection, run_id: str, first: int, last: int) -> list[Row[Any]]:
    within = letter.c.position.between(first, last)
    return list(connection.execute(select(letter).where(letter.c.run_id == run_id, within).order_by(letter.c.position)))


def page(
    connection: Connection, bank_id: str, run_id: str, state: int, after: tuple[str, int] | None, limit: int
) -> list[Row[Any]]:
    """By run and position, after such a place."""
    query = select(letter).where(letter.c.bank_id == bank_id)
    if run_id:
        query = query.where(letter.c.run_id == run_id)
    if state:
        query = query.where(letter.c.state == state)
    if after:
        query = query.where(tuple_(letter.c.run_id, letter.c.position) > after)
    return list(connection.execute(query.order_by(letter.c.run_id, letter.c.position).limit(limit)))


def update_letters(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> int:
    """Updates letters, each guarded by its state: rows give letter_number, old_state and what is set. Returns how many
    changed."""
    alike: dict[tuple[str, ...], list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        alike[tuple(row)].append(row)
    where = {"letter_number": "letter_number", "state": "old_state"}
    return sum(update_rows(connection, letter, where, group) for group in alike.values())


def set_replaced(connection: Connection, replaced: Mapping[str, str]) -> None:
    """Names, by letter number, the number given in its place."""
    rows = [{"letter_number": old, "replaced_by": new} for old, new in replaced.items()]
    update_rows(connection, letter, {"letter_number": "letter_number"}, rows)


def set_hold(connection: Connection, letter_number: str, hold_id: str) -> None:
    """Names the hold that the letter's return put on its account."""
    connection.execute(update(letter).where(letter.c.letter_number == letter_number).values(hold_id=hold_id))


def count_in_hand(connection: Connection, bank_id: str) -> dict[int, int]:
    """How many of a bank's letters are printed and not yet mailed, or are to be pulled, by state."""
    in_hand = (LetterState.LETTER_STATE_PRINTED, LetterState.LETTER_STATE_TO_PULL)
    counted = select(letter.c.state, func.count()).where(letter.c.bank_id == bank_id, letter.c.state.in_(in_hand))
    return {row[0]: row[1] for row in connection.execute(counted.group_by(letter.c.state))}
