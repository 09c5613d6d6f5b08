"""Evidence packs that are being made, or wait for the person who asked: in memory, and not for long."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from outreach.domain.errors import Kind, Refusal
from outreach.domain.ids import new_id
from outreach.evidence.assembly import Made, Step, Tell
from outreach.runtime.logs import EventLogger

KEEP_S = 1800.0
"""How long a pack waits to be fetched, in memory: it shows persons and their debts."""
MAX_OF_ONE = 5
"""Packs of one person at a time."""
_log = EventLogger("console")


@dataclass
class Order:
    """One pack as it was asked for, and how far it is."""

    subject: str
    """What it is about, as it may be shown."""
    purpose: str
    again: str
    """The form's address with the subject filled in."""
    order_id: str = field(default_factory=new_id)
    step: Step = Step.COLLECTING
    done: int = 0
    total: int = 0
    made: Made | None = None
    refusal: Refusal | None = None
    """Why there will be none."""
    ended_s: float | None = None

    def tell(self, step: Step, done: int, total: int) -> None:
        self.step, self.done, self.total = step, done, total


class Packs:
    """The orders by person. One that is left goes on, and is there when the person comes back."""

    def __init__(self) -> None:
        self._orders: dict[str, list[Order]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def order(self, person: str, order: Order, make: Callable[[Tell], Awaitable[Made]]) -> Order:
        """Begins to make it. Raises Refusal while the person has too many."""
        mine = self.of(person)
        if sum(one.ended_s is None for one in mine) >= MAX_OF_ONE:
            raise Refusal(
                Kind.EXHAUSTED,
                f"同时至多制作 {MAX_OF_ONE} 个证据包，请等已有的完成。At most {MAX_OF_ONE} at a time: wait for those.",
                retry_after_s=10.0,
            )
        self._orders[person] = [order, *mine][:MAX_OF_ONE]
        task = asyncio.create_task(self._run(order, make))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return order

    def of(self, person: str) -> list[Order]:
        """The person's, the newest first."""
        now = time.monotonic()
        for name, orders in list(self._orders.items()):
            kept = [one for one in orders if one.ended_s is None or now - one.ended_s < KEEP_S]
            self._orders[name] = kept
            if not kept:
                del self._orders[name]
        return self._orders.get(person, [])

    async def _run(self, order: Order, make: Callable[[Tell], Awaitable[Made]]) -> None:
        try:
            order.made = await make(order.tell)
        except Refusal as refusal:
            order.refusal = refusal
        except Exception as error:  # noqa: BLE001  # whatever it is, the person must not wait for ever
            incident = new_id()
            _log.error("incident", error, incident=incident)
            order.refusal = Refusal(
                Kind.UNAVAILABLE,
                f"制作失败，请告知运维事故号 {incident}。It could not be made: tell your operator that incident.",
            )
        finally:
            order.ended_s = time.monotonic()
