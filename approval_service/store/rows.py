"""Many rows written with one statement, or read to be looked at many times.

The values are as the driver takes them. SQLAlchemy's own statements work on each value of each row, which costs more
than the database does.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Result, Table


def records(result: Result[Any]) -> list[Any]:
    """The rows as named tuples. SQLAlchemy's own look each attribute up by name, which is slower than a rule."""
    make = _record(tuple(result.keys()))._make
    return [make(row) for row in result.all()]


def insert_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts rows that all give the same columns, in the same order."""
    if rows:
        statement = _insert(table.name, tuple(rows[0]), connection.dialect.name)
        connection.exec_driver_sql(statement, [tuple(row.values()) for row in rows])


def insert_tuples(connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Inserts rows that give all columns in the table's order."""
    if rows:
        connection.exec_driver_sql(_insert(table.name, tuple(table.c.keys()), connection.dialect.name), rows)


def update_rows(
    connection: Connection, table: Table, where: Mapping[str, str], rows: Sequence[Mapping[str, Any]]
) -> int:
    """Updates the row that each of these finds, and returns how many were found.

    `where` maps columns to the entries of a row that they must equal; the other entries are what is set.
    """
    if not rows:
        return 0
    entries = tuple(entry for entry in rows[0] if entry not in where.values())
    statement = _update(table.name, tuple(where), entries, connection.dialect.name)
    values = itemgetter(*entries, *where.values())
    return connection.exec_driver_sql(statement, [values(row) for row in rows]).rowcount


@lru_cache
def _record(columns: tuple[str, ...]) -> Any:
    return namedtuple("Record", columns)  # its fields are those of whatever statement


@lru_cache
def _insert(table: str, columns: tuple[str, ...], dialect: str) -> str:
    values = ", ".join([_mark(dialect)] * len(columns))
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({values})"  # noqa: S608  # names of our own schema


@lru_cache
def _update(table: str, where: tuple[str, ...], changed: tuple[str, ...], dialect: str) -> str:
    mark = _mark(dialect)
    changes = ", ".join(f"{column} = {mark}" for column in changed)
    conditions = " AND ".join(f"{column} = {mark}" for column in where)
    return f"UPDATE {table} SET {changes} WHERE {conditions}"  # noqa: S608  # names of our own schema


def _mark(dialect: str) -> str:
    """By position: sqlite3 looks named parameters up one by one, which takes longer than storing them."""
    return "?" if dialect == "sqlite" else "%s"
