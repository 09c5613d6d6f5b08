"""Each caller's rate: a token bucket that holds one second's worth."""

from __future__ import annotations

import time

from outreach.domain.errors import Kind, Refusal


class RateLimiter:
    """Counts what callers spend. A batch may overdraw the bucket, so that a large one is never refused for ever; the
    caller then waits until the debt is paid.
    """

    def __init__(self) -> None:
        self._buckets: dict[str, tuple[float, float]] = {}

    def enter(self, caller_id: str, per_second: float) -> None:
        """Takes one. Raises Refusal RESOURCE_EXHAUSTED with the seconds to wait if the bucket is empty."""
        now = time.monotonic()
        capacity = max(per_second, 1.0)
        level, then = self._buckets.get(caller_id, (capacity, now))
        level = min(capacity, level + (now - then) * per_second)
        if level < 1.0:
            wait_s = (1.0 - level) / per_second
            message = f"超过每秒 {per_second:g} 次，请等待 {wait_s:.2f} 秒。Too many requests a second: wait that long."
            raise Refusal(Kind.EXHAUSTED, message, reason="RATE_LIMITED", retry_after_s=wait_s)
        self._buckets[caller_id] = (level - 1.0, now)

    def spend(self, caller_id: str, count: int) -> None:
        """Takes more of a caller that has entered."""
        level, then = self._buckets[caller_id]
        self._buckets[caller_id] = (level - count, then)
