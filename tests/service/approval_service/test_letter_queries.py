"""What letters are looked up by, under the write lock, is found by an index."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import event

from approval_service.database import Database
from approval_service.store import addresses, letters_sent
from approval_service.store import letters as letter_store
from approval_service.store import outreach as store
from approval_service.store.scopes import Scope
from outreach.v1.mailroom_service_pb2 import LetterState


def test_nothing_reads_a_whole_table(tmp_path: Path) -> None:
    """Neither what goes to an address, nor what was mailed about an account, nor what is due or has an item number."""
    database = Database(f"sqlite:///{tmp_path}/outreach.db")
    database.migrate()
    plans: list[str] = []
    with database.reader.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None

        def explain(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
            plans.extend(row[3] for row in driver.execute(f"EXPLAIN QUERY PLAN {statement}", values))

        event.listen(database.reader, "before_cursor_execute", explain)
        store.active(connection, Scope(bank_id="one-bank", address_hash="h"))
        addresses.bad_marks(connection, ["h"])
        letters_sent.about(connection, ["a"], 0)
        letter_store.due(connection, "one-bank", "d", 1, 5, (0, ""), 3)
        letter_store.by_item(connection, ["RA473124829CN"])
        letter_store.page(connection, "one-bank", "", LetterState.LETTER_STATE_TO_PULL, None, 3)
        letter_store.runs_to_render(connection, 3)
    database.close()
    searches = [
        plan.split(" AND (due_ms")[0]
        for plan in plans
        if plan.startswith(("SEARCH", "SCAN")) and "json_each" not in plan
    ]
    assert searches == [
        "SEARCH outreach USING INDEX outreach_by_address (bank_id=? AND address_hash=?)",
        "SEARCH bad_address USING INDEX bad_address_by_hash (address_hash=?)",
        "SEARCH letter USING INDEX letter_by_account (account_id=?)",
        "SEARCH outreach USING INDEX outreach_due (channel=? AND bank_id=?",
        "SEARCH letter USING INDEX letter_by_item (item_number=?)",
        "SEARCH letter USING INDEX letter_by_bank (bank_id=? AND state=?)",
        "SCAN print_run USING INDEX print_run_to_render",
    ]
