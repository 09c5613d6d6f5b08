"""What the day needs again and again: the business clock, the banks' events, the cases, and waiting for effects.

The clock stands still while anything is done, and moves on only when nothing is under way. So the day ends the same
however fast or slow the machine is.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import aiohttp
from google.protobuf.json_format import MessageToJson

from examples.board import Board
from examples.office import BANKS, Office
from outreach.cli.bank_file import read_events
from outreach.cli.case_file import CaseFile, LetterFile
from outreach.domain import states
from outreach.v1.bank_service_pb2 import BankEvent, Placement
from outreach.v1.operations_service_pb2 import GetSummaryRequest, GetSummaryResponse, SetBusinessClockRequest
from outreach.v1.outreach_service_pb2 import Channel, ItemResult, LetterItem, Outreach, SmsItem
from outreach.wording.formats import CHINA

FOLDER = Path(__file__).parent
DAY = datetime(2026, 3, 17, tzinfo=CHINA)
BEGIN, END = "07:00", "21:30"
TICK = timedelta(minutes=5)
POLL_S = 0.1
SETTLE_TIMEOUT_S = 120.0
ROUGH_TIMEOUT_S = 20.0
NO_RECEIPT = "9922"
"""The simulator sends no receipt to such a number."""
RECEIPT_ONLY = frozenset({"9908", "9909", "9910", "9912"})
"""The simulator takes the message, spoils its answer, and sends a receipt."""
ASKED = "sample-bank"
"""Its carrier is asked for what has no receipt."""


def moment(hhmm: str) -> datetime:
    """A time of the example day."""
    hour, minute = hhmm.split(":")
    return DAY + timedelta(hours=int(hour), minutes=int(minute))


class Stage:
    """The state of the play."""

    def __init__(self, office: Office, board: Board) -> None:
        self.office = office
        self.board = board
        self.now = moment(BEGIN)
        self.digests: dict[tuple[str, str], str] = {}
        self.cases: dict[str, SmsItem] = {}
        self.placements: dict[str, Placement] = {}
        self.letters: dict[str, LetterItem] = {}
        self.answers: dict[str, list[tuple[SmsItem, ItemResult]]] = defaultdict(list)
        self._given_up: set[str] = set()
        """Whose fate stayed open while processes were killed: no receipt comes for what never left."""
        self._waves = _read_waves()
        self._letter_waves = _read_letter_waves()
        self.events = {bank: read_bank_events("events.jsonl", bank) for bank in BANKS}
        for _, items in (wave for waves in self._waves.values() for wave in waves):
            for item in items:
                self.cases.setdefault(item.request_id, item)
        for _, letters in (wave for waves in self._letter_waves.values() for wave in waves):
            self.letters.update({letter.request_id: letter for letter in letters})

    def times(self) -> set[str]:
        """When banks publish or cases are submitted."""
        return {
            *self._waves,
            *self._letter_waves,
            *(_hhmm(event) for events in self.events.values() for event in events),
        }

    async def set_clock(self, to: datetime, rate: float = 0.0) -> None:
        request = SetBusinessClockRequest(rate=rate)
        request.time.FromDatetime(to)
        operator = self.office["operator-1"]
        await operator.ask(operator.operations.SetBusinessClock, request)
        self.now = to

    async def run_clock_to(self, hhmm: str) -> None:
        """Lets the clock tick until then, standing still at each tick."""
        ticks = (moment(END) - moment(BEGIN)) / TICK
        pause_s = self.office.settings.day_seconds / ticks
        while pause_s and self.now + TICK < moment(hhmm):
            await self.set_clock(self.now + TICK)
            await self.show()
            await asyncio.sleep(pause_s)
        if self.now < moment(hhmm):
            await self.set_clock(moment(hhmm))

    async def tell_simulator(self, **order: object) -> None:
        """What the carriers' far end is to do or to know."""
        url = f"{self.office.settings.simulator_url}/control"
        async with aiohttp.ClientSession() as session, session.post(url, json=order) as answer:
            answer.raise_for_status()

    async def publish_placements(self) -> None:
        """Each bank's placements, on NATS."""
        for bank in BANKS:
            events = read_bank_events("placements.csv", bank)
            for event in events:
                self.placements[event.placement.account_number] = event.placement
            await self.publish_all(bank, events)
            self.board.tell(self.now, f"{bank} 委案 {len(events)} 户 · places {len(events)} accounts")

    async def publish(self, hhmm: str) -> None:
        """What the banks say at that time, and the wait until it is applied: their last word is a feed mark."""
        for bank, all_events in self.events.items():
            events = [event for event in all_events if _hhmm(event) == hhmm]
            if events:
                await self.publish_all(bank, events)
                kinds = sorted({event.WhichOneof("event") or "" for event in events})
                self.board.tell(self.now, f"{bank} 发布 {len(events)} 个事件 · publishes {', '.join(kinds)}")
                await self._applied(bank, events[-1])

    async def submit(self, hhmm: str) -> None:
        """The cases of that time, by their clerks."""
        for clerk, items in self._waves.get(hhmm, ()):
            blocked = 0
            async for item, result in self.office[clerk].submit_many(items):
                self.answers[item.request_id].append((item, result))
                blocked += result.decision.state == states.BLOCKED
            self.board.tell(
                self.now,
                f"{clerk} 提交 {len(items)} 条，拦截 {blocked} · submits {len(items)}, {blocked} blocked",
            )

    async def submit_letters(self, hhmm: str) -> None:
        """The letters of that time, by their clerks."""
        for clerk, items in self._letter_waves.get(hhmm, ()):
            counts: Counter[str] = Counter()
            async for item, result in self.office[clerk].submit_letters(items):
                if result.WhichOneof("result") == "error":
                    raise RuntimeError(f"{item.request_id}: {result.error.message}")
                counts[states.name(result.decision.state)] += 1
            self.board.tell(
                self.now,
                f"{clerk} 提交信函 {len(items)} 封，拦截 {counts['BLOCKED']}，待批数量 {counts['AWAITING_QUANTITY']} · "
                f"submits {len(items)} letters, {counts['BLOCKED']} blocked",
            )

    async def settled(self, *, final: bool = False) -> None:
        """Returns once nothing is under way: nothing due, nothing released, no receipt awaited that will come.

        With `final`, also what the carrier is asked for is awaited. RuntimeError if it takes too long.
        In the rough, what stays in doubt is awaited once only.
        """
        begin = time.monotonic()
        while busy := [one for bank in BANKS for one in await self._busy(bank, final=final)]:
            waited_s = time.monotonic() - begin
            in_doubt = all(one.state in (states.SENT, states.UNCONFIRMED) for one in busy)
            if self.office.settings.rough and in_doubt and waited_s > ROUGH_TIMEOUT_S:
                self._given_up.update(one.outreach_id for one in busy)
            elif waited_s > SETTLE_TIMEOUT_S:
                raise RuntimeError(f"still under way: {sorted(one.request_id for one in busy)}")
            await self.show()
            await asyncio.sleep(POLL_S)
        await self.show()

    async def summaries(
        self, channel: Channel.ValueType = Channel.CHANNEL_UNSPECIFIED
    ) -> dict[str, GetSummaryResponse]:
        """Each bank's counts, of one channel or of both."""
        supervisor = self.office["supervisor-1"]
        requests = {bank: GetSummaryRequest(bank_id=bank, channel=channel) for bank in BANKS}
        return {
            bank: await supervisor.ask(supervisor.operations.GetSummary, request) for bank, request in requests.items()
        }

    async def show(self) -> None:
        self.board.show(self.now, await self.summaries())

    async def publish_all(self, bank: str, events: Sequence[BankEvent]) -> None:
        """Publishes as the bank, in order."""
        for event in events:
            await self.office.publish(bank, MessageToJson(event, indent=None).encode(), event.event_id)

    async def _applied(self, bank: str, mark: BankEvent) -> None:
        """The consumer applies in order, so what stands before the mark is applied with it."""
        wanted = mark.feed_mark.complete_through.ToMilliseconds()
        end = time.monotonic() + SETTLE_TIMEOUT_S
        while (await self.summaries())[bank].feed_complete_through.ToMilliseconds() < wanted:
            if time.monotonic() > end:
                raise RuntimeError(f"{bank}'s events were not applied")
            await asyncio.sleep(POLL_S)

    async def _busy(self, bank: str, *, final: bool) -> list[Outreach]:
        now_ms = int(self.now.timestamp() * 1000)
        supervisor = self.office["supervisor-1"]
        busy = []
        for state in (states.ADMITTED, states.RELEASED, states.SENT, states.UNCONFIRMED):
            async for one in supervisor.list(bank, state=state):
                if one.channel == Channel.CHANNEL_LETTER:  # it waits for people, not for a carrier
                    continue
                tail = one.masked_phone_number[-4:]
                is_due = one.HasField("due_time") and one.due_time.ToMilliseconds() <= now_ms
                is_over = one.not_after.ToMilliseconds() <= now_ms
                is_awaited = tail != NO_RECEIPT or (final and bank == ASKED)
                if one.outreach_id not in self._given_up and (
                    (state == states.ADMITTED and (is_due or is_over))
                    or state == states.RELEASED
                    or (state == states.SENT and is_awaited)
                    or (state == states.UNCONFIRMED and tail in RECEIPT_ONLY)
                ):
                    busy.append(one)
        return busy


