"""How SQLite would answer what a store asks it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event

from approval_service.database import Database


@contextmanager
def explained(folder: Path) -> Iterator[tuple[Connection, list[list[str]]]]:
    """A connection to an empty database, and the lines of the plan of each query that is asked on it."""
    database = Database(f"sqlite:///{folder}/outreach.db")
    database.migrate()
    plans: list[list[str]] = []
    with database.reader.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None

        def explain(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
            plans.append([row[3] for row in driver.execute(f"EXPLAIN QUERY PLAN {statement}", values)])

        event.listen(database.reader, "before_cursor_execute", explain)
        yield connection, plans
    database.close()
