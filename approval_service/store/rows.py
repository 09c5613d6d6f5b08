"""Many rows of a table written with one statement.

The values are as the driver takes them. SQLAlchemy's own statements work on each value of each row, which costs more
than the database does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Table


def insert_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts rows that all give the same columns."""
    if rows:
        connection.exec_driver_sql(_insert(table.name, tuple(rows[0]), connection.dialect.name), rows)


def update_rows(
    connection: Connection, table: Table, where: Mapping[str, str], rows: Sequence[Mapping[str, Any]]
) -> int:
    """Updates the row that each of these finds, and returns how many were found.

    `where` maps columns to the entries of a row that they must equal; the other entries are what is set.
    """
    if not rows:
        return 0
    statement = _update(table.name, tuple(where.items()), tuple(rows[0]), connection.dialect.name)
    return connection.exec_driver_sql(statement, rows).rowcount


@lru_cache
def _insert(table: str, columns: tuple[str, ...], dialect: str) -> str:
    values = ", ".join(_mark(column, dialect) for column in columns)
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({values})"  # noqa: S608  # names of our own schema


@lru_cache
def _update(table: str, where: tuple[tuple[str, str], ...], entries: tuple[str, ...], dialect: str) -> str:
    found_by = {entry for _, entry in where}
    changes = ", ".join(f"{entry} = {_mark(entry, dialect)}" for entry in entries if entry not in found_by)
    conditions = " AND ".join(f"{column} = {_mark(entry, dialect)}" for column, entry in where)
    return f"UPDATE {table} SET {changes} WHERE {conditions}"  # noqa: S608  # names of our own schema


def _mark(name: str, dialect: str) -> str:
    return f":{name}" if dialect == "sqlite" else f"%({name})s"
