"""A random life of letters: asked for, printed, scanned, stopped, returned; checked after every step.

The checks know nothing of the use cases: they compare what the scanners heard, and what stopped which account, with
what is stored.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import select, update

from approval_service import cancellation, holds, schema
from approval_service.database import Database
from outreach.domain import states
from outreach.domain.errors import Refusal
from outreach.v1.bank_service_pb2 import BankEvent, FeedMark, Repayment
from outreach.v1.hold_service_pb2 import HoldKind, PlaceHoldRequest
from outreach.v1.mailroom_service_pb2 import LetterState, PrintRun, ReturnReason, RunState, ScanResult
from outreach.v1.outreach_service_pb2 import CancelRequest
from outreach.v1.print_service_pb2 import LetterPermit
from tests.service.approval_service.authorities import open_authority
from tests.service.approval_service.letters import grant_quantity
from tests.service.approval_service.mailroom import open_mailroom
from tests.service.approval_service.world import BANK, DAY_MS, NOW_MS, PEOPLE, World

T = TypeVar("T")

ACCOUNTS = tuple(f"760{index}" for index in range(8))
LIVE = (states.RELEASED, states.PRINTED, states.TO_PULL)
L = LetterState
SAME_STATE = {
    L.LETTER_STATE_RELEASED: {states.RELEASED},
    L.LETTER_STATE_PRINTED: {states.PRINTED},
    L.LETTER_STATE_TO_PULL: {states.TO_PULL},
    L.LETTER_STATE_MAILED: {states.MAILED, states.DELIVERED},
    L.LETTER_STATE_RETURNED: {states.RETURNED, states.DELIVERED},
    L.LETTER_STATE_PULLED: {states.PULLED, states.ADMITTED, states.CANCELLED, states.EXPIRED},
    L.LETTER_STATE_SPOILED: {states.PULLED, states.ADMITTED, states.CANCELLED, states.EXPIRED},
    L.LETTER_STATE_WITHDRAWN: {states.ADMITTED, states.CANCELLED, states.EXPIRED},
}
"""Where an outreach may stand while its last letter stands here."""
letters = st.integers(min_value=0, max_value=47)
accounts = st.sampled_from(ACCOUNTS)


class Letters(RuleBasedStateMachine):
    """One mailroom on a database of its own; `remove` takes the database away."""

    def __init__(self, url: str, remove: Callable[[], None]) -> None:
        super().__init__()
        self._remove = remove
        self._loop = asyncio.new_event_loop()
        self._url = url
        self._sequence = 1
        self._now = NOW_MS
        self.numbers: list[str] = []
        self.account_of: dict[str, str] = {}
        self.runs: dict[str, list[LetterPermit]] = {}
        self.heard: dict[str, set[str]] = {"printed": set(), "mailed": set(), "pulled": set(), "spoiled": set()}
        self.stopped: set[str] = set()
        self.explained: set[str] = set()
        self._do(self._open())

    def _do(self, step: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(step)

    async def _open(self) -> None:
        world = World(open_authority(Database(self._url)))
        with world.authority.database.writer.begin() as connection:
            connection.execute(update(schema.head).values(clock_business_ms=NOW_MS, clock_rate=0.0))
        await world.hire(*PEOPLE)
        await world.open_bank(letter_gap_days=7, balance_max_age_minutes=10_080)
        self.room = await open_mailroom(world, places=5)
        await self.room.place(*ACCOUNTS)

    def teardown(self) -> None:
        self._shut()
        self._do(asyncio.sleep(0))
        self._loop.close()
        self._remove()

    def _shut(self) -> None:
        self.room.world.authority.writer.close()
        self.room.world.authority.database.close()

    def _number(self, index: int) -> str:
        """A letter: mostly one that is in print, else any."""
        wanted = (L.LETTER_STATE_RELEASED, L.LETTER_STATE_PRINTED, L.LETTER_STATE_TO_PULL)
        in_print: list[str] = [row.letter_number for row in self._rows(schema.letter) if row.state in wanted]
        among = in_print if in_print and index % 4 else self.numbers
        return sorted(among)[index // 4 % len(among)]

    @rule()
    def restart(self) -> None:
        """The authority is gone, and another one opens what was committed."""
        self._shut()

        async def again() -> None:
            self.room.world.authority = open_authority(Database(self._url))

        self._do(again())

    @initialize()
    def begin(self) -> None:
        for account in ACCOUNTS[:5]:
            self.ask(account)
        self.start(3)
        self.print_all()

    @rule(account=accounts)
    def ask(self, account: str) -> None:
        for decision in self._do(self.room.ask(account)):
            self.account_of[decision.outreach_id] = account

    @rule()
    def print_all(self) -> None:
        """What can be laid out is, and all that is in the pile is confirmed and sealed."""
        for run_id in self.runs:
            if permits := self._do(self.room.permits(run_id)):
                self._do(self.room.report(run_id, permits))
        if self.numbers:
            confirmed = self._do(self.room.confirm(*self.numbers))
            self.heard["printed"] |= {one.letter_number for one in confirmed if one.ok}
            self._do(self.room.seal(*self.numbers))

    @rule(number=st.integers(1, 2))
    def grant(self, number: int) -> None:
        self._do(grant_quantity(self.room.world, number))

    @rule(limit=st.integers(1, 3))
    def start(self, limit: int) -> None:
        run = self._do(self.room.start(max_letters=limit))
        if run.run_id:
            permits = self.runs[run.run_id] = self._do(self.room.permits(run.run_id))
            assert run.letters == len(permits) <= limit
            new = [permit.letter_number for permit in permits]
            assert not set(new) & set(self.numbers), "a letter number is used again"
            self.numbers += new

    @precondition(lambda self: self.runs)
    @rule(index=letters, refuse=st.booleans())
    def report(self, index: int, refuse: bool) -> None:
        """Of the permits as they were first given, which may have been withdrawn since, and then of those left."""
        run_id = list(self.runs)[index % len(self.runs)]
        refused = [self.runs[run_id][0].letter_number] if refuse else []
        try:
            self._do(self.room.report(run_id, self.runs[run_id], refused))
        except Refusal:
            permits = self._do(self.room.permits(run_id))
            if permits:
                self._do(self.room.report(run_id, permits))

    def _scan(self, kind: str, number: str, scan: Callable[[], Coroutine[Any, Any, ScanResult]]) -> None:
        """One scan and its repetition, which hears the same."""
        first, second = self._do(scan()), self._do(scan())
        assert (first.ok, first.state, first.codes) == (second.ok, second.state, second.codes)
        if first.ok:
            self.heard[kind].add(number)

    @precondition(lambda self: self.numbers)
    @rule(index=letters)
    def confirm(self, index: int) -> None:
        number = self._number(index)
        self._scan("printed", number, lambda: self._first(self.room.confirm(number)))

    @precondition(lambda self: self.numbers)
    @rule(index=letters)
    def seal_and_mail(self, index: int) -> None:
        number = self._number(index)
        self._do(self.room.seal(number))
        mailed_before = number in self.heard["mailed"]
        self._scan("mailed", number, lambda: self._first(self.room.mail(number)))
        assert mailed_before or number not in self.heard["mailed"] & self.stopped, "a stopped letter left"

    @precondition(lambda self: self.numbers)
    @rule(index=letters)
    def spoil(self, index: int) -> None:
        number = self._number(index)

        async def scan() -> ScanResult:
            return (await self.room.spoil(number)).result

        self._scan("spoiled", number, scan)

    @precondition(lambda self: self.numbers)
    @rule(index=letters, never_printed=st.booleans())
    def pull(self, index: int, never_printed: bool) -> None:
        number = self._number(index)
        self._scan("pulled", number, lambda: self._first(self.room.pull(number, never_printed=never_printed)))

    @precondition(lambda self: self.heard["mailed"])
    @rule(index=letters, reason=st.sampled_from([ReturnReason.RETURN_REASON_MOVED, ReturnReason.RETURN_REASON_DEATH]))
    def send_back(self, index: int, reason: ReturnReason.ValueType) -> None:
        number = sorted(self.heard["mailed"])[index % len(self.heard["mailed"])]
        first = self._do(self.room.send_back(number, reason))
        again = self._do(self.room.send_back(number, reason))
        assert (first.address_closed, first.hold_id) == (again.address_closed, again.hold_id)
        assert first.result.ok
        if first.hold_id:
            self._stop(self.account_of[self._letter(number).outreach_id])

    async def _first(self, scan: Coroutine[Any, Any, list[ScanResult]]) -> ScanResult:
        (result,) = await scan
        return result

    def _letter(self, number: str) -> Any:
        return self._do(self.room.letter(number))

    def _stop(self, account: str) -> None:
        """Nothing of the account that was given a number by now may be mailed any more."""
        for letter in self._rows(schema.letter):
            if self.account_of[letter.outreach_id] == account:
                self.stopped.add(letter.letter_number)

    @rule(account=accounts, kind=st.sampled_from(["full", "part", "part", "part without amounts", "reversal"]))
    def repay(self, account: str, kind: str) -> None:
        self._sequence += 1
        if kind == "full":
            self._do(self.room.repay(account, self._sequence))
        elif kind == "part":
            self._do(self.room.repay(account, self._sequence, 100_000 - self._sequence))
        elif kind == "part without amounts":
            self._do(self.room.world.apply(self.room.repayment_without_amounts(account, self._sequence)))
        else:
            balance = self.room.balance(self._sequence, 123_456)
            reversal = Repayment(
                account_number=account,
                sequence=self._sequence,
                kind=Repayment.KIND_REVERSAL,
                amount_fen=1_000,
                balance_after=balance,
            )
            self._do(self.room.world.apply(BankEvent(repayment=reversal)))
        self._stop(account)

    @rule(account=accounts)
    def cancel(self, account: str) -> None:
        request = CancelRequest(bank_id=BANK, account_number=account, reason="客户来电")
        answer = self._do(self.room.world.write(cancellation.cancel_requested, "dan", request))
        named = {one.attempt_id for one in answer.possibly_leaving}
        for letter in self._rows(schema.letter):
            if self.account_of[letter.outreach_id] == account and letter.state == L.LETTER_STATE_TO_PULL:
                assert letter.letter_number in named
        self._stop(account)

    @precondition(lambda self: self._now > NOW_MS)
    @rule()
    def hold(self) -> None:
        kind = HoldKind.HOLD_KIND_DISPUTE
        request = PlaceHoldRequest(bank_id=BANK, account_number=ACCOUNTS[0], kind=kind, reason="争议 dispute")
        self._do(self.room.world.write(holds.place_hold, "ann", request))
        self._stop(ACCOUNTS[0])

    @rule(days=st.integers(1, 9))
    def pass_time(self, days: int) -> None:
        """The bank tells its amounts anew, so that time alone stops nothing but what it must."""
        self._now += days * DAY_MS
        self.room.world.set_clock(self._now)
        mark = FeedMark()
        mark.complete_through.FromMilliseconds(self._now)
        self._do(self.room.world.apply(BankEvent(feed_mark=mark)))
        for account in ACCOUNTS:
            self._sequence += 1
            self._do(self.room.world.apply(self.room.balance_event(account, self._sequence, 123_456)))

    @precondition(lambda self: self.runs)
    @rule(index=letters, employee=st.sampled_from(["eve", "ann"]), explanation=st.sampled_from(["", "少一封 missing"]))
    def close(self, index: int, employee: str, explanation: str) -> None:
        run_id = list(self.runs)[index % len(self.runs)]
        before: PrintRun = self._do(self.room.get_run(run_id))
        try:
            answer = self._do(self.room.close(run_id, explanation, employee))
        except Refusal:
            return
        closed = answer.run.state == RunState.RUN_STATE_CLOSED
        if before.state == RunState.RUN_STATE_CLOSED:
            assert answer.run == before  # what two people explained away may be on the pull list since
            return
        assert not (closed and before.to_pull)
        if closed and before.differences:
            self.explained.add(run_id)

    def _rows(self, table: Any) -> list[Any]:
        with self.room.world.authority.database.reader.connect() as connection:
            return list(connection.execute(select(table)))

    @invariant()
    def every_run_reconciles(self) -> None:
        """From what the scanners heard: nothing is mailed and destroyed, and the numbers are those of the run."""
        heard = self.heard
        assert not heard["mailed"] & (heard["pulled"] | heard["spoiled"])
        assert not heard["pulled"] & heard["spoiled"]
        rows = self._rows(schema.letter)
        assert {row.letter_number for row in rows} == set(self.numbers)
        for run_id in self.runs:
            run = self._do(self.room.get_run(run_id))
            own = {row.letter_number for row in rows if row.run_id == run_id}
            assert run.letters == len(own) == run.printed + run.withdrawn + run.pending
            assert run.mailed == len(own & heard["mailed"])
            assert run.spoiled == len(own & heard["spoiled"])
            gone = {row.letter_number for row in rows if row.state == L.LETTER_STATE_PULLED}
            assert own & heard["pulled"] == own & gone
            assert (own & heard["printed"]) <= {row.letter_number for row in rows if row.printed}
            if run.state == RunState.RUN_STATE_CLOSED and run_id not in self.explained:
                assert run.printed == run.mailed + run.spoiled + run.pulled
                assert not run.pending

    @invariant()
    def outreach_and_letters_agree(self) -> None:
        """One number of an outreach is in print at a time, at most one was mailed, and both stand at the same place."""
        last = {row.attempt_id: row for row in self._rows(schema.outreach) if row.attempt_id}
        in_print: Counter[str] = Counter()
        mailed: Counter[str] = Counter()
        for letter in self._rows(schema.letter):
            in_print[letter.outreach_id] += letter.state in (
                L.LETTER_STATE_RELEASED,
                L.LETTER_STATE_PRINTED,
                L.LETTER_STATE_TO_PULL,
            )
            mailed[letter.outreach_id] += letter.mailed_ms > 0
            if letter.letter_number in last:
                assert last[letter.letter_number].state in SAME_STATE[letter.state]
        assert all(number <= 1 for number in (*in_print.values(), *mailed.values()))
        assert all(row.outreach_id in in_print for row in last.values())

    @invariant()
    def places_are_counted(self) -> None:
        """Each quantity is used by as many outreach as have their place in it, never more than were granted."""
        held = Counter(row.quantity_id for row in self._rows(schema.outreach) if row.quantity_id)
        for quantity in self._rows(schema.quantity):
            assert quantity.used == held[quantity.quantity_id] <= quantity.granted
        for row in self._rows(schema.outreach):
            needs = row.state in (*LIVE, states.ADMITTED, states.MAILED, states.RETURNED, states.DELIVERED)
            assert bool(row.quantity_id) or not needs
