"""Folds the spellings of an address that mean nothing into one: width, case, script, dashes, gaps."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from approval_service.screening.normalize import to_simplified

_GAP = " "
_DASHES = frozenset("-－—–―─‐‑−﹣~～")
_SILENT = frozenset("·•・‧'\"“”‘’")
"""Marks inside a name that some writers leave out."""
_BRACKETS = {"[": "(", "【": "(", "〔": "(", "{": "(", "]": ")", "】": ")", "〕": ")", "}": ")"}
_GAPS = re.compile(r"(?<=[0-9A-Z]) +(?=[0-9A-Z])| +")


@dataclass(frozen=True, slots=True)
class Folded:
    """An address with one spelling. `text[i]` stands at `positions[i]` of the original; without positions, at i."""

    text: str
    positions: list[int] | None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The offsets in the original of `text[start:end]`, which must not be empty."""
        if self.positions is None:
            return start, end
        return self.positions[start], self.positions[end - 1] + 1


class _Folding(dict[int, str]):
    """What one character is read as: always one character, so that positions survive."""

    def __missing__(self, codepoint: int) -> str:
        folded = _fold_character(chr(codepoint))
        if unicodedata.category(chr(codepoint)) != "Cn":  # what is unassigned could only fill the memory
            self[codepoint] = folded
        return folded


_FOLDING = _Folding()


def _fold_character(character: str) -> str:
    if character in _DASHES:
        return "-"
    plain = unicodedata.normalize("NFKC", character)[:1]
    if plain in _BRACKETS:
        return _BRACKETS[plain]
    if plain.isalnum():
        return to_simplified(plain).upper()[0]
    return plain if plain in ("-", "#", "(", ")") else _GAP


def fold_name(name: str) -> str:
    """A name as `fold` reads it, character by character."""
    return name.translate(_FOLDING)


def fold(address: str) -> Folded:
    """The address as screening reads it. A gap between two numbers becomes a dash (12 栋 3 402), any other vanishes."""
    text = address.translate(_FOLDING)
    if _GAP not in text:
        return Folded(text, None)
    kept: list[str] = []
    positions: list[int] = []
    done = 0
    for gap in _GAPS.finditer(text):
        start, end = gap.span()
        kept.append(text[done:start])
        positions.extend(range(done, start))
        between_numbers = start > 0 and end < len(text) and _number(text[start - 1]) and _number(text[end])
        if between_numbers and not all(c in _SILENT for c in address[start:end]):
            kept.append("-")
            positions.append(start)
        done = end
    kept.append(text[done:])
    positions.extend(range(done, len(text)))
    return Folded("".join(kept), positions)


def _number(character: str) -> bool:
    return character.isascii() and character.isalnum()
