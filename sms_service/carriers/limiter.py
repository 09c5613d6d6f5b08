"""A token bucket: how many messages may go to a carrier now."""

from __future__ import annotations

import time
from collections.abc import Callable

BURST_S = 0.1


class RateLimiter:
    """`rate_per_s` tokens a second, of which a tenth of a second's worth (at least one) can gather."""

    def __init__(self, rate_per_s: float, now: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate_per_s
        self._capacity = max(1.0, rate_per_s * BURST_S)
        self._now = now
        self._tokens = self._capacity
        self._filled_at = now()

    def available(self) -> int:
        """Whole tokens there are now."""
        now = self._now()
        self._tokens = min(self._capacity, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
        return int(self._tokens)

    def take(self, tokens: int) -> None:
        """Uses tokens that `available` showed."""
        self._tokens -= tokens

    def wait_s(self) -> float:
        """Seconds until there is a whole token."""
        return 0.0 if self.available() else (1.0 - self._tokens) / self._rate
