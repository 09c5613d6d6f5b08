"""What letters are looked up by, under the write lock, is found by an index."""

from __future__ import annotations

from pathlib import Path

from approval_service.store import addresses, letters_sent
from approval_service.store import letters as letter_store
from approval_service.store import outreach as store
from approval_service.store.scopes import Scope
from outreach.v1.mailroom_service_pb2 import LetterState
from tests.service.approval_service.plans import explained


def test_nothing_reads_a_whole_table(tmp_path: Path) -> None:
    """Neither what goes to an address, nor what was mailed about an account, nor what is due or has an item number."""
    with explained(tmp_path) as (connection, found):
        store.active(connection, Scope(bank_id="one-bank", address_hash="h"))
        addresses.bad_marks(connection, ["h"])
        letters_sent.about(connection, ["a"], 0)
        letter_store.due(connection, "one-bank", "d", 1, 5, (0, ""), 3)
        letter_store.by_item(connection, ["RA473124829CN"])
        letter_store.page(connection, "one-bank", "", LetterState.LETTER_STATE_TO_PULL, None, 3)
        letter_store.runs_to_render(connection, 3)
    plans = [line for plan in found for line in plan]
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
