"""An operator's CMPP gateway: checks the login, answers submits, brings receipts and replies until they are taken."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import count

from carrier_simulator import cmpp_wire as wire
from carrier_simulator.core import DELIVERED, NUMBER_DEAD, PENDING, REJECTED, Core, Receipt
from carrier_simulator.faults import Answer

CARRIER = "cmpp"
WINDOW = 16
TAKEN_WITHIN_S = 5.0
BEIJING = timezone(timedelta(hours=8))
RESULTS = {
    Answer.REFUSE: 6,
    Answer.THROTTLE_NUMBER: 8,
    Answer.THROTTLE_CHANNEL: 8,
    Answer.HALT: 7,
    Answer.TRANSIENT: 88,
    Answer.UNLISTED_CODE: 99,
}
STATUSES = {DELIVERED: "DELIVRD", PENDING: "ACCEPTD", NUMBER_DEAD: "MK:0001", REJECTED: "REJECTD"}
BAD_ACCOUNT, BAD_PROOF, BAD_VERSION = 2, 3, 4
HTML = b"<html><h1>503 Service Unavailable</h1></html>"


@dataclass(slots=True)
class Account:
    """The account it knows, and the port it listens on: 0 for any free one, none for not at all."""

    source_addr: str = "900001"
    secret: str = "simulated-secret"  # noqa: S105 - opens nothing
    service_id: str = "SMS"
    heartbeat_s: float = 30.0
    port: int | None = None


class Gateway:
    """The operator's end. Its receipts go out by DELIVER, over whichever connection is open."""

    patient = True

    def __init__(self, account: Account, host: str) -> None:
        self._account = account
        self._host = host
        self._links: list[Link] = []
        self._references = count()
        self.port = 0

    @property
    def wanted(self) -> bool:
        return self._account.port is not None

    async def start(self, core: Core) -> None:
        self._core = core
        if self._account.port is not None:
            self._server = await asyncio.start_server(self._connected, self._host, self._account.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._account.port is not None:
            self._server.close()
            for link in list(self._links):
                link.drop()
            await self._server.wait_closed()

    async def deliver(self, receipts: list[Receipt]) -> bool:
        """True once the client has answered each."""
        return all(await asyncio.gather(*(self._report(receipt) for receipt in receipts)))

    async def reply(self, phone: str, text: str) -> bool:
        """Brings a person's words, in as many parts as they need; true once they were taken."""
        reference = next(self._references) % 256
        parts = wire.words(text, reference)
        brought = [
            self._bring(reference.to_bytes(4, "big") + number.to_bytes(4, "big"), phone, part, parted=len(parts) > 1)
            for number, part in enumerate(parts)
        ]
        return all(await asyncio.gather(*brought))

    async def _report(self, receipt: Receipt) -> bool:
        return await self._bring(
            bytes.fromhex(receipt.message.message_id), receipt.message.phone, STATUSES[receipt.status], parted=False
        )

    async def _bring(self, message_id: bytes, phone: str, what: bytes | str, *, parted: bool) -> bool:
        link = next((link for link in self._links if link.version), None)
        if link is None:
            return False
        content, is_receipt = what, isinstance(what, str)
        if isinstance(content, str):
            minute = datetime.now(BEIJING).strftime("%y%m%d%H%M")
            content = wire.status(link.version, message_id, content, phone, minute)
        sender = "10690001"
        body = wire.deliver(link.version, message_id, phone, sender, content, receipt=is_receipt, parted=parted)
        return await link.ask(wire.DELIVER, body)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = Link(self._account, self._core, reader, writer)
        self._links.append(link)
        try:
            await link.serve()
        except (OSError, EOFError, wire.NotCmppError):
            link.drop()
        finally:
            self._links.remove(link)
            with suppress(OSError):
                await writer.wait_closed()


class Link:
    """One client's connection. `version` is 0 until it has logged in."""

    def __init__(
        self, account: Account, core: Core, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.version = 0
        self._account = account
        self._core = core
        self._reader = reader
        self._writer = writer
        self._sequences = count(1)
        self._asked: dict[tuple[int, int], asyncio.Future[bool]] = {}
        self._working: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        beating = asyncio.create_task(self._beat())
        try:
            while True:
                header = await self._reader.readexactly(12)
                size, command, sequence = (int.from_bytes(header[i : i + 4], "big") for i in (0, 4, 8))
                if not 12 <= size <= 4096:
                    raise wire.NotCmppError("length")
                body = await self._reader.readexactly(size - 12)
                if command == wire.TERMINATE:
                    self._send(command | wire.ANSWER, sequence, b"")
                    self._writer.close()
                    return
                self._take(command, sequence, body)
        finally:
            beating.cancel()
            for task in self._working:
                task.cancel()
            for future in self._asked.values():
                future.cancel()

    async def ask(self, command: int, body: bytes) -> bool:
        """True once the client has answered; false if it does not."""
        sequence = next(self._sequences)
        answered = self._asked[command, sequence] = asyncio.get_running_loop().create_future()
        self._send(command, sequence, body)
        try:
            return await asyncio.wait_for(answered, TAKEN_WITHIN_S)
        except (TimeoutError, asyncio.CancelledError):
            return False
        finally:
            self._asked.pop((command, sequence), None)

    def drop(self) -> None:
        """Resets the connection."""
        self._writer.transport.abort()

    def _take(self, command: int, sequence: int, body: bytes) -> None:
        if command & wire.ANSWER:
            answered = self._asked.get((command ^ wire.ANSWER, sequence))
            if answered is not None and not answered.done():
                answered.set_result(True)
        elif command == wire.ACTIVE_TEST:
            self._send(command | wire.ANSWER, sequence, b"\0")
        elif command == wire.CONNECT and not self.version:
            self._log_in(sequence, wire.login(body))
        elif command == wire.SUBMIT and self.version:
            if len(self._working) >= WINDOW:
                self._send(command | wire.ANSWER, sequence, wire.submit_answer(self.version, bytes(8), 8))
                return
            task = asyncio.create_task(self._submit(sequence, wire.submitted(self.version, body)))
            self._working.add(task)
            task.add_done_callback(self._working.discard)
        else:
            raise wire.NotCmppError("command")

    def _log_in(self, sequence: int, login: wire.Login) -> None:
        account, status = self._account, 0
        if login.account != account.source_addr:
            status = BAD_ACCOUNT
        elif login.version not in (wire.V2, wire.V3):
            status = BAD_VERSION
        elif login.proof != wire.proof(account.source_addr, account.secret, login.timestamp):
            status = BAD_PROOF
        version = login.version if login.version in (wire.V2, wire.V3) else wire.V3
        answer = wire.login_answer(version, status, login.proof, account.secret)
        self._send(wire.CONNECT | wire.ANSWER, sequence, answer)
        self.version = 0 if status else login.version

    async def _submit(self, sequence: int, message: wire.Submitted) -> None:
        core, (reference, total, number) = self._core, message.place
        content = {
            "text": message.text,
            "part": f"{number}/{total}",
            "reference": str(reference),
            "sender": message.sender,
        }
        if message.account != self._account.source_addr or message.service != self._account.service_id:
            await core.write_down(CARRIER, "", message.phone, content, verdict="7", taken=False)
            self._answer(sequence, "", 7)
            return
        behaviour, written = await core.receive(CARRIER, "", message.phone, content)
        answer = behaviour.answer
        match answer:
            case Answer.DROP:
                self.drop()
            case Answer.HTML_503:
                self._writer.write(HTML)
            case Answer.GARBLE:
                self._send(wire.SUBMIT | wire.ANSWER, sequence, b"\0\0\0")
            case Answer.CUT_SHORT:
                whole = wire.submit_answer(self.version, bytes.fromhex(written.message_id), 0)
                self._writer.write(wire.pdu(wire.SUBMIT | wire.ANSWER, sequence, whole)[:-3])
                self._writer.close()
            case _:
                if answer == Answer.DELAY:
                    await asyncio.sleep(core.answer_delay_s)
                self._answer(sequence, written.message_id, RESULTS.get(answer, 0))

    def _answer(self, sequence: int, message_id: str, result: int) -> None:
        raw_id = bytes(8) if result else bytes.fromhex(message_id)
        self._send(wire.SUBMIT | wire.ANSWER, sequence, wire.submit_answer(self.version, raw_id, result))

    async def _beat(self) -> None:
        """Asks now and then whether the client is there; one that is not is dropped."""
        while True:
            await asyncio.sleep(self._account.heartbeat_s)
            if self.version and not await self.ask(wire.ACTIVE_TEST, b""):
                self.drop()

    def _send(self, command: int, sequence: int, body: bytes) -> None:
        self._writer.write(wire.pdu(command, sequence, body))
