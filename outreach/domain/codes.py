"""The codes of the business rules, as a blocked request, a ledger entry, a test and the console show them."""

from __future__ import annotations

from enum import StrEnum


class Code(StrEnum):
    """A rule's code. It never changes its meaning; docs/rules.md explains each."""

    NOT_PLACED = "NOT_PLACED"
    CASE_RECALLED = "CASE_RECALLED"
    BALANCE_UNCONFIRMED = "BALANCE_UNCONFIRMED"
    ACCOUNT_SETTLED = "ACCOUNT_SETTLED"
    OPERATOR_MISSING = "OPERATOR_MISSING"
    TEMPLATE_NOT_APPROVED = "TEMPLATE_NOT_APPROVED"
    TEMPLATE_NOT_FILED = "TEMPLATE_NOT_FILED"
    VARIABLE_INVALID = "VARIABLE_INVALID"
    CONTENT_PROHIBITED = "CONTENT_PROHIBITED"
    THIRD_PARTY_DISCLOSURE = "THIRD_PARTY_DISCLOSURE"
    IDENTITY_MISSING = "IDENTITY_MISSING"
    QUIET_HOURS = "QUIET_HOURS"
    FREQUENCY_CAP = "FREQUENCY_CAP"
    DO_NOT_CONTACT = "DO_NOT_CONTACT"
    ACCOUNT_ON_HOLD = "ACCOUNT_ON_HOLD"
    PHONE_INVALID = "PHONE_INVALID"
    CONTACT_UNVERIFIED = "CONTACT_UNVERIFIED"
    REPAID_IN_FULL = "REPAID_IN_FULL"
    REPAID_IN_PART = "REPAID_IN_PART"


REQUESTED = "REQUESTED"
"""The cause of a cancellation that a caller asked for."""
