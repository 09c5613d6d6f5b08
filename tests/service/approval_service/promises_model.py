"""What the authority must hold to, written down a second time from the rules, without its code.

The model knows who is placed, held, marked and paid, and what left when. `reasons` names the codes that forbid a
message now; the moves follow the table of states. Times are milliseconds of business time unless the name says real.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
SHANGHAI_OFFSET = 8 * HOUR
AGENCY = "demo-agency"
PER_DAY = {"demo-bank": 2, "other-bank": 3}
PER_SEVEN_DAYS, GAP_MINUTES = 5, 30
MAX_AGE = DAY
SEND_WITHIN, REPORT_WITHIN, FEED_PROOF = 5_000, 40_000, 60_000

ADMITTED, RELEASED, SENT, DELIVERED, UNDELIVERED = "ADMITTED", "RELEASED", "SENT", "DELIVERED", "UNDELIVERED"
UNCONFIRMED, BLOCKED, CANCELLED, EXPIRED = "UNCONFIRMED", "BLOCKED", "CANCELLED", "EXPIRED"
UNSETTLED = (RELEASED, UNCONFIRMED)
LEAVING = (RELEASED, UNCONFIRMED, SENT)
FINAL = (DELIVERED, UNDELIVERED, BLOCKED, CANCELLED, EXPIRED)
DEBTOR, GUARANTOR, THIRD = 1, 2, 3


@dataclass
class Account:
    """One account as its bank last spoke of it."""

    bank: str
    number: str
    placed: bool = False
    agency: str = AGENCY
    end: int = 0
    recalled: bool = False
    recall: int = 0
    """When the bank last took it back."""
    settled: bool = False
    known: bool = False
    as_of: int = 0
    overdue: int = 0
    sequence: int = 0
    roles: dict[str, int] = field(default_factory=dict)
    """Role by customer number."""
    holds: set[str] = field(default_factory=set)

    def take_back(self, now: int) -> None:
        self.recalled, self.recall = True, now


@dataclass
class Attempt:
    """One permit."""

    attempt_id: str
    outreach_id: str
    released: int
    report_by_real: int
    state: str = RELEASED
    may_have_left: bool = True
    handed_back: bool = False
    carrier_message_id: str = ""


@dataclass
class Outreach:
    """One request that was acknowledged; `history` is every state it was in."""

    outreach_id: str
    account: Account
    customer: str
    phone: str
    digest: str
    not_before: int
    not_after: int
    history: list[str]
    placed: bool = True
    """The account was known when it was asked for."""
    cause: str = ""
    attempt_id: str = ""

    @property
    def state(self) -> str:
        return self.history[-1]

    def move(self, state: str) -> None:
        self.history.append(state)


@dataclass
class Version:
    """One template version of a bank."""

    bank: str
    digest: str
    order: tuple[int, str]
    state: str = "APPROVED"


@dataclass(frozen=True)
class Reasons:
    """Codes that forbid a message: for good, or for now."""

    refuse: frozenset[str] = frozenset()
    park: frozenset[str] = frozenset()
    wait: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.refuse or self.park or self.wait)


class Model:
    """All that is known, and what follows from it."""

    def __init__(self, now: int, real: int) -> None:
        self.now, self.real = now, real
        self.accounts: dict[str, Account] = {}
        self.identities: dict[tuple[str, str], str] = {}
        self.agreed: set[tuple[str, str]] = set()
        self.contacts: dict[tuple[str, str], dict[str, str]] = {}
        """Status by number, by (bank, customer)."""
        self.dead: set[str] = set()
        self.marks: set[tuple[str, str]] = set()
        """(bank, customer, number or account)."""
        self.feed: dict[str, int] = {}
        self.proven_real: dict[str, int] = {}
        self.versions: dict[str, Version] = {}
        self.clerk_active = True
        self.outreach: dict[str, Outreach] = {}
        self.attempts: dict[str, Attempt] = {}
        self.covered: set[str] = set()
        """What a cancellation's answer covered: no permit is ever given for it again."""

    # What the rules say.

    def in_force(self, bank: str) -> Version | None:
        found = [v for v in self.versions.values() if v.bank == bank and v.state != "RETIRED"]
        return max(found, key=lambda version: version.order, default=None)

    def reasons(self, account: Account, customer: str, phone: str, digest: str, *, at_permit: bool) -> Reasons:
        """Every code that applies to a message now."""
        refuse: set[str] = set()
        park: set[str] = set()
        wait: set[str] = set()
        if not self.clerk_active:
            refuse.add("OPERATOR_MISSING")
        if not account.placed or account.agency != AGENCY:
            refuse.add("NOT_PLACED")
        known = account.placed and (customer in account.roles or at_permit)
        if account.placed:
            self._about_account(account, refuse, park)
            self._about_recipient(account, customer, phone, known, refuse, park)
        if len(phone) != 11 or phone in self.dead:
            refuse.add("PHONE_INVALID")
        person = (account.bank, customer)
        if any((account.bank, subject) in self.marks for subject in (phone, account.number if account.placed else "")):
            refuse.add("DO_NOT_CONTACT")
        if known and person in self.marks:
            refuse.add("DO_NOT_CONTACT")
        self._about_template(account.bank, digest, at_permit, refuse, park)
        # A permit is good for some seconds more.
        moments = (self.now, self.now + SEND_WITHIN) if at_permit else (self.now,)
        minutes = [(moment + SHANGHAI_OFFSET) % DAY // MINUTE for moment in moments]
        if not all(480 <= minute < 1260 for minute in minutes) and not (known and person in self.agreed):
            wait.add("QUIET_HOURS")
        if not self.cap_allows(account.bank, self.identities.get(person, "") if known else "", phone):
            wait.add("FREQUENCY_CAP")
        return Reasons(frozenset(refuse), frozenset(park), frozenset(wait))

    def _about_account(self, account: Account, refuse: set[str], park: set[str]) -> None:
        if account.recalled or self.now >= account.end:
            refuse.add("CASE_RECALLED")
        if account.settled or (account.known and account.overdue == 0):
            refuse.add("ACCOUNT_SETTLED")
        oldest = self.now - MAX_AGE
        if not account.known or account.as_of < oldest or self.feed.get(account.bank, 0) < oldest:
            park.add("BALANCE_UNCONFIRMED")
        if account.holds:
            refuse.add("ACCOUNT_ON_HOLD")

    def _about_recipient(
        self, account: Account, customer: str, phone: str, known: bool, refuse: set[str], park: set[str]
    ) -> None:
        role = account.roles.get(customer)
        own = self.contacts.get((account.bank, customer), {}).get(phone, "") if known else ""
        others = any(phone in self.contacts.get((account.bank, other), {}) for other in account.roles)
        if role not in (DEBTOR, GUARANTOR) or (not own and others):
            refuse.add("THIRD_PARTY_DISCLOSURE")
        if own == "NOT_THIS_PERSON":
            refuse.add("PHONE_INVALID")
        if not own and not others and len(phone) == 11:
            park.add("CONTACT_UNVERIFIED")

    def _about_template(self, bank: str, digest: str, at_permit: bool, refuse: set[str], park: set[str]) -> None:
        version, in_force = self.versions.get(digest), self.in_force(bank)
        if version is None or version.state == "RETIRED":
            refuse.add("TEMPLATE_NOT_APPROVED")
        elif version.state == "SUSPENDED":
            (park if at_permit else refuse).add("TEMPLATE_NOT_APPROVED")
        elif in_force is not version:
            refuse.add("TEMPLATE_NOT_APPROVED")

    def cap_allows(self, bank: str, identity: str, phone: str) -> bool:
        """True if one more may leave now: to the person by this bank, and to the person or number by all."""
        own: list[int] = []
        everything: list[int] = []
        for attempt in self.attempts.values():
            sent = self.outreach[attempt.outreach_id]
            same_person = bool(identity) and self.identities[sent.account.bank, sent.customer] == identity
            if not attempt.may_have_left or not (same_person or sent.phone == phone):
                continue
            everything.append(attempt.released)
            if same_person and sent.account.bank == bank:
                own.append(attempt.released)
        today = (self.now + SHANGHAI_OFFSET) // DAY
        per_day = [sum((sent + SHANGHAI_OFFSET) // DAY == today for sent in sends) for sends in (own, everything)]
        return (
            all(self.now - sent >= GAP_MINUTES * MINUTE for sent in own)
            and per_day[0] < PER_DAY[bank]
            and sum(self.now - sent < 7 * DAY for sent in own) < PER_SEVEN_DAYS
            and per_day[1] < 4
            and sum(self.now - sent < HOUR for sent in everything) < 2
        )

    def reasons_at_permit(self, one: Outreach) -> Reasons:
        return self.reasons(one.account, one.customer, one.phone, one.digest, at_permit=True)

    def may_send(self, bank: str) -> bool:
        return self.real - self.proven_real.get(bank, 0) <= FEED_PROOF

    # What moves.

    def scope(self, states: Collection[str], **wanted: object) -> set[str]:
        """Outreach in these states whose attributes are as wanted."""
        return {
            one.outreach_id
            for one in self.outreach.values()
            if one.state in states and all(getattr(one, name) == value for name, value in wanted.items())
        }

    def stop(self, outreach_ids: Iterable[str], cause: str) -> tuple[set[str], set[str]]:
        """A cancellation: what it withdraws, and the attempts that it must name."""
        withdrawn: set[str] = set()
        named: set[str] = set()
        for one in map(self.outreach.__getitem__, outreach_ids):
            if one.state == ADMITTED:
                one.move(CANCELLED)
                withdrawn.add(one.outreach_id)
            elif one.state in LEAVING:
                named.add(one.attempt_id)
                if one.state != SENT:
                    one.cause = one.cause or cause
            else:
                continue
            self.covered.add(one.outreach_id)
        return withdrawn, named

    def release(self, attempt_id: str, one: Outreach) -> None:
        one.move(RELEASED)
        one.attempt_id = attempt_id
        self.attempts[attempt_id] = Attempt(attempt_id, one.outreach_id, self.now, self.real + REPORT_WITHIN)

    def report(self, attempt: Attempt, outcome: str, carrier_message_id: str) -> None:
        """ACCEPTED, REFUSED, NOT_SENT or UNKNOWN, said by the worker."""
        one = self.outreach[attempt.outreach_id]
        if outcome == "NOT_SENT" and attempt.state in UNSETTLED:
            attempt.state, attempt.may_have_left, attempt.handed_back = ADMITTED, False, True
            one.move(CANCELLED if one.cause else ADMITTED)
        elif outcome == "ACCEPTED":
            if attempt.state in (*UNSETTLED, ADMITTED):
                self.settle(attempt, SENT)
            attempt.carrier_message_id = attempt.carrier_message_id or carrier_message_id
        elif outcome == "REFUSED" and attempt.state in UNSETTLED:
            self.settle(attempt, UNDELIVERED)
            attempt.may_have_left = False
        elif outcome == "UNKNOWN" and attempt.state == RELEASED:
            self.settle(attempt, UNCONFIRMED)

    def settle(self, attempt: Attempt, state: str) -> None:
        """The attempt's fate, and its outreach's with it, unless it had been handed back as unsent."""
        one = self.outreach[attempt.outreach_id]
        attempt.state, attempt.may_have_left = state, True
        if not attempt.handed_back:
            one.move(state)
        elif one.state == ADMITTED:
            one.move(CANCELLED)
            self.covered.add(one.outreach_id)
        elif one.state in UNSETTLED:
            one.cause = one.cause or "ALREADY_LEFT"

    def receipt(self, attempt: Attempt, state: str) -> None:
        if attempt.state in (*LEAVING, ADMITTED):
            self.settle(attempt, state)
        elif state == DELIVERED:
            attempt.may_have_left = True

    def sweep(self) -> None:
        for one in self.outreach.values():
            if one.state == ADMITTED and one.not_after <= self.now:
                one.move(EXPIRED)
        for attempt in self.attempts.values():
            if attempt.state == RELEASED and attempt.report_by_real <= self.real:
                self.settle(attempt, UNCONFIRMED)
