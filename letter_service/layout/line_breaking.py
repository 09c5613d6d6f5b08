"""Lines of Chinese text as a printer breaks them: no mark at a wrong end, nothing torn apart, both margins even.

Text is cut once into boxes, which no line end may split; breaking then only adds up widths. Lengths are 1/1000 of the
size. docs/letters_layout.md gives the rules.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from functools import lru_cache
from itertools import accumulate, islice
from operator import itemgetter
from typing import NamedTuple

from letter_service.layout.fonts import Face

EM = 1000
_CLOSING = frozenset("，。、；：！？）》】」』〉〕”’")
_OPENING = frozenset("（《【「『〈〔“‘")
_NO_START = _CLOSING | frozenset("％‰℃°…—～·,.;:!?)]}%")
_NO_END = _OPENING | frozenset("￥¥$([{#")
_UNITS = frozenset("元年月日号天期次个笔张岁栋幢座楼层室弄组村社门单时点分万亿％℃")
_CAPITALS = frozenset("零壹贰叁肆伍陆柒捌玖拾佰仟万亿元角分整正")
_PAIRED = frozenset("—…")
_RENMINBI = "人民币"
_SPACED_DIGITS = re.compile(r"(?<=[0-9]) (?=[0-9])")
_SQUEEZE = -500
"""Between two marks that each leave half of their square empty."""
_THIN = 50
"""Between Chinese and Latin letters or figures; with _MAX_SPREAD less than what programs read as a space."""
_MAX_SPREAD = 45
"""What an uneven line may add after each glyph; one that lacks more is opened between its Chinese characters only."""
_MAX_OPENING = 250
_WHOLE = 20 * EM
"""A value up to this is never divided."""
_SOLID = re.compile(r"[!-~]+|[\u3400-\u9fff\U00020000-\U0003ffff]+")
"""Texts with no space between their characters."""


class Unbreakable(Exception):
    """Something that may not be torn apart is wider than the line."""


class MissingGlyph(Exception):
    """The face lacks a character; `place` counts from 1."""

    def __init__(self, place: int) -> None:
        super().__init__(place)
        self.place = place


class Box(NamedTuple):
    """What no line end may split."""

    codes: str
    """As a PDF string in hexadecimal, without its brackets."""
    joined: str
    """The same with the space before it."""
    width: int
    """With the space before it."""
    gap: int
    """The space before it, which the beginning of a line leaves out."""
    trail: int
    """What of its end may stand beyond the line: the empty half of a mark, a space."""
    glyphs: int


_JOINED, _WIDTH, _GLYPHS = itemgetter(1), itemgetter(2), itemgetter(5)


class Boxes(NamedTuple):
    """A text ready to be broken."""

    first: str
    """The kind of its first character, and of its last: they decide what may happen where two texts meet."""
    last: str
    row: list[Box]
    width: int


_NOTHING = Boxes("", "", [], 0)


def boxes(text: str, face: Face) -> Boxes:
    """Cuts a text. MissingGlyph if the face lacks a character of it."""
    if not text:
        return _NOTHING
    codes, widths = _glyphs(text, face)
    kinds = [_KINDS.get(char, _HAN) for char in _SPACED_DIGITS.sub("-", text)]
    row: list[Box] = []
    start, last, gap = 0, kinds[0], 0
    for place, kind in enumerate(islice(kinds, 1, None), 1):
        may_break, space = _RULES[last + kind]
        if may_break:
            if place - start == 1 and not gap:
                row.append(Box(codes[start], codes[start], widths[start], 0, _TRAIL.get(last, 0), 1))
            else:
                row.append(_box(codes[start:place], widths[start:place], gap, last))
            start, gap = place, space
        elif space:
            codes[place] = f">{-space}<{codes[place]}"
            widths[place] += space
        last = kind
    row.append(_box(codes[start:], widths[start:], gap, last))
    return Boxes(kinds[0], last, row, sum(map(_WIDTH, row)))


def _glyphs(text: str, face: Face) -> tuple[list[str], list[int]]:
    try:
        return list(map(face.code.__getitem__, text)), list(map(face.width.__getitem__, text))
    except KeyError as error:
        raise MissingGlyph(text.index(error.args[0]) + 1) from None


def _box(codes: list[str], widths: list[int], gap: int, last: str) -> Box:
    shown = "".join(codes)
    joined = f">{-gap}<{shown}" if gap else shown
    return Box(shown, joined, sum(widths) + gap, gap, _TRAIL.get(last, 0), len(codes))


@lru_cache(4096)
def whole(text: str, face: Face) -> Boxes:
    """A text as one box if it is no wider than _WHOLE. MissingGlyph as boxes().

    Remembered, for a run's letters share dates, hotlines, and most parts of their addresses.
    """
    if len(text) * EM <= _WHOLE and _SOLID.fullmatch(text):
        codes, widths = _glyphs(text, face)
        box = _box(codes, widths, 0, "")
        return Boxes(_KINDS.get(text[0], _HAN), _KINDS.get(text[-1], _HAN), [box], box.width)
    cut = boxes(text, face)
    if len(cut.row) < 2 or cut.width > _WHOLE:
        return cut
    shown = "".join(map(_JOINED, cut.row))
    box = Box(shown, shown, cut.width, 0, cut.row[-1].trail, sum(map(_GLYPHS, cut.row)))
    return Boxes(cut.first, cut.last, [box], cut.width)


def join(texts: Iterable[Boxes]) -> Boxes:
    """Texts one after another; where they meet, the rules are the same as within one."""
    first, last, width = "", "", 0
    row: list[Box] = []
    for text in texts:
        if not text.row:
            continue
        if row:
            may_break, space = _RULES[last + text.first]
            head = text.row[0]
            opened = f">{-space}<{head.codes}" if space else head.codes
            width += space
            if may_break:
                row.append(Box(head.codes, opened, head.width + space, space, head.trail, head.glyphs))
            else:
                before = row[-1]
                row[-1] = Box(
                    before.codes + opened,
                    before.joined + opened,
                    before.width + head.width + space,
                    before.gap,
                    head.trail,
                    before.glyphs + head.glyphs,
                )
            row += text.row[1:]
        else:
            first, row = text.first, text.row[:]
        last = text.last
        width += text.width
    return Boxes(first, last, row, width)


def break_lines(
    text: Boxes, measure: int, size: float, *, indent: int = 0, justify: bool = False, align: float = 0
) -> list[str]:
    """PDF operators that show each line: at the left, or `align` 0.5 in the middle, 1 at the right.

    `size` is in points. Unbreakable if a box is wider than the measure.
    """
    row = text.row
    if indent + text.width <= measure:
        shift = indent + int((measure - text.width) * align)
        return [_show(row, shift)] if row else []
    ends = list(accumulate(map(_WIDTH, row)))
    lines = []
    start, lead = 0, indent
    while start < len(row):
        before = ends[start] - row[start].width + row[start].gap
        room = measure - lead
        stop = _line_end(row, ends, start, before + room)
        slack = room - (ends[stop - 1] - before)
        if slack < 0 or justify:
            slack += row[stop - 1].trail
        if justify:
            even = stop < len(row) or slack < 0
            lines.append(_show_even(row[start:stop], lead, slack if even else 0, size))
        else:
            lines.append(_show(row[start:stop], lead + int(slack * align)))
        start, lead = stop, 0
    return lines


def _line_end(row: list[Box], ends: list[int], start: int, limit: int) -> int:
    stop = bisect_right(ends, limit, start)
    if stop < len(row) and ends[stop] - row[stop].trail <= limit:
        stop += 1
    if stop == start:
        raise Unbreakable
    return stop


def _show(row: list[Box], shift: int) -> str:
    moved = -shift if shift else ""
    if len(row) == 1:
        return f"[{moved}<{row[0].codes}>]TJ"
    return f"[{moved}<{row[0].codes}{''.join(map(_JOINED, row[1:]))}>]TJ"


def _show_even(row: list[Box], lead: int, slack: int, size: float) -> str:
    """A line that fills its measure, if it lacks no more than can be spread unseen."""
    spread = slack / max(1, sum(map(_GLYPHS, row)) - 1)
    if abs(spread) <= _MAX_SPREAD:
        return f"{spread * size / EM:.3f} Tc{_show(row, lead)}"
    opening = slack // max(1, len(row) - 1)
    if opening > _MAX_OPENING:
        return f"0 Tc{_show(row, lead)}"
    moved = -lead if lead else ""
    opened = "".join([f">{-opening - box.gap}<{box.codes}" for box in row[1:]])
    return f"0 Tc[{moved}<{row[0].codes}{opened}>]TJ"


_HAN = "中"
_LATIN = "a"
_DIGIT = "0"
_SPACE = " "
_KINDS: dict[str, str] = {chr(point): _LATIN for point in range(0x21, 0x7F)}
_KINDS |= dict.fromkeys("0123456789", _DIGIT)
_KINDS |= {char: char for char in _NO_START | _NO_END | _UNITS | _CAPITALS | _PAIRED | {_SPACE, *_RENMINBI}}
"""Characters of one kind behave alike; every other character is like a Chinese one."""
_TRAIL = {_SPACE: 0} | dict.fromkeys(_CLOSING, -_SQUEEZE)
_ASCII = frozenset(map(chr, range(0x21, 0x7F)))


class _Rules(dict[str, tuple[bool, int]]):
    """For two kinds: whether a line may end between them, and the space there if it does not."""

    def __missing__(self, pair: str) -> tuple[bool, int]:
        rule = self[pair] = _between(pair[0], pair[1])
        return rule


_RULES = _Rules()


def _between(left: str, right: str) -> tuple[bool, int]:
    may_break = not _torn(left, right)
    if left in _CLOSING:
        return may_break, _SQUEEZE if right in _CLOSING or right in _OPENING else 0
    if right in _OPENING:
        return may_break, _SQUEEZE if left in _OPENING else 0
    plain = left not in _OPENING and right not in _CLOSING and _SPACE not in (left, right)
    return may_break, _THIN if plain and (left in _ASCII) != (right in _ASCII) else 0


def _torn(left: str, right: str) -> bool:
    """Whether a line end would tear them apart."""
    return (
        right in _NO_START
        or left in _NO_END
        or right == _SPACE
        or (left in _ASCII and right in _ASCII)
        or (left == _DIGIT and right in _UNITS)
        or (left in "年月" and right == _DIGIT)
        or (left in _CAPITALS and right in _CAPITALS)
        or (left in _PAIRED and left == right)
        or left + right in _RENMINBI
        or (left == _RENMINBI[-1] and (right == _DIGIT or right in _CAPITALS))
    )
