"""A group of past requests lived through again under a draft, in the order of time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any

from approval_service.requests import DEFAULT_LIFETIME_MINUTES
from approval_service.rules import MINUTE_MS, Effect
from approval_service.simulation.history import History
from approval_service.simulation.judging import DECIDED, Judgement, Judging, Sends
from approval_service.simulation.past import (
    BLOCKED,
    END_MS,
    EXPIRED,
    EXPIRED_CODE,
    HELD,
    LET_THROUGH,
    NEVER_MS,
    UNKNOWN,
    Become,
    Detour,
    Obstacle,
    Past,
    obstacles,
    outcome_of,
)
from outreach.v1.policy_service_pb2 import PolicyVersion

NOT_AFTER = "NOT_AFTER"
"""The code of a request that asks to wait longer than the policy allows: the door refuses to decide it."""
_DOOR, _PERMIT = 0, 1


@dataclass(slots=True)
class _Life:
    """One request on its way."""

    past: Past
    obstacles: list[Obstacle]
    end: Detour | None
    not_after_ms: int = 0
    codes: set[str] = field(default_factory=set)
    """What it waited for so far."""

    def become(self, unknown: frozenset[str] = frozenset()) -> Become:
        """It left, or nothing but time keeps it; or, of unknown codes, it may have."""
        none = UNKNOWN if unknown else LET_THROUGH
        return Become(HELD if self.codes else none, frozenset(self.codes), unknown)


class Replay:
    """Requests of which one may count against the other: of a person and numbers, or about an account."""

    def __init__(self, judging: Judging[Any], history: History, now_ms: int) -> None:
        self._judging = judging
        self._history = history
        self._now_ms = now_ms
        self._events: list[tuple[int, int, str, _Life]] = []
        self._unsure = False
        """Somebody may have been written to, or not: it cannot be told."""

    def add(self, past: Past) -> None:
        """A request that is not asked for before those that `run` went through."""
        life = _Life(past, obstacles(past, self._judging.redone(past.then)), past.end)
        heappush(self._events, (past.created_ms, _DOOR, past.outreach_id, life))

    def run(self, until_ms: int = END_MS) -> Iterator[tuple[Past, Become]]:
        """What would have become of each, as far as it is decided before a moment."""
        events = self._events
        while events and events[0][0] < until_ms:
            time_ms, step, outreach_id, life = heappop(events)
            next_ms = self._door(life) if step == _DOOR else self._leave(life, time_ms)
            if isinstance(next_ms, Become):
                yield life.past, next_ms
            else:
                heappush(events, (next_ms, _PERMIT, outreach_id, life))

    def _sends(self, past: Past, now_ms: int) -> Sends:
        return self._history.before(past, now_ms)._replace(unsure=self._unsure)

    def _door(self, life: _Life) -> Become | int:
        """What became of it, or when it is to leave."""
        past = life.past
        life.not_after_ms = _not_after_ms(past, self._judging.draft)
        if life.not_after_ms <= past.not_before_ms or life.not_after_ms == 0:
            return Become(BLOCKED, frozenset({NOT_AFTER}))
        judged = self._judging.door(past, self._sends(past, past.created_ms))
        ended = self._stops(life, judged)
        if ended is not None:
            return ended
        parked = judged.codes(Effect.PARK)
        if parked & self._judging.redone(past.then):
            self._unsure = True
            return life.become()
        # What another rule holds back meets that obstacle at once.
        return past.created_ms if parked else judged.due_ms

    def _stops(self, life: _Life, judged: Judgement) -> Become | None:
        """What became of it if it is refused, or if it cannot be told; else its waits are noted."""
        if refused := judged.codes(Effect.REFUSE):
            return Become(BLOCKED, refused)
        if judged.may_be_refused:
            self._unsure = True
            return Become(UNKNOWN, frozenset(), judged.unknown)
        life.codes |= judged.codes(Effect.WAIT, Effect.PARK)
        if judged.unknown:
            self._unsure = True
            return life.become(judged.unknown)
        return None

    def _leave(self, life: _Life, now_ms: int) -> Become | int:
        """What became of it, or when it is to leave next."""
        ended_ms = life.end.time_ms if life.end else NEVER_MS
        if min(ended_ms, life.not_after_ms) <= min(now_ms, self._now_ms):
            return self._ended(life, now_ms) if ended_ms < life.not_after_ms else _expired(life)
        if now_ms > self._now_ms:
            return life.become()
        met = next((one for one in life.obstacles if one.start_ms <= now_ms < one.end_ms), None)
        if met is not None and not met.codes:
            return met.end_ms
        judged = self._judging.permit(life.past, now_ms, self._sends(life.past, now_ms))
        if met is not None:
            life.codes |= met.codes | judged.codes(Effect.WAIT)
            return max(met.end_ms, life.past.not_before_ms)
        if judged.due_ms > now_ms and not judged.codes(Effect.REFUSE) and not judged.unknown:
            life.codes |= judged.codes(Effect.WAIT)
            return judged.due_ms
        return self._stops(life, judged) or self._left(life, now_ms)

    def _left(self, life: _Life, now_ms: int) -> Become:
        past = life.past
        if past.mailed_ms and past.left_ms is not None:
            # The scan that hands a letter to the post checks it again.
            mailed_ms = now_ms + past.mailed_ms - past.left_ms
            refused = self._judging.permit(past, mailed_ms, self._sends(past, mailed_ms)).codes(Effect.REFUSE)
            if refused:
                return Become(BLOCKED, refused)
        self._history.add(past, now_ms)
        return life.become()

    def _ended(self, life: _Life, now_ms: int) -> Become | int:
        """Whether what ended it would have ended it by the draft."""
        end = life.end
        if end is None:
            raise RuntimeError("it did not end")
        told = {code: self._judging.ends_it(code, end.time_ms, life.past) for code in end.codes}
        if any(told.values()):
            return Become(outcome_of(end, DECIDED), frozenset(end.codes))
        if unknown := frozenset(code for code, ends in told.items() if ends is None):
            self._unsure = True
            return Become(UNKNOWN, frozenset(life.codes), unknown)
        life.end = None
        return now_ms


def _expired(life: _Life) -> Become:
    return Become(EXPIRED, frozenset({*life.codes, EXPIRED_CODE}))


def _not_after_ms(past: Past, draft: PolicyVersion) -> int:
    """When it would expire; 0 if it asked to wait longer than the draft allows."""
    minutes = past.then.policy.request_lifetime_minutes if past.then else DEFAULT_LIFETIME_MINUTES
    limit_ms = past.created_ms + draft.policy.request_lifetime_minutes * MINUTE_MS
    if past.not_after_ms == past.created_ms + minutes * MINUTE_MS:
        return limit_ms  # it asked for nothing
    return past.not_after_ms if past.not_after_ms <= limit_ms else 0
