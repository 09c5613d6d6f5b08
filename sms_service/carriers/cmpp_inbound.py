"""What a CMPP gateway brings: stored first, answered then. Parts of a long reply are stored together.

A stored body is the DELIVER PDUs as they came, one after another, so that what reads it needs nothing else.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from outreach.domain.phone import normalize_mobile
from outreach.runtime.logs import EventLogger
from outreach.v1.worker_service_pb2 import Receipt
from sms_service.carriers import cmpp_coding as coding
from sms_service.carriers import operator_codes
from sms_service.carriers.reading import bare
from sms_service.carriers.seam import Keep, NotKeptError, Reply, UnreadableError

JOIN_S = 5.0
"""How long a part of a long reply waits for the others. Gateways wait 60 s for an answer."""
RECEIVED_AT = "Outreach-Received-At"
"""Header of a stored body: Unix seconds."""
BY_NUMBER_AFTER_S = 120.0
"""A receipt whose id nobody knows belongs to a message whose answer was lost, or not reported yet. After so long it is
the former, and the number may tell which one. Earlier it might be a part of a message that is just being sent."""

_log = EventLogger("sms_service.carriers")

Answered = Callable[[], None]
_Key = tuple[str, str, int, int]


@dataclass(slots=True)
class _Joining:
    """The parts of a long reply that are here, by their number."""

    parts: dict[int, tuple[bytes, Answered]] = field(default_factory=dict)
    complete: asyncio.Event = field(default_factory=asyncio.Event)


class Inbound:
    """Takes DELIVERs. Each is answered once it is stored; what cannot be stored stays with the gateway, unanswered."""

    def __init__(self, carrier_id: str, version: coding.Version, keep: Keep) -> None:
        self._carrier_id = carrier_id
        self._version = version
        self._keep = keep
        self._joining: dict[_Key, _Joining] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, body: bytes, answered: Answered) -> None:
        """One that cannot be read is stored too: whoever reads it sets it aside with the reason."""
        pdu = coding.frame(coding.DELIVER, 0, body)
        try:
            deliver = coding.read_deliver(self._version, body)
        except coding.CodingError:
            self._start(self._store("receipts", [(pdu, answered)]))
            return
        reference, total, number = coding.place(deliver)
        if deliver.is_receipt or total <= 1:
            self._start(self._store("receipts" if deliver.is_receipt else "replies", [(pdu, answered)]))
            return
        key = (deliver.sender, deliver.recipient, reference, total)
        if key not in self._joining:
            self._joining[key] = _Joining()
            self._start(self._join(key))
        joining = self._joining[key]
        joining.parts[number] = (pdu, answered)
        if len(joining.parts) == total:
            joining.complete.set()

    async def close(self) -> None:
        """What is being stored is given up, unanswered."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _join(self, key: _Key) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._joining[key].complete.wait(), JOIN_S)
        parts = self._joining.pop(key).parts
        await self._store("replies", [parts[number] for number in sorted(parts)])

    async def _store(self, what: str, pdus: list[tuple[bytes, Answered]]) -> None:
        try:
            await self._keep(what, b"".join(pdu for pdu, _ in pdus), {RECEIVED_AT: str(int(time.time()))})
        except NotKeptError as error:
            _log.warning("cmpp_deliver_not_kept", error, carrier_id=self._carrier_id)
            return
        for _, answered in pdus:
            answered()


def read_receipts(carrier_id: str, version: coding.Version, body: bytes, headers: Mapping[str, str]) -> list[Receipt]:
    """UnreadableError."""
    try:
        age_s = time.time() - float(headers.get(RECEIVED_AT, "0"))
        delivers = [coding.read_deliver(version, pdu) for _, pdu in coding.frames(body)]
        statuses = [coding.read_status(deliver.content) for deliver in delivers]
    except (coding.CodingError, ValueError) as error:
        raise UnreadableError(f"no CMPP receipt: {type(error).__name__}") from None
    return [
        Receipt(
            carrier_id=carrier_id,
            carrier_message_id=status.message_id.hex(),
            phone_number=bare(status.phone_number) if age_s > BY_NUMBER_AFTER_S else "",
            carrier_code=status.code,
            segments=1,
            delivered=status.code == operator_codes.DELIVERED,
            pending=status.code in operator_codes.PENDING,
            number_dead=status.code in operator_codes.NUMBER_DEAD,
        )
        for status in statuses
    ]


def read_replies(carrier_id: str, version: coding.Version, body: bytes) -> list[Reply]:
    """One reply, of all the parts in the body. UnreadableError."""
    try:
        delivers = [coding.read_deliver(version, pdu) for _, pdu in coding.frames(body)]
    except coding.CodingError as error:
        raise UnreadableError(str(error)) from None
    if not delivers:
        raise UnreadableError("no CMPP reply")
    first = delivers[0]
    text = "".join(map(coding.words, delivers))
    return [Reply(carrier_id, normalize_mobile(first.sender) or first.sender, text, first.message_id.hex())]
