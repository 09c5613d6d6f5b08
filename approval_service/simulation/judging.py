"""The rules that a policy's thresholds decide, judged anew for a past request by the rules themselves.

What a rule would look at may no longer be known: then its code is told as unknown, and nothing is guessed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

from approval_service import effective_dates, rules
from approval_service.letter_rules import EarlierLetter
from approval_service.rules import CaseFacts, Effect, Verdict
from approval_service.simulation.past import Past
from approval_service.variables import HOTLINE, check, slots_of
from outreach.domain.codes import Code
from outreach.v1.policy_service_pb2 import Policy, PolicyVersion

THRESHOLDS: Mapping[str, Callable[[Policy], Any]] = {
    Code.NOT_PLACED: lambda policy: policy.agency_id,
    Code.BALANCE_UNCONFIRMED: lambda policy: policy.balance_max_age_minutes,
    Code.TEMPLATE_NOT_APPROVED: lambda policy: policy.approval_life_days,
    Code.LETTER_NOT_AUTHORIZED: lambda policy: policy.approval_life_days,
    Code.TEMPLATE_NOT_FILED: lambda policy: policy.carriers[0].SerializeToString(),
    Code.IDENTITY_MISSING: lambda policy: (policy.bank_name, policy.agency_name, policy.agency_must_be_named),
    Code.VARIABLE_INVALID: lambda policy: frozenset(policy.hotlines),
    Code.BELOW_MINIMUM_AMOUNT: lambda policy: (policy.letter_minimum_fen, policy.letter_minimum_inclusive),
    Code.CARE_AMOUNT: lambda policy: policy.care_amount_fen,
    Code.NO_PRIOR_CALL: lambda policy: (policy.letter_needs_prior_call, policy.prior_call_must_be_answered),
    Code.ADDRESS_KNOWN_BAD: lambda policy: frozenset(policy.exempt_return_reasons),
}
"""What each rule reads of a policy. Where that is the same, it decides the same."""
BY_TIME = frozenset({Code.QUIET_HOURS, Code.FREQUENCY_CAP})
"""Judged anew whatever the policy says: what left before may be something else."""
DECIDED: frozenset[str] = frozenset({*THRESHOLDS, *BY_TIME})
_STANDING = frozenset({Code.IDENTITY_MISSING, Code.VARIABLE_INVALID, Code.NO_PRIOR_CALL})
"""Rules that refuse what they once let through only if the policy is another one."""
_APPROVALS = frozenset({Code.TEMPLATE_NOT_APPROVED, Code.LETTER_NOT_AUTHORIZED})
_OF_VERSION = frozenset({Code.TEMPLATE_NOT_FILED, Code.IDENTITY_MISSING, Code.VARIABLE_INVALID})
_PARKING = frozenset({Code.BALANCE_UNCONFIRMED, Code.CARE_AMOUNT})

F = TypeVar("F", bound=CaseFacts)
Found = Sequence[Verdict] | None
"""None where it cannot be told."""


class Judgement(NamedTuple):
    """The verdicts at one moment, and the codes of which it cannot be told whether they would be among them."""

    verdicts: list[Verdict]
    unknown: frozenset[str]
    due_ms: int
    """When it is due by the waits among the verdicts."""

    def codes(self, *effects: Effect) -> frozenset[str]:
        return frozenset(str(verdict.code) for verdict in self.verdicts if verdict.effect in effects)

    @property
    def may_be_refused(self) -> bool:
        return bool(self.unknown - _PARKING - BY_TIME)


class Sends(NamedTuple):
    """What had left by a moment, as FREQUENCY_CAP counts it."""

    own_ms: Sequence[int] = ()
    all_ms: Sequence[int] = ()
    letters: Sequence[EarlierLetter] = ()
    unsure: bool = False
    """Something more may have left: it cannot be told."""

    def and_one(self, now_ms: int) -> Sends:
        """With one more that left this very moment."""
        letter = EarlierLetter(now_ms)
        return Sends([*self.own_ms, now_ms], [*self.all_ms, now_ms], [*self.letters, letter])


class Account(NamedTuple):
    """What was known of an account, under the names that the rules read."""

    balance_known: bool
    as_of_ms: int
    overdue_fen: int


class Judging(ABC, Generic[F]):
    """Judges past requests of one channel by one policy."""

    at_door: ClassVar[Mapping[str, Callable[[Any, Past, Any], Found]]]
    """How each rule is judged anew at the moment of the request."""
    at_permit: ClassVar[Mapping[str, Callable[[Any, Past, Any], Found]]]
    """Those again, when it is to leave, that may say something else by then."""

    def __init__(
        self, draft: PolicyVersion, policy_at: Callable[[int], PolicyVersion | None], always: Collection[str] = ()
    ) -> None:
        """`policy_at` tells the bank's policy in force. `always` are codes to be judged anew whatever decided them."""
        self.draft = draft
        self._policy_at = policy_at
        self._always = frozenset(always)
        self._redone: dict[int, frozenset[str]] = {}

    @property
    def looks_at_marks(self) -> bool:
        return Code.ADDRESS_KNOWN_BAD in self._always

    def redone(self, then: PolicyVersion | None) -> frozenset[str]:
        """The codes that are judged anew where another version decided."""
        key = then.version if then else 0
        if key not in self._redone:
            differing = {code for code in self.at_door if self._differs(code, then)}
            self._redone[key] = BY_TIME | self._always | differing
        return self._redone[key]

    def _differs(self, code: str, other: PolicyVersion | None) -> bool:
        return other is None or THRESHOLDS[code](other.policy) != THRESHOLDS[code](self.draft.policy)

    def needs_content(self, past: Past) -> bool:
        """True if what the caller gave must be read."""
        redone = self.redone(past.then)
        return Code.NO_PRIOR_CALL in redone or (Code.VARIABLE_INVALID in redone and _shows_hotline(past))

    def ends_it(self, code: str, time_ms: int, past: Past) -> bool | None:
        """True if what ended a request by this code would have ended it by the draft, too; False if the draft's own
        verdicts tell; None if it cannot be told."""
        real = self._policy_at(time_ms)
        if code in BY_TIME or code not in DECIDED or not self._differs(code, real):
            return True
        if code in _APPROVALS:
            # Otherwise somebody had retired it.
            return past.version is None or not effective_dates.is_over(past.version.approved_ms, real, time_ms)
        return False if code in _STANDING else None

    def door(self, past: Past, sends: Sends) -> Judgement:
        """All rules at the moment of the request; those that are not judged anew say what they said."""
        redone, silent = self.redone(past.then), frozenset[str]()
        if redone & _APPROVALS and self.is_over(past, past.created_ms):
            # No version would have been in force, so that nothing is said of its text and values either.
            silent = _OF_VERSION
        said_then = [one for one in kept(past, redone) if one.code not in silent]
        codes = [code for code in self.at_door if code in redone - silent]
        return self._judged(past, past.created_ms, sends, codes, said_then)

    def permit(self, past: Past, now_ms: int, sends: Sends) -> Judgement:
        """What may keep it when it is to leave. Amounts may have grown old by then whatever the policy says."""
        redone = {*self.redone(past.then), Code.BALANCE_UNCONFIRMED}
        return self._judged(past, now_ms, sends, [code for code in self.at_permit if code in redone])

    def _judged(
        self, past: Past, now_ms: int, sends: Sends, codes: Sequence[str], said_then: list[Verdict] | None = None
    ) -> Judgement:
        at_permit = said_then is None
        judged = self.at_permit if at_permit else self.at_door
        facts, verdicts, unknown = self.facts(past, now_ms, sends, at_permit=at_permit), said_then or [], set[str]()
        for code in codes:
            found = judged[code](self, past, facts)
            verdicts.extend(found or ())
            if found is None:
                unknown.add(code)
        waits = self.waits(facts)
        verdicts.extend(waits)
        if sends.unsure and Code.FREQUENCY_CAP not in [verdict.code for verdict in waits]:
            more = self.waits(self.facts(past, now_ms, sends.and_one(now_ms), at_permit=at_permit))
            if Code.FREQUENCY_CAP in [verdict.code for verdict in more]:
                unknown.add(Code.FREQUENCY_CAP)
        return Judgement(verdicts, frozenset(unknown), self.due_ms(verdicts, facts, past))

    @abstractmethod
    def facts(self, past: Past, now_ms: int, sends: Sends, *, at_permit: bool) -> F:
        """Facts of which only those are set that the rules looked at here need."""

    @abstractmethod
    def waits(self, facts: F) -> list[Verdict]:
        """What the rules of BY_TIME say."""

    @abstractmethod
    def due_ms(self, verdicts: Sequence[Verdict], facts: F, past: Past) -> int: ...

    def not_placed(self, past: Past, facts: F) -> Found:
        return None if past.account_known else rules.not_placed(facts)

    def balance(self, _past: Past, facts: F) -> Found:
        return rules.balance_unconfirmed(facts)

    def balance_again(self, past: Past, facts: F) -> Found:
        """Fresh for certain if it is by what was known at the door, or whenever it was really judged since."""
        as_of_ms = max(past.amounts_ms, *map(self._oldest_ms, past.seen_fresh_ms(facts.now_ms)), 0)
        if facts.account is None:
            return rules.NOTHING
        fresh = replace(facts, account=facts.account._replace(balance_known=True, as_of_ms=as_of_ms))
        fresh.feed_complete_through_ms = as_of_ms
        return None if rules.balance_unconfirmed(fresh) else rules.NOTHING

    def _oldest_ms(self, time_ms: int) -> int:
        """As of when amounts are at least that were fresh at a moment."""
        real = self._policy_at(time_ms)
        return time_ms - real.policy.balance_max_age_minutes * rules.MINUTE_MS if real else 0

    def variables(self, past: Past, facts: F) -> Found:
        if past.version is None or not _shows_hotline(past):
            return said(past, Code.VARIABLE_INVALID)
        if past.content is None:
            return None
        placeholders = past.version.placeholders
        facts.value_problems = check(slots_of(placeholders), past.content.variables, self.draft.policy.hotlines)
        of_record = {f"variables[{one.name}]" for one in placeholders if one.record_field}
        told = [one for one in said(past, Code.VARIABLE_INVALID) if one.field in of_record]
        return [*told, *rules.variable_invalid(facts)]

    def is_over(self, past: Past, now_ms: int) -> bool | None:
        """True if the approval of the version is over by the draft; None if it cannot be told."""
        if past.version is None:
            # Where approvals had a life, another version might have been in force.
            return None if past.then is None or past.then.policy.approval_life_days else False
        if self.draft.policy.approval_life_days and past.version.approved_ms > now_ms:
            return None  # it was approved anew since
        return effective_dates.is_over(past.version.approved_ms, self.draft, now_ms)


def kept(past: Past, redone: Collection[str]) -> list[Verdict]:
    """What the other rules said at the door."""
    return [
        Verdict(Code(one.code), Effect.PARK if one.waits else Effect.REFUSE, one.reason, one.field)
        for one in past.findings
        if one.code not in redone
    ]


def said(past: Past, code: str) -> list[Verdict]:
    """What one rule said at the door."""
    return [one for one in kept(past, ()) if one.code == code]


def _shows_hotline(past: Past) -> bool:
    return past.version is not None and any(one.type == HOTLINE for one in past.version.placeholders)
