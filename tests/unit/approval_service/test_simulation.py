"""Past requests judged anew, without any database: what the rules say of what is known, and what cannot be told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from approval_service.letter_rules import EarlierLetter
from approval_service.rules import DAY_MS, HOUR_MS, MINUTE_MS
from approval_service.simulation.counts import NAMED, ChannelCounts
from approval_service.simulation.history import LetterHistory, Send, SmsHistory
from approval_service.simulation.judging import DECIDED, THRESHOLDS, Sends
from approval_service.simulation.letters import LetterJudging
from approval_service.simulation.past import (
    BLOCKED,
    HELD,
    LET_THROUGH,
    UNKNOWN,
    WITHDRAWN,
    Become,
    Detour,
    Past,
    Version,
    happened,
)
from approval_service.simulation.replay import Replay
from approval_service.simulation.sms import SmsJudging
from outreach.domain import states
from outreach.v1.common_pb2 import Finding
from outreach.v1.outreach_service_pb2 import Channel
from outreach.v1.policy_service_pb2 import CarrierChoice, Policy, PolicyVersion
from outreach.v1.template_service_pb2 import Template, TemplateState
from tests.unit.approval_service.test_rules import NOON

LIFE = 7 * DAY_MS
BASE: dict[str, Any] = {
    "bank_name": "示例银行",
    "agency_id": "agency",
    "agency_name": "示例催收",
    "agency_must_be_named": True,
    "contact_from_minute": 480,
    "contact_until_minute": 1260,
    "time_zone": "Asia/Shanghai",
    "sms_per_day": 1,
    "sms_per_seven_days": 3,
    "sms_gap_minutes": 1440,
    "balance_max_age_minutes": 1440,
    "request_lifetime_minutes": 7 * 1440,
    "letter_gap_days": 30,
    "letter_minimum_inclusive": True,
}


def policy(version: int = 1, **changes: Any) -> PolicyVersion:
    carriers = [CarrierChoice(carrier_id="c")]
    return PolicyVersion(version=version, policy=Policy(**({"carriers": carriers} | BASE | changes)))


THEN = policy()
TEMPLATE = Template(digest="d", state=TemplateState.TEMPLATE_STATE_APPROVED)
TEMPLATE.content.signature, TEMPLATE.content.text = "示例银行", "示例催收受示例银行委托。"


def past(**changes: Any) -> Past:
    """An SMS that was let through at noon and left at once."""
    created_ms = changes.get("created_ms", NOON)
    fields: dict[str, Any] = {
        "outreach_id": "o1",
        "channel": Channel.CHANNEL_SMS,
        "created_ms": created_ms,
        "not_before_ms": 0,
        "not_after_ms": created_ms + LIFE,
        "state": states.DELIVERED,
        "codes": (),
        "findings": [],
        "due_ms": created_ms,
        "then": THEN,
        "account_known": True,
        "version": Version(TEMPLATE, (), NOON - 30 * DAY_MS),
        "amounts_ms": created_ms,
        "overdue_fen": None,
        "agreed_to_quiet_hours": False,
        "detours": (),
        "left_ms": created_ms,
        "identity": "i",
        "phone_hash": "p",
    }
    return Past(**(fields | changes))


def replayed(
    draft: PolicyVersion, *pasts: Past, sent: tuple[Send, ...] = (), until: int = NOON + 30 * DAY_MS
) -> dict[str, Become]:
    replay = Replay(SmsJudging(draft, lambda _: THEN), SmsHistory(sent), until)
    for one in pasts:
        replay.add(one)
    return {one.outreach_id: become for one, become in replay.run()}


def test_every_threshold_that_a_rule_reads_is_known_here() -> None:
    """A new threshold of a policy needs a word on which rule it decides."""
    read = {name for name in Policy.DESCRIPTOR.fields_by_name if any(_differs(name, code) for code in THRESHOLDS)}
    by_time = {"contact_from_minute", "contact_until_minute", "time_zone", "sms_per_day", "sms_per_seven_days"}
    by_time |= {"sms_gap_minutes", "letter_gap_days"}
    decides_no_request = {"retention_days", "mail_cutoff_minute", "mailroom_camera_allowed"}
    assert read | by_time | decides_no_request | {"request_lifetime_minutes"} == set(Policy.DESCRIPTOR.fields_by_name)


def _differs(name: str, code: str) -> bool:
    first, second = policy().policy, policy().policy
    field = Policy.DESCRIPTOR.fields_by_name[name]
    if name == "carriers":
        second.carriers[0].carrier_id = "d"
    elif field.is_repeated:
        getattr(second, name).append(7 if field.cpp_type == field.CPPTYPE_INT32 else "95500")
    elif field.cpp_type == field.CPPTYPE_BOOL:
        setattr(second, name, not getattr(first, name))
    elif field.cpp_type == field.CPPTYPE_STRING:
        setattr(second, name, "other")
    else:
        setattr(second, name, int(not getattr(first, name)))
    return bool(THRESHOLDS[code](first) != THRESHOLDS[code](second))


@pytest.mark.parametrize(
    ("changes", "outcome", "codes"),
    [
        ({}, LET_THROUGH, set()),
        ({"contact_until_minute": 720}, HELD, {"QUIET_HOURS"}),
        ({"agency_name": "另一机构"}, BLOCKED, {"IDENTITY_MISSING"}),
        ({"agency_name": "另一机构", "agency_must_be_named": False}, LET_THROUGH, set()),
        ({"approval_life_days": 30}, BLOCKED, {"TEMPLATE_NOT_APPROVED"}),
        ({"approval_life_days": 31}, LET_THROUGH, set()),
    ],
)
def test_a_message_by_each_threshold(changes: dict[str, Any], outcome: int, codes: set[str]) -> None:
    """Under the draft alone, whatever happened to it."""
    become = replayed(policy(2, **changes), past())["o1"]
    assert become == Become(become.outcome, frozenset(codes))
    assert become.outcome == outcome


def test_what_cannot_be_told() -> None:
    """Another agency's placements, a carrier's copy, a version approved anew since, an erased person's values."""
    assert replayed(policy(2, agency_id="other"), past())["o1"] == Become(
        UNKNOWN, frozenset(), frozenset({"NOT_PLACED"})
    )
    renders = [CarrierChoice(carrier_id="c", renders_registered_copy=True)]
    assert replayed(policy(2, carriers=renders), past())["o1"].unknown == {"TEMPLATE_NOT_FILED"}
    renewed = past(version=Version(TEMPLATE, (), NOON + 1))
    assert replayed(policy(2, approval_life_days=365), renewed)["o1"].unknown == {"TEMPLATE_NOT_APPROVED"}
    stale = past(amounts_ms=NOON - 23 * HOUR_MS)
    assert replayed(policy(2, contact_from_minute=840), stale)["o1"].outcome == HELD
    assert replayed(policy(2, contact_from_minute=840), stale)["o1"].unknown == {"BALANCE_UNCONFIRMED"}


