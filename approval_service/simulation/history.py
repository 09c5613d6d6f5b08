"""What had left by a moment, as FREQUENCY_CAP counts it: what really did, and what would have by the draft."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple, Protocol

from approval_service.letter_context import LONGEST_LETTER_GAP_MS
from approval_service.letter_rules import EarlierLetter
from approval_service.rules import LONGEST_GAP_MS
from approval_service.simulation.judging import Sends
from approval_service.simulation.past import NEVER_MS, Past


class History(Protocol):
    """What left, of one group of requests that may count against one another."""

    def before(self, past: Past, now_ms: int) -> Sends: ...

    def add(self, past: Past, left_ms: int) -> None:
        """Counts a request that would have left."""


class Send(NamedTuple):
    """An SMS that left and is not simulated: another bank's, or one that was asked for before the period."""

    attempt_id: str
    identity: str
    phone_hash: str
    own: bool
    """It is the bank's."""
    left_ms: int


_Sent = tuple[int, str, bool]
"""When, its id, and whether it is the bank's."""


class SmsHistory:
    """By person over all banks, and by number."""

    def __init__(self, real: Iterable[Send]) -> None:
        self._by_identity: dict[str, list[_Sent]] = defaultdict(list)
        self._by_phone: dict[str, list[_Sent]] = defaultdict(list)
        for one in real:
            self._put(one.identity, one.phone_hash, (one.left_ms, one.attempt_id, one.own))

    def _put(self, identity: str, phone_hash: str, sent: _Sent) -> None:
        insort(self._by_identity[identity], sent)
        insort(self._by_phone[phone_hash], sent)

    def before(self, past: Past, now_ms: int) -> Sends:
        by_person = _within(self._by_identity.get(past.identity, []), now_ms)
        everything = {*by_person, *_within(self._by_phone.get(past.phone_hash, []), now_ms)}
        return Sends(
            own_ms=[left_ms for left_ms, _, own in by_person if own], all_ms=[left_ms for left_ms, _, _ in everything]
        )

    def add(self, past: Past, left_ms: int) -> None:
        if past.counts:
            self._put(past.identity, past.phone_hash, (left_ms, past.outreach_id, True))


def _within(sent: list[_Sent], now_ms: int) -> list[_Sent]:
    start = bisect_left(sent, (now_ms - LONGEST_GAP_MS + 1, "", False))
    return sent[start : bisect_right(sent, (now_ms, "\uffff", True))]


class LetterHistory:
    """About one account: each letter by its outreach."""

    def __init__(self, real: Iterable[tuple[str, int, int]]) -> None:
        """(outreach id, when it went into print, when it was mailed or 0) of letters that are not simulated."""
        self._letters = {
            outreach_id: (printed_ms, mailed_ms or NEVER_MS) for outreach_id, printed_ms, mailed_ms in real
        }

    def before(self, past: Past, now_ms: int) -> Sends:
        return Sends(
            letters=[
                EarlierLetter(mailed_ms if mailed_ms <= now_ms else 0)
                for outreach_id, (printed_ms, mailed_ms) in self._letters.items()
                if outreach_id != past.outreach_id
                and printed_ms <= now_ms
                and mailed_ms > now_ms - LONGEST_LETTER_GAP_MS
            ]
        )

    def add(self, past: Past, left_ms: int) -> None:
        """One that was not printed then is taken to be mailed at once; the others take as long as they did."""
        took_ms = past.mailed_ms - past.left_ms if past.mailed_ms and past.left_ms is not None else 0
        in_print = past.left_ms is not None and not past.mailed_ms
        self._letters[past.outreach_id] = (left_ms, NEVER_MS if in_print else left_ms + took_ms)
