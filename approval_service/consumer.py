"""The bank's events from NATS, applied in order and acknowledged after their commit; and our probes among them."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import orjson
from google.protobuf import json_format
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from approval_service import bank_events
from approval_service.authority import Authority
from outreach.domain.errors import Kind, Refusal
from outreach.runtime.bus import dead_letter, probe_subject
from outreach.runtime.logs import EventLogger
from outreach.v1.bank_service_pb2 import BankEvent
from outreach.validation import NOT_OF_ITS_TYPE, field_of, oddities, violations

DURABLE = "approval_service"
PLACEMENT_DELIVERIES = 7
"""Over a minute: an event may overtake the placement of its account, where that is delivered again after a failure or a
kill. Set aside, it would be lost on an account that nothing holds."""
_NAMED_ACCOUNT = re.compile(rb'"account_?[nN]umber"\s*:\s*"([A-Za-z0-9-]{1,40})"')
"""An account in a text that is no JSON, such as one that was cut off."""
_NO_EVENT = "不是 BankEvent 的 ProtoJSON is not the ProtoJSON of a BankEvent"
_log = EventLogger("consumer")


class Unreadable(Exception):
    """An event that cannot be read; the message says why and holds no data of it."""


class Consumer:
    """Handles batches of the inbound stream, in order."""

    def __init__(self, authority: Authority, js: JetStreamContext) -> None:
        self._authority = authority
        self._js = js

    async def handle(self, messages: Sequence[Msg]) -> None:
        run: list[tuple[Msg, BankEvent]] = []
        for message in messages:
            if message.subject.endswith(".probe"):
                await self._apply(run)
                await self._authority.write(
                    bank_events.prove_feeds, (_bank_of(message), int(message.data)), urgent=True
                )
                run = []
                continue
            try:
                run.append((message, read_event(message.data, _bank_of(message))))
            except Unreadable as error:
                await self._apply(run)
                run = []
                await self._set_aside(message, str(error))
        await self._apply(run)

    async def _apply(self, run: Sequence[tuple[Msg, BankEvent]]) -> None:
        """Applies events in one commit; alone, where one of them fails the commit."""
        if not run:
            return
        try:
            results = await self._authority.write_many(bank_events.apply, [event for _, event in run], urgent=True)
        except Refusal:
            raise
        except Exception as error:  # noqa: BLE001  # an event that breaks us must not stop the ones behind it
            if len(run) == 1:
                _log.error("event_failed", error)
                await self._set_aside(run[0][0], f"could not be applied: {type(error).__name__}")
                return
            for one in run:
                await self._apply([one])
            return
        for (message, event), result in zip(run, results, strict=True):
            deliveries = message.metadata.num_delivered
            if isinstance(result, Refusal) and result.kind is Kind.NOT_FOUND and deliveries < PLACEMENT_DELIVERIES:
                await message.nak(delay=2.0 ** (deliveries - 1))
            elif isinstance(result, Refusal) and result.kind is not Kind.UNAVAILABLE:
                await self._set_aside(message, f"{event.WhichOneof('event')}: {result.message}")

    async def _set_aside(self, message: Msg, reason: str) -> None:
        """To the dead letters; the account in it, if one can be read, is put on hold first."""
        bank_id, number = _bank_of(message), account_number(message.data)
        if number:
            source = f"sequence {message.metadata.sequence.stream}"
            await self._authority.write(bank_events.hold_unreadable, (bank_id, number, source), urgent=True)
        await dead_letter(self._js, message, reason)


def read_event(data: bytes, bank_id: str) -> BankEvent:
    """The event of a ProtoJSON text. Raises Unreadable."""
    try:
        event = json_format.Parse(data, BankEvent(), ignore_unknown_fields=True)
    except json_format.ParseError as error:
        field = field_of(error)
        raise Unreadable(f"{field}: {NOT_OF_ITS_TYPE}" if field else _NO_EVENT) from None
    except (UnicodeDecodeError, RecursionError):
        raise Unreadable(_NO_EVENT) from None
    broken = [*violations(event), *(oddities(event) if b"\\u0000" in data else ())]
    if broken:
        raise Unreadable("; ".join(f"{field}: {what}" for field, what in broken[:5]))
    if event.bank_id != bank_id:
        raise Unreadable("bank_id differs from the subject's")
    return event


def account_number(data: bytes) -> str:
    """The account number that an unreadable event names, or empty."""
    try:
        found = _find(orjson.loads(data), depth=0)
    except orjson.JSONDecodeError:
        match = _NAMED_ACCOUNT.search(data)
        found = match[1].decode() if match else ""
    return found if len(found) <= 40 else ""


def _find(value: Any, depth: int) -> str:
    if not isinstance(value, dict) or depth > 3:
        return ""
    for name in ("accountNumber", "account_number"):
        if isinstance(value.get(name), str | int):
            return str(value[name])
    return next((found for part in value.values() if (found := _find(part, depth + 1))), "")


def _bank_of(message: Msg) -> str:
    return message.subject.split(".")[2]


async def probe(publish: Callable[[str, bytes], Awaitable[object]], bank_ids: Sequence[str], now_ms: int) -> None:
    """Sends our probe into each bank's stream. What came before it has been applied once it is back."""
    for bank_id in bank_ids:
        await publish(probe_subject(bank_id), str(now_ms).encode())
