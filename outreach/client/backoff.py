"""When a call is made again, and after how long."""

from __future__ import annotations

import asyncio
import random
import time

import grpc

from outreach.domain.errors import Kind, Refusal
from outreach.runtime.errors import refusal_of

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
_LOST = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED})
"""The answer did not come; whether the request was carried out, nobody can tell."""


class Backoff:
    """The pauses between the attempts of one call: random, growing, and never shorter than the server's RetryInfo."""

    def __init__(self, patience_s: float) -> None:
        """`patience_s`: no attempt begins later than this many seconds after the first."""
        self._patience_s = patience_s
        self.reset()

    def reset(self) -> None:
        """Begins anew, after something went well."""
        self._end = time.monotonic() + self._patience_s
        self._longest_s = _FIRST_PAUSE_S

    async def pause(self, error: grpc.aio.AioRpcError, *, repeatable: bool) -> None:
        """Sleeps until the next attempt. Raises Refusal where there should be none.

        What was turned away by a rate limit is always worth another attempt. A call whose answer was lost is so only if
        it is repeatable, that is, if carrying it out twice gives the same as once.
        """
        refusal = refusal_of(error)
        lost = error.code() in _LOST and repeatable
        if not lost and not (refusal.kind is Kind.EXHAUSTED and refusal.retry_after_s > 0):
            raise refusal from None
        await self._sleep(refusal)

    async def _sleep(self, refusal: Refusal) -> None:
        jitter_s = random.uniform(self._longest_s / 2, self._longest_s)  # noqa: S311 spreads load, keeps no secret
        pause_s = refusal.retry_after_s + jitter_s
        if time.monotonic() + pause_s > self._end:
            raise refusal from None
        self._longest_s = min(self._longest_s * 2, _LONGEST_PAUSE_S)
        await asyncio.sleep(pause_s)
