"""The token bucket by a clock of the test's own."""

from __future__ import annotations

import time

import pytest

from gateway.rates import RateLimiter
from outreach.domain.errors import Kind, Refusal


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock)
    return clock


def admitted(rates: RateLimiter, caller: str, per_second: float, tries: int) -> int:
    count = 0
    for _ in range(tries):
        try:
            rates.enter(caller, per_second)
        except Refusal:
            return count
        count += 1
    return count


def test_a_second_s_worth_goes_at_once_and_then_the_rate(clock: Clock) -> None:
    """A burst of one second, then as many as time brings; a long pause saves up no more than that."""
    rates = RateLimiter()
    assert admitted(rates, "a", 10, 100) == 10
    clock.now += 0.5
    assert admitted(rates, "a", 10, 100) == 5
    clock.now += 3600
    assert admitted(rates, "a", 10, 100) == 10


def test_callers_do_not_share(clock: Clock) -> None:
    """One caller's burst costs another nothing."""
    rates = RateLimiter()
    assert admitted(rates, "a", 3, 100) == 3
    assert admitted(rates, "b", 3, 100) == 3


def test_a_debt_is_told_exactly(clock: Clock) -> None:
    """After a batch the refusal names the seconds until the next call is taken, and then it is."""
    rates = RateLimiter()
    rates.enter("a", 100)
    rates.spend("a", 999)
    with pytest.raises(Refusal) as refused:
        rates.enter("a", 100)
    assert refused.value.kind is Kind.EXHAUSTED
    assert refused.value.retry_after_s == pytest.approx(9.01)
    clock.now += refused.value.retry_after_s + 1e-6
    rates.enter("a", 100)


def test_a_rate_below_one_a_second_still_lets_one_through(clock: Clock) -> None:
    """Slow rates wait longer than a second, they are not shut."""
    rates = RateLimiter()
    assert admitted(rates, "a", 0.1, 5) == 1
    clock.now += 9
    assert admitted(rates, "a", 0.1, 5) == 0
    clock.now += 1.1
    assert admitted(rates, "a", 0.1, 5) == 1
