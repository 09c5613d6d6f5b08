"""The load: the same messages and the same client for the product and for the bare limit."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from outreach.v1.common_pb2 import State
from outreach.v1.outreach_service_pb2 import SmsItem, SubmitBatchRequest, SubmitRequest

if TYPE_CHECKING:
    from outreach.v1.outreach_service_pb2_grpc import OutreachServiceAsyncStub

BATCH = 100
BATCHES_IN_FLIGHT = 8
UNARY_IN_FLIGHT = 64
TIMEOUT_S = 30.0
T = TypeVar("T")
Stub: TypeAlias = "OutreachServiceAsyncStub"
Metadata = tuple[tuple[str, str], ...]
"""Carries a caller's token, or nothing for the bare limit."""


class Outcome:
    """What a run of submissions came to: how many items in which state, and how many a second."""

    def __init__(self) -> None:
        self.states: Counter[str] = Counter()
        self._begun = time.perf_counter()

    def count(self, states: Iterable[State.ValueType]) -> None:
        self.states.update(State.Name(state) for state in states)

    def finish(self) -> None:
        self.per_second = self.states.total() / (time.perf_counter() - self._begun)


async def submit_batches(stub: Stub, items: Sequence[SmsItem], metadata: Metadata) -> Outcome:
    """Batches of 100, 8 in flight."""
    requests = [SubmitBatchRequest(items=batch) for batch in chunks(items, BATCH)]
    outcome = Outcome()

    async def call(request: SubmitBatchRequest) -> None:
        response = await stub.SubmitBatch(request, timeout=TIMEOUT_S, metadata=metadata)
        outcome.count(result.decision.state for result in response.results)

    await in_flight(BATCHES_IN_FLIGHT, requests, call)
    outcome.finish()
    return outcome


async def submit_one_by_one(stub: Stub, items: Sequence[SmsItem], metadata: Metadata) -> Outcome:
    """Unary calls, 64 in flight."""
    requests = [SubmitRequest(item=item) for item in items]
    outcome = Outcome()

    async def call(request: SubmitRequest) -> None:
        response = await stub.Submit(request, timeout=TIMEOUT_S, metadata=metadata)
        outcome.count([response.decision.state])

    await in_flight(UNARY_IN_FLIGHT, requests, call)
    outcome.finish()
    return outcome


async def in_flight(count: int, work: Iterable[T], do: Callable[[T], Awaitable[None]]) -> None:
    """Does all the work, `count` at a time."""
    waiting = iter(work)

    async def one_after_another() -> None:
        for item in waiting:
            await do(item)

    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            group.create_task(one_after_another())


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    source = iter(items)
    while chunk := list(islice(source, size)):
        yield chunk
