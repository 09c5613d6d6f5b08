"""The rules of docs/rules.md that concern an SMS: values in, verdicts out. All run at the door and at the permit.

Those that take CaseFacts concern letters, too (approval_service.letter_rules).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from outreach.domain.codes import Code
from outreach.v1.bank_service_pb2 import Party
from outreach.v1.hold_service_pb2 import HoldKind, NoContactReason
from outreach.v1.policy_service_pb2 import PolicyVersion
from outreach.v1.template_service_pb2 import Template, TemplateState

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
SEND_WITHIN_MS = 5_000
"""How long after its permit a message may leave."""
LONGEST_GAP_MS = 30 * DAY_MS
"""The longest gap that a policy may set: how far back the caps look."""
SUSPENDED = TemplateState.TEMPLATE_STATE_SUSPENDED
APPROVED = TemplateState.TEMPLATE_STATE_APPROVED
MAY_BE_WRITTEN_TO = (Party.ROLE_DEBTOR, Party.ROLE_GUARANTOR)
ALL_BANKS_PER_DAY = 4
ALL_BANKS_PER_HOUR = 2


class Effect(Enum):
    """What a verdict does to a request."""

    REFUSE = auto()
    """It is blocked at the door, or cancelled at the permit."""
    WAIT = auto()
    """It waits for `until_ms`."""
    PARK = auto()
    """It waits, without a time, until what the code names is lifted."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One rule's word on one request; `reason` holds no personal data."""

    code: Code
    effect: Effect
    reason: str
    field: str = ""
    until_ms: int = 0


@dataclass(slots=True)
class CaseFacts:
    """What the rules look at for an SMS and a letter alike. Rows are those of approval_service.schema."""

    now_ms: int
    at_permit: bool
    employee_active: bool
    policy: PolicyVersion | None
    account: Any | None
    role: int | None
    marks: Sequence[NoContactReason.ValueType]
    holds: Sequence[HoldKind.ValueType]
    pinned_digest: str
    value_problems: Sequence[tuple[str, str]]
    feed_complete_through_ms: int


@dataclass(slots=True)
class Facts(CaseFacts):
    """All that the rules look at, for one SMS to one person."""

    phone: str | None
    phone_of_third_party: bool
    phone_dead: bool
    contact_status: str
    template: Template | None
    template_superseded: bool
    filing_problem: str
    identity_problem: str
    own_sends_ms: Sequence[int]
    all_sends_ms: Sequence[int]
    agreed_to_quiet_hours: bool


NOTHING: tuple[Verdict, ...] = ()


def refuse(code: Code, reason: str, field: str = "") -> tuple[Verdict, ...]:
    return (Verdict(code, Effect.REFUSE, reason, field),)


def park(code: Code, reason: str, field: str = "") -> tuple[Verdict, ...]:
    return (Verdict(code, Effect.PARK, reason, field),)


def operator_missing(facts: CaseFacts) -> Sequence[Verdict]:
    if facts.employee_active:
        return NOTHING
    return refuse(
        Code.OPERATOR_MISSING,
        "请求未署名在职经办人。Name an active employee in the caller's token.",
        "employee",
    )


def not_placed(facts: CaseFacts) -> Sequence[Verdict]:
    account, policy = facts.account, facts.policy
    if account is None:
        return refuse(Code.NOT_PLACED, "银行未委案此账户。The bank has not placed this account here.", "account_number")
    if policy is None:
        return refuse(Code.NOT_PLACED, "该银行尚无生效的规则版本。The bank has no policy in force.", "bank_id")
    if account.agency_id != policy.policy.agency_id:
        return refuse(
            Code.NOT_PLACED, "账户委给了另一机构。The account is placed with another agency.", "account_number"
        )
    if facts.now_ms < account.start_ms:
        return refuse(Code.NOT_PLACED, "委案期尚未开始。The placement has not begun yet.", "account_number")
    return NOTHING


