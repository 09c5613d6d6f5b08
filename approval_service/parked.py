"""What waits for the bank's amounts: due again after a further feed mark, a part at a time, where they are fresh."""

from __future__ import annotations

from approval_service.moves import Moves
from approval_service.rules import amounts_are_fresh
from approval_service.store import accounts as account_store
from approval_service.store import outreach as outreach_store
from approval_service.store import stops as stop_store
from approval_service.writer import Tx
from outreach.domain.codes import Code

PART = 500
"""How many are looked at in one transaction: a bank's whole backlog would keep the write lock for seconds."""


def resume(tx: Tx, bank_id: str, complete_through_ms: int, after_id: str = "") -> int:
    """Resumes the next part, and notes where the sweeper goes on. Returns how many it looked at."""
    rows = outreach_store.waiting_after(tx.connection, Code.BALANCE_UNCONFIRMED, bank_id, after_id, PART)
    policy = tx.catalog.policy_at(bank_id, tx.now_ms)
    accounts = account_store.accounts_by_id(tx.connection, {row.account_id for row in rows})
    moves = Moves(tx)
    for row in rows:
        if policy and amounts_are_fresh(accounts[row.account_id], policy, complete_through_ms, tx.now_ms):
            moves.resume(row)
    moves.write()
    stop_store.put_feed(tx.connection, bank_id, resume_after=rows[-1].outreach_id if len(rows) == PART else None)
    return len(rows)


def sweep(tx: Tx) -> int:
    """Goes on where a part was left. Returns how many it looked at."""
    return sum(
        resume(tx, bank_id, feed.complete_through_ms, feed.resume_after)
        for bank_id, feed in stop_store.feeds(tx.connection).items()
        if feed.resume_after is not None
    )
