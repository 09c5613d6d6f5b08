"""Who was not let in, in the log: one line a refusal, and not more of them than a disk can bear."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from outreach.runtime.logs import EventLogger

LINES_PER_SECOND = 10
"""For each reason. What comes on top is counted, not written."""


@dataclass(slots=True)
class _Count:
    second: int = 0
    lines: int = 0
    total: int = 0


class RefusalLog:
    """Writes lines with the event's name, the reason, how often that reason was met since the start, and fields, which
    must hold neither tokens nor personal data. Reasons are words of ours, so that there are only so many.
    """

    def __init__(self, part: str) -> None:
        self._log = EventLogger(part)
        self._counts: dict[str, _Count] = {}

    def note(self, event: str, reason: str, **fields: Any) -> None:
        count = self._counts.setdefault(reason, _Count())
        second = int(time.monotonic())
        if second != count.second:
            count.second, count.lines = second, 0
        count.total += 1
        count.lines += 1
        if count.lines <= LINES_PER_SECOND:
            self._log.warning(event, reason=reason, total=count.total, **fields)
