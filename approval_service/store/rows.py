"""Many rows into a table with one statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Table


def insert_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts rows that all give the same columns, their values as the driver takes them: SQLAlchemy's own insert works
    on each value of each row, which costs more than the database does."""
    if rows:
        marks = ":{}" if connection.dialect.name == "sqlite" else "%({})s"
        connection.exec_driver_sql(_statement(table.name, tuple(rows[0]), marks), rows)


@lru_cache
def _statement(table: str, columns: tuple[str, ...], marks: str) -> str:
    values = ", ".join(marks.format(column) for column in columns)
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({values})"  # noqa: S608  # names of our own schema
