"""Past letters judged anew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from approval_service import letter_rules
from approval_service.letter_rules import BadMark, LetterFacts
from approval_service.rules import Verdict
from approval_service.simulation.judging import Account, Found, Judging, Sends, said
from approval_service.simulation.past import Past
from outreach.domain.codes import Code
from outreach.v1.letter_version_service_pb2 import LetterVersion
from outreach.v1.outreach_service_pb2 import CallOutcome


class LetterJudging(Judging[LetterFacts]):
    """Judges past letters by one policy. Quantities are taken to be granted as they were."""

    def facts(self, past: Past, now_ms: int, sends: Sends, *, at_permit: bool) -> LetterFacts:
        version = past.version.message if past.version else None
        if version is not None and not isinstance(version, LetterVersion):
            raise RuntimeError("a letter is made from a letter version")
        owed = past.printed_fen if at_permit and past.printed_fen is not None else past.overdue_fen
        return LetterFacts(
            now_ms=now_ms,
            at_permit=at_permit,
            employee_active=True,
            policy=self.draft,
            account=Account(owed is not None, past.amounts_ms, owed or 0) if past.account_known else None,
            role=None,
            marks=(),
            holds=(),
            pinned_digest="",
            value_problems=(),
            feed_complete_through_ms=past.amounts_ms,
            version=version,
            version_superseded=False,
            address_findings=(),
            address_status="",
            address_of_third_party=False,
            bad_marks=(),
            call_ms=0,
            call_outcome=CallOutcome.CALL_OUTCOME_UNSPECIFIED,
            earlier_letters=sends.letters,
            has_quantity=True,
            care_released=False,
        )

    def waits(self, facts: LetterFacts) -> list[Verdict]:
        return list(letter_rules.frequency_cap(facts))

    def due_ms(self, verdicts: Sequence[Verdict], facts: LetterFacts, past: Past) -> int:
        return letter_rules.due_ms(verdicts, facts.now_ms, past.not_before_ms)

    def authorization(self, past: Past, facts: LetterFacts) -> Found:
        over = self.is_over(past, facts.now_ms)
        if over is None or past.version is None:
            return None if over is None else said(past, Code.LETTER_NOT_AUTHORIZED)
        facts.version_superseded = over
        return [*said(past, Code.LETTER_NOT_AUTHORIZED), *letter_rules.letter_not_authorized(facts)]

    def minimum(self, _past: Past, facts: LetterFacts) -> Found:
        return letter_rules.below_minimum_amount(facts)

    def care(self, _past: Past, facts: LetterFacts) -> Found:
        return letter_rules.care_amount(facts)

    def prior_call(self, past: Past, facts: LetterFacts) -> Found:
        if past.content is None:
            return None
        facts.call_ms, facts.call_outcome = past.content.call_ms, past.content.call_outcome
        return letter_rules.no_prior_call(facts)

    def known_bad(self, past: Past, facts: LetterFacts) -> Found:
        if past.marks is None:
            return None
        exempt = frozenset(self.draft.policy.exempt_return_reasons)
        facts.bad_marks = [
            BadMark(mark.reason, mark.for_everybody) for mark in past.marks if mark.return_reason not in exempt
        ]
        found = letter_rules.address_known_bad(facts)
        return None if not found and past.exempted_returns - exempt else found

    at_door: ClassVar = {
        Code.NOT_PLACED: Judging.not_placed,
        Code.BALANCE_UNCONFIRMED: Judging.balance,
        Code.VARIABLE_INVALID: Judging.variables,
        Code.LETTER_NOT_AUTHORIZED: authorization,
        Code.BELOW_MINIMUM_AMOUNT: minimum,
        Code.CARE_AMOUNT: care,
        Code.NO_PRIOR_CALL: prior_call,
        Code.ADDRESS_KNOWN_BAD: known_bad,
    }
    at_permit: ClassVar = {
        Code.BALANCE_UNCONFIRMED: Judging.balance_again,
        Code.LETTER_NOT_AUTHORIZED: authorization,
        Code.BELOW_MINIMUM_AMOUNT: minimum,
    }
