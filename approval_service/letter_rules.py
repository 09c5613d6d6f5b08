"""The rules of docs/rules.md that concern a letter: values in, verdicts out. All run at the door and at each permit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from approval_service import rules
from approval_service.rules import APPROVED, DAY_MS, NOTHING, SUSPENDED, CaseFacts, Effect, Verdict, park, refuse
from approval_service.screening.address import Finding
from outreach.domain.codes import Code
from outreach.v1.hold_service_pb2 import BadAddressReason
from outreach.v1.letter_version_service_pb2 import LetterVersion
from outreach.v1.outreach_service_pb2 import CallOutcome
from outreach.v1.policy_service_pb2 import PolicyVersion


@dataclass(frozen=True, slots=True)
class EarlierLetter:
    """Another letter about the account that may have left, or may yet."""

    mailed_ms: int
    """0 while it is in print: nobody can tell when it is mailed."""


@dataclass(frozen=True, slots=True)
class BadMark:
    """One known-bad mark on the address, of this person or of everybody."""

    reason: BadAddressReason.ValueType
    for_everybody: bool


@dataclass(slots=True)
class LetterFacts(CaseFacts):
    """All that the rules look at, for one letter to one person."""

    version: LetterVersion | None
    version_superseded: bool
    address_findings: Sequence[Finding]
    """What the screening says of the address, verified evidence taken into account."""
    address_status: str
    """RESERVED, CONFIRMED or empty."""
    address_of_third_party: bool
    bad_marks: Sequence[BadMark]
    call_ms: int
    """When the first call was made; 0 for none."""
    call_outcome: CallOutcome.ValueType
    earlier_letters: Sequence[EarlierLetter]
    has_quantity: bool
    care_released: bool


def third_party_disclosure(facts: LetterFacts) -> Sequence[Verdict]:
    found = rules.recipient_owes_nothing(facts)
    if found or not facts.address_of_third_party:
        return found
    return refuse(Code.THIRD_PARTY_DISCLOSURE, "地址属于第三人。The address is a third party's.", "address")


def contact_unverified(facts: LetterFacts) -> Sequence[Verdict]:
    if facts.account is None or facts.address_status or facts.address_of_third_party:
        return NOTHING
    return park(
        Code.CONTACT_UNVERIFIED,
        "地址非银行预留、未经本人确认，等待核实。Neither reserved with the bank nor confirmed; waits for evidence.",
        "address",
    )


def letter_not_authorized(facts: LetterFacts) -> Sequence[Verdict]:
    version, code, field = facts.version, Code.LETTER_NOT_AUTHORIZED, "letter_name"
    if version is None:
        return refuse(code, "无已授权且生效的函件版本。No authorized version of this name is in force.", field)
    if facts.pinned_digest and facts.pinned_digest != version.digest:
        return refuse(code, "指定的版本不是现行版本。The pinned version is not the one in force.", "version_digest")
    if version.state == SUSPENDED:
        reason = "函件版本已暂停使用。The version is suspended."
        return park(code, reason, field) if facts.at_permit else refuse(code, reason, field)
    if version.state != APPROVED or facts.version_superseded:
        return refuse(code, "该版本未获授权或已失效。The version is not authorized, or no longer in force.", field)
    return NOTHING


def reaches_minimum(overdue_fen: int, policy: PolicyVersion) -> bool:
    """True if the debt is large enough for a letter."""
    minimum = policy.policy.letter_minimum_fen
    return overdue_fen >= minimum if policy.policy.letter_minimum_inclusive else overdue_fen > minimum


def below_minimum_amount(facts: LetterFacts) -> Sequence[Verdict]:
    account, policy = facts.account, facts.policy
    if account is None or policy is None or not account.balance_known:
        return NOTHING
    if reaches_minimum(account.overdue_fen, policy):
        return NOTHING
    return refuse(
        Code.BELOW_MINIMUM_AMOUNT,
        "逾期金额未达到寄发函件的下限。The debt is below the bank's minimum for a letter.",
        "account_number",
    )


def care_amount(facts: LetterFacts) -> Sequence[Verdict]:
    account, policy = facts.account, facts.policy
    if account is None or policy is None or not account.balance_known or facts.care_released:
        return NOTHING
    limit = policy.policy.care_amount_fen
    if not limit or account.overdue_fen > limit:
        return NOTHING
    return park(
        Code.CARE_AMOUNT,
        "金额属于“审慎处理”范围，等待复核人放行。An amount to be handled with care: waits for a reviewer's release.",
        "account_number",
    )


def no_prior_call(facts: LetterFacts) -> Sequence[Verdict]:
    policy, code = facts.policy, Code.NO_PRIOR_CALL
    if policy is None or not policy.policy.letter_needs_prior_call:
        return NOTHING
    if not facts.call_ms:
        reason = "寄函前须有首次电联记录（时间、结果、录音编号）。Record the first call: time, outcome, recording."
        return refuse(code, reason, "prior_call")
    if facts.call_ms > facts.now_ms:
        return refuse(code, "电联时间在将来。The call lies in the future.", "prior_call.call_time")
    if policy.policy.prior_call_must_be_answered and facts.call_outcome != CallOutcome.CALL_OUTCOME_ANSWERED:
        return refuse(code, "该银行要求电话已接通。The bank requires that it was answered.", "prior_call.outcome")
    return NOTHING


def _screened(facts: LetterFacts, code: Code) -> Sequence[Verdict]:
    # A decision holds no personal data: the reason counts characters instead of repeating them.
    return [Verdict(code, Effect.REFUSE, _where(f), "address") for f in facts.address_findings if f.code == code]


def _where(finding: Finding) -> str:
    chinese, _, english = finding.why.partition(" · ")
    first, last = finding.start + 1, finding.end
    return f"第 {first}–{last} 字：{chinese} · characters {first}-{last}: {english}"


def address_incomplete(facts: LetterFacts) -> Sequence[Verdict]:
    return _screened(facts, Code.ADDRESS_INCOMPLETE)


def address_sensitive(facts: LetterFacts) -> Sequence[Verdict]:
    return _screened(facts, Code.ADDRESS_SENSITIVE)


def address_broad(facts: LetterFacts) -> Sequence[Verdict]:
    return _screened(facts, Code.ADDRESS_BROAD)


def address_undeliverable(facts: LetterFacts) -> Sequence[Verdict]:
    return _screened(facts, Code.ADDRESS_UNDELIVERABLE)


_BAD = {
    BadAddressReason.BAD_ADDRESS_REASON_DEMOLISHED: "已拆迁 · demolished",
    BadAddressReason.BAD_ADDRESS_REASON_NO_SUCH_ADDRESS: "无此地址 · no such address",
    BadAddressReason.BAD_ADDRESS_REASON_PERSON_UNKNOWN: "查无此人 · the person is not known there",
    BadAddressReason.BAD_ADDRESS_REASON_MOVED: "已迁移 · moved away",
    BadAddressReason.BAD_ADDRESS_REASON_REFUSED: "拒收 · refused",
    BadAddressReason.BAD_ADDRESS_REASON_RETURNED: "退信 · mail came back",
}


def address_known_bad(facts: LetterFacts) -> Sequence[Verdict]:
    if not facts.bad_marks:
        return NOTHING
    why = "；".join(dict.fromkeys(_BAD[mark.reason] for mark in facts.bad_marks))
    return refuse(Code.ADDRESS_KNOWN_BAD, f"该地址已有不良记录：{why}。History marks the address as bad.", "address")


def frequency_cap(facts: LetterFacts) -> Sequence[Verdict]:
    if facts.policy is None or not facts.earlier_letters:
        return NOTHING
    gap_ms = facts.policy.policy.letter_gap_days * DAY_MS
    # What is in print may be mailed at any time, or pulled: looked at again in a day.
    until = max(one.mailed_ms + gap_ms if one.mailed_ms else facts.now_ms + DAY_MS for one in facts.earlier_letters)
    if until <= facts.now_ms:
        return NOTHING
    reason = "该账户距上一封函件未满间隔，顺延。Too soon after the last letter about this account; waits."
    return (Verdict(Code.FREQUENCY_CAP, Effect.WAIT, reason, until_ms=until),)


def quantity_not_approved(facts: LetterFacts) -> Sequence[Verdict]:
    if facts.has_quantity:
        return NOTHING
    reason = "班组获批数量已用完或尚无批准，等待综合管理部批准。No approved quantity is left; waits for one."
    return park(Code.QUANTITY_NOT_APPROVED, reason, "letter_name")


RULES: tuple[Callable[[LetterFacts], Sequence[Verdict]], ...] = (
    rules.operator_missing,
    rules.not_placed,
    rules.case_recalled,
    rules.account_settled,
    rules.balance_unconfirmed,
    rules.account_on_hold,
    rules.do_not_contact,
    rules.variable_invalid,
    third_party_disclosure,
    contact_unverified,
    letter_not_authorized,
    below_minimum_amount,
    care_amount,
    no_prior_call,
    address_incomplete,
    address_sensitive,
    address_broad,
    address_undeliverable,
    address_known_bad,
    frequency_cap,
    quantity_not_approved,
)


def evaluate(facts: LetterFacts) -> list[Verdict]:
    """Every verdict of every rule."""
    return [verdict for rule in RULES for verdict in rule(facts)]


def due_ms(verdicts: Sequence[Verdict], now_ms: int, not_before_ms: int) -> int:
    """When an admitted letter may be printed, by the waits among the verdicts."""
    return max([now_ms, not_before_ms, *(v.until_ms for v in verdicts if v.effect is Effect.WAIT)])
