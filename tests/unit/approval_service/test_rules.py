"""Each rule on both sides of each of its edges."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approval_service import rules
from approval_service.rules import DAY_MS, HOUR_MS, MINUTE_MS, Effect, Facts, evaluate
from outreach.domain.codes import Code
from outreach.v1.bank_service_pb2 import Party
from outreach.v1.hold_service_pb2 import HoldKind, NoContactReason
from outreach.v1.policy_service_pb2 import Policy, PolicyVersion
from outreach.v1.template_service_pb2 import Template, TemplateState

SHANGHAI = "Asia/Shanghai"
ZONES = (SHANGHAI, "Asia/Kolkata", "Australia/Lord_Howe", "America/New_York", "America/Havana", "Europe/Berlin")


def ms(text: str, zone: str = SHANGHAI) -> int:
    """Milliseconds of a wall-clock time such as 2026-11-24 12:00."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def wall(moment_ms: int, zone: str) -> str:
    return (datetime.fromtimestamp(moment_ms // 1000, UTC).astimezone(ZoneInfo(zone))).strftime("%Y-%m-%d %H:%M")


NOON = ms("2026-11-24 12:00")


def policy(**changes: Any) -> PolicyVersion:
    thresholds: dict[str, Any] = {
        "agency_id": "agency",
        "contact_from_minute": 480,
        "contact_until_minute": 1260,
        "time_zone": SHANGHAI,
        "sms_per_day": 1,
        "sms_per_seven_days": 3,
        "sms_gap_minutes": 1440,
        "balance_max_age_minutes": 1440,
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
        "overdue_fen": 100,
    }
    return SimpleNamespace(**(columns | changes))


def template(state: TemplateState.ValueType = TemplateState.TEMPLATE_STATE_APPROVED) -> Template:
    return Template(digest="d" * 64, state=state)


def facts(**changes: Any) -> Facts:
    """Facts of a message that may leave, with changes."""
    known: dict[str, Any] = {
        "now_ms": NOON,
        "at_permit": False,
        "employee_active": True,
        "policy": policy(),
        "account": account(),
        "role": Party.ROLE_DEBTOR,
        "phone": "13800138000",
        "phone_of_third_party": False,
        "phone_dead": False,
        "contact_status": "RESERVED",
        "marks": (),
        "holds": (),
        "template": template(),
        "template_superseded": False,
        "pinned_digest": "",
        "filing_problem": "",
        "identity_problem": "",
        "value_problems": (),
        "feed_complete_through_ms": NOON,
        "own_sends_ms": (),
        "all_sends_ms": (),
        "agreed_to_quiet_hours": False,
    }
    return Facts(**(known | changes))


def found(one: Facts) -> dict[str, str]:
    return {str(verdict.code): verdict.effect.name for verdict in evaluate(one)}


REFUSED: dict[str, tuple[dict[str, Any], Code]] = {
    "no employee": ({"employee_active": False}, Code.OPERATOR_MISSING),
    "never placed": ({"account": None}, Code.NOT_PLACED),
    "no policy": ({"policy": None}, Code.NOT_PLACED),
    "another agency's": ({"account": account(agency_id="other")}, Code.NOT_PLACED),
    "before its term": ({"account": account(start_ms=NOON + 1)}, Code.NOT_PLACED),
    "recalled": ({"account": account(recalled=True)}, Code.CASE_RECALLED),
    "at the end of its term": ({"account": account(end_ms=NOON)}, Code.CASE_RECALLED),
    "settled": ({"account": account(settled=True)}, Code.ACCOUNT_SETTLED),
    "nothing overdue": ({"account": account(overdue_fen=0)}, Code.ACCOUNT_SETTLED),
    "on hold": ({"holds": [HoldKind.HOLD_KIND_DISPUTE, HoldKind.HOLD_KIND_DISPUTE]}, Code.ACCOUNT_ON_HOLD),
    "a third party": ({"role": Party.ROLE_THIRD_PARTY}, Code.THIRD_PARTY_DISCLOSURE),
    "nobody of the account": ({"role": None}, Code.THIRD_PARTY_DISCLOSURE),
    "a third party's number": ({"phone_of_third_party": True, "contact_status": ""}, Code.THIRD_PARTY_DISCLOSURE),
    "no number": ({"phone": None, "contact_status": ""}, Code.PHONE_INVALID),
    "a dead number": ({"phone_dead": True}, Code.PHONE_INVALID),
    "another person's number": ({"contact_status": "NOT_THIS_PERSON"}, Code.PHONE_INVALID),
    "marked": ({"marks": [NoContactReason.NO_CONTACT_REASON_OPT_OUT]}, Code.DO_NOT_CONTACT),
    "no template": ({"template": None}, Code.TEMPLATE_NOT_APPROVED),
    "another version pinned": ({"pinned_digest": "e" * 64}, Code.TEMPLATE_NOT_APPROVED),
    "draft": ({"template": template(TemplateState.TEMPLATE_STATE_DRAFT)}, Code.TEMPLATE_NOT_APPROVED),
    "retired": ({"template": template(TemplateState.TEMPLATE_STATE_RETIRED)}, Code.TEMPLATE_NOT_APPROVED),
    "superseded": ({"template_superseded": True}, Code.TEMPLATE_NOT_APPROVED),
    "suspended at the door": (
        {"template": template(TemplateState.TEMPLATE_STATE_SUSPENDED), "at_permit": False},
        Code.TEMPLATE_NOT_APPROVED,
    ),
    "copy differs": ({"filing_problem": "differs"}, Code.TEMPLATE_NOT_FILED),
    "bank not named": ({"identity_problem": "unnamed"}, Code.IDENTITY_MISSING),
    "bad value": ({"value_problems": [("line", "is missing")]}, Code.VARIABLE_INVALID),
}


@pytest.mark.parametrize("at_permit", [False, True])
@pytest.mark.parametrize(("changes", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_refused(changes: dict[str, Any], code: Code, at_permit: bool) -> None:
    """What a rule forbids is refused by that rule alone, at the door and again at the permit, in words for a person and
    without personal data."""
    verdicts = evaluate(facts(**{"at_permit": at_permit} | changes))
    assert {(verdict.code, verdict.effect) for verdict in verdicts} == {(code, Effect.REFUSE)}
    assert all(verdict.reason and "138" not in verdict.reason for verdict in verdicts)


STALE = NOON - DAY_MS - 1
PARKED: dict[str, tuple[dict[str, Any], Code]] = {
    "amounts too old": ({"account": account(as_of_ms=STALE)}, Code.BALANCE_UNCONFIRMED),
    "feed too old": ({"feed_complete_through_ms": STALE}, Code.BALANCE_UNCONFIRMED),
    "amounts unknown": ({"account": account(balance_known=False, overdue_fen=0)}, Code.BALANCE_UNCONFIRMED),
    "unconfirmed number": ({"contact_status": ""}, Code.CONTACT_UNVERIFIED),
    "suspended at the permit": (
        {"template": template(TemplateState.TEMPLATE_STATE_SUSPENDED), "at_permit": True},
        Code.TEMPLATE_NOT_APPROVED,
    ),
}


@pytest.mark.parametrize(("changes", "code"), PARKED.values(), ids=PARKED.keys())
def test_parked(changes: dict[str, Any], code: Code) -> None:
    """What somebody must mend waits without a time."""
    assert found(facts(**changes)) == {code: "PARK"}


ALLOWED: dict[str, dict[str, Any]] = {
    "nothing against it": {},
    "at the permit": {"at_permit": True},
    "the first moment of its term": {"account": account(start_ms=NOON)},
    "the last moment of its term": {"account": account(end_ms=NOON + 1)},
    "one fen overdue": {"account": account(overdue_fen=1)},
    "amounts as old as may be": {"account": account(as_of_ms=NOON - DAY_MS)},
    "feed as old as may be": {"feed_complete_through_ms": NOON - DAY_MS},
    "a guarantor": {"role": Party.ROLE_GUARANTOR},
    "a confirmed number": {"contact_status": "CONFIRMED"},
    "the version in force pinned": {"pinned_digest": "d" * 64},
}


@pytest.mark.parametrize("changes", ALLOWED.values(), ids=ALLOWED.keys())
def test_allowed(changes: dict[str, Any]) -> None:
    """On the near side of each edge nothing is found."""
    assert found(facts(**changes)) == {}


def test_all_rules_are_evaluated() -> None:
    """A request learns everything that is wrong with it at once."""
    wrong: dict[str, Any] = {}
    for name in ("no employee", "recalled", "on hold", "a third party", "a dead number", "marked", "copy differs"):
        wrong |= REFUSED[name][0]
    wrong |= {"now_ms": ms("2026-11-24 22:00"), "own_sends_ms": [NOON], "feed_complete_through_ms": STALE}
    assert set(found(facts(**wrong))) == {
        Code.OPERATOR_MISSING,
        Code.CASE_RECALLED,
        Code.BALANCE_UNCONFIRMED,
        Code.ACCOUNT_ON_HOLD,
        Code.THIRD_PARTY_DISCLOSURE,
        Code.PHONE_INVALID,
        Code.DO_NOT_CONTACT,
        Code.TEMPLATE_NOT_FILED,
        Code.QUIET_HOURS,
        Code.FREQUENCY_CAP,
    }


SHUT = [
    # local time, zone, contact_from, contact_until, when it opens
    ("2026-11-24 07:59:59.999", SHANGHAI, 480, 1260, "2026-11-24 08:00"),
    ("2026-11-24 21:00", SHANGHAI, 480, 1260, "2026-11-25 08:00"),
    ("2026-11-24 23:59:59.999", SHANGHAI, 480, 1260, "2026-11-25 08:00"),
    ("2026-11-24 00:00", SHANGHAI, 480, 1260, "2026-11-24 08:00"),
    ("2026-11-24 08:59:59.999", SHANGHAI, 540, 1080, "2026-11-24 09:00"),
    ("2026-11-24 18:00", SHANGHAI, 540, 1080, "2026-11-25 09:00"),
    ("2026-12-31 21:00", SHANGHAI, 480, 1260, "2027-01-01 08:00"),
    ("2026-11-24 21:00", "Asia/Kolkata", 480, 1260, "2026-11-25 08:00"),
    ("2026-11-24 00:15", "Asia/Kolkata", 480, 1260, "2026-11-24 08:00"),
    ("2026-11-24 23:45", "Asia/Kathmandu", 480, 1260, "2026-11-25 08:00"),
    # The clocks go forward, and back, in the night before.
    ("2026-03-08 07:59:59.999", "America/New_York", 480, 1260, "2026-03-08 08:00"),
    ("2026-03-08 21:00", "America/New_York", 480, 1260, "2026-03-09 08:00"),
    ("2026-11-01 07:59:59.999", "America/New_York", 480, 1260, "2026-11-01 08:00"),
    ("2026-11-01 21:00", "America/New_York", 480, 1260, "2026-11-02 08:00"),
    ("2026-10-31 22:00", "America/New_York", 480, 1260, "2026-11-01 08:00"),
    # A day without a midnight, and one with two.
    ("2026-03-08 21:00", "America/Havana", 480, 1260, "2026-03-09 08:00"),
    ("2026-11-01 07:59:59.999", "America/Havana", 480, 1260, "2026-11-01 08:00"),
]
OPEN = [
    ("2026-11-24 08:00", SHANGHAI, 480, 1260),
    ("2026-11-24 20:59:59.999", SHANGHAI, 480, 1260),
    ("2026-11-24 09:00", SHANGHAI, 540, 1080),
    ("2026-11-24 17:59:59.999", SHANGHAI, 540, 1080),
    ("2026-11-24 08:00", "Asia/Kolkata", 480, 1260),
    ("2026-11-24 20:59:59.999", "Asia/Kolkata", 480, 1260),
    ("2026-03-08 08:00", "America/New_York", 480, 1260),
    ("2026-03-08 20:59:59.999", "America/New_York", 480, 1260),
    ("2026-11-01 08:00", "America/New_York", 480, 1260),
    ("2026-11-01 20:59:59.999", "America/New_York", 480, 1260),
]


def at(text: str, zone: str, begin: int, until: int, **changes: Any) -> Facts:
    now = ms(text, zone)
    window = policy(contact_from_minute=begin, contact_until_minute=until, time_zone=zone)
    fresh = account(as_of_ms=now, start_ms=0, end_ms=now + DAY_MS)
    return facts(now_ms=now, policy=window, account=fresh, feed_complete_through_ms=now, **changes)


@pytest.mark.parametrize(
    ("text", "zone", "cutoff"),
    [
        ("2026-11-24 16:59:59.999", SHANGHAI, "2026-11-24 17:00"),
        ("2026-11-24 17:00", SHANGHAI, "2026-11-25 17:00"),
        ("2026-11-24 00:00", "Asia/Kolkata", "2026-11-24 17:00"),
        ("2026-03-07 17:00", "America/New_York", "2026-03-08 17:00"),
        ("2026-11-01 00:30", "America/New_York", "2026-11-01 17:00"),
    ],
)
def test_the_mail_cutoff_is_the_next_by_the_banks_wall_clock(text: str, zone: str, cutoff: str) -> None:
    """Of today until then, of tomorrow from that very moment on, also where clocks change."""
    version = PolicyVersion(policy=Policy(mail_cutoff_minute=17 * 60, time_zone=zone))
    assert rules.next_mail_cutoff(ms(text, zone), version) == ms(cutoff, zone)


@pytest.mark.parametrize(("text", "zone", "begin", "until", "opens"), SHUT)
def test_quiet_hours_wait_for_the_opening(text: str, zone: str, begin: int, until: int, opens: str) -> None:
    """Outside the window by the recipient's wall clock, it waits for the next opening, to the millisecond."""
    (verdict,) = evaluate(at(text, zone, begin, until))
    assert (verdict.code, verdict.effect) == (Code.QUIET_HOURS, Effect.WAIT)
    assert verdict.until_ms == ms(opens, zone)
    assert evaluate(at(text, zone, begin, until, agreed_to_quiet_hours=True)) == []


@pytest.mark.parametrize(("text", "zone", "begin", "until"), OPEN)
def test_open_hours(text: str, zone: str, begin: int, until: int) -> None:
    """Inside the window nothing waits."""
    assert evaluate(at(text, zone, begin, until)) == []


@pytest.mark.parametrize(
    ("text", "opens"),
    [
        ("2026-11-24 07:59:59.999", "2026-11-24 08:00"),
        ("2026-11-24 20:59:55", "2026-11-25 08:00"),
        ("2026-11-24 20:59:59.999", "2026-11-25 08:00"),
    ],
)
def test_no_permit_outlasts_the_window(text: str, opens: str) -> None:
    """A message may leave five seconds after its permit, so the last one is given that long before the window ends."""
    (verdict,) = evaluate(at(text, SHANGHAI, 480, 1260, at_permit=True))
    assert (verdict.code, verdict.until_ms) == (Code.QUIET_HOURS, ms(opens))
    assert evaluate(at("2026-11-24 20:59:54.999", SHANGHAI, 480, 1260, at_permit=True)) == []


moments = st.integers(ms("2025-01-01 00:00"), ms("2028-01-01 00:00"))
windows = st.tuples(st.integers(480, 700), st.integers(701, 1260))


@given(moments, windows, st.sampled_from(ZONES), st.integers(0, 10 * DAY_MS))
def test_what_is_due_is_never_due_in_quiet_hours(
    now: int, window: tuple[int, int], zone: str, not_before_in: int
) -> None:
    """The due time lies inside the window of the recipient's day, never before now or the caller's own time."""
    limits = policy(contact_from_minute=window[0], contact_until_minute=window[1], time_zone=zone)
    one = facts(now_ms=now, policy=limits)
    due = rules.due_ms(evaluate(one), one, now + not_before_in)
    local = datetime.fromtimestamp(due // 1000, UTC).astimezone(ZoneInfo(zone))
    assert window[0] <= local.hour * 60 + local.minute < window[1]
    assert now + not_before_in <= due <= now + not_before_in + timedelta(hours=26) / timedelta(milliseconds=1)


@given(moments, st.sampled_from(ZONES))
def test_a_local_day_holds_its_moments(now: int, zone: str) -> None:
    """The day of a moment begins and ends at the zone's midnights around it."""
    start, end = rules.local_day(now, zone)
    assert start <= now < end
    assert wall(start, zone)[:10] == wall(now, zone)[:10] == wall(end - 1000, zone)[:10] < wall(end, zone)[:10]


MORNING = ms("2026-11-24 08:00")
CAPS: list[tuple[str, dict[str, int], list[int], int]] = [
    # what, thresholds, earlier sends of this bank, allowed from (NOON: now)
    ("none before", {}, [], NOON),
    ("the gap is over to the millisecond", {}, [NOON - DAY_MS], NOON),
    ("the gap lacks a millisecond", {}, [NOON - DAY_MS + 1], NOON + 1),
    ("a gap of 30 days", {"sms_gap_minutes": 43_200}, [NOON - 29 * DAY_MS], NOON + DAY_MS),
    ("one a day, this morning", {"sms_gap_minutes": 30}, [MORNING], ms("2026-11-25 00:00")),
    ("one a day, last night", {"sms_gap_minutes": 30}, [ms("2026-11-23 23:59")], NOON),
    ("one a day, at midnight", {"sms_gap_minutes": 30}, [ms("2026-11-24 00:00")], ms("2026-11-25 00:00")),
    ("two a day, one yet", {"sms_gap_minutes": 30, "sms_per_day": 2}, [MORNING], NOON),
    ("three in 7 days", {}, [NOON - day * DAY_MS for day in (6, 4, 2)], NOON + DAY_MS),
    ("the third is 7 days old", {}, [NOON - day * DAY_MS for day in (7, 4, 2)], NOON),
    (
        "the third is 7 days old but for 1 ms",
        {},
        [NOON - 7 * DAY_MS + 1, NOON - 4 * DAY_MS, NOON - 2 * DAY_MS],
        NOON + 1,
    ),
    ("none a day", {"sms_per_day": 0}, [], ms("2026-11-25 00:00")),
    ("none in 7 days", {"sms_per_seven_days": 0}, [], NOON + 7 * DAY_MS),
]


@pytest.mark.parametrize(("thresholds", "sends", "allowed"), [case[1:] for case in CAPS], ids=[c[0] for c in CAPS])
def test_the_banks_own_caps(thresholds: dict[str, int], sends: list[int], allowed: int) -> None:
    """The excess waits until the cap allows it, to the millisecond."""
    verdicts = rules.frequency_cap(facts(policy=policy(**thresholds), own_sends_ms=sends, all_sends_ms=[]))
    assert [(v.code, v.effect, v.until_ms) for v in verdicts] == (
        [] if allowed == NOON else [(Code.FREQUENCY_CAP, Effect.WAIT, allowed)]
    )


ALL_BANKS: list[tuple[str, list[int], int]] = [
    ("one in the hour", [NOON - 1], NOON),
    ("two in the hour", [NOON - HOUR_MS + 1, NOON - 5], NOON + 1),
    ("the second is an hour old", [NOON - HOUR_MS, NOON - 5], NOON),
    ("three today", [MORNING, MORNING, MORNING], NOON),
    ("four today", [MORNING, MORNING, MORNING, NOON - 2 * HOUR_MS], ms("2026-11-25 00:00")),
    ("four, one of them yesterday", [ms("2026-11-23 23:59"), MORNING, MORNING, MORNING], NOON),
]


@pytest.mark.parametrize(("sends", "allowed"), [case[1:] for case in ALL_BANKS], ids=[case[0] for case in ALL_BANKS])
def test_the_cap_over_all_banks(sends: list[int], allowed: int) -> None:
    """Never more than 4 a day and 2 an hour; other banks' messages show as nothing but a time."""
    verdicts = rules.frequency_cap(facts(all_sends_ms=sends))
    assert [v.until_ms for v in verdicts] == ([] if allowed == NOON else [allowed])
    assert not any("bank" in v.reason for v in verdicts)


sent = st.lists(st.integers(0, 31 * 24 * 60).map(lambda minutes: NOON - minutes * MINUTE_MS), max_size=12)
thresholds = st.fixed_dictionaries(
    {
        "sms_per_day": st.integers(1, 4),
        "sms_per_seven_days": st.integers(1, 28),
        "sms_gap_minutes": st.integers(30, 43_200),
    }
)


@given(sent, sent, thresholds)
def test_what_waits_for_a_cap_is_allowed_then_and_not_before(
    own: list[int], others: list[int], caps: dict[str, int]
) -> None:
    """`until` is the first moment at which every cap allows one more."""
    known: dict[str, Any] = {"policy": policy(**caps), "own_sends_ms": own, "all_sends_ms": own + others}
    for verdict in rules.frequency_cap(facts(**known)):
        assert rules.frequency_cap(facts(now_ms=verdict.until_ms, **known)) == ()
        assert rules.frequency_cap(facts(now_ms=verdict.until_ms - 1, **known)) != ()
    breaks = (
        any(NOON - sent < caps["sms_gap_minutes"] * MINUTE_MS for sent in own)
        or sum(sent >= ms("2026-11-24 00:00") for sent in own) >= caps["sms_per_day"]
        or sum(NOON - sent < 7 * DAY_MS for sent in own) >= caps["sms_per_seven_days"]
        or sum(sent >= ms("2026-11-24 00:00") for sent in own + others) >= 4
        or sum(NOON - sent < HOUR_MS for sent in own + others) >= 2
    )
    assert bool(rules.frequency_cap(facts(**known))) == breaks
