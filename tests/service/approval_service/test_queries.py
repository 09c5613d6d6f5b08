"""What runs under the write lock again and again reads no more than it needs, however much has ended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import event

from approval_service.database import Database
from approval_service.store import outreach as store


def test_what_is_due_comes_in_the_order_of_its_index(tmp_path: Path) -> None:
    """Neither what has ended nor another bank's backlog is read, and nothing is sorted."""
    database = Database(f"sqlite:///{tmp_path}/outreach.db")
    database.migrate()
    plans: list[str] = []
    with database.reader.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None

        def explain(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
            plans.extend(row[3] for row in driver.execute(f"EXPLAIN QUERY PLAN {statement}", values))

        event.listen(database.reader, "before_cursor_execute", explain)
        wanted = store.Due(("one-bank", "other-bank"), 5)
        store.due(connection, wanted, 3)
        store.next_due_ms(connection, wanted)
        store.expired(connection, 5, 3)
    database.close()
    assert plans == [
        "SEARCH outreach USING INDEX outreach_due (channel=? AND bank_id=? AND due_ms<?)",
        "SEARCH outreach USING INDEX outreach_due (channel=? AND bank_id=? AND due_ms<?)",
        "SEARCH outreach USING INDEX outreach_due (channel=? AND bank_id=?)",
        "SEARCH outreach USING INDEX outreach_due (channel=? AND bank_id=?)",
        "SEARCH outreach USING INDEX outreach_expiry (not_after_ms<?)",
    ]
