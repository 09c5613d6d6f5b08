"""What a stranger may bring once: remembered here for as long as it could be brought again."""

from __future__ import annotations

import time

_MANY = 100_000


class Once:
    """Names that were taken. Past a hundred thousand, those whose time is over are forgotten."""

    def __init__(self, life_s: float) -> None:
        self._life_s = life_s
        self._until_s: dict[str, float] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._until_s

    def add(self, name: str) -> None:
        now = time.monotonic()
        if len(self._until_s) >= _MANY:
            self._until_s = {one: until for one, until in self._until_s.items() if until > now}
        self._until_s[name] = now + self._life_s
