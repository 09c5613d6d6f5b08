"""The machine of test_promises.py: random steps against the real authority, each followed in the model and compared."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from approval_service import (
    bank_events,
    cancellation,
    contacts,
    expiry,
    holds,
    leases,
    marks,
    operations,
    reports,
    template_stops,
)
from outreach.domain.errors import Kind, Refusal
from outreach.v1.bank_service_pb2 import (
    EventResult,
    FeedMark,
    HoldInstruction,
    NoContactInstruction,
    Recall,
    Repayment,
)
from outreach.v1.hold_service_pb2 import (
    ApproveLiftRequest,
    CloseContactRequest,
    ConfirmContactRequest,
    HoldKind,
    MarkNoContactRequest,
    NoContactReason,
    PlaceHoldRequest,
    RequestLiftRequest,
)
from outreach.v1.operations_service_pb2 import ResolveUnconfirmedRequest, SetBusinessClockRequest, SetEmployeeRequest
from outreach.v1.outreach_service_pb2 import CancelRequest, OutreachIds, SmsItem
from outreach.v1.template_service_pb2 import ResumeTemplateRequest, RetireTemplateRequest, SuspendTemplateRequest
from outreach.v1.worker_service_pb2 import AttemptReport, LeaseRequest, LeaseResponse, Outcome, Receipt
from tests.service.approval_service import promises_model as model_of
from tests.service.approval_service.promises_checks import Checks
from tests.service.approval_service.promises_driver import (
    BANK_OF,
    BANKS,
    CLERK,
    PARTIES,
    UNKNOWN_PHONE,
    Person,
    balance,
    placement,
    template_digest,
)
from tests.service.approval_service.promises_model import ADMITTED, DAY, MINUTE, Account, Attempt, Version
from tests.service.approval_service.world import AGENCY, CALLER, CARRIER

numbers = st.sampled_from(sorted(PARTIES))
choose = st.data()
PHONES = sorted({person.phone for parties in PARTIES.values() for person in parties} | {UNKNOWN_PHONE, "12345"})
STOPS = ("cancel", "hold", "bank hold", "repaid", "recall", "no contact", "bank no contact", "suspend", "retire")
STATE_CODES = {"SENT": 3, "DELIVERED": 4, "UNDELIVERED": 5}


class Stop(NamedTuple):
    """A call that stops messages, and what must be true of its answer."""

    asked: Coroutine[Any, Any, Any]
    follow: Callable[[Any], None]


class Promises(Checks):
    """Every rule is a step; the checks of promises_checks run after each."""

    # The bank's word.

    @initialize()
    def begin(self) -> None:
        for number in PARTIES:
            self.place(number, "own", True, AGENCY, 1)
        self.refresh()

    @rule(
        number=numbers,
        phone=st.sampled_from(["own", "own", "own", UNKNOWN_PHONE, ""]),
        all_parties=st.booleans(),
        agency=st.sampled_from([AGENCY, AGENCY, AGENCY, "another-agency"]),
        step=st.sampled_from([1, 1, 0, -1]),
    )
    def place(self, number: str, phone: str, all_parties: bool, agency: str, step: int) -> None:
        account, now = self.account(number), self.model.now
        sequence = max(1, account.sequence + step)
        parties = [one if phone == "own" else one._replace(phone=phone) for one in PARTIES[number]]
        parties = parties if all_parties else parties[:1]
        amounts = balance(sequence, 10_000 + sequence, now)
        event = self.driver.event(account.bank, placement=placement(account, agency, parties, amounts, now))
        result = self.apply(event)
        assert result.superseded == (sequence < account.sequence)
        if result.superseded:
            return
        account.placed, account.agency, account.recalled, account.end = True, agency, False, now + 20 * DAY
        account.roles = {one.customer: one.role for one in parties}
        if sequence > account.sequence:
            self.amounts(account, sequence, 10_000 + sequence, now)
        for one in parties:
            self._put_person(account.bank, one)
        withdrawn, _ = self.model.stop(self.active(account), "ACCOUNT_SETTLED") if account.settled else (set(), set())
        assert result.cancelled == len(withdrawn)

    def _put_person(self, bank: str, person: Person) -> None:
        key, model = (bank, person.customer), self.model
        model.identities[key] = person.identity or f"{bank}/{person.customer}"
        if person.agreed:
            model.agreed.add(key)
        known = model.contacts.setdefault(key, {})
        for phone in [p for p, status in known.items() if status == "RESERVED" and p != person.phone]:
            del known[phone]
        if person.phone and known.get(person.phone) != "NOT_THIS_PERSON":
            known[person.phone] = "RESERVED"

    def amounts(self, account: Account, sequence: int, overdue: int, as_of: int) -> None:
        account.sequence, account.overdue, account.as_of = sequence, overdue, as_of
        account.known, account.settled = True, overdue == 0

    @rule()
    def refresh(self) -> None:
        """The feed is proven and complete, and every amount is fresh."""
        for bank in BANKS:
            self.feed(bank, 0)
            self.prove(bank)
        for account in self.model.accounts.values():
            if not account.settled:
                self.tell_balance(account.number, 1, account.overdue or 500, 0)

    @rule(bank=st.sampled_from(BANKS), age=st.sampled_from([0, 0, DAY, 2 * DAY]))
    def feed(self, bank: str, age: int) -> None:
        through = self.model.now - age
        mark = FeedMark()
        mark.complete_through.FromMilliseconds(through)
        result = self.apply(self.driver.event(bank, feed_mark=mark))
        assert result.superseded == (self.model.feed.get(bank, 0) >= through)
        self.model.feed[bank] = max(self.model.feed.get(bank, 0), through)

    @rule(bank=st.sampled_from(BANKS))
    def prove(self, bank: str) -> None:
        self.driver.run(self.driver.authority.write(bank_events.prove_feeds, (bank, self.model.real)))
        self.model.proven_real[bank] = self.model.real

    @rule(
        number=numbers,
        step=st.sampled_from([1, 1, 0]),
        overdue=st.sampled_from([0, 1, 12_345]),
        age=st.sampled_from([0, 0, DAY, 2 * DAY]),
    )
    def tell_balance(self, number: str, step: int, overdue: int, age: int) -> None:
        account = self.account(number)
        sequence, as_of = account.sequence + step, self.model.now - age
        told = balance(sequence, overdue, as_of)
        told.account_number = number
        result = self.apply(self.driver.event(account.bank, balance=told))
        assert result.superseded == (step == 0)
        if step:
            self.amounts(account, sequence, overdue, as_of)
            withdrawn, _ = self.model.stop(self.active(account) if overdue == 0 else (), "ACCOUNT_SETTLED")
            assert result.cancelled == len(withdrawn)

    @rule(
        number=numbers,
        kind=st.sampled_from(["PARTIAL", "PARTIAL", "FULL", "REVERSAL"]),
        after=st.sampled_from([None, None, 0, 777]),
        step=st.sampled_from([1, 1, 1, 0]),
    )
    def repay(self, number: str, kind: str, after: int | None, step: int) -> None:
        account = self.account(number)
        self.stop_alone(self.repayment(account, kind, after, account.sequence + step))

    def repayment(self, account: Account, kind: str, after: int | None, sequence: int) -> Stop:
        told = Repayment(
            account_number=account.number, sequence=sequence, kind=Repayment.Kind.Value(f"KIND_{kind}"), amount_fen=5
        )
        if after is not None:
            told.balance_after.CopyFrom(balance(sequence, after, self.model.now))
        before = self.entries_so_far()

        def follow(result: EventResult) -> None:
            assert result.superseded == (sequence <= account.sequence)
            if result.superseded:
                return
            account.sequence = sequence
            account.known, account.settled = False, account.settled and kind != "REVERSAL"
            if after is not None:
                self.amounts(account, sequence, after, self.model.now)
            account.settled = account.settled or kind == "FULL"
            stops = kind == "FULL" or after == 0 or (kind == "PARTIAL" and after is None)
            noticed = self.active(account) if stops or kind == "PARTIAL" else set()
            cause = "REPAID_IN_FULL" if kind == "FULL" else "ACCOUNT_SETTLED" if after == 0 else "REPAID_IN_PART"
            withdrawn, _ = self.model.stop(self.active(account) if stops else (), cause)
            self.check_event_stop(before, result, withdrawn, noticed)

        return self.event_stop(account, follow, repayment=told)

    # What else stops messages.

    @rule(kind=st.sampled_from(STOPS), number=numbers)
    def stop(self, kind: str, number: str) -> None:
        self.stop_alone(self.make_stop(kind, self.account(number)))

    @rule(kind=st.sampled_from(STOPS), number=numbers, waiting=st.booleans())
    def stop_against_workers(self, kind: str, number: str, waiting: bool) -> None:
        """A stop that crosses leases: each permit of what it covers is named by its answer."""
        if waiting:
            self.ask_for_all()
        stop, before, also = self.make_stop(kind, self.account(number)), self.pending(), self.reasons_now()
        first, answer, second = self.driver.together(self.lease_call(50), stop.asked, self.lease_call(50))
        self.permits([*first.permits, *second.permits])
        stop.follow(answer)
        self.held_back(before, also, roomy=True)

    def stop_alone(self, stop: Stop) -> None:
        (answer,) = self.driver.together(stop.asked)
        stop.follow(answer)

    def make_stop(self, kind: str, account: Account) -> Stop:
        driver, bank, number, phone = self.driver, account.bank, account.number, PARTIES[account.number][0].phone
        match kind:
            case "cancel":
                request = CancelRequest(bank_id=bank, account_number=number, reason="asked")
                return Stop(driver.call(cancellation.cancel_requested, request, urgent=True), self._cancelled(account))
            case "hold":
                held = PlaceHoldRequest(
                    bank_id=bank, account_number=number, kind=HoldKind.HOLD_KIND_DISPUTE, reason="disputed"
                )
                return Stop(driver.call(holds.place_hold, held), self._held(account))
            case "no contact":
                marked = MarkNoContactRequest(
                    bank_id=bank,
                    phone_number=phone,
                    reason=NoContactReason.NO_CONTACT_REASON_OPT_OUT,
                    evidence_reference="e",
                )
                return Stop(driver.call(marks.mark_no_contact, marked), self._marked(bank, phone))
            case "suspend":
                return self._suspend(bank)
            case "retire":
                return self._retire(bank)
            case _:
                return self._event_stop(kind, account)

    def _event_stop(self, kind: str, account: Account) -> Stop:
        before = self.entries_so_far()

        def follow(
            cause: str, apply: Callable[[], None], scope: Callable[[], set[str]]
        ) -> Callable[[EventResult], None]:
            def check(result: EventResult) -> None:
                apply()
                noticed = scope()
                withdrawn, _ = self.model.stop(noticed, cause)
                self.check_event_stop(before, result, withdrawn, noticed)

            return check

        number, bank, customer = account.number, account.bank, PARTIES[account.number][0].customer
        match kind:
            case "bank hold":
                paused = HoldInstruction(account_number=number, kind=HoldKind.HOLD_KIND_BANK_PAUSE, reason="pause")
                holds_it = follow("ACCOUNT_ON_HOLD", lambda: account.holds.add("bank"), lambda: self.active(account))
                return self.event_stop(account, holds_it, hold=paused)
            case "repaid":
                return self.repayment(account, "FULL", None, account.sequence + 1)
            case "recall":
                recalls = follow(
                    "CASE_RECALLED", lambda: setattr(account, "recalled", True), lambda: self.active(account)
                )
                return self.event_stop(account, recalls, recall=Recall(account_number=number))
            case _:
                closed = NoContactInstruction(customer_id=customer, reason="told")
                marks_it = follow(
                    "DO_NOT_CONTACT",
                    lambda: self.model.marks.add((bank, customer)),
                    lambda: self.active_of(bank, customer=customer),
                )
                return self.event_stop(account, marks_it, no_contact=closed)

    def event_stop(self, account: Account, follow: Callable[[Any], None], **kind: Any) -> Stop:
        return Stop(self.driver.apply(self.remember(self.driver.event(account.bank, **kind))), follow)

    def _cancelled(self, account: Account) -> Callable[[Any], None]:
        def follow(answer: Any) -> None:
            ended = {one.outreach_id for one in self.of_account(account) if one.state in model_of.FINAL}
            withdrawn, named = self.model.stop(self.active(account), "REQUESTED")
            assert set(answer.cancelled_ids) == withdrawn
            assert {one.attempt_id for one in answer.possibly_leaving} == named
            assert set(answer.ended_ids) == ended

        return follow

    def _held(self, account: Account) -> Callable[[Any], None]:
        def follow(answer: Any) -> None:
            account.holds.add(answer.hold.hold_id)
            self.check_stop(answer, self.active(account), "ACCOUNT_ON_HOLD")

        return follow

    def _marked(self, bank: str, phone: str) -> Callable[[Any], None]:
        def follow(answer: Any) -> None:
            self.model.marks.add((bank, phone))
            self.check_stop(answer, self.active_of(bank, phone=phone), "DO_NOT_CONTACT")

        return follow

    def _suspend(self, bank: str) -> Stop:
        version = self.model.in_force(bank) or self.new_version(bank)

        def follow(answer: Any) -> None:
            if version.state == "SUSPENDED":
                assert isinstance(answer, Refusal)
                return
            version.state = "SUSPENDED"
            leaving = self.model.scope(model_of.LEAVING, digest=version.digest)
            assert set(answer.possibly_leaving_attempt_ids) == {self.model.outreach[o].attempt_id for o in leaving}

        request = SuspendTemplateRequest(digest=version.digest, reason="wrong")
        return Stop(self.driver.call(template_stops.suspend, request), follow)

    def _retire(self, bank: str) -> Stop:
        version = self.model.in_force(bank) or self.new_version(bank)

        def follow(answer: Any) -> None:
            version.state = "RETIRED"
            scope = self.model.scope((ADMITTED, *model_of.LEAVING), digest=version.digest)
            self.check_stop(answer, scope, "TEMPLATE_NOT_APPROVED")

        request = RetireTemplateRequest(digest=version.digest, reason="old")
        return Stop(self.driver.call(template_stops.retire, request), follow)

    @rule(bank=st.sampled_from(BANKS))
    def approve_version(self, bank: str) -> None:
        self.new_version(bank)

    def new_version(self, bank: str) -> Version:
        until = self.model.now + 400 * DAY + self.driver.number() * 1000
        digest = template_digest(self.driver, bank, until)
        self.model.versions[digest] = Version(bank, digest, (self.model.now, digest))
        return self.model.versions[digest]

    @precondition(lambda self: any(v.state == "SUSPENDED" for v in self.model.versions.values()))
    @rule(data=choose)
    def resume_version(self, data: st.DataObject) -> None:
        suspended = [v for v in self.model.versions.values() if v.state == "SUSPENDED"]
        version = data.draw(st.sampled_from(suspended))
        request = ResumeTemplateRequest(digest=version.digest, reason="mended")
        self.driver.run(self.driver.call(template_stops.resume, request, "eve"))
        version.state = "APPROVED"

    @precondition(lambda self: any(h != "bank" for a in self.model.accounts.values() for h in a.holds))
    @rule(data=choose)
    def lift(self, data: st.DataObject) -> None:
        """Lifting revives nothing."""
        pairs = [(a, h) for a in self.model.accounts.values() for h in sorted(a.holds) if h != "bank"]
        account, hold_id = data.draw(st.sampled_from(pairs))
        self.driver.run(self.driver.call(holds.request_lift, RequestLiftRequest(hold_id=hold_id, reason="solved")))
        self.driver.run(self.driver.call(holds.approve_lift, ApproveLiftRequest(hold_id=hold_id), "eve"))
        account.holds.discard(hold_id)

    @rule(number=numbers, phone=st.sampled_from([*PHONES[1:], UNKNOWN_PHONE]), data=choose)
    def confirm_contact(self, number: str, phone: str, data: st.DataObject) -> None:
        bank, customer = BANK_OF[number], data.draw(st.sampled_from(PARTIES[number])).customer
        request = ConfirmContactRequest(
            bank_id=bank, customer_id=customer, phone_number=phone, evidence_reference="heard"
        )
        self.driver.run(self.driver.call(contacts.confirm, request))
        self.model.contacts[bank, customer][phone] = "CONFIRMED"

    @rule(number=numbers, phone=st.sampled_from(PHONES[1:]), dead=st.booleans())
    def close_contact(self, number: str, phone: str, dead: bool) -> None:
        bank, customer = BANK_OF[number], PARTIES[number][0].customer
        finding = CloseContactRequest.FINDING_DEAD if dead else CloseContactRequest.FINDING_NOT_THIS_PERSON
        request = CloseContactRequest(
            bank_id=bank, customer_id=customer, phone_number=phone, finding=finding, evidence_reference="heard"
        )
        answer = self.driver.run(self.driver.call(contacts.close, request))
        if dead:
            self.model.dead.add(phone)
            self.check_stop(answer, self.active_of(bank, phone=phone), "PHONE_INVALID")
        else:
            self.model.contacts[bank, customer][phone] = "NOT_THIS_PERSON"
            self.check_stop(answer, self.active_of(bank, customer=customer, phone=phone), "PHONE_INVALID")

    @rule(active=st.sampled_from([True, True, True, False]))
    def set_clerk(self, active: bool) -> None:
        request = SetEmployeeRequest(caller_id=CALLER, employee_id=CLERK, active=active)
        self.driver.run(self.driver.call(operations.set_employee, request))
        self.model.clerk_active = active

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
        """A good request for each account."""
        for number in PARTIES:
            self.submit((number, "", "own", 0, 0), 1)

    @rule()
    def ask_and_lease(self) -> None:
        self.ask_for_all()
        self.lease(1, 50)

    @rule(data=choose, outcome=st.sampled_from(["NOT_SENT", "UNKNOWN", "ACCEPTED"]), room=st.sampled_from([1, 50]))
    def a_days_work(self, data: st.DataObject, outcome: str, room: int) -> None:
        """A morning on which something leaves, and what the worker says of one of its attempts."""
        self.next_morning()
        self.mend()
        self.ask_for_all()
        self.lease(1, room)
        released = [a for a in self.model.attempts.values() if a.state == model_of.RELEASED]
        if released:
            self.say(data.draw(st.sampled_from(released)), outcome, False, 1)

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

    @precondition(lambda self: self.answered)
    @rule(data=choose, other=st.booleans())
    def submit_again(self, data: st.DataObject, other: bool) -> None:
        """The same request id gets the same answer for ever; with another body it is a conflict."""
        request_id = data.draw(st.sampled_from(sorted(self.answered)))
        item, decision = self.answered[request_id]
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

    @precondition(lambda self: self.leases)
    @rule(data=choose)
    def lease_again(self, data: st.DataObject) -> None:
        """A lost answer is given again: the same permits, but for what has been reported."""
        lease_id = data.draw(st.sampled_from(sorted(self.leases)))
        again = self.driver.run(self.lease_call(50, lease_id))
        attempts = self.model.attempts
        assert {p.attempt_id for p in again.permits} == {
            attempt_id for attempt_id in self.leases[lease_id] if attempts[attempt_id].state == model_of.RELEASED
        }

    @precondition(lambda self: self.model.attempts)
    @rule(
        data=choose,
        outcome=st.sampled_from(["ACCEPTED", "ACCEPTED", "REFUSED", "NOT_SENT", "UNKNOWN"]),
        with_id=st.booleans(),
        times=st.integers(1, 3),
    )
    def report(self, data: st.DataObject, outcome: str, with_id: bool, times: int) -> None:
        """A report is taken whenever it comes; repeats change nothing."""
        self.say(self.draw_attempt(data), outcome, with_id, times)

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

    @precondition(lambda self: self.model.attempts)
    @rule(
        data=choose,
        by=st.sampled_from(["attempt", "attempt", "message", "phone", "wrong phone"]),
        state=st.sampled_from(["DELIVERED", "DELIVERED", "UNDELIVERED", "PENDING"]),
        dead=st.sampled_from([False, False, False, True]),
    )
    def receipt(self, data: st.DataObject, by: str, state: str, dead: bool) -> None:
        attempt: Attempt | None = self.draw_attempt(data)
        assert attempt is not None
        phone = self.model.outreach[attempt.outreach_id].phone
        said = Receipt(carrier_id=CARRIER, delivered=state == "DELIVERED", pending=state == "PENDING", number_dead=dead)
        if by in ("attempt", "wrong phone"):
            said.attempt_id = attempt.attempt_id
        elif by == "message":
            said.carrier_message_id = f"m{attempt.attempt_id}"
        said.phone_number = phone if by == "phone" else UNKNOWN_PHONE if by == "wrong phone" else ""
        if by == "phone":
            attempt = self.candidate(phone)
        elif (by == "message" and not attempt.carrier_message_id) or (by == "wrong phone" and phone != UNKNOWN_PHONE):
            attempt = None
        matched = self.driver.run(self.driver.authority.write(reports.receive, said))
        assert matched == (attempt is not None)
        if attempt is not None and state != "PENDING":
            self.model.receipt(attempt, state)
            if dead:
                self.model.dead.add(self.model.outreach[attempt.outreach_id].phone)

    @precondition(lambda self: any(a.state == model_of.UNCONFIRMED for a in self.model.attempts.values()))
    @rule(data=choose, state=st.sampled_from(sorted(STATE_CODES)))
    def resolve(self, data: st.DataObject, state: str) -> None:
        unconfirmed = [a for a in self.model.attempts.values() if a.state == model_of.UNCONFIRMED]
        attempt = data.draw(st.sampled_from(unconfirmed))
        request = ResolveUnconfirmedRequest(
            attempt_id=attempt.attempt_id,
            state=STATE_CODES[state],  # type: ignore[arg-type]  # the number of a State
            evidence_reference="list",
        )
        self.driver.run(self.driver.call(operations.resolve_unconfirmed, request))
        self.model.settle(attempt, state)

    @rule(asked=st.lists(items, min_size=1, max_size=3), data=choose)
    def a_busy_moment(self, asked: list[tuple[str, str, str, int, int]], data: st.DataObject) -> None:
        """Requests, reports and leases that cross one another."""
        items = [self.item(*one) for one in asked]
        said = [
            (attempt, self.report_of(attempt, data.draw(st.sampled_from(["ACCEPTED", "REFUSED", "UNKNOWN"])), True))
            for attempt in self.model.attempts.values()
            if attempt.state == model_of.RELEASED
        ][:3]
        expected = [self.judge(item) for item in items]
        before, also = self.pending(), self.reasons_now()
        answers = self.driver.together(
            self.lease_call(50),
            *(self.submit_call(item) for item in items),
            *(self.driver.authority.write(reports.report, report) for _, report in said),
            self.lease_call(50),
        )
        for item, decision, wanted in zip(items, answers[1:], expected, strict=False):
            caps = {"FREQUENCY_CAP"}
            assert self.codes_of(decision) - caps == (wanted.refuse | wanted.park | wanted.wait) - caps
            self.admitted(item, decision, bool(wanted.refuse))
        for attempt, report in said:
            name = Outcome.Name(report.outcome).removeprefix("OUTCOME_")
            self.model.report(attempt, name, report.carrier_message_id)
        self.permits([*answers[0].permits, *answers[-1].permits])
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

    @rule()
    def next_morning(self) -> None:
        """The next day at nine, with a fresh feed."""
        morning = ((self.model.now + model_of.SHANGHAI_OFFSET) // DAY + 1) * DAY + 9 * model_of.HOUR
        self.advance((morning - model_of.SHANGHAI_OFFSET - self.model.now) // MINUTE)
        self.refresh()

    @rule(seconds=st.sampled_from([1, 39, 40, 41, 60, 61]))
    def wait(self, seconds: int) -> None:
        self.model.real += seconds * 1000
        self.driver.real_ms = self.model.real

    @rule()
    def restart(self) -> None:
        self.driver.restart()

    @precondition(lambda self: self.last_event is not None)
    @rule()
    def event_again(self) -> None:
        """A redelivered event changes nothing, the ledger neither."""
        before = self.entries_so_far()
        assert self.last_event is not None
        assert self.driver.run(self.driver.apply(self.last_event)).duplicate
        assert self.entries_so_far() == before

    @precondition(lambda self: self.model.outreach)
    @rule(data=choose)
    def cancel_by_id(self, data: st.DataObject) -> None:
        bank = data.draw(st.sampled_from(BANKS))
        ids = sorted(o.outreach_id for o in self.model.outreach.values() if o.account.bank == bank)
        chosen = data.draw(st.lists(st.sampled_from(ids), min_size=1, max_size=4, unique=True)) if ids else ["none"]
        request = CancelRequest(bank_id=bank, outreach_ids=OutreachIds(ids=chosen), reason="asked")
        answer = self.driver.run(self.driver.call(cancellation.cancel_requested, request, urgent=True))
        known = [self.model.outreach[o] for o in chosen if o in self.model.outreach]
        ended = {one.outreach_id for one in known if one.state in model_of.FINAL}
        withdrawn, named = self.model.stop([one.outreach_id for one in known], "REQUESTED")
        assert set(answer.cancelled_ids) == withdrawn
        assert {one.attempt_id for one in answer.possibly_leaving} == named
        assert set(answer.ended_ids) == ended
