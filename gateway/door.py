"""The door that every public call passes: who calls, with which role, and how often."""

from __future__ import annotations

import time

from gateway.rates import RateLimiter
from outreach.runtime.access import OPEN_SERVICES, check_principal
from outreach.runtime.server import Context
from outreach.runtime.tokens import Caller, Verifier
from outreach.v1.common_pb2 import Principal


class Door:
    """Verifies tokens and certificates, looks roles up in the access table, and counts calls."""

    def __init__(self, verifier: Verifier, rates: RateLimiter) -> None:
        self._verifier = verifier
        self._rates = rates
        self.seen: dict[str, float] = {}
        """When each caller called last, in seconds since 1970; in this process."""

    def authorize(self, method: str, context: Context) -> None:
        """How the public edge authorizes (outreach.runtime.server). Health and reflection need no token."""
        if method[1:].partition("/")[0] not in OPEN_SERVICES:
            check_principal(method, self._verifier.principal_of(context))

    def recheck(self, method: str, context: Context) -> None:
        """Raises Refusal if a stream that is open may not go on."""
        if method[1:].partition("/")[0] not in OPEN_SERVICES:
            self._verifier.recheck(context)

    def callers(self) -> list[Caller]:
        """All that are registered now, by their ids."""
        return self._verifier.callers()

    def certificate_end(self, caller: Caller) -> float:
        """As Verifier.certificate_end."""
        return self._verifier.certificate_end(caller)

    def caller_of(self, context: Context) -> str:
        """For the log of what is refused: the registered caller that the call names, or nothing."""
        return self._verifier.named(context)

    def enter(self, context: Context) -> Principal:
        """Who makes the authorized call; counts it. Raises Refusal RESOURCE_EXHAUSTED."""
        principal = self._verifier.principal_of(context)
        self._rates.enter(principal.caller_id, self._verifier.caller(principal.caller_id).requests_per_second)
        self.seen[principal.caller_id] = time.time()
        return principal

    def count_items(self, principal: Principal, items: int) -> None:
        """A batch costs its items; the first was counted when it entered."""
        self._rates.spend(principal.caller_id, items - 1)
