"""What runs under the write lock again and again reads no more than it needs, however much has ended."""

from __future__ import annotations

from pathlib import Path

from approval_service.store import outreach as store
from tests.service.approval_service.plans import explained


def test_what_is_due_comes_in_the_order_of_its_index(tmp_path: Path) -> None:
    """Neither what has ended nor another bank's backlog is read, and nothing is sorted."""
    with explained(tmp_path) as (connection, found):
        wanted = store.Due(("one-bank", "other-bank"), 5)
        store.due(connection, wanted, 3)
        store.next_due_ms(connection, wanted)
        store.expired(connection, 5, 3)
    plans = [line for plan in found for line in plan]
    assert plans == [
        "SEARCH outreach USING INDEX outreach_due (channel=? AND bank_id=? AND due_ms<?)",
        "SEARCH outreach USING INDEX outreach_due (channel=? AND bank_id=? AND due_ms<?)",
        "SEARCH outreach USING INDEX outreach_due (channel=? AND bank_id=?)",
        "SEARCH outreach USING INDEX outreach_due (channel=? AND bank_id=?)",
        "SEARCH outreach USING INDEX outreach_expiry (not_after_ms<?)",
    ]
