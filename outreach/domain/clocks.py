"""Two clocks. Deadlines and tokens use real time; rules (quiet hours, caps, effective dates) use business time."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

MAX_WALL_JUMP_S = 2.0
_ELAPSED = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def real_ms() -> int:
    """Milliseconds since the epoch by the wall clock."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class BusinessClock:
    """Business time as a straight line over real time: `business_ms` at `real_anchor_ms`, `rate` times as fast.

    The default runs with real time. A simulated one is set by tests and the example run.
    """

    business_ms: int = 0
    real_anchor_ms: int = 0
    rate: float = 1.0

    def at(self, now_ms: int) -> int:
        """Business milliseconds since the epoch at a real time in milliseconds."""
        return self.business_ms + int((now_ms - self.real_anchor_ms) * self.rate)

    def now_ms(self) -> int:
        return self.at(real_ms())


def elapsed_s() -> float:
    """Seconds since some moment before the start, for deadlines: nobody sets it, and it runs on while the machine
    sleeps, where the system has such a clock (Linux; its monotonic one stands still)."""
    return time.clock_gettime(_ELAPSED)


class WallClockGuard:
    """Notices a jump of the wall clock against the elapsed time; permits stop until somebody confirms it."""

    def __init__(self) -> None:
        self.confirm()

    def jump_s(self) -> float:
        """Seconds the wall clock jumped since the start or the last confirmation."""
        return time.time() - elapsed_s() - self._offset

    def jumped(self) -> bool:
        return abs(self.jump_s()) > MAX_WALL_JUMP_S

    def confirm(self) -> None:
        self._offset = time.time() - elapsed_s()
        self.reported = False
        """Whether this jump stands in the authority's database, where it stops every replica."""


def timestamp(ms: int) -> Timestamp:
    """Milliseconds since the epoch as protobuf has them."""
    return Timestamp(seconds=ms // 1000, nanos=ms % 1000 * 1_000_000)


def milliseconds(stamp: Timestamp) -> int:
    """The other way round."""
    return stamp.seconds * 1000 + stamp.nanos // 1_000_000


def iso(ms: int) -> str:
    """UTC as 2026-11-24T08:00:00.000Z."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
