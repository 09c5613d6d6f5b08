"""The words that screening knows, by concept, written as `normalize` folds them: simplified Han, lower case, no gaps.

A text is cut by the longest word at each place, so that a longer harmless word hides a shorter one inside it (NEUTRAL),
and a fixed expression hides the negation inside it (不要脸 is no 不要).
"""

from __future__ import annotations

import re
from functools import cache

from approval_service.screening.lexicon import coercion, consequences, money, people, promises, speech
from approval_service.screening.lexicon.patterns import PATTERNS as _PATTERNS

_CONCEPTS = (
    speech.CONCEPTS | people.CONCEPTS | coercion.CONCEPTS | consequences.CONCEPTS | money.CONCEPTS | promises.CONCEPTS
)
_NAMES = dict.fromkeys(("CLAUSE_END", "SENTENCE_END", "SENDER", *_CONCEPTS, *(concept for concept, _, _ in _PATTERNS)))
_BITS = {name: 1 << place for place, name in enumerate(_NAMES)}


def bits(names: str) -> int:
    """The mask of concepts written `A|B`. KeyError for a concept that is not there."""
    mask = 0
    for name in names.split("|"):
        mask |= _BITS[name]
    return mask


@cache
def names(concepts: int) -> tuple[str, ...]:
    """The names of the concepts in a mask."""
    return tuple(name for name, bit in _BITS.items() if concepts & bit)


def _words() -> dict[str, int]:
    words: dict[str, int] = {}
    for concept, listed in _CONCEPTS.items():
        for word in listed.split():
            words[word] = words.get(word, 0) | _BITS[concept]
    return words


WORDS = _words()
"""The concepts of a word."""

_GAP = r"[^,.;:!?。【】\n]"
_GAP_WITHOUT_NEGATION = r"[^,.;:!?。【】\n不无未没勿禁拒防已]"

PATTERNS = tuple(
    (frozenset(anchors), re.compile(pattern.replace("~", _GAP).replace("¬", _GAP_WITHOUT_NEGATION)), _BITS[concept])
    for concept, anchors, pattern in _PATTERNS
)
"""Expressions that no list can hold, and their concept. None of them matches where none of the `anchors` occurs."""
