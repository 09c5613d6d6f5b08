"""What all simulated carriers share: a message is written down, then answered; receipts follow."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from carrier_simulator.faults import BY_NAME, Behaviour, Faults, Receipts
from carrier_simulator.journal import Journal

PUSH_BATCH = 100
PUSH_TIMEOUT_S = 5.0
RETRY_AFTER_S = (1.0, 5.0, 10.0)
"""After these a push is given up, as carriers do (they wait minutes)."""


@dataclass(frozen=True, slots=True)
class Message:
    """One number of one call, as received. `time_ms` is Unix time; `verdict` a behaviour's name or a refusal's."""

    time_ms: int
    carrier: str
    out_id: str
    phone: str
    content: dict[str, str]
    message_id: str
    verdict: str
    taken: bool


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt before it is put into a carrier's form."""

    message: Message
    status: str
    with_out_id: bool = True


DELIVERED, PENDING, NUMBER_DEAD, REJECTED = "delivered", "pending", "number_dead", "rejected"
Form = Callable[[list[Receipt]], bytes]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Planned:
    """A receipt to come, after so many times the receipt delay; 0 is before the answer."""

    status: str
    delays: int = 1
    without_out_id: bool = False
    stranger: bool = False


PLANS: dict[Receipts, tuple[Planned, ...]] = {
    Receipts.DELIVERED: (Planned(DELIVERED),),
    Receipts.EARLY: (Planned(DELIVERED, delays=0),),
    Receipts.NONE: (),
    Receipts.REPEATED: (Planned(DELIVERED), Planned(DELIVERED, delays=2), Planned(DELIVERED, delays=3)),
    Receipts.REORDERED: (Planned(DELIVERED), Planned(PENDING, delays=2)),
    Receipts.WITHOUT_OUT_ID: (Planned(DELIVERED, without_out_id=True),),
    Receipts.WITH_A_STRANGER: (Planned(DELIVERED, stranger=True), Planned(DELIVERED)),
    Receipts.NUMBER_DEAD: (Planned(NUMBER_DEAD),),
    Receipts.REJECTED: (Planned(REJECTED),),
}


class Pushes:
    """Posts one carrier's receipts to its webhook, many in a call, again if it is not taken."""

    def __init__(self, form: Form, journal: Journal) -> None:
        self.webhook = ""
        self._form = form
        self._journal = journal
        self._due: asyncio.Queue[tuple[Receipt, int]] = asyncio.Queue()

    def schedule(self, receipt: Receipt, delay_s: float, tries: int = 0) -> None:
        asyncio.get_running_loop().call_later(delay_s, self._due.put_nowait, (receipt, tries))

    async def push(self, session: aiohttp.ClientSession, receipts: list[Receipt]) -> bool:
        """True once the webhook answered 2xx and that was written down."""
        try:
            async with session.post(
                self.webhook,
                data=self._form(receipts),
                headers={"Content-Type": "application/json"},
                timeout=aiohttp.ClientTimeout(total=PUSH_TIMEOUT_S),
            ) as response:
                taken = response.ok
        except (aiohttp.ClientError, TimeoutError):
            return False
        if taken:
            await asyncio.gather(*(self._journal.append(_line(receipt)) for receipt in receipts))
        return taken

    async def run(self, session: aiohttp.ClientSession) -> None:
        while True:
            batch = [await self._due.get()]
            while len(batch) < PUSH_BATCH and not self._due.empty():
                batch.append(self._due.get_nowait())
            if self.webhook and not await self.push(session, [receipt for receipt, _ in batch]):
                for receipt, tries in batch:
                    if tries < len(RETRY_AFTER_S):
                        self.schedule(receipt, RETRY_AFTER_S[tries], tries + 1)


def _line(receipt: Receipt) -> dict[str, Any]:
    message = receipt.message
    return {
        "time_ms": _now_ms(),
        "carrier": message.carrier,
        "out_id": message.out_id,
        "message_id": message.message_id,
        "status": receipt.status,
    }


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


class Core:
    """The simulator's memory: messages.jsonl (synced before any answer) and receipts.jsonl in its folder."""

    def __init__(self, folder: Path, forms: dict[str, Form], receipt_delay_s: float) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.faults = Faults()
        self.receipt_delay_s = receipt_delay_s
        self.answer_delay_s = 30.0
        self._journal = Journal(folder / "messages.jsonl")
        self._receipts = Journal(folder / "receipts.jsonl")
        self.messages = [Message(**record) for record in self._journal.records]
        self._numbered = len(self.messages)
        self.pushes = {carrier: Pushes(form, self._receipts) for carrier, form in forms.items()}

    async def start(self) -> None:
        """Resumes the receipts that an earlier run still owed."""
        self._session = aiohttp.ClientSession()
        self._tasks = [asyncio.create_task(pushes.run(self._session)) for pushes in self.pushes.values()]
        pushed = {record["message_id"] for record in self._receipts.records}
        for message in self.messages:
            if message.taken and message.message_id not in pushed:
                await self._plan(message, BY_NAME[message.verdict])

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._session.close()
        self._journal.close()
        self._receipts.close()

    async def write_down(
        self, carrier: str, out_id: str, phone: str, content: dict[str, str], *, verdict: str, taken: bool
    ) -> Message:
        """The message, once it is on the disk."""
        self._numbered += 1
        message_id = f"{carrier}{self._numbered:012d}"
        message = Message(_now_ms(), carrier, out_id, phone, content, message_id, verdict, taken)
        self.messages.append(message)
        await self._journal.append(asdict(message))
        return message

    async def receive(
        self, carrier: str, out_id: str, phone: str, content: dict[str, str]
    ) -> tuple[Behaviour, Message]:
        """Writes a well-formed message down, sends the receipts that come before the answer, plans the others."""
        behaviour = self.faults.pick(carrier, phone)
        message = await self.write_down(carrier, out_id, phone, content, verdict=behaviour.name, taken=behaviour.taken)
        if message.taken:
            await self._plan(message, behaviour)
        return behaviour, message

    async def _plan(self, message: Message, behaviour: Behaviour) -> None:
        pushes = self.pushes[message.carrier]
        for planned in PLANS[behaviour.receipts]:
            receipt = Receipt(
                _stranger(message) if planned.stranger else message, planned.status, not planned.without_out_id
            )
            if planned.delays:
                pushes.schedule(receipt, self.receipt_delay_s * planned.delays)
            else:
                await pushes.push(self._session, [receipt])


def _stranger(message: Message) -> Message:
    """A message that nobody here sent."""
    return Message(message.time_ms, message.carrier, "stranger", "13900000000", {}, f"x{message.message_id}", "", True)
