from __future__ import annotations

from sms_service.carriers.breaker import FAILURES_TO_OPEN, LONGEST_OPEN_S, CircuitBreaker
from sms_service.carriers.limiter import RateLimiter
from sms_service.carriers.seam import ACCEPTED, NOT_SENT, UNKNOWN, SendResult

OK = SendResult(ACCEPTED, "OK")
LOST = SendResult(UNKNOWN, "timeout")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_circuit_opens_after_failures_in_a_row_and_closes_on_an_answer() -> None:
    """Five unknowns open it for a second; then one at a time is tried; an answer closes it."""
    clock = Clock()
    breaker = CircuitBreaker(clock)
    for _ in range(FAILURES_TO_OPEN - 1):
        breaker.record(LOST)
    breaker.record(OK)
    for _ in range(FAILURES_TO_OPEN):
        assert breaker.wait_s() == 0
        breaker.record(LOST)
    assert breaker.wait_s() == 1.0
    clock.now += 1.0
    assert (breaker.wait_s(), breaker.is_trying()) == (0, True)
    breaker.record(OK)
    assert (breaker.wait_s(), breaker.is_trying()) == (0, False)


def test_the_open_time_doubles_up_to_a_minute() -> None:
    """A carrier that stays away is tried ever more rarely, but at least once a minute."""
    clock = Clock()
    breaker = CircuitBreaker(clock)
    waits = []
    for _ in range(FAILURES_TO_OPEN - 1):
        breaker.record(LOST)
    for _ in range(9):
        breaker.record(LOST)
        waits.append(breaker.wait_s())
        clock.now += breaker.wait_s()
    assert waits == [1, 2, 4, 8, 16, 32, LONGEST_OPEN_S, LONGEST_OPEN_S, LONGEST_OPEN_S]


def test_what_fails_together_opens_it_once() -> None:
    """A full window that fails at the same moment does not double the pause for each."""
    breaker = CircuitBreaker(Clock())
    for _ in range(40):
        breaker.record(LOST)
    assert breaker.wait_s() == 1.0


def test_a_pause_by_the_carrier() -> None:
    """A throttle or an account stop opens it for the time it names."""
    breaker = CircuitBreaker(Clock())
    breaker.record(SendResult(NOT_SENT, "Throttling", retry_after_ms=2500, pause_ms=2500))
    assert (breaker.wait_s(), breaker.is_trying()) == (2.5, False)


def test_what_never_left_tells_nothing() -> None:
    """A permit that was too old neither closes nor opens it."""
    breaker = CircuitBreaker(Clock())
    for _ in range(FAILURES_TO_OPEN):
        breaker.record(LOST)
        breaker.record(SendResult(NOT_SENT, "send_deadline_passed"))
    assert breaker.is_trying()


def test_the_bucket_holds_a_tenth_of_a_second() -> None:
    """100 a second: ten at once, then one every 10 ms, never more than ten however long nothing was sent."""
    clock = Clock()
    limiter = RateLimiter(100.0, clock)
    assert limiter.available() == 10
    limiter.take(10)
    assert limiter.available() == 0
    assert round(limiter.wait_s(), 6) == 0.01
    clock.now += 0.0501
    assert limiter.available() == 5
    clock.now += 60
    assert limiter.available() == 10


def test_a_slow_carrier_still_gets_one() -> None:
    """One message in ten seconds is a whole token, not a tenth of one."""
    clock = Clock()
    limiter = RateLimiter(0.1, clock)
    assert limiter.available() == 1
    limiter.take(1)
    assert round(limiter.wait_s(), 6) == 10.0