def case_recalled(facts: CaseFacts) -> Sequence[Verdict]:
    account = facts.account
    if account is None or not (account.recalled or facts.now_ms >= account.end_ms):
        return NOTHING
    return refuse(
        Code.CASE_RECALLED, "银行已退案或委案期满。The bank took the case back, or its term is over.", "account_number"
    )


def account_settled(facts: CaseFacts) -> Sequence[Verdict]:
    account = facts.account
    if account is None or not (account.settled or (account.balance_known and account.overdue_fen == 0)):
        return NOTHING
    return refuse(Code.ACCOUNT_SETTLED, "账户已无逾期金额。Nothing is overdue on the account.", "account_number")


def balance_unconfirmed(facts: CaseFacts) -> Sequence[Verdict]:
    account, policy = facts.account, facts.policy
    if account is None or policy is None:
        return NOTHING
    if amounts_are_fresh(account, policy, facts.feed_complete_through_ms, facts.now_ms):
        return NOTHING
    return park(
        Code.BALANCE_UNCONFIRMED,
        "银行金额或对账时点已过期，等待银行更新。The bank's amounts or feed are too old; waits for fresh ones.",
    )


def amounts_are_fresh(account: Any, policy: PolicyVersion, feed_complete_through_ms: int, now_ms: int) -> bool:
    """True if both the account's amounts and the bank's feed are as young as the policy asks."""
    oldest = now_ms - policy.policy.balance_max_age_minutes * MINUTE_MS
    return bool(account.balance_known and account.as_of_ms >= oldest and feed_complete_through_ms >= oldest)


def account_on_hold(facts: CaseFacts) -> Sequence[Verdict]:
    if not facts.holds:
        return NOTHING
    kinds = ", ".join(sorted(HoldKind.Name(kind).removeprefix("HOLD_KIND_") for kind in set(facts.holds)))
    return refuse(Code.ACCOUNT_ON_HOLD, f"账户已暂停（{kinds}）。The account is on hold.", "account_number")


def recipient_owes_nothing(facts: CaseFacts) -> Sequence[Verdict]:
    """THIRD_PARTY_DISCLOSURE by who the recipient is."""
    if facts.account is None or facts.role in MAY_BE_WRITTEN_TO:
        return NOTHING
    return refuse(
        Code.THIRD_PARTY_DISCLOSURE,
        "收件人不是债务人或担保人。The recipient is neither debtor nor guarantor.",
        "customer_id",
    )


def third_party_disclosure(facts: Facts) -> Sequence[Verdict]:
    found = recipient_owes_nothing(facts)
    if found or facts.account is None:
        return found
    if facts.phone_of_third_party:
        return refuse(Code.THIRD_PARTY_DISCLOSURE, "号码属于第三人。The number is a third party's.", "phone_number")
    return NOTHING


def phone_invalid(facts: Facts) -> Sequence[Verdict]:
    if facts.phone is None:
        return refuse(Code.PHONE_INVALID, "不是有效的手机号码。Not a mobile number of mainland China.", "phone_number")
    if facts.phone_dead:
        return refuse(Code.PHONE_INVALID, "号码已停用或空号。The number is not in service.", "phone_number")
    if facts.contact_status == "NOT_THIS_PERSON":
        return refuse(Code.PHONE_INVALID, "号码已证实为他人所有。The number is another person's.", "phone_number")
    return NOTHING


def contact_unverified(facts: Facts) -> Sequence[Verdict]:
    if facts.account is None or facts.phone is None or facts.phone_of_third_party:
        return NOTHING
    if facts.contact_status in ("RESERVED", "CONFIRMED", "NOT_THIS_PERSON"):
        return NOTHING
    return park(
        Code.CONTACT_UNVERIFIED,
        "号码非银行预留、未经本人确认，等待核实。Neither reserved with the bank nor confirmed; waits for evidence.",
        "phone_number",
    )


def do_not_contact(facts: CaseFacts) -> Sequence[Verdict]:
    if not facts.marks:
        return NOTHING
    reasons = ", ".join(
        sorted(NoContactReason.Name(mark).removeprefix("NO_CONTACT_REASON_") for mark in set(facts.marks))
    )
    return refuse(Code.DO_NOT_CONTACT, f"禁止联系（{reasons}）。Marked as not to be contacted.")


