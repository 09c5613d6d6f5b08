"""What the machine of test_promises.py compares after every step, and what its steps share."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from hypothesis.stateful import RuleBasedStateMachine, invariant
from sqlalchemy import Row, select

from approval_service import admission, schema
from approval_service.calls import Call
from approval_service.keys import ORIGIN
from approval_service.status_changes import from_json
from approval_service.store.head import read_catalog_version
from outreach.domain import states
from outreach.ledger import export
from outreach.ledger.entries import decode
from outreach.ledger.verify import verify_export
from outreach.v1.bank_service_pb2 import BankEvent, EventResult
from outreach.v1.common_pb2 import State
from outreach.v1.outreach_service_pb2 import Decision, SmsItem
from outreach.v1.worker_service_pb2 import Permit
from tests.service.approval_service.promises_driver import (
    BANK_OF,
    CLERK,
    PARTIES,
    REAL_MS,
    Driver,
    versions,
)
from tests.service.approval_service.promises_model import (
    ADMITTED,
    BLOCKED,
    CANCELLED,
    LEAVING,
    Account,
    Attempt,
    Model,
    Outreach,
    Reasons,
    Version,
)
from tests.service.approval_service.world import HOTLINE, NOW_MS, TEXT, asked, principal

_CAP = frozenset({"FREQUENCY_CAP"})


class Checks(RuleBasedStateMachine):
    """A model and a real authority, and the proof that they agree."""

    def __init__(self, url: str, remove: Callable[[], None]) -> None:
        super().__init__()
        self._remove = remove
        self.driver = Driver(url)
        self.model = Model(NOW_MS, REAL_MS)
        for number, bank in BANK_OF.items():
            self.model.accounts[number] = Account(bank, number)
        for row in versions(self.driver):
            self.model.versions[row.digest] = Version(row.bank_id, row.digest, (row.approved_ms, row.digest))
        self.answered: dict[str, tuple[SmsItem, Decision]] = {}
        self.leases: dict[str, set[str]] = {}
        self.last_event: BankEvent | None = None
        self._ledger: list[bytes] = []

    def teardown(self) -> None:
        before, self._ledger = self._ledger, []
        assert self.read_ledger()[: len(before)] == before
        self.driver.close()
        self._remove()

    # What the steps share.

    def account(self, number: str) -> Account:
        return self.model.accounts[number]

    def of_account(self, account: Account) -> list[Outreach]:
        return [one for one in self.model.outreach.values() if one.account is account and one.placed]

    def active(self, account: Account) -> set[str]:
        return self.model.scope((ADMITTED, *LEAVING), account=account)

    def active_of(self, bank: str, **wanted: object) -> set[str]:
        found = self.model.scope((ADMITTED, *LEAVING), **wanted)
        return {outreach_id for outreach_id in found if self.model.outreach[outreach_id].account.bank == bank}

    def event(self, bank: str, **kind: Any) -> BankEvent:
        """An event that happened now."""
        event = self.driver.event(bank, **kind)
        event.event_time.FromMilliseconds(self.model.now)
        return event

    def remember(self, event: BankEvent) -> BankEvent:
        self.last_event = event
        return event

    def apply(self, event: BankEvent) -> EventResult:
        return self.driver.run(self.driver.apply(self.remember(event)))

    def candidate(self, phone: str) -> Attempt | None:
        """The one open attempt to a number whose carrier's id nobody has told."""
        found = [
            attempt
            for attempt in self.model.attempts.values()
            if attempt.state in LEAVING
            and not attempt.carrier_message_id
            and self.model.outreach[attempt.outreach_id].phone == phone
        ]
        return found[0] if len(found) == 1 else None

    # Requests.

    def item(self, number: str, customer: str, phone: str, not_before_in: int, not_after_in: int) -> SmsItem:
        parties = {person.customer: person.phone for person in PARTIES[number]}
        own = parties.get(customer or PARTIES[number][0].customer, "13800138009")
        item = SmsItem(
            request_id=f"r{self.driver.number()}",
            bank_id=BANK_OF[number],
            account_number=number,
            customer_id=customer,
            phone_number=own if phone == "own" else phone,
            template_name="reminder",
            variables={"line": HOTLINE},
        )
        if not_before_in and not_before_in != not_after_in:
            item.not_before.FromMilliseconds(self.model.now + not_before_in)
        if not_after_in > not_before_in:
            item.not_after.FromMilliseconds(self.model.now + not_after_in)
        return item

    def judge(self, item: SmsItem) -> Reasons:
        version = self.model.in_force(item.bank_id)
        return self.model.reasons(
            self.account(item.account_number),
            self._customer(item),
            item.phone_number,
            version.digest if version else "",
            at_permit=False,
        )

    def _customer(self, item: SmsItem) -> str:
        return item.customer_id or PARTIES[item.account_number][0].customer

    async def submit_call(self, item: SmsItem) -> Decision:
        (one,) = asked(self.driver.authority, principal(CLERK, banks=["*"]), item)
        return Decision.FromString(await self.driver.authority.write(admission.admit, one))

    def preflight(self, item: SmsItem) -> Decision:
        authority = self.driver.authority
        with authority.database.reader.connect() as connection:
            catalog = authority.catalogs.at(connection, read_catalog_version(connection))
            call = Call(principal(CLERK, banks=["*"]), item)
            _, judged = admission.preflight(connection, authority.keys, catalog, self.model.now, call)
        return admission.decision_of(judged, item)

    def codes_of(self, decision: Decision) -> set[str]:
        return {finding.code for finding in decision.findings}

    def admitted(self, item: SmsItem, decision: Decision, refused: bool) -> None:
        """Takes a decision into the model."""
        assert states.name(decision.state) == (BLOCKED if refused else ADMITTED)
        assert decision.outreach_id not in self.model.outreach
        not_before = item.not_before.ToMilliseconds() if item.HasField("not_before") else 0
        not_after = item.not_after.ToMilliseconds() if item.HasField("not_after") else self.model.now + 7 * 86_400_000
        if decision.HasField("due_time"):
            assert not refused
            assert decision.due_time.ToMilliseconds() >= max(self.model.now, not_before)
        account = self.account(item.account_number)
        self.model.outreach[decision.outreach_id] = Outreach(
            decision.outreach_id,
            account,
            self._customer(item),
            item.phone_number,
            decision.template_digest,
            not_before,
            not_after,
            [BLOCKED if refused else ADMITTED],
            placed=account.placed,
        )
        self.answered[item.request_id] = (item, decision)

    # Permits.

    def pending(self) -> dict[str, Row[Any]]:
        """What is admitted, by outreach id, as it is stored."""
        query = select(schema.outreach).where(schema.outreach.c.state == states.ADMITTED)
        return {row.outreach_id: row for row in self.driver.rows(query)}

    def reasons_now(self) -> dict[str, Reasons]:
        return {o: self.model.reasons_at_permit(self.model.outreach[o]) for o in self.model.scope((ADMITTED,))}

    def permits(self, permits: Iterable[Permit]) -> None:
        """Promise 1: each permit was given while nothing forbade it, and for what no cancellation covers.
        Promise 2: it is the only one of its outreach that may have left."""
        for permit in permits:
            one, model = self.model.outreach[permit.outreach_id], self.model
            assert one.state == ADMITTED, "a second permit"
            assert one.outreach_id not in model.covered, "a permit after a cancellation"
            assert not [a for a in model.attempts.values() if a.outreach_id == one.outreach_id and a.may_have_left]
            assert not model.reasons_at_permit(one)
            assert model.may_send(one.account.bank)
            assert one.not_before <= model.now < one.not_after
            assert (permit.phone_number, permit.template_digest) == (one.phone, one.digest)
            assert (permit.template_text, permit.balance_sequence) == (TEXT, one.account.sequence)
            values = {value.name: value.text for value in permit.values}
            fen = one.account.overdue
            assert (values["amount"], values["tail"]) == (f"{fen // 100}.{fen % 100:02}", one.account.number[-4:])
            model.release(permit.attempt_id, one)

    def refused_before(self, also: dict[str, Reasons]) -> None:
        """What a lease cancelled for a reason (`also`) older than the stop that crossed it."""
        rows = {row.outreach_id: row for row in self.driver.rows(select(schema.outreach))}
        for outreach_id in sorted(self.model.scope((ADMITTED,))):
            row, reasons = rows[outreach_id], also[outreach_id]
            if row.state == states.CANCELLED and reasons.refuse and set(row.codes.split(",")) == reasons.refuse:
                self.model.outreach[outreach_id].move(CANCELLED)
                self.model.covered.add(outreach_id)

    def held_back(self, before: dict[str, Row[Any]], also: dict[str, Reasons], *, roomy: bool) -> None:
        """What a lease did not permit: cancelled or waiting for a reason that the model sees too, before the lease
        (`also`) or after it; left as it was only where it was not due, or there was no room."""
        rows = {row.outreach_id: row for row in self.driver.rows(select(schema.outreach))}
        for outreach_id in sorted(self.model.scope((ADMITTED,))):
            row, one = rows[outreach_id], self.model.outreach[outreach_id]
            codes = set(row.codes.split(",")) - {""}
            seen = [self.model.reasons_at_permit(one), also.get(outreach_id, Reasons())]
            if row.state == states.CANCELLED:
                assert any(codes == reasons.refuse for reasons in seen if reasons.refuse)
                one.move(CANCELLED)
                self.model.covered.add(outreach_id)
                continue
            old = before.get(outreach_id)
            if old is not None and (row.due_ms, row.waiting_for) != (old.due_ms, old.waiting_for):
                assert any(self._waits_for(row, codes, reasons) for reasons in seen)
            elif row.due_ms is not None and row.due_ms <= self.model.now < one.not_after:
                assert not (roomy and old is not None and self.model.may_send(one.account.bank)), "due and left out"

    def _waits_for(self, row: Row[Any], codes: set[str], reasons: Reasons) -> bool:
        timed = row.due_ms is not None and row.due_ms > self.model.now
        return (
            bool(codes)
            and not reasons.refuse
            and codes - _CAP == (reasons.park | reasons.wait) - _CAP
            and (row.waiting_for in reasons.park if reasons.park else timed)
        )

    # Stops.

    def check_stop(self, answer: Any, scope: Iterable[str], cause: str) -> None:
        withdrawn, named = self.model.stop(scope, cause)
        assert set(answer.cancelled_ids) == withdrawn
        assert set(answer.possibly_leaving_attempt_ids) == named

    def check_event_stop(self, before: int, result: EventResult, withdrawn: set[str], noticed: set[str]) -> None:
        """An event's answer counts; whom it concerns stands in the ledger's notices."""
        assert result.cancelled == len(withdrawn)
        notices = {entry["outreach"] for entry in self.entries(before) if entry["kind"] == "notice"}
        assert notices == noticed

    # The ledger.

    def read_ledger(self) -> list[bytes]:
        """Every entry so far; what was read before is not read again until the end."""
        columns = schema.ledger_entry.c
        query = select(columns.body).where(columns.seq >= len(self._ledger)).order_by(columns.seq)
        self._ledger += [row.body for row in self.driver.rows(query)]
        return self._ledger

    def entries_so_far(self) -> int:
        return len(self.read_ledger())

    def entries(self, start: int = 0) -> list[dict[str, Any]]:
        return [decode(body) for body in self.read_ledger()[start:]]

    # After every step.

    @invariant()
    def the_promises_hold(self) -> None:
        self.every_request_is_where_the_model_has_it()
        self.what_waits_waits_for_something()
        self.each_move_has_its_entry()
        self.the_ledger_verifies()

    def every_request_is_where_the_model_has_it(self) -> None:
        """Promise 2: each acknowledged request, and each attempt, is in one known state."""
        found = {row.outreach_id: row for row in self.driver.rows(select(schema.outreach))}
        assert found.keys() == self.model.outreach.keys()
        for one in self.model.outreach.values():
            row = found[one.outreach_id]
            assert states.name(row.state) == one.state, (one, row)
            if one.state in LEAVING:
                assert row.cause == one.cause
        attempts = {row.attempt_id: row for row in self.driver.rows(select(schema.attempt))}
        assert attempts.keys() == self.model.attempts.keys()
        for attempt in self.model.attempts.values():
            told = attempts[attempt.attempt_id]
            assert states.name(told.state) == attempt.state, (attempt, told)
            assert told.may_have_left == attempt.may_have_left
            assert told.carrier_message_id == attempt.carrier_message_id

    def what_waits_waits_for_something(self) -> None:
        """Promise 2: what waits without a time waits for something that still is so, so nothing is forgotten.
        What would be refused by now may wait until it expires."""
        for outreach_id, row in self.pending().items():
            reasons = self.model.reasons_at_permit(self.model.outreach[outreach_id])
            if row.waiting_for:
                assert row.due_ms is None
                assert reasons.refuse or row.waiting_for in reasons.park, (row.waiting_for, reasons)
            else:
                assert row.due_ms is not None
                assert row.due_ms >= row.not_before_ms

    def each_move_has_its_entry(self) -> None:
        """Promise 3: the ledger tells every state that each request was in, in order; watchers heard the same."""
        told: dict[str, list[str]] = defaultdict(list)
        for entry in self.entries():
            if "outreach" in entry and entry["kind"].upper() in _STATE_NAMES and not entry.get("waits"):
                told[entry["outreach"]].append(entry["kind"].upper())
        assert told == {one.outreach_id: one.history for one in self.model.outreach.values()}
        heard: dict[str, str] = {}
        for row in self.driver.rows(select(schema.change.c.body).order_by(schema.change.c.position)):
            change = from_json(row.body)
            heard[change.outreach_id] = states.name(change.state)
        assert heard == {one.outreach_id: one.state for one in self.model.outreach.values()}

    def the_ledger_verifies(self) -> None:
        """Promise 3: whoever has the exported file and the public key can prove it."""
        (head,) = self.driver.rows(select(schema.head.c.checkpoint))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "ledger"
            with path.open("wb") as file:
                export.write(file, ORIGIN, self.read_ledger(), head.checkpoint)
            report = verify_export(path, self.driver.authority.signer.verifier_key)
        assert report.ok, report.problems


_STATE_NAMES = frozenset(states.name(number) for number in State.values() if number)
