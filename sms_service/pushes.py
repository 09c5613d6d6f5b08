"""What becomes of stored pushes of carriers: parsed, reported, and matched or kept until they are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import islice
from typing import Generic, TypeVar

import grpc

from sms_service.carriers.seam import Carrier, UnreadableError

T = TypeVar("T")
MAX_REPORTED = 1000


@dataclass(frozen=True, slots=True)
class Push:
    """One body as a carrier pushed it."""

    carrier_id: str
    body: bytes
    headers: Mapping[str, str]


class Fate(Enum):
    """What is to happen with a stored push. KEEP: some item in it matches nothing yet, as when it came before our
    own send's answer; it is handled again as a whole, since a repeat changes nothing."""

    DONE = auto()
    KEEP = auto()
    DEAD = auto()


class Pushes(Generic[T]):
    """Handles pushes of one kind, of all carriers.

    `parse` reads a carrier's body (UnreadableError); `report` tells the authority up to MAX_REPORTED items and answers
    per item whether it matched (grpc.aio.AioRpcError).
    """

    def __init__(
        self,
        carriers: Mapping[str, Carrier],
        parse: Callable[[Carrier, Push], list[T]],
        report: Callable[[Sequence[T]], Awaitable[list[bool]]],
    ) -> None:
        self._carriers = carriers
        self._parse_body = parse
        self._report = report

    async def handle(self, pushes: Sequence[Push]) -> list[tuple[Fate, str]]:
        """Reports all items in the pushes; per push its fate and, for DEAD, the reason without personal data.

        grpc.aio.AioRpcError if the authority did not take them: then all are to be handled again. One on which it fails
        is DEAD, so that it does not hold up the others.
        """
        parsed = [self._parse(push) for push in pushes]
        items = [one for found in parsed if isinstance(found, list) for one in found]
        try:
            matched = iter(await report_all(self._report, items))
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.INTERNAL:
                raise
            if len(pushes) == 1:
                return [(Fate.DEAD, "the authority fails on what it holds")]
            return [fate for push in pushes for fate in await self.handle([push])]
        fates = []
        for found in parsed:
            if isinstance(found, UnreadableError):
                fates.append((Fate.DEAD, str(found)))
            else:
                own = list(islice(matched, len(found)))
                fates.append((Fate.DONE if all(own) else Fate.KEEP, ""))
        return fates

    def _parse(self, push: Push) -> list[T] | UnreadableError:
        carrier = self._carriers.get(push.carrier_id)
        if carrier is None:
            return UnreadableError("no account of that carrier id is configured")
        try:
            return self._parse_body(carrier, push)
        except UnreadableError as error:
            return error


async def report_all(report: Callable[[Sequence[T]], Awaitable[list[bool]]], items: Sequence[T]) -> list[bool]:
    """Reports any number of items; true per item that matched. grpc.aio.AioRpcError."""
    matched: list[bool] = []
    for start in range(0, len(items), MAX_REPORTED):
        matched += await report(items[start : start + MAX_REPORTED])
    return matched
