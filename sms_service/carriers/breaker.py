"""A circuit breaker: stops sending to a carrier that does not answer, and to an account that the carrier stopped."""

from __future__ import annotations

import time
from collections.abc import Callable

from sms_service.carriers.seam import ACCEPTED, CONNECT_FAILED, REFUSED, UNKNOWN, SendResult

FAILURES_TO_OPEN = 5
FIRST_OPEN_S = 1.0
LONGEST_OPEN_S = 60.0


class CircuitBreaker:
    """Closed: all may pass. Open: none, for a time that doubles. Then one at a time, until an answer closes it."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._failures = 0
        self._open_s = FIRST_OPEN_S
        self._open_until = 0.0

    def wait_s(self) -> float:
        """Seconds until anything may pass; 0 if it may now."""
        return max(0.0, self._open_until - self._now())

    def is_trying(self) -> bool:
        """True once it was open and nothing has succeeded since: only one may be under way."""
        return self._failures >= FAILURES_TO_OPEN

    def record(self, result: SendResult) -> None:
        """Learns from one attempt. An understood answer, also a refusal, is health; what never left tells nothing."""
        if result.pause_ms:
            self._open_until = max(self._open_until, self._now() + result.pause_ms / 1000)
        elif result.outcome == UNKNOWN or result.code == CONNECT_FAILED:
            self._fail()
        elif result.outcome in (ACCEPTED, REFUSED):
            self._failures = 0
            self._open_s = FIRST_OPEN_S

    def _fail(self) -> None:
        self._failures += 1
        # What was in flight together when the carrier went away fails together: that is one failure to come back.
        if self.is_trying() and not self.wait_s():
            self._open_until = self._now() + self._open_s
            self._open_s = min(self._open_s * 2, LONGEST_OPEN_S)
