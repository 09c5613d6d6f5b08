"""Steps of the machine of test_promises.py: what the bank says, and whatever stops or resumes messages."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, NamedTuple, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from approval_service import (
    bank_events,
    cancellation,
    contacts,
    holds,
    marks,
    operations,
    templates,
)
from outreach.domain.errors import Refusal
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
from outreach.v1.operations_service_pb2 import SetEmployeeRequest
from outreach.v1.outreach_service_pb2 import CancelRequest
from outreach.v1.template_service_pb2 import ResumeTemplateRequest, RetireTemplateRequest, SuspendTemplateRequest
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
from tests.service.approval_service.promises_model import ADMITTED, DAY, Account, Version
from tests.service.approval_service.world import AGENCY, CALLER

numbers = st.sampled_from(sorted(PARTIES))
# What a step chooses among depends on what happened, and with concurrent workers that is not the same each time. So it
# draws a number, of which Hypothesis can make the same again, and takes it modulo what there is.
picks = st.integers(0, 999)
PHONES = sorted({person.phone for parties in PARTIES.values() for person in parties} | {UNKNOWN_PHONE, "12345"})
T = TypeVar("T")
STOPS = ("cancel", "hold", "bank hold", "repaid", "recall", "no contact", "bank no contact", "suspend", "retire")


class Stop(NamedTuple):
    """A call that stops messages, and what must be true of its answer."""

    asked: Coroutine[Any, Any, Any]
    follow: Callable[[Any], None]


def chosen(things: Sequence[T], pick: int) -> T | None:
    """One of the things, if there are any."""
    return things[pick % len(things)] if things else None


class Stops(Checks):
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
        event = self.event(account.bank, placement=placement(account, agency, parties, amounts, now))
        result = self.apply(event)
        assert result.superseded == (sequence < account.sequence)
        if result.superseded:
            return
        account.placed, account.agency, account.end = True, agency, now + 20 * DAY
        if sequence > account.sequence or now > account.recall:
            account.recalled = False
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
        """The feeds are proven and complete, and every amount is fresh."""
        now, model = self.model.now, self.model
        events = []
        for bank in BANKS:
            mark = FeedMark()
            mark.complete_through.FromMilliseconds(now)
            events.append(self.event(bank, feed_mark=mark))
            model.feed[bank] = max(model.feed.get(bank, 0), now)
            model.proven_real[bank] = model.real
        for account in model.accounts.values():
            if not account.settled:
                self.amounts(account, account.sequence + 1, account.overdue or 500, now)
                told = balance(account.sequence, account.overdue, now)
                told.account_number = account.number
                events.append(self.event(account.bank, balance=told))
        proofs = [self.driver.authority.write(bank_events.prove_feeds, (bank, model.real)) for bank in BANKS]
        self.driver.together(*proofs, *(self.driver.apply(event) for event in events))

    @rule(bank=st.sampled_from(BANKS), age=st.sampled_from([0, 0, DAY, 2 * DAY]))
    def feed(self, bank: str, age: int) -> None:
        through = self.model.now - age
        mark = FeedMark()
        mark.complete_through.FromMilliseconds(through)
        result = self.apply(self.event(bank, feed_mark=mark))
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
        result = self.apply(self.event(account.bank, balance=told))
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
                    "CASE_RECALLED", lambda: account.take_back(self.model.now), lambda: self.active(account)
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
        return Stop(self.driver.apply(self.remember(self.event(account.bank, **kind))), follow)

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
        return Stop(self.driver.call(templates.suspend, request), follow)

    def _retire(self, bank: str) -> Stop:
        version = self.model.in_force(bank) or self.new_version(bank)

        def follow(answer: Any) -> None:
            version.state = "RETIRED"
            scope = self.model.scope((ADMITTED, *model_of.LEAVING), digest=version.digest)
            self.check_stop(answer, scope, "TEMPLATE_NOT_APPROVED")

        request = RetireTemplateRequest(digest=version.digest, reason="old")
        return Stop(self.driver.call(templates.retire, request), follow)

    @rule(bank=st.sampled_from(BANKS))
    def approve_version(self, bank: str) -> None:
        self.new_version(bank)

    def new_version(self, bank: str) -> Version:
        until = self.model.now + 400 * DAY + self.driver.number() * 1000
        digest = template_digest(self.driver, bank, until)
        self.model.versions[digest] = Version(bank, digest, (self.model.now, digest))
        return self.model.versions[digest]

    @rule(pick=picks)
    def resume_version(self, pick: int) -> None:
        version = chosen([v for v in self.model.versions.values() if v.state == "SUSPENDED"], pick)
        if version is None:
            return
        request = ResumeTemplateRequest(digest=version.digest, reason="mended")
        self.driver.run(self.driver.call(templates.resume, request, "eve"))
        version.state = "APPROVED"

    @rule(pick=picks)
    def lift(self, pick: int) -> None:
        """Lifting revives nothing."""
        held = chosen([(a, h) for a in self.model.accounts.values() for h in sorted(a.holds) if h != "bank"], pick)
        if held is None:
            return
        account, hold_id = held
        self.driver.run(self.driver.call(holds.request_lift, RequestLiftRequest(hold_id=hold_id, reason="solved")))
        self.driver.run(self.driver.call(holds.approve_lift, ApproveLiftRequest(hold_id=hold_id), "eve"))
        account.holds.discard(hold_id)

    @rule(number=numbers, phone=st.sampled_from([*PHONES[1:], UNKNOWN_PHONE]), pick=picks)
    def confirm_contact(self, number: str, phone: str, pick: int) -> None:
        parties = PARTIES[number]
        bank, customer = BANK_OF[number], parties[pick % len(parties)].customer
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
