"""A jump of the wall clock at one replica stops the permits of all, over restarts too, until somebody confirms it."""

from __future__ import annotations

from approval_service.authority import Authority
from approval_service.writer import Tx, one_by_one
from outreach.runtime.logs import EventLogger

_log = EventLogger("wall_clock")


async def watch(authority: Authority) -> None:
    """Writes a jump down, once; trusts the clock again when that was confirmed, at whichever replica. Repeat it."""
    guard = authority.guard
    if not guard.jumped():
        return
    if not await authority.write(_stop_permits, guard.reported):
        guard.confirm()
    elif not guard.reported:
        guard.reported = True
        _log.error("wall_clock_jumped", jump_s=round(guard.jump_s(), 1))


def _stop(tx: Tx, reported: bool) -> bool:
    """True while permits are stopped; False once a jump that was `reported` before has been confirmed."""
    if not reported and not tx.wall_clock_jumped:
        tx.record("wall_clock_jumped", "")
        tx.set_head(wall_clock_jumped=True)
        tx.wall_clock_jumped = True
    return tx.wall_clock_jumped


_stop_permits = one_by_one(_stop)
