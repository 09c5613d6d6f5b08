"""When no letter may be printed or mailed at all, as no SMS may leave then."""

from __future__ import annotations

from approval_service.leases import FEED_PROOF_MS
from approval_service.store import stops as stop_store
from approval_service.writer import Tx
from outreach.domain.errors import Kind, Refusal, precondition


def require_permits(tx: Tx, bank_id: str) -> None:
    """FAILED_PRECONDITION while the clock may be wrong. UNAVAILABLE while the bank's feed is unproven: what it said
    last may not be known here yet."""
    if tx.wall_clock_jumped:
        raise clock_jumped()
    feed = stop_store.feeds(tx.connection).get(bank_id)
    if feed is None or tx.real_ms - feed.proven_real_ms > FEED_PROOF_MS:
        raise Refusal(
            Kind.UNAVAILABLE,
            "银行消息通道未经验证，暂停放行；请稍后重试。The bank's feed is unproven: nothing may leave. Try again.",
            reason="FEED_UNPROVEN",
            retry_after_s=5.0,
        )


def clock_jumped() -> Refusal:
    return precondition(
        "系统时钟跳变，已停止放行；核对后用 ConfirmWallClock 确认。The wall clock jumped: check it, then "
        "ConfirmWallClock.",
        "PERMITS_STOPPED",
    )
