"""Gathers the items of concurrent calls into few Admit calls, each of which is one commit of the authority."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import grpc

from outreach.domain.errors import Kind, Refusal
from outreach.v1.admission_service_pb2 import AdmitRequest, AdmitResponse, AdmitResult
from outreach.v1.common_pb2 import Principal
from outreach.v1.outreach_service_pb2 import SmsItem

MAX_ITEMS = 1000
MAX_IN_FLIGHT = 2
PIPELINED_ITEMS = 100
"""Fewer than these wait for the call in flight: a call costs as much as ten items, and so does a commit."""
MAX_WAITING = 20_000
RETRY_S = 1.0
UNKNOWN_MESSAGE = (
    "是否受理尚不可知：用同一 request_id 重发，只会受理一次，回答相同。Whether this was taken is not known: send it "
    "again with the same request_id; it is taken once, and the answer is the same."
)
UNKNOWN_STATUSES = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.UNKNOWN,
    }
)

Admit = Callable[[AdmitRequest], Awaitable[AdmitResponse]]


@dataclass(slots=True, eq=False)
class _Ticket:
    """One caller's items and the answer that it waits for."""

    principal: Principal
    items: Sequence[SmsItem]
    answer: asyncio.Future[Sequence[AdmitResult]]


class Admission:
    """While Admit calls are in flight, what arrives is gathered for the next one; when idle, nothing waits."""

    def __init__(self, admit: Admit) -> None:
        self._admit = admit
        self._waiting: deque[_Ticket] = deque()
        self._waiting_items = 0
        self._in_flight: set[asyncio.Task[None]] = set()
        self._starting = False

    async def decide(self, principal: Principal, items: Sequence[SmsItem]) -> Sequence[AdmitResult]:
        """The authority's answers to up to 1,000 items, in order.

        Raises Refusal UNAVAILABLE: BUSY if nothing was sent, OUTCOME_UNKNOWN if nobody can say.
        """
        if self._waiting_items + len(items) > MAX_WAITING:
            message = "等待的请求过多，此次未受理。Too many requests wait already; nothing of this was taken."
            raise Refusal(Kind.UNAVAILABLE, message, reason="BUSY", retry_after_s=RETRY_S)
        loop = asyncio.get_running_loop()
        ticket = _Ticket(principal, items, loop.create_future())
        self._waiting.append(ticket)
        self._waiting_items += len(items)
        if self._may_send() and not self._starting:
            self._starting = True
            loop.call_soon(self._start)  # not at once: calls that became ready in the same turn go together
        return await ticket.answer

    def _start(self) -> None:
        self._starting = False
        while self._waiting and self._may_send():
            tickets = self._take()
            if tickets:
                task = asyncio.create_task(self._send(tickets))
                self._in_flight.add(task)
                task.add_done_callback(self._finished)

    def _may_send(self) -> bool:
        in_flight = len(self._in_flight)
        return in_flight == 0 or (in_flight < MAX_IN_FLIGHT and self._waiting_items >= PIPELINED_ITEMS)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._in_flight.discard(task)
        self._start()

    def _take(self) -> list[_Ticket]:
        """Removes tickets of up to 1,000 items from the front; those whose caller has gone are dropped unsent."""
        tickets: list[_Ticket] = []
        count = 0
        while self._waiting and count + len(self._waiting[0].items) <= MAX_ITEMS:
            ticket = self._waiting.popleft()
            self._waiting_items -= len(ticket.items)
            if not ticket.answer.done():
                tickets.append(ticket)
                count += len(ticket.items)
        return tickets

    async def _send(self, tickets: list[_Ticket]) -> None:
        try:
            results = (await self._admit(_request(tickets))).results
            if len(results) != sum(len(ticket.items) for ticket in tickets):
                raise ValueError("Admit answered another number of items")
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.INTERNAL and len(tickets) > 1:
                for ticket in tickets:  # one caller's items must not fail all others'; sending again is safe
                    await self._send([ticket])
            else:
                _fail(tickets, unknown_outcome() if error.code() in UNKNOWN_STATUSES else error)
        except Exception as error:  # noqa: BLE001 whoever waits must get an answer
            _fail(tickets, error)
        else:
            _answer(tickets, results)


def _request(tickets: Sequence[_Ticket]) -> AdmitRequest:
    request = AdmitRequest()
    principal, group = None, None
    for ticket in tickets:
        if group is None or ticket.principal is not principal:
            principal = ticket.principal
            group = request.groups.add(principal=principal)
        group.items.extend(ticket.items)
    return request


def _answer(tickets: Sequence[_Ticket], results: Sequence[AdmitResult]) -> None:
    start = 0
    for ticket in tickets:
        end = start + len(ticket.items)
        if not ticket.answer.done():
            ticket.answer.set_result(results[start:end])
        start = end


def _fail(tickets: Sequence[_Ticket], error: Exception) -> None:
    for ticket in tickets:
        if not ticket.answer.done():
            ticket.answer.set_exception(error)


def unknown_outcome() -> Refusal:
    """What a caller is told when nobody can say whether its items were taken."""
    return Refusal(Kind.UNAVAILABLE, UNKNOWN_MESSAGE, reason="OUTCOME_UNKNOWN", retry_after_s=RETRY_S)
