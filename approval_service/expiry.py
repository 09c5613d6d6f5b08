"""What time alone moves: requests that expire, attempts whose report did not come; and long moves in parts."""

from __future__ import annotations

from collections.abc import Sequence

from approval_service import parked, quantities
from approval_service.moves import Moves, Told
from approval_service.reports import settle
from approval_service.store import outreach as store
from approval_service.writer import Tx
from outreach.domain import states

BATCH = 500


def sweep(tx: Tx, calls: Sequence[None]) -> Sequence[int]:
    """Handler: how many rows moved, up to BATCH of each kind. None while the clock may be wrong."""
    if tx.wall_clock_jumped:
        return [0 for _ in calls]
    moved = _expire(tx) + _unconfirm(tx) + parked.sweep(tx) + quantities.sweep(tx)
    return [moved for _ in calls]


def _expire(tx: Tx) -> int:
    moves, rows = Moves(tx), store.expired(tx.connection, tx.now_ms, BATCH)
    for row in rows:
        codes = [code for code in row.codes.split(",") if code]
        moves.outreach(row, states.EXPIRED, codes=codes)
    moves.write()
    quantities.give_back(tx, rows)
    return len(rows)


def _unconfirm(tx: Tx) -> int:
    moves, rows = Moves(tx), store.overdue_attempts(tx.connection, tx.real_ms, BATCH)
    outreach = store.get_many(tx.connection, {row.outreach_id for row in rows})
    told = Told(carrier_message_id="", carrier_code="no_report_in_time", segments=0)
    for attempt in rows:
        settle(moves, attempt, outreach[attempt.outreach_id], states.UNCONFIRMED, told)
    moves.write()
    return len(rows)
