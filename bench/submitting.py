"""submit_batch and submit_unary: items a second, through the gateway and the authority with all rules."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import grpc

from bench import running, world
from bench.load import Metadata, Outcome, Stub, submit_batches, submit_one_by_one
from bench.results import TURNS, Result, rate_by_turns
from bench.world import GOOD, MIX, acting, items
from outreach.runtime.config import Settings
from outreach.v1.outreach_service_pb2 import SmsItem
from outreach.v1.outreach_service_pb2_grpc import OutreachServiceStub

ACCOUNTS = range(24_000)
BATCH_ACCOUNTS, UNARY_ACCOUNTS = len(ACCOUNTS) // TURNS, 2_400
"""In one turn; each has accounts of its own."""
WARM_UP = 2_400
Submit = Callable[[Stub, Sequence[SmsItem], Metadata], Awaitable[Outcome]]


async def measure(settings: Settings, folder: Path) -> list[Result]:
    async with (
        running.bare(folder / "bare.db"),
        grpc.aio.insecure_channel(running.BARE_ADDRESS) as channel,
        acting(settings, "clerk-1") as clerk,
    ):
        await channel.channel_ready()
        bare, product = OutreachServiceStub(channel), OutreachServiceStub(clerk.channel)

        async def by_turns(name: str, submit: Submit, accounts: int) -> Result:
            limits, rates = [], []
            for turn in range(-1, TURNS):
                first = max(turn, 0) * accounts
                chosen = ACCOUNTS[:WARM_UP] if turn < 0 else ACCOUNTS[first : first + accounts]
                limits.append(await _per_second(bare, (), submit, chosen, f"{name}{turn}"))
                rates.append(await _per_second(product, clerk.metadata(), submit, chosen, f"{name}{turn}"))
                await world.settled(settings)
            return rate_by_turns(name, rates[1:], "items/s", limits[1:])

        return [
            await by_turns("submit_batch", submit_batches, BATCH_ACCOUNTS),
            await by_turns("submit_unary", submit_one_by_one, UNARY_ACCOUNTS),
        ]


async def _per_second(stub: Stub, metadata: Metadata, submit: Submit, accounts: Sequence[int], name: str) -> float:
    outcome = await submit(stub, items(name, accounts), metadata)
    _require_decided(outcome, len(accounts), refuses=bool(metadata))
    return outcome.per_second


def _require_decided(outcome: Outcome, count: int, *, refuses: bool) -> None:
    """Raises RuntimeError unless every item was decided, and two thirds of them admitted where there are rules."""
    admitted = count * GOOD // MIX if refuses else count
    if outcome.states != {"STATE_ADMITTED": admitted, "STATE_BLOCKED": count - admitted} and outcome.states != {
        "STATE_ADMITTED": count
    }:
        raise RuntimeError(f"decided otherwise than the world is made: {dict(outcome.states)}")
