"""Letters in print whose amounts are no more those of the bank's record: made anew under another number."""

from __future__ import annotations

from typing import Any

from approval_service.mailroom.withdrawal import Withdrawal, in_print
from approval_service.moves import Moves
from approval_service.store import accounts as account_store
from approval_service.store import letters as store
from approval_service.store import outreach as outreach_store
from approval_service.store.scopes import Scope
from approval_service.writer import Tx
from outreach.domain.codes import Code


def repaid(tx: Tx, scope: Scope, by: str, *, notice: bool) -> None:
    """After a repayment or its reversal: every letter of the scope in print shows an old amount. With `notice`, the
    case system is told in writing of all that has not ended."""
    rows = outreach_store.active(tx.connection, scope)
    moves = Moves(tx)
    letters = Withdrawal(tx, moves, rows)
    for row in rows:
        state = letters.stop(row, Code.REPAID_IN_PART, by=by, anew=True) if in_print(row) else row.state
        if notice:
            tx.changed(row, state, [Code.REPAID_IN_PART], attempt_id=row.attempt_id, notice=True, by=by)
    letters.write()


def follow_record(tx: Tx, account_id: str, by: str) -> None:
    """After new amounts: a letter in print that asks for more than is owed now is made anew. Interest that ran on since
    leaves it as true as on its date."""
    rows = [row for row in outreach_store.active(tx.connection, Scope(account_id=account_id)) if in_print(row)]
    if not rows:
        return
    account = account_store.accounts_by_id(tx.connection, [account_id])[account_id]
    shown = store.by_number(tx.connection, {row.attempt_id for row in rows})
    moves = Moves(tx)
    letters = Withdrawal(tx, moves, rows)
    for row in rows:
        if asks_too_much(shown[row.attempt_id], account):
            letters.stop(row, Code.REPAID_IN_PART, by=by, anew=True)
    letters.write()


def asks_too_much(letter: Any, account: Any) -> bool:
    """True if the letter shows more than the bank's record."""
    lower = account.overdue_fen < letter.overdue_fen or account.outstanding_fen < letter.outstanding_fen
    return bool(account.balance_known and lower)
