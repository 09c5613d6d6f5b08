"""Past SMS judged anew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from approval_service import rules
from approval_service.catalog import identity_problem
from approval_service.rules import Facts, Verdict
from approval_service.simulation.judging import Account, Found, Judging, Sends, said
from approval_service.simulation.past import Past
from outreach.domain.codes import Code
from outreach.v1.template_service_pb2 import Template


class SmsJudging(Judging[Facts]):
    """Judges past SMS by one policy."""

    def facts(self, past: Past, now_ms: int, sends: Sends, *, at_permit: bool) -> Facts:
        template = past.version.message if past.version else None
        if template is not None and not isinstance(template, Template):
            raise RuntimeError("an SMS is made from a template")
        return Facts(
            now_ms=now_ms,
            at_permit=at_permit,
            employee_active=True,
            policy=self.draft,
            account=Account(past.amounts_ms > 0, past.amounts_ms, 0) if past.account_known else None,
            role=None,
            marks=(),
            holds=(),
            pinned_digest="",
            value_problems=(),
            feed_complete_through_ms=past.amounts_ms,
            phone=None,
            phone_of_third_party=False,
            phone_dead=False,
            contact_status="",
            template=template,
            template_superseded=False,
            filing_problem="",
            identity_problem="",
            own_sends_ms=sends.own_ms,
            all_sends_ms=sends.all_ms,
            agreed_to_quiet_hours=past.agreed_to_quiet_hours,
        )

    def waits(self, facts: Facts) -> list[Verdict]:
        return [*rules.quiet_hours(facts), *rules.frequency_cap(facts)]

    def due_ms(self, verdicts: Sequence[Verdict], facts: Facts, past: Past) -> int:
        return rules.due_ms(verdicts, facts, past.not_before_ms)

    def approval(self, past: Past, facts: Facts) -> Found:
        over = self.is_over(past, facts.now_ms)
        if over is None or past.version is None:
            return None if over is None else said(past, Code.TEMPLATE_NOT_APPROVED)
        facts.template_superseded = over
        return [*said(past, Code.TEMPLATE_NOT_APPROVED), *rules.template_not_approved(facts)]

    def filing(self, past: Past, _facts: Facts) -> Found:
        """Which copies a carrier had then is not kept."""
        return None if past.version and self.draft.policy.carriers[0].renders_registered_copy else rules.NOTHING

    def identity(self, _past: Past, facts: Facts) -> Found:
        if facts.template is None:
            return rules.NOTHING
        facts.identity_problem = identity_problem(facts.template.content, self.draft)
        return rules.identity_missing(facts)

    at_door: ClassVar = {
        Code.NOT_PLACED: Judging.not_placed,
        Code.BALANCE_UNCONFIRMED: Judging.balance,
        Code.TEMPLATE_NOT_APPROVED: approval,
        Code.TEMPLATE_NOT_FILED: filing,
        Code.IDENTITY_MISSING: identity,
        Code.VARIABLE_INVALID: Judging.variables,
    }
    at_permit: ClassVar = {
        Code.BALANCE_UNCONFIRMED: Judging.balance_again,
        Code.TEMPLATE_NOT_APPROVED: approval,
    }
