"""A bank's days lived through twice: simulated from what happened, and really under the draft."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import func, select

from approval_service import expiry, schema
from approval_service.policies import find
from approval_service.simulation.judging import DECIDED
from approval_service.simulation.making import readers
from approval_service.simulation.past import Become, happened
from approval_service.simulation.reading import Archive
from approval_service.store.head import read_catalog_version, read_clock
from approval_service.store.simulation import Period
from outreach.domain import states
from outreach.v1.bank_service_pb2 import BankEvent, FeedMark
from tests.service.approval_service.world import BANK, DAY_MS, World

MINUTE_MS = 60_000


class Story(NamedTuple):
    """What became of a request, by its own id: really, and by a simulation of a version."""

    really: dict[str, Become]
    would: dict[str, Become]


async def story(world: World, version: int, period_ms: int = 30 * DAY_MS) -> Story:
    """Of the requests of the last days."""
    return await world.authority.read(_story, world, version, period_ms)


def _story(connection: Any, world: World, version: int, period_ms: int) -> Story:
    authority, now_ms = world.authority, read_clock(connection).now_ms()
    catalog = authority.catalogs.at(connection, read_catalog_version(connection))
    archive = Archive(connection, authority.keys, catalog, Period(BANK, now_ms - period_ms, now_ms))
    outreach = schema.outreach
    names = dict(connection.execute(select(outreach.c.outreach_id, outreach.c.request_id)).all())
    told = Story({}, {})
    for reader in readers(find(connection, BANK, version), archive).values():
        while not reader.finished:
            for past, would in reader.step(connection):
                name = names[past.outreach_id]
                assert name not in told.would, "a request was looked at twice"
                told.really[name], told.would[name] = happened(past, DECIDED), would
    return told


class Days:
    """Moves a world's clock from one thing that is due to the next, so that nothing leaves late."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def until(self, time_ms: int) -> None:
        """Leaves out nothing that is due or expires on the way."""
        while (next_ms := self._next_ms()) is not None and next_ms < time_ms:
            self.world.set_clock(max(next_ms, self.world.now_ms()))
            await self._work()
        self.world.set_clock(time_ms)
        await self._work()

    async def _work(self) -> None:
        while await self.world.authority.write(expiry.sweep, None):
            pass
        await self.world.lease(limit=100)

    def _next_ms(self) -> int | None:
        outreach, now_ms = schema.outreach, self.world.now_ms()
        pending = outreach.c.state == states.ADMITTED
        with self.world.authority.database.reader.connect() as connection:
            due = connection.scalar(select(func.min(outreach.c.due_ms)).where(pending, outreach.c.due_ms > now_ms))
            ends = connection.scalar(select(func.min(outreach.c.not_after_ms)).where(pending))
        return min((one for one in (due, ends) if one is not None), default=None)

    async def mark_feed(self) -> None:
        mark = FeedMark()
        mark.complete_through.FromMilliseconds(self.world.now_ms())
        await self.world.apply(BankEvent(feed_mark=mark))