def test_whom_it_cannot_be_told_of_has_uncertain_caps() -> None:
    """The next message to the same person cannot be told either; the one to somebody else can."""
    renewed = past(version=Version(TEMPLATE, (), NOON + 1))
    next_one = past(outreach_id="o2", created_ms=NOON + HOUR_MS)
    told = replayed(policy(2, approval_life_days=365), renewed, next_one)
    assert told["o2"] == Become(UNKNOWN, frozenset(), frozenset({"FREQUENCY_CAP"}))
    assert replayed(policy(2, approval_life_days=365), next_one)["o2"].outcome == LET_THROUGH


def test_the_cap_counts_what_would_have_left_by_the_draft() -> None:
    """Two on one day: the second waits under the draft; with the first blocked, it does not."""
    looser = policy(1, sms_per_day=4, sms_gap_minutes=30)
    pasts = [past(then=looser), past(outreach_id="o2", created_ms=NOON + HOUR_MS, then=looser)]
    assert replayed(policy(2), *pasts)["o2"] == Become(HELD, frozenset({"FREQUENCY_CAP"}))
    blocked = replace(pasts[0], version=None, findings=[Finding(code="TEMPLATE_NOT_APPROVED")])
    assert replayed(policy(2), blocked, pasts[1])["o2"].outcome == LET_THROUGH


@pytest.mark.parametrize(("own", "codes"), [(True, {"FREQUENCY_CAP"}), (False, set())])
def test_other_banks_count_only_toward_the_cap_over_all_banks(own: bool, codes: set[str]) -> None:
    """One message an hour ago: too soon if it was this bank's; two of any bank within the hour are too many."""
    sent = Send("a1", "i", "q", own, NOON - 10 * MINUTE_MS)
    assert replayed(policy(2), past(), sent=(sent,))["o1"].codes == codes
    two = (sent, sent._replace(attempt_id="a2"))
    assert replayed(policy(2), past(), sent=two)["o1"].codes == {"FREQUENCY_CAP"}