def _read_waves() -> dict[str, list[tuple[str, list[SmsItem]]]]:
    """Cases by time and clerk, as the files' names tell: 0730-clerk-1.csv."""
    waves: dict[str, list[tuple[str, list[SmsItem]]]] = defaultdict(list)
    for path in sorted((FOLDER / "cases").glob("*.csv")):
        hhmm, _, clerk = path.stem.partition("-")
        cases = list(CaseFile(path).cases())
        items = [case.item for case in cases if case.item is not None]
        if len(items) != len(cases):
            raise RuntimeError(f"{path.name}: {next(case.error for case in cases if case.error)}")
        waves[f"{hhmm[:2]}:{hhmm[2:]}"].append((clerk, items))
    return waves


def _read_letter_waves() -> dict[str, list[tuple[str, list[LetterItem]]]]:
    """Letters by time and clerk, as for cases."""
    waves: dict[str, list[tuple[str, list[LetterItem]]]] = defaultdict(list)
    for path in sorted((FOLDER / "letters").glob("*.csv")):
        hhmm, _, clerk = path.stem.partition("-")
        with LetterFile(path) as file:
            letters = list(file.cases())
        items = [letter.item for letter in letters if letter.item is not None]
        if len(items) != len(letters):
            raise RuntimeError(f"{path.name}: {next(letter.error for letter in letters if letter.error)}")
        waves[f"{hhmm[:2]}:{hhmm[2:]}"].append((clerk, items))
    return waves


def read_bank_events(file: str, bank: str) -> list[BankEvent]:
    """The events of a file in the bank's folder. RuntimeError for a line that cannot be read."""
    events = []
    for found in read_events(FOLDER / bank / file, bank):
        if found.event is None:
            raise RuntimeError(f"{bank}/{file}, line {found.line}: {found.error}")
        events.append(found.event)
    return events


def _hhmm(event: BankEvent) -> str:
    return event.event_time.ToDatetime(CHINA).strftime("%H:%M")
