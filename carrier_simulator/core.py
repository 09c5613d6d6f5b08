"""What all simulated carriers share: a message is written down, then answered; receipts follow."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from aiohttp import web

from carrier_simulator.faults import BY_NAME, Behaviour, Faults, Receipts
from carrier_simulator.journal import Journal
from carrier_simulator.pushes import FarEnd, Pushes


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


@dataclass(frozen=True, slots=True)
class Registered:
    """A carrier's copy of a template, in its own form. `state` is passed, reviewing or refused."""

    text: str
    state: str


DELIVERED, PENDING, NUMBER_DEAD, REJECTED = "delivered", "pending", "number_dead", "rejected"
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


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


class Core:
    """The simulator's memory, in its folder: messages.jsonl (synced before any answer), receipts.jsonl and so on."""

    def __init__(self, folder: Path, far_ends: dict[str, FarEnd], receipt_delay_s: float) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.faults = Faults()
        self.receipt_delay_s = receipt_delay_s
        self.answer_delay_s = 30.0
        self._journal = Journal(folder / "messages.jsonl")
        self._receipts = Journal(folder / "receipts.jsonl")
        self.messages = [Message(**record) for record in self._journal.records]
        self._numbered = len(self.messages)
        self._registrations = Journal(folder / "templates.jsonl")
        self.templates = {
            (record["carrier"], record["code"]): Registered(record["text"], record["state"])
            for record in self._registrations.records
        }
        self._far_ends = far_ends
        self._pushes = {carrier: Pushes(far_end, self._receipts) for carrier, far_end in far_ends.items()}

    async def start(self) -> None:
        """Resumes the receipts that an earlier run still owed."""
        for far_end in self._far_ends.values():
            await far_end.start(self)
        self._tasks = [asyncio.create_task(pushes.run()) for pushes in self._pushes.values()]
        pushed = {record["message_id"] for record in self._receipts.records}
        for message in self.messages:
            if message.taken and message.message_id not in pushed:
                await self._plan(message, BY_NAME[message.verdict])

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for far_end in self._far_ends.values():
            await far_end.stop()
        self._journal.close()
        self._receipts.close()
        self._registrations.close()

    async def register(self, carrier: str, code: str, copy: Registered) -> None:
        """Registers a template, or changes the carrier's copy of it."""
        await self._registrations.append({"carrier": carrier, "code": code, **asdict(copy)})
        self.templates[carrier, code] = copy

    async def write_down(
        self, carrier: str, out_id: str, phone: str, content: dict[str, str], *, verdict: str, taken: bool
    ) -> Message:
        """The message, once it is on the disk."""
        self._numbered += 1
        message_id = f"{self._numbered:016x}"
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
        pushes = self._pushes[message.carrier]
        for planned in PLANS[behaviour.receipts]:
            receipt = Receipt(
                _stranger(message) if planned.stranger else message, planned.status, not planned.without_out_id
            )
            # One that comes before the answer, and is not taken then, comes again as the others do.
            if planned.delays or not await pushes.push([receipt]):
                pushes.schedule(receipt, self.receipt_delay_s * planned.delays)


def _stranger(message: Message) -> Message:
    """A message that nobody here sent."""
    message_id = f"f{message.message_id[1:]}"
    return Message(message.time_ms, message.carrier, "stranger", "13900000000", {}, message_id, "", True)