def test_what_ended_a_request_ends_it_by_the_draft_unless_it_left_before() -> None:
    """Cancelled by a hold in the night: held until then by the old hours, gone before by the draft's."""
    quiet = Finding(code="QUIET_HOURS", waits=True)
    evening = NOON + 7 * HOUR_MS
    waited = past(
        created_ms=evening,
        then=policy(1, contact_until_minute=1080),
        findings=[quiet],
        due_ms=evening + 13 * HOUR_MS,
        state=states.CANCELLED,
        detours=[Detour(evening + HOUR_MS, states.CANCELLED, ("ACCOUNT_ON_HOLD",), None)],
        left_ms=None,
    )
    assert happened(waited, DECIDED) == Become(WITHDRAWN, frozenset({"ACCOUNT_ON_HOLD"}))
    assert replayed(policy(2, contact_until_minute=1080), waited)["o1"].outcome == WITHDRAWN
    assert replayed(policy(2), waited)["o1"].outcome == LET_THROUGH


def test_a_request_that_waits_longer_than_the_draft_allows_is_refused() -> None:
    """One that asked for no time is cut short instead."""
    short = policy(2, request_lifetime_minutes=1440)
    assert replayed(short, past())["o1"].outcome == LET_THROUGH
    assert replayed(short, past(not_after_ms=NOON + 3 * DAY_MS))["o1"].codes == {"NOT_AFTER"}
    assert replayed(short, past(not_after_ms=NOON + DAY_MS))["o1"].outcome == LET_THROUGH


def test_letters_count_from_their_mailing_and_those_in_print_a_day_at_a_time() -> None:
    """A letter does not count against itself."""
    history = LetterHistory([("x", NOON - 40 * DAY_MS, NOON - 31 * DAY_MS), ("y", NOON - DAY_MS, 0)])
    one = past(outreach_id="z", channel=Channel.CHANNEL_LETTER, left_ms=NOON, mailed_ms=NOON + DAY_MS)
    assert history.before(one, NOON).letters == [EarlierLetter(NOON - 31 * DAY_MS), EarlierLetter(0)]
    history.add(one, NOON + HOUR_MS)
    assert EarlierLetter(NOON + HOUR_MS + DAY_MS) not in history.before(one, NOON + 3 * DAY_MS).letters
    other = past(outreach_id="w", channel=Channel.CHANNEL_LETTER)
    assert EarlierLetter(NOON + HOUR_MS + DAY_MS) in history.before(other, NOON + 3 * DAY_MS).letters


def test_a_letter_that_may_have_been_mailed_makes_the_next_one_unsure() -> None:
    """With one more just mailed the gap would hold it: it cannot be told."""
    one = past(channel=Channel.CHANNEL_LETTER, version=None, overdue_fen=1, findings=[])
    judged = LetterJudging(policy(2), lambda _: THEN).door(one, Sends(unsure=True))
    assert judged.verdicts == []
    assert judged.unknown == {"FREQUENCY_CAP"}


def test_changes_are_counted_and_a_few_named() -> None:
    """Of an unknown outcome no code is called added or removed."""
    counts = ChannelCounts()
    for number in range(NAMED + 5):
        counts.add(f"o{number}", Become(LET_THROUGH, frozenset()), Become(HELD, frozenset({"QUIET_HOURS"})))
    counts.add("u", Become(HELD, frozenset({"QUIET_HOURS"})), Become(UNKNOWN, frozenset(), frozenset({"NOT_PLACED"})))
    made = counts.message(Channel.CHANNEL_SMS)
    assert made.requests == NAMED + 6
    assert [(cell.would, cell.requests, len(cell.outreach_ids)) for cell in made.cells] == [
        (HELD, NAMED + 5, NAMED),
        (UNKNOWN, 1, 1),
    ]
    by_code = {one.code: (one.happened, one.would, one.added, one.removed, one.unknown) for one in made.codes}
    assert by_code == {"QUIET_HOURS": (1, NAMED + 5, NAMED + 5, 0, 0), "NOT_PLACED": (0, 0, 0, 0, 1)}
