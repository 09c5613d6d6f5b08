"""submit_batch and submit_unary: items a second, through the gateway and the authority with all rules."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import grpc

from bench import running, world
from bench.load import Metadata, Outcome, Stub, submit_batches, submit_one_by_one
from bench.results import Result, median_of, rate
from bench.world import GOOD, MIX, acting, items
from outreach.runtime.config import Settings
from outreach.v1.outreach_service_pb2 import SmsItem
from outreach.v1.outreach_service_pb2_grpc import OutreachServiceStub

ACCOUNTS = range(24_000)
UNARY_ACCOUNTS = ACCOUNTS[:6_000]
WARM_UP = 3_000
Submit = Callable[[Stub, Sequence[SmsItem], Metadata], Awaitable[Outcome]]


async def measure(settings: Settings, folder: Path) -> list[Result]:
    async with running.bare(folder / "bare.db"), grpc.aio.insecure_channel(running.BARE_ADDRESS) as channel:
        stub = OutreachServiceStub(channel)
        await channel.channel_ready()
        bare_batch = await _per_second(stub, (), submit_batches, ACCOUNTS, "batch")
        bare_unary = await _per_second(stub, (), submit_one_by_one, UNARY_ACCOUNTS, "unary")
    async with acting(settings, "clerk-1") as clerk:
        stub, metadata = OutreachServiceStub(clerk.channel), clerk.metadata()
        await world.settled(settings)
        batch = await _per_second(stub, metadata, submit_batches, ACCOUNTS, "batch")
        await world.settled(settings)
        unary = await _per_second(stub, metadata, submit_one_by_one, UNARY_ACCOUNTS, "unary")
    return [
        rate("submit_batch", batch, "items/s", bare_batch),
        rate("submit_unary", unary, "items/s", bare_unary),
    ]


async def _per_second(stub: Stub, metadata: Metadata, submit: Submit, accounts: Sequence[int], name: str) -> float:
    await submit(stub, items(f"{name}-warm", accounts[:WARM_UP]), metadata)

    async def run(number: int) -> float:
        outcome = await submit(stub, items(f"{name}-{number}", accounts), metadata)
        _require_decided(outcome, len(accounts), refuses=bool(metadata))
        return outcome.per_second

    return await median_of(run)


def _require_decided(outcome: Outcome, count: int, *, refuses: bool) -> None:
    """Raises RuntimeError unless every item was decided, and two thirds of them admitted where there are rules."""
    admitted = count * GOOD // MIX if refuses else count
    if outcome.states != {"STATE_ADMITTED": admitted, "STATE_BLOCKED": count - admitted} and outcome.states != {
        "STATE_ADMITTED": count
    }:
        raise RuntimeError(f"decided otherwise than the world is made: {dict(outcome.states)}")
