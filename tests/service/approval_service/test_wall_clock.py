from __future__ import annotations

from dataclasses import replace

import pytest

from approval_service import expiry, operations, wall_clock
from approval_service.authority import Authority
from approval_service.store.head import read_wall_clock_jumped
from outreach.domain.clocks import WallClockGuard
from outreach.v1.operations_service_pb2 import ConfirmWallClockRequest
from tests.service.approval_service.world import World


def another_replica(world: World) -> Authority:
    return replace(world.authority, guard=WallClockGuard())


@pytest.fixture
async def jumped(world: World) -> Authority:
    """A replica whose wall clock jumped, and which has looked."""
    replica = another_replica(world)
    replica.guard._offset -= 10
    await wall_clock.watch(replica)
    await wall_clock.watch(replica)
    return replica


async def confirm(world: World) -> None:
    request = ConfirmWallClockRequest(reason="NTP")
    await world.write(operations.confirm_wall_clock, "ben", request, banks=["*"])


async def test_a_jump_at_one_replica_stops_all_until_it_is_confirmed(world: World, jumped: Authority) -> None:
    """Also one that starts afterwards and never saw it. Nothing expires by a clock that may be wrong."""
    await world.ready("6001", "6002")
    fresh = another_replica(world)
    await wall_clock.watch(fresh)
    assert not fresh.guard.jumped()
    await world.ask("6001")
    assert await world.lease() == []
    await world.ask("6002")
    world.set_clock(world.now_ms() + 400 * 86_400_000)
    assert await world.authority.write(expiry.sweep, None) == 0
    world.set_clock(world.now_ms() - 400 * 86_400_000)
    await confirm(world)
    assert len(await world.lease()) == 2
    assert len(await world.entries("wall_clock_jumped")) == 1


async def test_a_confirmation_reaches_the_replica_that_saw_the_jump(world: World, jumped: Authority) -> None:
    """Whichever replica took it; a jump after that stops everything again."""
    await confirm(world)
    assert jumped.guard.jumped()
    await wall_clock.watch(jumped)
    assert not jumped.guard.jumped()
    assert not await world.authority.read(read_wall_clock_jumped)
    jumped.guard._offset += 10
    await wall_clock.watch(jumped)
    assert await world.authority.read(read_wall_clock_jumped)
