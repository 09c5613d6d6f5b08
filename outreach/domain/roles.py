"""What people and callers may be. outreach.runtime.access says what each role may do."""

from __future__ import annotations

CASE_SYSTEM = "case_system"
DRAFTER = "drafter"
REVIEWER = "reviewer"
BANK_APPROVER = "bank_approver"
POLICY_MAKER = "policy_maker"
POLICY_APPROVER = "policy_approver"
BANK = "bank"
OPERATOR = "operator"
SUPERVISOR = "supervisor"
INSPECTOR = "inspector"
TEAM_LEAD = "team_lead"
ADMINISTRATION = "administration"
MAILROOM = "mailroom"
ALL_ROLES = frozenset(
    {
        CASE_SYSTEM,
        DRAFTER,
        REVIEWER,
        BANK_APPROVER,
        POLICY_MAKER,
        POLICY_APPROVER,
        BANK,
        OPERATOR,
        SUPERVISOR,
        INSPECTOR,
        TEAM_LEAD,
        ADMINISTRATION,
        MAILROOM,
    }
)

ROLES_OF_PEOPLE = ALL_ROLES - {CASE_SYSTEM, BANK}
"""Those that a person signs in with; the others are systems'."""
