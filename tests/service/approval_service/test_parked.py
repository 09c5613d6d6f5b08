from __future__ import annotations

import pytest

from approval_service import expiry, parked
from outreach.v1.bank_service_pb2 import Balance, BankEvent, FeedMark
from tests.service.approval_service.world import DAY_MS, NOW_MS, World

LATER_MS = NOW_MS + DAY_MS + 60_000
NUMBERS = ("6001", "6002", "6003", "6004", "6005")


@pytest.fixture
async def waiting(world: World) -> list[str]:
    """A message to each account waits: the amounts and the feed are too old; then all but the first are told anew."""
    await world.ready(*NUMBERS)
    asked = [await world.ask(number) for number in NUMBERS]
    world.set_clock(LATER_MS)
    assert await world.lease() == []
    for number in NUMBERS[1:]:
        told = Balance(account_number=number, sequence=2, overdue_amount_fen=900)
        told.as_of_time.FromMilliseconds(LATER_MS)
        await world.apply(BankEvent(balance=told))
    assert await world.lease() == []
    return [decision.outreach_id for decision in asked]


async def mark(world: World) -> None:
    complete = FeedMark()
    complete.complete_through.FromMilliseconds(LATER_MS)
    await world.apply(BankEvent(feed_mark=complete))


async def due(world: World, ids: list[str]) -> list[bool]:
    return [(await world.outreach(outreach_id)).waiting_for == "" for outreach_id in ids]


async def test_a_feed_mark_resumes_only_what_has_fresh_amounts(world: World, waiting: list[str]) -> None:
    """What waits for its own amounts is not touched by the feed's: it would only be parked again."""
    before = len(await world.entries("admitted"))
    await mark(world)
    assert await due(world, waiting) == [False, True, True, True, True]
    assert len(await world.entries("admitted")) == before + 4
    assert {permit.outreach_id for permit in await world.lease()} == set(waiting[1:])


async def test_a_long_backlog_is_resumed_in_parts(
    world: World, waiting: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One transaction looks at so many and no more; the sweeper goes on, and ends."""
    monkeypatch.setattr(parked, "PART", 2)
    await mark(world)
    assert await due(world, waiting) == [False, True, False, False, False]
    await world.authority.write(expiry.sweep, None)
    assert await due(world, waiting) == [False, True, True, True, False]
    assert await world.authority.write(expiry.sweep, None) == 1
    assert await due(world, waiting) == [False, True, True, True, True]
    assert await world.authority.write(expiry.sweep, None) == 0
