"""The sending loop: one lease loop per carrier, which asks for no more than that carrier can take at once."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import grpc

from outreach.domain.clocks import elapsed_s
from outreach.domain.ids import new_id
from outreach.runtime.logs import EventLogger
from outreach.v1.worker_service_pb2 import LeaseRequest, LeaseResponse, Permit
from sms_service.carriers.breaker import CircuitBreaker
from sms_service.carriers.limiter import RateLimiter
from sms_service.carriers.seam import NOT_SENT, UNKNOWN, Carrier, SendResult
from sms_service.rendering import RenderingError, render
from sms_service.reporter import Reporter

if TYPE_CHECKING:
    from outreach.v1.worker_service_pb2_grpc import WorkerServiceAsyncStub

LEASE_TIMEOUT_S = 5.0
LEASE_PAUSE_S = 0.5
STOP_ASKING_S = 10.0
"""How long a lease whose answer was lost is asked for again once the worker is to stop."""
MAX_PERMITS = 1000
LONGEST_WAIT_S = 5.0
IDLE_WAIT_S = 0.05
DOWN_WAIT_S = 0.25
"""How soon a carrier that could not send is looked at again."""
CIRCUIT_OPEN = "circuit_open"
INTERNAL_ERROR = "internal_error"
UNRENDERABLE_RETRY_MS = 3_600_000

_log = EventLogger("sms_service.worker")


class Channel:
    """One carrier account with its limits. Leases for it and sends what it gets."""

    def __init__(
        self,
        carrier: Carrier,
        rate_per_s: float,
        max_in_flight: int,
        authority: WorkerServiceAsyncStub,
        reporter: Reporter,
    ) -> None:
        self.carrier = carrier
        self._limiter = RateLimiter(rate_per_s)
        self._breaker = CircuitBreaker()
        self._max_in_flight = max_in_flight
        self._authority = authority
        self._reporter = reporter
        self._sends: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._stopping = False
        self._others: Sequence[Channel] = ()

    @property
    def is_healthy(self) -> bool:
        """False also while a carrier that was down is being tried: a bank's next carrier stands in until it answers."""
        return self.can_send and not self._breaker.is_trying()

    def stand_in_for(self, others: Sequence[Channel]) -> None:
        """Tells which channels' messages this one may take while they are not healthy, by their banks' policies."""
        self._others = others

    @property
    def can_send(self) -> bool:
        """False while the circuit is open or the carrier is down: it asks for no permit then."""
        return self.carrier.can_send and not self._breaker.wait_s()

    def wake(self) -> None:
        """Something may be due: ask now."""
        self._wake.set()

    def stop(self) -> None:
        """No new lease; `run` returns once what is in flight has been reported to the reporter."""
        self._stopping = True
        self._wake.set()

    async def run(self, worker_id: str) -> None:
        while not self._stopping:
            self._wake.clear()
            free = self._free()
            wait_s = await self._lease(worker_id, free) if free else self._wait_for_room_s()
            if wait_s and not self._stopping:
                await self._sleep(wait_s)
        while self._sends:
            await asyncio.wait(self._sends)

    def _free(self) -> int:
        if not self.can_send:
            return 0
        slots = 1 if self._breaker.is_trying() else self._max_in_flight
        room = slots - len(self._sends)
        # A lease is a transaction at the authority, so not for each slot by itself; nor for all at once, since then
        # nothing would be leaving while the next permits are made.
        return min(room, math.ceil(slots / 2), self._limiter.available(), MAX_PERMITS) if room >= slots / 4 else 0

    def _wait_for_room_s(self) -> float:
        """A send that ends wakes the loop, so a full window waits for that."""
        if not self.carrier.can_send:
            return max(self._breaker.wait_s(), DOWN_WAIT_S)
        return max(self._breaker.wait_s(), self._limiter.wait_s()) or LONGEST_WAIT_S

    async def _sleep(self, wait_s: float) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), wait_s)
        except TimeoutError:
            return

    async def _lease(self, worker_id: str, free: int) -> float:
        """Sends what it is given; returns the seconds to wait before the next lease."""
        asked_at = elapsed_s()
        response = await self._ask(
            LeaseRequest(
                worker_id=worker_id,
                carrier_ids=[self.carrier.carrier_id],
                max_permits=free,
                lease_id=new_id(),
                down_carrier_ids=[other.carrier.carrier_id for other in self._others if not other.is_healthy],
            )
        )
        self._limiter.take(len(response.permits))
        for permit in response.permits:
            task = asyncio.create_task(self._send(permit, asked_at + permit.send_within_ms / 1000))
            self._sends.add(task)
            task.add_done_callback(self._sent)
        wait_s = response.retry_after_ms / 1000
        return min(wait_s if response.permits else max(wait_s, IDLE_WAIT_S), LONGEST_WAIT_S)

    async def _ask(self, request: LeaseRequest) -> LeaseResponse:
        """Asks until answered, under one lease id: permits in an answer that was lost would leave messages in doubt."""
        give_up_at = float("inf")
        while True:
            try:
                return await self._authority.Lease(request, timeout=LEASE_TIMEOUT_S)
            except grpc.aio.AioRpcError as error:
                _log.warning("lease_not_answered", carrier_id=self.carrier.carrier_id, status=error.code().name)
            if self._stopping:
                give_up_at = min(give_up_at, time.monotonic() + STOP_ASKING_S)
            if time.monotonic() > give_up_at:
                return LeaseResponse()
            await asyncio.sleep(LEASE_PAUSE_S)

    def _sent(self, task: asyncio.Task[None]) -> None:
        had_room = self._free()
        self._sends.discard(task)
        if not had_room and self._free():
            self._wake.set()

    async def _send(self, permit: Permit, send_before: float) -> None:
        result = await self._attempt(permit, send_before)
        self._breaker.record(result)
        self._reporter.report(permit.attempt_id, result)

    async def _attempt(self, permit: Permit, send_before: float) -> SendResult:
        open_s = self._breaker.wait_s()
        if open_s:
            return SendResult(NOT_SENT, CIRCUIT_OPEN, retry_after_ms=int(open_s * 1000))
        try:
            message = render(permit, send_before)
        except RenderingError as error:
            _log.error("permit_not_renderable", attempt_id=permit.attempt_id, template=permit.template_digest)
            return SendResult(NOT_SENT, error.code, retry_after_ms=UNRENDERABLE_RETRY_MS)
        try:
            return await self.carrier.send(message)
        except Exception as error:  # noqa: BLE001 - whatever went wrong, the attempt may have left and is reported so
            _log.error("send_failed", error, attempt_id=permit.attempt_id)
            return SendResult(UNKNOWN, INTERNAL_ERROR)


async def run(channels: list[Channel], worker_id: str, reporter: Reporter) -> None:
    """Sends until every channel was stopped, then returns once every report was taken."""
    for channel in channels:
        channel.stand_in_for([other for other in channels if other is not channel])
    reporting = asyncio.create_task(reporter.run())
    try:
        await asyncio.gather(*(channel.run(worker_id) for channel in channels))
        await reporter.drained()
    finally:
        reporting.cancel()
