"""Each rule about letters on both sides of each of its edges. Addresses are read and judged by the real screening."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from approval_service import letter_rules
from approval_service.letter_rules import BadMark, EarlierLetter, LetterFacts, evaluate
from approval_service.rules import DAY_MS, Effect, Verdict
from approval_service.screening.address import Finding, judge, read
from outreach.domain.codes import Code
from outreach.v1.bank_service_pb2 import Party
from outreach.v1.hold_service_pb2 import BadAddressReason, HoldKind, NoContactReason
from outreach.v1.letter_version_service_pb2 import LetterVersion
from outreach.v1.outreach_service_pb2 import CallOutcome
from outreach.v1.policy_service_pb2 import Policy, PolicyVersion
from outreach.v1.template_service_pb2 import TemplateState

NOON = 1_795_492_800_000
GOOD = "浙江省杭州市西湖区文三路18号3幢402室"
CAMPUS = "浙江省杭州市西湖区浙江大学"


def policy(**changes: Any) -> PolicyVersion:
    thresholds: dict[str, Any] = {
        "agency_id": "agency",
        "time_zone": "Asia/Shanghai",
        "balance_max_age_minutes": 1440,
        "letter_gap_days": 30,
        "letter_minimum_fen": 50_000,
        "letter_minimum_inclusive": True,
        "care_amount_fen": 60_000,
        "letter_needs_prior_call": True,
        "prior_call_must_be_answered": False,
    }
    return PolicyVersion(version=1, policy=Policy(**(thresholds | changes)))


def account(**changes: Any) -> SimpleNamespace:
    columns = {
        "agency_id": "agency",
        "start_ms": NOON - DAY_MS,
        "end_ms": NOON + 90 * DAY_MS,
        "recalled": False,
        "settled": False,
        "balance_known": True,
        "as_of_ms": NOON,
        "overdue_fen": 60_001,
    }
    return SimpleNamespace(**(columns | changes))


def version(state: TemplateState.ValueType = TemplateState.TEMPLATE_STATE_APPROVED) -> LetterVersion:
    return LetterVersion(digest="d" * 64, state=state)


def screened(address: str, *, verified: bool = False) -> list[Finding]:
    return judge(read(address), verified=verified)


def bad(reason: BadAddressReason.ValueType, *, for_everybody: bool = False) -> BadMark:
    return BadMark(reason, for_everybody)


def facts(**changes: Any) -> LetterFacts:
    """Facts of a letter that may be printed, with changes."""
    known: dict[str, Any] = {
        "now_ms": NOON,
        "at_permit": False,
        "employee_active": True,
        "policy": policy(),
        "account": account(),
        "role": Party.ROLE_DEBTOR,
        "marks": (),
        "holds": (),
        "pinned_digest": "",
        "value_problems": (),
        "feed_complete_through_ms": NOON,
        "version": version(),
        "version_superseded": False,
        "address_findings": screened(GOOD),
        "address_status": "RESERVED",
        "address_of_third_party": False,
        "bad_marks": (),
        "call_ms": NOON - DAY_MS,
        "call_outcome": CallOutcome.CALL_OUTCOME_NOT_ANSWERED,
        "earlier_letters": (),
        "has_quantity": True,
        "care_released": False,
    }
    return LetterFacts(**(known | changes))


def found(one: LetterFacts) -> dict[str, str]:
    return {str(verdict.code): verdict.effect.name for verdict in evaluate(one)}


REFUSED: dict[str, tuple[dict[str, Any], Code]] = {
    "no employee": ({"employee_active": False}, Code.OPERATOR_MISSING),
    "never placed": ({"account": None}, Code.NOT_PLACED),
    "no policy": ({"policy": None}, Code.NOT_PLACED),
    "another agency's": ({"account": account(agency_id="other")}, Code.NOT_PLACED),
    "recalled": ({"account": account(recalled=True)}, Code.CASE_RECALLED),
    "settled": ({"account": account(settled=True)}, Code.ACCOUNT_SETTLED),
    "on hold": ({"holds": [HoldKind.HOLD_KIND_DEATH]}, Code.ACCOUNT_ON_HOLD),
    "a third party": ({"role": Party.ROLE_THIRD_PARTY}, Code.THIRD_PARTY_DISCLOSURE),
    "a third party's address": ({"address_of_third_party": True, "address_status": ""}, Code.THIRD_PARTY_DISCLOSURE),
    "marked": ({"marks": [NoContactReason.NO_CONTACT_REASON_REFUSAL]}, Code.DO_NOT_CONTACT),
    "bad value": ({"value_problems": [("line", "is missing")]}, Code.VARIABLE_INVALID),
    "no version": ({"version": None}, Code.LETTER_NOT_AUTHORIZED),
    "another version pinned": ({"pinned_digest": "e" * 64}, Code.LETTER_NOT_AUTHORIZED),
    "only reviewed": ({"version": version(TemplateState.TEMPLATE_STATE_REVIEWED)}, Code.LETTER_NOT_AUTHORIZED),
    "retired": ({"version": version(TemplateState.TEMPLATE_STATE_RETIRED)}, Code.LETTER_NOT_AUTHORIZED),
    "superseded": ({"version_superseded": True}, Code.LETTER_NOT_AUTHORIZED),
    "suspended at the door": (
        {"version": version(TemplateState.TEMPLATE_STATE_SUSPENDED), "at_permit": False},
        Code.LETTER_NOT_AUTHORIZED,
    ),
    "one fen below the minimum": (
        {"account": account(overdue_fen=49_999), "care_released": True},
        Code.BELOW_MINIMUM_AMOUNT,
    ),
    "the minimum where it must be exceeded": (
        {
            "account": account(overdue_fen=50_000),
            "policy": policy(letter_minimum_inclusive=False),
            "care_released": True,
        },
        Code.BELOW_MINIMUM_AMOUNT,
    ),
    "no call": ({"call_ms": 0}, Code.NO_PRIOR_CALL),
    "a call to come": ({"call_ms": NOON + 1}, Code.NO_PRIOR_CALL),
    "a call that nobody answered": ({"policy": policy(prior_call_must_be_answered=True)}, Code.NO_PRIOR_CALL),
    "only district and number": ({"address_findings": screened("西湖区18号")}, Code.ADDRESS_INCOMPLETE),
    "only road and room": ({"address_findings": screened("文三路402室")}, Code.ADDRESS_INCOMPLETE),
    "a court": (
        {"address_findings": screened("浙江省杭州市西湖区文三路18号西湖区人民法院")},
        Code.ADDRESS_SENSITIVE,
    ),
    "a whole university": ({"address_findings": screened(CAMPUS)}, Code.ADDRESS_BROAD),
    "a city in another province": (
        {"address_findings": screened("江苏省杭州市西湖区文三路18号3幢402室")},
        Code.ADDRESS_UNDELIVERABLE,
    ),
    "no such address": (
        {"bad_marks": [bad(BadAddressReason.BAD_ADDRESS_REASON_NO_SUCH_ADDRESS, for_everybody=True)]},
        Code.ADDRESS_KNOWN_BAD,
    ),
    "moved": ({"bad_marks": [bad(BadAddressReason.BAD_ADDRESS_REASON_MOVED)]}, Code.ADDRESS_KNOWN_BAD),
}


@pytest.mark.parametrize("at_permit", [False, True])
@pytest.mark.parametrize(("changes", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_refused(changes: dict[str, Any], code: Code, at_permit: bool) -> None:
    """What a rule forbids is refused by that rule alone, at the door and again at the permit, in words for a person."""
    verdicts = evaluate(facts(**{"at_permit": at_permit} | changes))
    assert {(verdict.code, verdict.effect) for verdict in verdicts} == {(code, Effect.REFUSE)}
    assert all(verdict.reason for verdict in verdicts)


PARKED: dict[str, tuple[dict[str, Any], Code]] = {
    "amounts too old": ({"account": account(as_of_ms=NOON - DAY_MS - 1)}, Code.BALANCE_UNCONFIRMED),
    "feed too old": ({"feed_complete_through_ms": NOON - DAY_MS - 1}, Code.BALANCE_UNCONFIRMED),
    "amounts unknown": ({"account": account(balance_known=False, overdue_fen=0)}, Code.BALANCE_UNCONFIRMED),
    "an address from elsewhere": ({"address_status": ""}, Code.CONTACT_UNVERIFIED),
    "an amount to be handled with care": ({"account": account(overdue_fen=60_000)}, Code.CARE_AMOUNT),
    "no quantity": ({"has_quantity": False}, Code.QUANTITY_NOT_APPROVED),
    "suspended at the permit": (
        {"version": version(TemplateState.TEMPLATE_STATE_SUSPENDED), "at_permit": True},
        Code.LETTER_NOT_AUTHORIZED,
    ),
}


@pytest.mark.parametrize(("changes", "code"), PARKED.values(), ids=PARKED.keys())
def test_parked(changes: dict[str, Any], code: Code) -> None:
    """What somebody must mend waits without a time."""
    assert found(facts(**changes)) == {code: "PARK"}


ALLOWED: dict[str, dict[str, Any]] = {
    "nothing against it": {},
    "at the permit": {"at_permit": True},
    "a guarantor": {"role": Party.ROLE_GUARANTOR},
    "a confirmed address": {"address_status": "CONFIRMED"},
    "the version in force pinned": {"pinned_digest": "d" * 64},
    "exactly the minimum": {"account": account(overdue_fen=50_000), "care_released": True},
    "above an exclusive minimum": {
        "account": account(overdue_fen=50_001),
        "policy": policy(letter_minimum_inclusive=False),
        "care_released": True,
    },
    "released with care": {"account": account(overdue_fen=60_000), "care_released": True},
    "no handling with care": {"account": account(overdue_fen=50_000), "policy": policy(care_amount_fen=0)},
    "a call just now": {"call_ms": NOON},
    "an answered call": {
        "policy": policy(prior_call_must_be_answered=True),
        "call_outcome": CallOutcome.CALL_OUTCOME_ANSWERED,
    },
    "a bank that needs no call": {"policy": policy(letter_needs_prior_call=False), "call_ms": 0},
    "a compound with block and room": {"address_findings": screened("杭州市西湖区桂花城3栋2单元401")},
    "a home in a street named after a court": {"address_findings": screened("法院路12号3栋402室")},
    "a wide place with evidence": {"address_findings": screened(CAMPUS, verified=True)},
    "a precise point inside a wide place": {"address_findings": screened(f"{CAMPUS}5号宿舍楼402室")},
    "the last letter just long enough ago": {"earlier_letters": [EarlierLetter(NOON - 30 * DAY_MS)]},
}


@pytest.mark.parametrize("changes", ALLOWED.values(), ids=ALLOWED.keys())
def test_allowed(changes: dict[str, Any]) -> None:
    """On the near side of each edge nothing is found."""
    assert found(facts(**changes)) == {}


def cap(*earlier: EarlierLetter) -> Verdict:
    (verdict,) = evaluate(facts(earlier_letters=earlier))
    assert (verdict.code, verdict.effect) == (Code.FREQUENCY_CAP, Effect.WAIT)
    return verdict


def test_letters_about_an_account_keep_their_distance() -> None:
    """The next one waits until 30 days after the latest was mailed."""
    assert cap(EarlierLetter(NOON - 29 * DAY_MS), EarlierLetter(NOON - 5 * DAY_MS)).until_ms == NOON + 25 * DAY_MS


def test_a_letter_in_print_holds_the_next_one_back() -> None:
    """It may be mailed or pulled at any time: the next one is looked at again in a day."""
    assert cap(EarlierLetter(0)).until_ms == NOON + DAY_MS


def test_all_rules_are_evaluated() -> None:
    """A letter learns everything that is wrong with it at once."""
    wrong: dict[str, Any] = {}
    for name in ("no employee", "recalled", "on hold", "a third party", "marked", "no version", "no call", "moved"):
        wrong |= REFUSED[name][0]
    wrong |= {"address_findings": screened("江苏省杭州市西湖区"), "has_quantity": False}
    assert {
        Code.OPERATOR_MISSING,
        Code.CASE_RECALLED,
        Code.ACCOUNT_ON_HOLD,
        Code.THIRD_PARTY_DISCLOSURE,
        Code.DO_NOT_CONTACT,
        Code.LETTER_NOT_AUTHORIZED,
        Code.NO_PRIOR_CALL,
        Code.ADDRESS_KNOWN_BAD,
        Code.ADDRESS_UNDELIVERABLE,
        Code.ADDRESS_INCOMPLETE,
        Code.QUANTITY_NOT_APPROVED,
    } == set(found(facts(**wrong)))


def test_an_address_finding_tells_where_it_is_without_saying_it() -> None:
    """The reason counts characters: the address itself stays out of decisions."""
    (verdict,) = letter_rules.address_broad(facts(address_findings=screened(CAMPUS)))
    assert "浙江大学" not in verdict.reason
    assert verdict.reason.startswith("第 ")