def template_not_approved(facts: Facts) -> Sequence[Verdict]:
    template, code, field = facts.template, Code.TEMPLATE_NOT_APPROVED, "template_name"
    if template is None:
        return refuse(code, "无已批准且生效的模板版本。No approved version of this name is in force.", field)
    if facts.pinned_digest and facts.pinned_digest != template.digest:
        return refuse(code, "指定的版本不是现行版本。The pinned version is not the one in force.", "template_digest")
    if template.state == SUSPENDED:
        reason = "模板已暂停使用。The template is suspended."
        return park(code, reason, field) if facts.at_permit else refuse(code, reason, field)
    if template.state != APPROVED or facts.template_superseded:
        return refuse(code, "该版本未批准或已失效。The version is not approved, or no longer in force.", field)
    return NOTHING


def template_not_filed(facts: Facts) -> Sequence[Verdict]:
    return refuse(Code.TEMPLATE_NOT_FILED, facts.filing_problem, "template_name") if facts.filing_problem else NOTHING


def identity_missing(facts: Facts) -> Sequence[Verdict]:
    return refuse(Code.IDENTITY_MISSING, facts.identity_problem, "template_name") if facts.identity_problem else NOTHING


def variable_invalid(facts: CaseFacts) -> Sequence[Verdict]:
    return [
        Verdict(Code.VARIABLE_INVALID, Effect.REFUSE, reason, f"variables[{name}]")
        for name, reason in facts.value_problems
    ]


def quiet_hours(facts: Facts) -> Sequence[Verdict]:
    if facts.policy is None or facts.agreed_to_quiet_hours:
        return NOTHING
    opens = next_opening(facts.now_ms, facts.policy)
    if opens == facts.now_ms:
        if not facts.at_permit:
            return NOTHING
        latest = facts.now_ms + SEND_WITHIN_MS
        opens = next_opening(latest, facts.policy)
        if opens == latest:
            return NOTHING
    return (
        Verdict(
            Code.QUIET_HOURS,
            Effect.WAIT,
            "现为免打扰时段，顺延至允许时间。Quiet hours; waits for their end.",
            until_ms=opens,
        ),
    )


def frequency_cap(facts: Facts) -> Sequence[Verdict]:
    if facts.policy is None:
        return NOTHING
    until = max(own_cap_until(facts), all_banks_cap_until(facts))
    if until <= facts.now_ms:
        return NOTHING
    return (
        Verdict(
            Code.FREQUENCY_CAP,
            Effect.WAIT,
            "联系次数已达上限，顺延。The cap on messages is reached; waits.",
            until_ms=until,
        ),
    )


RULES: tuple[Callable[[Facts], Sequence[Verdict]], ...] = (
    operator_missing,
    not_placed,
    case_recalled,
    account_settled,
    balance_unconfirmed,
    account_on_hold,
    third_party_disclosure,
    phone_invalid,
    contact_unverified,
    do_not_contact,
    template_not_approved,
    template_not_filed,
    identity_missing,
    variable_invalid,
    quiet_hours,
    frequency_cap,
)


def evaluate(facts: Facts) -> list[Verdict]:
    """Every verdict of every rule."""
    verdicts: list[Verdict] = []
    for rule in RULES:
        found = rule(facts)
        if found:
            verdicts.extend(found)
    return verdicts


def due_ms(verdicts: Sequence[Verdict], facts: Facts, not_before_ms: int) -> int:
    """When an admitted message becomes due by the waits among the verdicts, never inside the quiet hours."""
    due = max(facts.now_ms, not_before_ms)
    if verdicts:
        due = max([due, *(v.until_ms for v in verdicts if v.effect is Effect.WAIT)])
    if facts.policy is None or facts.agreed_to_quiet_hours:
        return due
    return next_opening(due, facts.policy)


