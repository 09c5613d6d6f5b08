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
from outreach.runtime.bus import OUTREACH_IN, dead_letter, events_subject, oldest_sequence, probe_subject
from outreach.runtime.logs import EventLogger
from outreach.v1.bank_service_pb2 import BankEvent, EventResult
from outreach.validation import NOT_OF_ITS_TYPE, field_of, oddities, violations

DURABLE = "approval_service"
ACKED_S = 5.0
RETRY_S = 1.0
"""How long a message waits for what came before it and has not been applied."""
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
            try:
                event = None if message.subject.endswith(".probe") else read_event(message.data, _bank_of(message))
            except Unreadable as error:
                await self._apply(run)
                run = []
                await self._set_aside(message, str(error))
                continue
            if event is not None and event.WhichOneof("event") != "feed_mark":
                run.append((message, event))
                continue
            await self._apply(run)
            run = []
            if not await self._is_next(message):
                continue
            if event is not None:
                await self._apply([(message, event)])
            else:
                proof = (_bank_of(message), int(message.data))
                await self._authority.write(bank_events.prove_feeds, proof, urgent=True)
        await self._apply(run)

    async def _is_next(self, message: Msg) -> bool:
        """True if all of the bank's events before a message have been applied or set aside; else it is handed back.

        An event may be behind: another replica holds it, or one that was killed does until it is delivered again. A
        probe or a feed mark that overtook it would vouch for what is not known here yet.
        """
        oldest = await oldest_sequence(self._js, OUTREACH_IN, events_subject(_bank_of(message)))
        if oldest is None or oldest >= message.metadata.sequence.stream:
            return True
        await message.nak(delay=RETRY_S)
        return False

    async def _apply(self, run: Sequence[tuple[Msg, BankEvent]]) -> None:
        """Applies events in one commit and answers for each; alone, where one of them fails the commit."""
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
        await self._answer(run, results)

    async def _answer(self, run: Sequence[tuple[Msg, BankEvent]], results: Sequence[EventResult | Exception]) -> None:
        answered = list(zip(run, results, strict=True))
        applied = [message for (message, _), result in answered if not isinstance(result, Refusal)]
        for message in applied[:-1]:
            await message.ack()
        for message in applied[-1:]:
            await message.ack_sync(ACKED_S)  # so that all of them are gone when somebody looks for what is left
        for (message, event), result in answered:
            if not isinstance(result, Refusal):
                continue
            # The placement that an unknown account misses may be among what is behind.
            if result.kind is not Kind.NOT_FOUND or await self._is_next(message):
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
