"""The machine of test_promises.py: random steps against the real authority, each followed in the model and compared."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import rule

from approval_service import (
    cancellation,
    expiry,
    leases,
    operations,
    reports,
)
from outreach.domain.errors import Kind, Refusal
from outreach.v1.operations_service_pb2 import ResolveUnconfirmedRequest, SetBusinessClockRequest
from outreach.v1.outreach_service_pb2 import CancelRequest, OutreachIds, SmsItem
from outreach.v1.worker_service_pb2 import AttemptReport, LeaseRequest, LeaseResponse, Outcome, Receipt
from tests.service.approval_service import promises_model as model_of
from tests.service.approval_service.promises_driver import (
    BANKS,
    PARTIES,
    UNKNOWN_PHONE,
)
from tests.service.approval_service.promises_model import DAY, MINUTE, Attempt
from tests.service.approval_service.promises_stops import PHONES, STOPS, Stops, chosen, numbers, picks
from tests.service.approval_service.world import AGENCY, CARRIER

STATE_CODES = {"SENT": 3, "DELIVERED": 4, "UNDELIVERED": 5}


WORDS = ("NOT_SENT", "NOT_SENT", "UNKNOWN", "ACCEPTED", "REFUSED", "DELIVERED", "UNDELIVERED", "lease again")


class Promises(Stops):
    """All steps: those of promises_stops, and the way of a message."""

    # Requests.

    items = st.tuples(
        numbers,
        st.sampled_from([*[""] * 8, "C2", "C2", "C3", "C9"]),
        st.sampled_from([*["own"] * 14, *PHONES]),
        st.sampled_from([0, 0, 0, 10 * MINUTE, DAY]),
        st.sampled_from([0, 0, 20 * MINUTE, 2 * DAY]),
    )

    @rule()
    def mend(self) -> None:
        """What a machine left to itself would spoil for good is made right again, as far as it can be."""
        self.set_clerk(True)
        for number in PARTIES:
            self.place(number, "own", True, AGENCY, 1)
        for bank in BANKS:
            version = self.model.in_force(bank)
            if version is None or version.state != "APPROVED":
                self.model.now += 1000
                self.advance(0)
                self.new_version(bank)
        self.refresh()

    @rule()
    def ask_for_all(self) -> None:
        """A good request for each account, at the same time."""
        items = [self.item(number, "", "own", 0, 0) for number in PARTIES]
        expected = [self.judge(item) for item in items]
        decisions = self.driver.together(*map(self.submit_call, items))
        for item, decision, wanted in zip(items, decisions, expected, strict=True):
            assert self.codes_of(decision) == wanted.refuse | wanted.park | wanted.wait, (item, decision, wanted)
            self.admitted(item, decision, bool(wanted.refuse))

    @rule()
    def ask_and_lease(self) -> None:
        self.ask_for_all()
        self.lease(1, 50)

    @rule(pick=picks, words=st.lists(st.sampled_from(WORDS), max_size=4), room=st.sampled_from([1, 50]))
    def a_days_work(self, pick: int, words: list[str], room: int) -> None:
        """A morning on which something leaves, and what worker and carrier say of one attempt, in any order."""
        self.tomorrow(9 * 60)
        self.mend()
        self.ask_for_all()
        self.lease(1, room)
        attempt = chosen([a for a in self.model.attempts.values() if a.state == model_of.RELEASED], pick)
        if attempt is None:
            return
        for word in words:
            if word == "lease again":
                self.lease(1, 50)
            elif word in STATE_CODES:
                self.receive(attempt, Receipt(attempt_id=attempt.attempt_id), word)
            else:
                self.say(attempt, word, False, 1)

    @rule(rounds=st.integers(2, 6), minutes=st.sampled_from([15, 29, 30, 31, 60]))
    def a_long_day(self, rounds: int, minutes: int) -> None:
        """Requests and leases until the caps are full."""
        self.mend()
        for _ in range(rounds):
            self.ask_for_all()
            self.lease(1, 50)
            self.advance(minutes)

    @rule(asked=items, times=st.sampled_from([1, 1, 3]))
    def submit(self, asked: tuple[str, str, str, int, int], times: int) -> None:
        """Admit decides as Preflight did, by the codes that the model names, once however often it is asked."""
        one = self.item(*asked)
        expected = self.judge(one)
        assert self.codes_of(self.preflight(one)) == expected.refuse | expected.park | expected.wait
        decisions = self.driver.together(*(self.submit_call(one) for _ in range(times)))
        assert all(decision == decisions[0] for decision in decisions)
        assert self.codes_of(decisions[0]) == expected.refuse | expected.park | expected.wait
        self.admitted(one, decisions[0], bool(expected.refuse))

    @rule(pick=picks, other=st.booleans())
    def submit_again(self, pick: int, other: bool) -> None:
        """The same request id gets the same answer for ever; with another body it is a conflict."""
        known = chosen(list(self.answered.values()), pick)
        if known is None:
            return
        item, decision = known
        repeated = SmsItem()
        repeated.CopyFrom(item)
        if other:
            repeated.case_id = "another"
        (answer,) = self.driver.together(self.submit_call(repeated))
        if other:
            assert isinstance(answer, Refusal)
            assert answer.kind is Kind.CONFLICT
        else:
            assert answer == decision

    # Workers.

    @rule(workers=st.integers(1, 3), room=st.sampled_from([1, 2, 50, 50, 50]))
    def lease(self, workers: int, room: int) -> None:
        before, also = self.pending(), self.reasons_now()
        responses = self.driver.together(*(self.lease_call(room) for _ in range(workers)))
        assert all(len(response.permits) <= room for response in responses)
        self.permits([permit for response in responses for permit in response.permits])
        self.held_back(before, also, roomy=room == 50)

    async def lease_call(self, room: int, lease_id: str = "") -> LeaseResponse:
        request = LeaseRequest(
            worker_id="w",
            carrier_ids=[CARRIER],
            max_permits=room,
            lease_id=lease_id or f"lease{self.driver.number()}",
        )
        response = await self.driver.authority.write(leases.lease, request)
        if response.permits and not lease_id:
            self.leases[request.lease_id] = {permit.attempt_id for permit in response.permits}
        return response

    @rule(pick=picks)
    def lease_again(self, pick: int) -> None:
        """A lost answer is given again: the same permits, but for what has been reported."""
        lease_id = chosen(list(self.leases), pick)
        if lease_id is None:
            return
        again = self.driver.run(self.lease_call(50, lease_id))
        attempts = self.model.attempts
        assert {p.attempt_id for p in again.permits} == {
            attempt_id for attempt_id in self.leases[lease_id] if attempts[attempt_id].state == model_of.RELEASED
        }

    @rule(
        pick=picks,
        outcome=st.sampled_from(["ACCEPTED", "ACCEPTED", "REFUSED", "NOT_SENT", "UNKNOWN"]),
        with_id=st.booleans(),
        times=st.integers(1, 3),
    )
    def report(self, pick: int, outcome: str, with_id: bool, times: int) -> None:
        """A report is taken whenever it comes; repeats change nothing."""
        attempt = self.chosen_attempt(pick)
        if attempt:
            self.say(attempt, outcome, with_id, times)

    def chosen_attempt(self, pick: int) -> Attempt | None:
        """One of the attempts, the newest likelier than the others."""
        attempts = list(self.model.attempts.values())
        return chosen(attempts[-3:] if pick % 2 else attempts, pick // 2)

    def say(self, attempt: Attempt, outcome: str, with_id: bool, times: int) -> None:
        said = self.report_of(attempt, outcome, with_id)
        known = self.driver.together(*(self.driver.authority.write(reports.report, said) for _ in range(times)))
        assert known == [True] * times
        self.model.report(attempt, outcome, said.carrier_message_id)

    def report_of(self, attempt: Attempt, outcome: str, with_id: bool) -> AttemptReport:
        return AttemptReport(
            attempt_id=attempt.attempt_id,
            outcome=Outcome.Value(f"OUTCOME_{outcome}"),
            carrier_message_id=f"m{attempt.attempt_id}" if with_id and outcome == "ACCEPTED" else "",
        )

    @rule(
        pick=picks,
        by=st.sampled_from(["attempt", "attempt", "message", "phone", "wrong phone"]),
        state=st.sampled_from(["DELIVERED", "DELIVERED", "UNDELIVERED", "PENDING"]),
        dead=st.sampled_from([False, False, False, True]),
    )
    def receipt(self, pick: int, by: str, state: str, dead: bool) -> None:
        attempt = self.chosen_attempt(pick)
        if attempt is None:
            return
        phone = self.model.outreach[attempt.outreach_id].phone
        said = Receipt(number_dead=dead)
        matching: Attempt | None = attempt
        if by in ("attempt", "wrong phone"):
            said.attempt_id = attempt.attempt_id
        elif by == "message":
            said.carrier_message_id = f"m{attempt.attempt_id}"
        said.phone_number = phone if by == "phone" else UNKNOWN_PHONE if by == "wrong phone" else ""
        if by == "phone":
            matching = self.candidate(phone)
        elif (by == "message" and not attempt.carrier_message_id) or (by == "wrong phone" and phone != UNKNOWN_PHONE):
            matching = None
        self.receive(matching, said, state)

    def receive(self, attempt: Attempt | None, said: Receipt, state: str) -> None:
        """A receipt that must match the attempt, or nothing."""
        said.carrier_id, said.delivered, said.pending = CARRIER, state == "DELIVERED", state == "PENDING"
        matched = self.driver.run(self.driver.authority.write(reports.receive, said))
        assert matched == (attempt is not None)
        if attempt is not None and state != "PENDING":
            self.model.receipt(attempt, state)
            if said.number_dead:
                self.model.dead.add(self.model.outreach[attempt.outreach_id].phone)

    @rule(pick=picks, state=st.sampled_from(sorted(STATE_CODES)))
    def resolve(self, pick: int, state: str) -> None:
        attempt = chosen([a for a in self.model.attempts.values() if a.state == model_of.UNCONFIRMED], pick)
        if attempt is None:
            return
        request = ResolveUnconfirmedRequest(
            attempt_id=attempt.attempt_id,
            state=STATE_CODES[state],  # type: ignore[arg-type]  # the number of a State
            evidence_reference="list",
        )
        self.driver.run(self.driver.call(operations.resolve_unconfirmed, request))
        self.model.settle(attempt, state)

    @rule(
        asked=st.lists(items, min_size=1, max_size=3),
        outcomes=st.lists(st.sampled_from(["ACCEPTED", "REFUSED", "UNKNOWN"]), min_size=3, max_size=3),
    )
    def a_busy_moment(self, asked: list[tuple[str, str, str, int, int]], outcomes: list[str]) -> None:
        """Requests, reports and leases that cross one another."""
        items = [self.item(*one) for one in asked]
        released = [attempt for attempt in self.model.attempts.values() if attempt.state == model_of.RELEASED]
        said = [
            (attempt, outcome, self.report_of(attempt, outcome, True))
            for attempt, outcome in zip(released, outcomes, strict=False)
        ]
        expected = [self.judge(item) for item in items]
        before, also = self.pending(), self.reasons_now()
        answers = self.driver.together(
            self.lease_call(50),
            *(self.submit_call(item) for item in items),
            *(self.driver.authority.write(reports.report, report) for _, _, report in said),
            self.lease_call(50),
        )
        for item, decision, wanted in zip(items, answers[1:], expected, strict=False):
            caps = {"FREQUENCY_CAP"}
            assert self.codes_of(decision) - caps == (wanted.refuse | wanted.park | wanted.wait) - caps
            self.admitted(item, decision, bool(wanted.refuse))
        for attempt, outcome, report in said:
            self.model.report(attempt, outcome, report.carrier_message_id)
        self.permits([*answers[0].permits, *answers[-1].permits])
        self.held_back(before, also, roomy=True)

    @rule(kind=st.sampled_from(STOPS), number=numbers, waiting=st.booleans())
    def stop_against_workers(self, kind: str, number: str, waiting: bool) -> None:
        """A stop that crosses leases: each permit of what it covers is named by its answer."""
        if waiting:
            self.ask_for_all()
        stop, before, also = self.make_stop(kind, self.account(number)), self.pending(), self.reasons_now()
        first, answer, second = self.driver.together(self.lease_call(50), stop.asked, self.lease_call(50))
        self.permits([*first.permits, *second.permits])
        self.refused_before(also)
        stop.follow(answer)
        self.held_back(before, also, roomy=True)

    # Time.

    @rule()
    def sweep(self) -> None:
        self.driver.run(self.driver.authority.write(expiry.sweep, None))
        self.model.sweep()

    @rule(minutes=st.sampled_from([1, 29, 30, 31, 59, 60, 60 * 4, 60 * 9, 60 * 24, 60 * 24 * 3, 60 * 24 * 7]))
    def advance(self, minutes: int) -> None:
        self.model.now += minutes * MINUTE
        request = SetBusinessClockRequest(rate=0)
        request.time.FromMilliseconds(self.model.now)
        self.driver.run(self.driver.call(operations.set_business_clock, request))

    @rule(minute=st.sampled_from([479, 480, 1259, 1260]))
    def edge_of_the_day(self, minute: int) -> None:
        """The minutes about which contact is allowed and no more; with good requests that are due."""
        self.tomorrow(minute)
        self.ask_for_all()
        self.lease(1, 50)

    def tomorrow(self, minute: int) -> None:
        """The next day at a minute of the day, with a fresh feed."""
        day = (self.model.now + model_of.SHANGHAI_OFFSET) // DAY + 1
        self.advance((day * DAY + minute * MINUTE - model_of.SHANGHAI_OFFSET - self.model.now) // MINUTE)
        self.refresh()

    @rule(seconds=st.sampled_from([1, 39, 40, 41, 60, 61]))
    def wait(self, seconds: int) -> None:
        self.model.real += seconds * 1000
        self.driver.real_ms = self.model.real

    @rule()
    def restart(self) -> None:
        self.driver.restart()

    @rule()
    def event_again(self) -> None:
        """A redelivered event changes nothing, the ledger neither."""
        if self.last_event is None:
            return
        before = self.entries_so_far()
        assert self.driver.run(self.driver.apply(self.last_event)).duplicate
        assert self.entries_so_far() == before

    @rule(bank=st.sampled_from(BANKS), some=st.lists(picks, min_size=1, max_size=4))
    def cancel_by_id(self, bank: str, some: list[int]) -> None:
        of_bank = [one for one in self.model.outreach.values() if one.account.bank == bank]
        known = list({one.outreach_id: one for pick in some if (one := chosen(of_bank, pick))}.values())
        ids = [one.outreach_id for one in known] or ["none"]
        request = CancelRequest(bank_id=bank, outreach_ids=OutreachIds(ids=ids), reason="asked")
        answer = self.driver.run(self.driver.call(cancellation.cancel_requested, request, urgent=True))
        ended = {one.outreach_id for one in known if one.state in model_of.FINAL}
        withdrawn, named = self.model.stop([one.outreach_id for one in known], "REQUESTED")
        assert set(answer.cancelled_ids) == withdrawn
        assert {one.attempt_id for one in answer.possibly_leaving} == named
        assert set(answer.ended_ids) == ended
        assert list(answer.unknown_ids) == ([] if known else ["none"])