def own_cap_until(facts: Facts) -> int:
    """The first moment at which this bank's caps for the person allow one more; 0 if they do now."""
    policy = facts.policy
    if policy is None:
        return 0
    caps, sends, now = policy.policy, sorted(facts.own_sends_ms), facts.now_ms
    if not sends and caps.sms_per_day and caps.sms_per_seven_days:
        return 0
    until = 0
    if sends:
        until = sends[-1] + caps.sms_gap_minutes * MINUTE_MS
    start, end = local_day(now, caps.time_zone)
    if sum(1 for sent in sends if sent >= start) >= caps.sms_per_day:
        until = max(until, end)
    week = [sent for sent in sends if sent > now - 7 * DAY_MS]
    if len(week) >= caps.sms_per_seven_days:
        until = max(until, week[-caps.sms_per_seven_days] + 7 * DAY_MS if caps.sms_per_seven_days else now + 7 * DAY_MS)
    return until if until > now else 0


def all_banks_cap_until(facts: Facts) -> int:
    """The same for the ceiling over all banks: 4 a day and 2 an hour."""
    if facts.policy is None or not facts.all_sends_ms:
        return 0
    sends, now = sorted(facts.all_sends_ms), facts.now_ms
    until = 0
    start, end = local_day(now, facts.policy.policy.time_zone)
    if sum(1 for sent in sends if sent >= start) >= ALL_BANKS_PER_DAY:
        until = end
    hour = [sent for sent in sends if sent > now - HOUR_MS]
    if len(hour) >= ALL_BANKS_PER_HOUR:
        until = max(until, hour[-ALL_BANKS_PER_HOUR] + HOUR_MS)
    return until


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _local_midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)


@lru_cache(maxsize=4096)
def _day_of_hour(hour: int, time_zone: str) -> tuple[int, int]:
    local = datetime.fromtimestamp(hour * 3600, UTC).astimezone(_zone(time_zone))
    start = _local_midnight(local)
    end = _local_midnight(start.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=_zone(time_zone))
    return int(start.timestamp() * 1000), int(end.timestamp() * 1000)


def local_day(now_ms: int, time_zone: str) -> tuple[int, int]:
    """Start and end (milliseconds) of the calendar day in a time zone."""
    start, end = _day_of_hour(now_ms // HOUR_MS, time_zone)
    # Zones with offsets of a half hour begin their day inside an hour.
    return _day_of_hour(end // HOUR_MS + 1, time_zone) if now_ms >= end else (start, end)


@lru_cache(maxsize=4096)
def _at_minute(day_start_ms: int, minute: int, time_zone: str) -> int:
    """When the wall clock shows the minute of the day: not as many minutes after midnight where clocks change."""
    midnight = _local_midnight(datetime.fromtimestamp(day_start_ms / 1000, _zone(time_zone)))
    return int((midnight + timedelta(minutes=minute)).timestamp() * 1000)


def next_mail_cutoff(now_ms: int, policy: PolicyVersion) -> int:
    """The next moment after which a letter goes by another day's post."""
    minute, zone = policy.policy.mail_cutoff_minute, policy.policy.time_zone
    start, end = local_day(now_ms, zone)
    today = _at_minute(start, minute, zone)
    return today if now_ms < today else _at_minute(end, minute, zone)


def next_opening(now_ms: int, policy: PolicyVersion) -> int:
    """The first moment from now on that lies inside the bank's contact window."""
    window = policy.policy
    return _opening(now_ms, window.contact_from_minute, window.contact_until_minute, window.time_zone)


@lru_cache(maxsize=1024)  # a group of messages is judged at one moment
def _opening(now_ms: int, from_minute: int, until_minute: int, time_zone: str) -> int:
    start, end = local_day(now_ms, time_zone)
    opens = _at_minute(start, from_minute, time_zone)
    if now_ms < opens:
        return opens
    if now_ms < _at_minute(start, until_minute, time_zone):
        return now_ms
    return _at_minute(end, from_minute, time_zone)
