"""Ids: 26 characters of Crockford base 32 that grow with time (the monotonic ULID form)."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Iterator
from functools import lru_cache

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [a + b for a in _ALPHABET for b in _ALPHABET]
_TO_BASE_32 = bytes.maketrans(_ALPHABET.encode(), b"0123456789abcdefghijklmnopqrstuv")
_RANDOM_BITS = 80
_ID = re.compile(f"[0-7][{_ALPHABET}]{{25}}")


class _Sequence:
    """Numbers of the millisecond and 80 random bits; within one millisecond the random part counts on."""

    def __init__(self) -> None:
        self._last = 0
        self._lock = threading.Lock()

    def take(self, count: int) -> int:
        """The first of as many numbers that follow one another."""
        now = time.time_ns() // 1_000_000 << _RANDOM_BITS
        with self._lock:
            if now > self._last:
                self._last = now | int.from_bytes(os.urandom(_RANDOM_BITS // 8), "big")
            else:
                self._last += 1
            first = self._last
            self._last += count - 1
            return first


_sequence = _Sequence()


def new_id() -> str:
    """A new id, greater than all before it in this process."""
    return _text(_sequence.take(1))


def new_ids(count: int) -> Iterator[str]:
    """As many new ids, one greater than the other."""
    first = _sequence.take(count)
    return map(_text, range(first, first + count))


def _text(number: int) -> str:
    return _head(number >> 20) + _PAIRS[(number >> 10) & 1023] + _PAIRS[number & 1023]


@lru_cache(maxsize=4)
def _head(high: int) -> str:
    """All but the last four characters: the same for most ids of a millisecond."""
    return "".join([_PAIRS[(high >> shift) & 1023] for shift in range(100, -1, -10)])


def is_id(text: str) -> bool:
    """True if the text has the form of an id."""
    return _ID.fullmatch(text) is not None


def time_key(made: str) -> int:
    """An id's millisecond and 15 of its random bits, as a number of 63 bits that grows as the id does."""
    return _key(made[:13])


@lru_cache(maxsize=64)
def _key(head: str) -> int:
    """The same for most ids of a millisecond."""
    return int(head.encode().translate(_TO_BASE_32), 32)
