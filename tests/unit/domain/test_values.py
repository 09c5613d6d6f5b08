"""Ids, amounts, numbers, masks, texts and clocks."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.domain import masking, money, phone, templating
from outreach.domain.clocks import BusinessClock, WallClockGuard, elapsed_s, iso
from outreach.domain.ids import new_id, new_ids


def test_ids_grow_with_time_and_do_not_repeat() -> None:
    """Later ids sort after earlier ones; a thousand of one moment differ."""
    first = new_id()
    time.sleep(0.002)
    later = {new_id() for _ in range(500)} | set(new_ids(500))
    assert len(later) == 1000
    assert all(first < one and len(one) == 26 for one in later)


@given(st.integers(min_value=0, max_value=10**14 - 1))
def test_an_amount_reads_back(fen: int) -> None:
    """What is shown of an amount is read as the same amount."""
    assert money.parse_yuan(money.format_fen(fen)) == fen


@pytest.mark.parametrize("text", ["", "-1", "1.234", "1e3", "１２", "0x10", "一百", "1.2.3", ".5"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    """Nothing is guessed from a text that is no amount in yuan."""
    with pytest.raises(ValueError, match="two decimals"):
        money.parse_yuan(text)


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("13800138000", "13800138000"),
        ("+86 138-0013-8000", "13800138000"),
        ("0086 13800138000", "13800138000"),
        ("8613800138000", "13800138000"),
        ("１３８００１３８０００", "13800138000"),
        ("12800138000", None),
        ("1380013800", None),
        ("138001380000", None),
        ("010-88886666", None),
        ("+1 13800138000", None),
        ("13800138o00", None),
        ("", None),
    ],
)
def test_mobile_numbers(text: str, digits: str | None) -> None:
    """Spellings of one mobile number give its 11 digits; anything else is none."""
    assert phone.normalize_mobile(text) == digits


def test_masks_keep_what_a_person_needs() -> None:
    """Names keep the first character, numbers their ends."""
    assert masking.mask_name("张三丰") == "张**"
    assert masking.mask_name("李") == "李*"
    assert masking.mask_phone("13812345678") == "138****5678"
    assert masking.mask_phone("12345") == "*****"
    assert masking.mask_account("6222020200112233") == "****2233"
    assert masking.mask_account("123") == "****"


@pytest.mark.parametrize(("characters", "count"), [(1, 1), (70, 1), (71, 2), (134, 2), (135, 3), (160, 3), (500, 8)])
def test_segments_as_the_carriers_count_them(characters: int, count: int) -> None:
    """70 characters in one segment, 67 in each of several."""
    assert templating.segments(characters) == count


def test_a_value_is_never_expanded_again() -> None:
    """A value that looks like a placeholder stays text."""
    assert templating.render("{a}-{b}", {"a": "{b}", "b": "x"}) == "{b}-x"


@pytest.mark.parametrize("text", ["{{a}}", "{A}", "{a", "a}", "{}", "{a b}"])
def test_stray_braces_are_seen(text: str) -> None:
    """A brace that belongs to no placeholder is found."""
    assert templating.has_stray_braces(text)


def test_a_simulated_clock_runs_at_its_rate() -> None:
    """Business time is a straight line over real time, and stands still at rate 0."""
    assert BusinessClock(1_000_000, 500, 60.0).at(1_500) == 1_060_000
    assert BusinessClock(1_000_000, 500, 0.0).at(99_999) == 1_000_000
    assert BusinessClock().at(123) == 123
    assert iso(0) == "1970-01-01T00:00:00.000Z"


def test_a_deadline_goes_on_while_the_machine_sleeps(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is counted by the clock that includes the sleep, not by the one that stands still."""
    readings = {time.CLOCK_BOOTTIME: 100.0, time.CLOCK_MONOTONIC: 1.0}
    monkeypatch.setattr(time, "clock_gettime", readings.__getitem__)
    assert elapsed_s() == 100.0


def test_a_jump_of_the_wall_clock_is_seen_until_confirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than two seconds against the elapsed time count as a jump."""
    guard = WallClockGuard()
    assert not guard.jumped()
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3)
    assert guard.jumped()
    guard.confirm()
    assert not guard.jumped()
