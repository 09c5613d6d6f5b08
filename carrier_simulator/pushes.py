"""How a simulated carrier's receipts reach whoever waits for them: again if they are not taken."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import aiohttp

from carrier_simulator.journal import Journal

if TYPE_CHECKING:
    from carrier_simulator.core import Core, Receipt

BATCH = 100
TIMEOUT_S = 5.0
RETRY_AFTER_S = (1.0, 5.0, 10.0)
"""After these a push is given up, as carriers do (they wait minutes)."""


class FarEnd(Protocol):
    """What takes a carrier's receipts. `wanted` is false while nobody asked for any, `patient` if none is given up."""

    patient: bool

    @property
    def wanted(self) -> bool: ...

    async def start(self, core: Core) -> None: ...

    async def stop(self) -> None: ...

    async def deliver(self, receipts: list[Receipt]) -> bool:
        """True once they were taken."""


class Webhook:
    """Posts receipts to a URL, in a carrier's form."""

    patient = False

    def __init__(self, form: Callable[[list[Receipt]], bytes]) -> None:
        self.url = ""
        self._form = form

    @property
    def wanted(self) -> bool:
        return bool(self.url)

    async def start(self, core: Core) -> None:  # noqa: ARG002 - a FarEnd
        self._session = aiohttp.ClientSession()

    async def stop(self) -> None:
        await self._session.close()

    async def deliver(self, receipts: list[Receipt]) -> bool:
        try:
            async with self._session.post(
                self.url,
                data=self._form(receipts),
                headers={"Content-Type": "application/json"},
                timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
            ) as response:
                return response.ok
        except (aiohttp.ClientError, TimeoutError):
            return False


class Pushes:
    """One carrier's receipts, many in a call."""

    def __init__(self, far_end: FarEnd, journal: Journal) -> None:
        self._far_end = far_end
        self._journal = journal
        self._due: asyncio.Queue[tuple[Receipt, int]] = asyncio.Queue()

    def schedule(self, receipt: Receipt, delay_s: float, tries: int = 0) -> None:
        asyncio.get_running_loop().call_later(delay_s, self._due.put_nowait, (receipt, tries))

    async def push(self, receipts: list[Receipt]) -> bool:
        """True once they were taken and that was written down."""
        taken = await self._far_end.deliver(receipts)
        if taken:
            await asyncio.gather(*(self._journal.append(_line(receipt)) for receipt in receipts))
        return taken

    async def run(self) -> None:
        while True:
            batch = [await self._due.get()]
            while len(batch) < BATCH and not self._due.empty():
                batch.append(self._due.get_nowait())
            if self._far_end.wanted and not await self.push([receipt for receipt, _ in batch]):
                for receipt, tries in batch:
                    self._again(receipt, tries)

    def _again(self, receipt: Receipt, tries: int) -> None:
        if self._far_end.patient:
            self.schedule(receipt, RETRY_AFTER_S[0])
        elif tries < len(RETRY_AFTER_S):
            self.schedule(receipt, RETRY_AFTER_S[tries], tries + 1)


def _line(receipt: Receipt) -> dict[str, Any]:
    message = receipt.message
    return {
        "time_ms": time.time_ns() // 1_000_000,
        "carrier": message.carrier,
        "out_id": message.out_id,
        "message_id": message.message_id,
        "status": receipt.status,
    }
