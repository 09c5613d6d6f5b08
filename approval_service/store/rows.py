"""Many rows written with one statement, or read to be looked at many times.

The values are as the driver takes them. SQLAlchemy's own statements work on each value of each row, which costs more
than the database does.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache, partial
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Result, SelectBase, Table
from sqlalchemy.dialects import sqlite

from approval_service.store.lists import as_parameter


class Query:
    """A statement that is asked again and again: made into SQL once for each kind of database, and its rows given as
    plain named tuples, as the driver reads them."""

    def __init__(self, statement: SelectBase) -> None:
        self._statement = statement
        self._compiled: dict[str, tuple[str, dict[str, Any]]] = {}
        self._make = _maker(tuple(column.key for column in statement.selected_columns))

    def rows(self, connection: Connection, **parameters: Any) -> list[Any]:
        """All rows, as named tuples."""
        return list(map(self._make, self.tuples(connection, **parameters)))

    def tuples(self, connection: Connection, **parameters: Any) -> list[tuple[Any, ...]]:
        """All rows, as the driver's own tuples. A parameter of `one_of` is a collection of texts."""
        dialect = connection.dialect.name
        if dialect not in self._compiled:
            self._compiled[dialect] = self._compile(connection)
        sql, constants = self._compiled[dialect]
        given = {name: as_parameter(value, dialect) for name, value in parameters.items()}
        result = connection.exec_driver_sql(sql, constants | given)
        cursor: Any = result.cursor  # SQLAlchemy types it as what only some drivers have
        found: list[tuple[Any, ...]] = cursor.fetchall()
        result.close()
        return found

    def _compile(self, connection: Connection) -> tuple[str, dict[str, Any]]:
        by_name = sqlite.dialect(paramstyle="named") if connection.dialect.name == "sqlite" else connection.dialect
        compiled = self._statement.compile(dialect=by_name)
        return str(compiled), {name: value for name, value in compiled.params.items() if value is not None}


def records(result: Result[Any]) -> list[Any]:
    """The rows of a statement that is made anew each time, as plain named tuples."""
    return list(map(_maker(tuple(result.keys())), result.all()))


def insert_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts rows that all give the same columns, in the same order."""
    if rows:
        statement = _insert(table.name, tuple(rows[0]), connection.dialect.name)
        connection.exec_driver_sql(statement, [tuple(row.values()) for row in rows])


def insert_tuples(
    connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]], columns: tuple[str, ...] = ()
) -> None:
    """Inserts rows that give these columns, or all in the table's order."""
    if rows:
        statement = _insert(table.name, columns or tuple(table.c.keys()), connection.dialect.name)
        connection.exec_driver_sql(statement, rows)


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
def _maker(columns: tuple[str, ...]) -> Callable[[Iterable[Any]], Any]:
    return partial(tuple.__new__, namedtuple("Record", columns))  # its fields are those of whatever statement


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
