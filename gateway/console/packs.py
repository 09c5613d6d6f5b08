"""Evidence packs that are being made, or wait for the person who asked. The authority keeps the orders; what a pack
shows is here alone, in memory and not for long, and is made again of its order where a restart lost it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

from outreach.domain.errors import Kind, Refusal
from outreach.domain.ids import new_id
from outreach.evidence.assembly import Made, Step, Tell
from outreach.runtime.logs import EventLogger
from outreach.v1.evidence_service_pb2 import EvidenceOrder

KEEP_S = 1800.0
"""How long a pack waits to be fetched."""
TRY_S = 60.0
"""How long after its beginning one is tried again whose services are away."""
PAUSE_S = 2.0
_log = EventLogger("console")
Make = Callable[[EvidenceOrder, Tell], Awaitable[Made]]


@dataclass
class Pack:
    """One order, and how far it is here."""

    person: str
    order: EvidenceOrder
    step: Step | None = Step.COLLECTING
    """None while it waits for a service that is away."""
    done: int = 0
    total: int = 0
    made: Made | None = None
    refusal: Refusal | None = None
    """Why there is none."""
    ended_s: float | None = None
    task: asyncio.Task[None] | None = None

    def tell(self, step: Step | None, done: int, total: int) -> None:
        self.step, self.done, self.total = step, done, total


class Packs:
    """By order. One that is left goes on, and is there when the person comes back."""

    def __init__(self) -> None:
        self._packs: dict[str, Pack] = {}

    def get(self, person: str, order_id: str) -> Pack | None:
        """The person's, if it is here."""
        self._sweep()
        pack = self._packs.get(order_id)
        return pack if pack is not None and pack.person == person else None

    def of(self, person: str, orders: Collection[EvidenceOrder], make: Make) -> list[Pack]:
        """All that the person has ordered. What is not here is begun; what is not ordered any more goes."""
        ordered = {order.order_id for order in orders}
        for order_id, pack in list(self._packs.items()):
            if pack.person == person and order_id not in ordered and pack.ended_s is not None:
                self.forget(person, order_id)
        return [self.get(person, order.order_id) or self._begin(person, order, make) for order in orders]

    def forget(self, person: str, order_id: str) -> None:
        """The next look begins it anew, if it is still ordered."""
        pack = self.get(person, order_id)
        if pack is not None:
            del self._packs[order_id]
            if pack.task is not None:
                pack.task.cancel()

    def _begin(self, person: str, order: EvidenceOrder, make: Make) -> Pack:
        pack = self._packs[order.order_id] = Pack(person, order)
        pack.task = asyncio.create_task(self._run(pack, make))
        return pack

    def _sweep(self) -> None:
        now = time.monotonic()
        kept = {key: one for key, one in self._packs.items() if one.ended_s is None or now - one.ended_s < KEEP_S}
        self._packs = kept

    async def _run(self, pack: Pack, make: Make) -> None:
        try:
            pack.made = await self._tried(pack, make)
        except Refusal as refusal:
            pack.refusal = refusal
        except Exception as error:  # noqa: BLE001  # whatever it is, the person must not wait for ever
            incident = new_id()
            _log.error("incident", error, incident=incident)
            pack.refusal = Refusal(
                Kind.UNAVAILABLE,
                f"制作失败，请告知运维事故号 {incident}。It could not be made: tell your operator that incident.",
            )
        finally:
            pack.ended_s = time.monotonic()

    async def _tried(self, pack: Pack, make: Make) -> Made:
        """Through a restart of the authority, too, which takes seconds."""
        begun_s = time.monotonic()
        while True:
            try:
                return await make(pack.order, pack.tell)
            except Refusal as refusal:
                if refusal.kind is not Kind.UNAVAILABLE or time.monotonic() - begun_s > TRY_S:
                    raise
            pack.tell(None, 0, 0)
            await asyncio.sleep(PAUSE_S)
