"""One connection to a CMPP gateway, from login to its end: a window of submits, answers by sequence id, heartbeat."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta, timezone

from outreach.domain.clocks import elapsed_s
from outreach.runtime.logs import EventLogger
from sms_service.carriers import cmpp_coding as coding
from sms_service.carriers.cmpp_codes import Answer
from sms_service.carriers.seam import CONNECT_FAILED, DEADLINE_PASSED, UNREADABLE_REPLY

BEIJING = timezone(timedelta(hours=8))
SILENT_HEARTBEATS = 3
"""Heartbeats without a byte from the far end after which the connection is dead (N of the protocol)."""
GOODBYE_S = 1.0
CONNECTION_LOST = "connection_lost"
TIMEOUT = "timeout"

_log = EventLogger("sms_service.carriers")

Delivered = Callable[[bytes, Callable[[], None]], None]
"""Takes the body of a DELIVER, and what to call once it need not come again."""


class LoginError(Exception):
    """The gateway could not be reached or did not let us in. `status` is its own, or our word."""

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status


class NotSubmittedError(Exception):
    """No byte was written. `code` is our word for why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Connection:
    """Logged in. `run` serves it until it ends; what was written and not answered by then is lost."""

    def __init__(
        self,
        version: coding.Version,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        window: int,
    ) -> None:
        self._version = version
        self._reader = reader
        self._writer = writer
        self._sequence = 0
        self._slots = asyncio.Semaphore(window)
        self._turn = asyncio.Lock()
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        self._heard_at = time.monotonic()
        self._bye = asyncio.Event()
        self.is_open = False

    async def log_in(self, source_addr: str, secret: str) -> None:
        """LoginError."""
        timestamp = int(datetime.now(BEIJING).strftime("%m%d%H%M%S"))
        self._write(coding.CONNECT, coding.connect(self._version, source_addr, secret, timestamp))
        try:
            command, _, body = await self._read()
            if command != coding.CONNECT | coding.RESPONSE:
                raise LoginError(UNREADABLE_REPLY)
            status = coding.read_connect_response(self._version, body)
        except coding.CodingError:
            raise LoginError(UNREADABLE_REPLY) from None
        except (OSError, EOFError):
            raise LoginError(CONNECTION_LOST) from None
        if status:
            raise LoginError(str(status))
        self.is_open = True

    async def run(self, delivered: Delivered, heartbeat_s: float) -> str:
        """Serves the connection until it ends; returns our word for how."""
        beating = asyncio.create_task(self._beat(heartbeat_s))
        end = CONNECTION_LOST
        try:
            while True:
                self._take(*await self._read(), delivered)
        except coding.CodingError:
            end = UNREADABLE_REPLY
        except (OSError, EOFError):
            end = CONNECTION_LOST
        finally:
            beating.cancel()
            self._end(end)
        with suppress(OSError):
            await self._writer.wait_closed()
        return end

    async def submit(self, bodies: Sequence[bytes], write_before: float, timeout_s: float) -> list[Answer]:
        """Writes the parts of one message at once, the first byte before `write_before` (elapsed_s()), and waits
        for their answers. NotSubmittedError."""
        await self._take_slots(len(bodies), write_before)
        waiting = [asyncio.get_running_loop().create_future() for _ in bodies]
        sequences = []
        for body, future in zip(bodies, waiting, strict=True):
            sequence = self._write(coding.SUBMIT, body)
            self._waiting[sequence] = future
            sequences.append(sequence)
        try:
            await asyncio.wait(waiting, timeout=timeout_s)
        finally:
            for sequence in sequences:
                self._waiting.pop(sequence, None)
                self._slots.release()
        return [future.result() if future.done() else Answer(lost=TIMEOUT) for future in waiting]

    async def close(self) -> None:
        """Says goodbye, and waits a moment for the answer."""
        if self.is_open:
            self._write(coding.TERMINATE)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._bye.wait(), GOODBYE_S)
        self._end(CONNECTION_LOST)
        with suppress(OSError):
            await self._writer.wait_closed()

    async def _take_slots(self, count: int, write_before: float) -> None:
        taken = 0
        try:
            # One message at a time gathers its slots, so that two long ones cannot wait for each other.
            async with asyncio.timeout(max(0.0, write_before - elapsed_s())), self._turn:
                for _ in range(count):
                    await self._slots.acquire()
                    taken += 1
            if elapsed_s() > write_before:
                raise NotSubmittedError(DEADLINE_PASSED)
            if not self.is_open or self._writer.is_closing():
                raise NotSubmittedError(CONNECT_FAILED)
        except (TimeoutError, NotSubmittedError) as error:
            for _ in range(taken):
                self._slots.release()
            raise error if isinstance(error, NotSubmittedError) else NotSubmittedError(DEADLINE_PASSED) from None

    async def _read(self) -> tuple[int, int, bytes]:
        size, command, sequence = coding.read_header(await self._reader.readexactly(coding.HEADER.size))
        body = await self._reader.readexactly(size)
        self._heard_at = time.monotonic()
        return command, sequence, body

    def _take(self, command: int, sequence: int, body: bytes, delivered: Delivered) -> None:
        match command:
            case coding.DELIVER:
                delivered(body, lambda: self._taken(sequence, body))
            case coding.ACTIVE_TEST:
                self._respond(command, sequence, b"\0")
            case coding.TERMINATE:
                self._respond(command, sequence)
                raise EOFError
            case _ if command == coding.SUBMIT | coding.RESPONSE:
                self._answered(sequence, body)
            case _ if command == coding.TERMINATE | coding.RESPONSE:
                self._bye.set()
            case _:
                return  # ACTIVE_TEST_RESP: that it came was noted

    def _taken(self, sequence: int, body: bytes) -> None:
        if self.is_open:
            self._respond(coding.DELIVER, sequence, coding.deliver_response(self._version, body[:8]))

    def _answered(self, sequence: int, body: bytes) -> None:
        future = self._waiting.pop(sequence, None)
        try:
            message_id, result = coding.read_submit_response(self._version, body)
        except coding.CodingError:
            answer = Answer(lost=UNREADABLE_REPLY)
        else:
            answer = Answer(result, message_id.hex())
        if future is not None and not future.done():
            future.set_result(answer)

    async def _beat(self, heartbeat_s: float) -> None:
        while True:
            await asyncio.sleep(heartbeat_s)
            if time.monotonic() - self._heard_at > SILENT_HEARTBEATS * heartbeat_s:
                _log.warning("cmpp_silent")
                self._end(CONNECTION_LOST)
                return
            self._write(coding.ACTIVE_TEST)

    def _write(self, command: int, body: bytes = b"") -> int:
        self._sequence = self._sequence % 0xFFFF_FFFF + 1
        self._writer.write(coding.frame(command, self._sequence, body))
        return self._sequence

    def _respond(self, command: int, sequence: int, body: bytes = b"") -> None:
        self._writer.write(coding.frame(command | coding.RESPONSE, sequence, body))

    def _end(self, reason: str) -> None:
        self.is_open = False
        for future in self._waiting.values():
            if not future.done():
                future.set_result(Answer(lost=reason))
        self._waiting.clear()
        self._writer.close()
