"""What the servers, the event consumer and the sweeper share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection

from approval_service.catalog import CatalogCache
from approval_service.database import Database
from approval_service.key_custody import Custodian
from approval_service.keys import KeyRing
from approval_service.store import callers as caller_store
from approval_service.writer import Handler, Writer
from outreach.domain.clocks import WallClockGuard
from outreach.ledger.checkpoint import Signer

P = ParamSpec("P")
T = TypeVar("T")
I = TypeVar("I")  # noqa: E741  # a payload


class ChangeSignal:
    """Wakes those who watch when a commit moved an outreach."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def notify(self) -> None:
        """May be called from any thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._fire)

    def _fire(self) -> None:
        self._event.set()
        self._event = asyncio.Event()

    def upcoming(self) -> asyncio.Event:
        """Set at the next change. Take it before you look: then no change falls between the look and the wait."""
        return self._event

    async def wait(self, upcoming: asyncio.Event, timeout_s: float) -> None:
        """Until that change, or the timeout: other replicas' commits are seen by looking again."""
        try:
            await asyncio.wait_for(upcoming.wait(), timeout_s)
        except TimeoutError:
            return


@dataclass(slots=True)
class Authority:
    """The parts of a running authority. Reads go through `read`, every change through `write`."""

    database: Database
    writer: Writer
    keys: KeyRing
    custodian: Custodian
    catalogs: CatalogCache
    changes: ChangeSignal
    guard: WallClockGuard = field(default_factory=WallClockGuard)
    simulated_clock: bool = False
    deactivated_callers: frozenset[str] = frozenset()
    """As follow_callers found them last: for reads and streams. What is written looks again, in its transaction."""

    @property
    def signer(self) -> Signer:
        """Of the ledger's checkpoints, now."""
        return self.keys.signer

    async def read(self, function: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs a reading function with a connection of its own, in a thread."""

        def run() -> T:
            with self.database.reader.connect() as connection:
                return function(connection, *args, **kwargs)

        return await asyncio.to_thread(run)

    async def follow_callers(self) -> None:
        """Learns which callers are shut out, whichever replica did it."""
        self.deactivated_callers = await self.read(caller_store.deactivated)

    async def write(self, handler: Handler[I, T], payload: I, *, urgent: bool = False) -> T:
        return await self.writer.submit(handler, payload, urgent=urgent)

    async def write_many(
        self, handler: Handler[I, T], payloads: Sequence[I], *, urgent: bool = False
    ) -> Sequence[T | Exception]:
        return await self.writer.submit_many(handler, payloads, urgent=urgent)
