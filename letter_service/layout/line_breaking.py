"""Lines of Chinese text as a printer breaks them: no mark at a wrong end, nothing torn apart, both margins even.

Text is cut once into boxes, which no line end may split; breaking then only adds up widths. Lengths are 1/1000 of the
size. docs/letters_layout.md gives the rules.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import accumulate

from letter_service.layout.fonts import Face

EM = 1000
_CLOSING = frozenset("，。、；：！？）》】」』〉〕”’")
_OPENING = frozenset("（《【「『〈〔“‘")
_NO_START = _CLOSING | frozenset("％‰℃°…—～·,.;:!?)]}%")
_NO_END = _OPENING | frozenset("￥¥$([{#")
_UNITS = frozenset("元年月日号天期次个笔张岁栋幢座楼层室弄组村社门单时点分万亿％℃")
_CAPITALS = frozenset("零壹贰叁肆伍陆柒捌玖拾佰仟万亿元角分整正")
_PAIRED = frozenset("—…")
_TOKEN = re.compile(r"[0-9]+(?: [0-9]+)+|[!-~¥]+|.", re.DOTALL)
_SQUEEZE = -500
"""Between two marks that each leave half of their square empty."""
_THIN = 100
"""Between Chinese and Latin letters or figures."""
_MAX_STRETCH = 3 * EM
"""A line that lacks more than this stays uneven."""


class Unbreakable(Exception):
    """Something that may not be torn apart is wider than the line."""


class MissingGlyph(Exception):
    """The face lacks a character; `place` counts from 1."""

    def __init__(self, place: int) -> None:
        super().__init__(place)
        self.place = place


@dataclass(slots=True)
class Boxes:
    """A text ready to be broken, as columns of one table: box by box."""

    first: str = ""
    """The first character, and the last: they decide what may happen where two texts meet."""
    last: str = ""
    bare: list[str] = field(default_factory=list)
    """The box's codes."""
    joined: list[str] = field(default_factory=list)
    """The same with the space before it."""
    width: list[int] = field(default_factory=list)
    """With the space before it."""
    gap: list[int] = field(default_factory=list)
    breaks: list[bool] = field(default_factory=list)
    """Whether a line may begin with it."""
    trail: list[int] = field(default_factory=list)
    """What of its end may stand beyond the line: the empty half of a mark."""
    glyphs: list[int] = field(default_factory=list)

    def extend(self, other: Boxes) -> None:
        """Appends another text; where they meet, the rules are the same as within one."""
        if not other.bare:
            return
        at = len(self.bare)
        for mine, theirs in zip(self._columns(), other._columns(), strict=True):
            mine += theirs
        if at:
            self._meet(at, *_between(self.last, other.first))
        else:
            self.first = other.first
        self.last = other.last

    def _columns(self) -> tuple[list[str], list[str], list[int], list[int], list[bool], list[int], list[int]]:
        return (self.bare, self.joined, self.width, self.gap, self.breaks, self.trail, self.glyphs)

    def _meet(self, at: int, may_break: bool, gap: int) -> None:
        self.breaks[at] = may_break
        if gap != self.gap[at]:
            self.width[at] += gap - self.gap[at]
            self.gap[at] = gap
            self.joined[at] = f">{-gap}<{self.bare[at]}" if gap else self.bare[at]


def boxes(text: str, face: Face) -> Boxes:
    """Cuts a text. MissingGlyph if the face lacks a character of it."""
    found = Boxes()
    for token in _TOKEN.findall(text):
        may_break, gap = _between(found.last, token[0]) if found.last else (True, 0)
        code = _encoded(token, face, text)
        found.bare.append(code)
        found.joined.append(f">{-gap}<{code}" if gap else code)
        found.width.append(sum(map(face.width.__getitem__, token)) + gap)
        found.gap.append(gap)
        found.breaks.append(may_break)
        found.trail.append(-_SQUEEZE if token in _CLOSING else face.width[token] if token == " " else 0)
        found.glyphs.append(len(token))
        found.first = found.first or token[0]
        found.last = token[-1]
    return found


def width(text: str, face: Face) -> int:
    """Of a text on one line, with the spaces between its boxes."""
    return sum(boxes(text, face).width)


def join(parts: Iterable[Boxes]) -> Boxes:
    whole = Boxes()
    for part in parts:
        whole.extend(part)
    return whole


def break_lines(
    text: Boxes, measure: int, size: float, *, indent: int = 0, justify: bool = False, align: float = 0
) -> list[str]:
    """PDF operators that show each line: at the left, or `align` 0.5 in the middle, 1 at the right.

    Unbreakable if a box is wider than the measure.
    """
    ends = list(accumulate(text.width))
    count = len(ends)
    lines = []
    start, lead = 0, indent
    while start < count:
        before = ends[start] - text.width[start] + text.gap[start]
        room = measure - lead
        stop = _line_end(text, ends, start, before + room)
        used = ends[stop - 1] - before
        if used > room or (justify and stop < count):
            used -= text.trail[stop - 1]
        spread, shift = 0, lead
        if justify and stop < count:
            spread = _spread(room - used, sum(text.glyphs[start:stop]))
        elif align:
            shift = int((measure - used) * align)
        codes = text.bare[start] + "".join(text.joined[start + 1 : stop])
        lines.append(f"{spread * size / EM:.3f} Tc[{-shift}<{codes}>]TJ")
        start, lead = stop, 0
    return lines


def _line_end(text: Boxes, ends: list[int], start: int, limit: int) -> int:
    stop = bisect_right(ends, limit, start)
    if stop < len(ends) and ends[stop] - text.trail[stop] <= limit:
        stop += 1
    if stop == len(ends):
        return stop
    while stop > start and not text.breaks[stop]:
        stop -= 1
    if stop == start:
        raise Unbreakable
    return stop


def _spread(slack: int, glyphs: int) -> int:
    """Thousandths to add after each glyph."""
    return slack // (glyphs - 1) if glyphs > 1 and abs(slack) <= _MAX_STRETCH else 0


def _encoded(token: str, face: Face, text: str) -> str:
    try:
        return "".join([face.code[char] for char in token])
    except KeyError as error:
        raise MissingGlyph(text.index(error.args[0]) + 1) from None


def _between(left: str, right: str) -> tuple[bool, int]:
    """Whether a line may end between two characters, and the space between them if it does not."""
    if left in _CLOSING:
        return right not in _NO_START, _SQUEEZE if right in _CLOSING or right in _OPENING else 0
    if right in _OPENING:
        return left not in _NO_END, _SQUEEZE if left in _OPENING else 0
    left_latin, right_latin = "!" <= left <= "~", "!" <= right <= "~"
    gap = _THIN if left_latin != right_latin and " " not in (left, right) and right not in _NO_START else 0
    if left in _OPENING or right in _CLOSING:
        gap = 0
    torn = (
        right in _NO_START
        or left in _NO_END
        or right == " "
        or (left_latin and right_latin)
        or (left.isdigit() and right in _UNITS)
        or (left in "年月" and right.isdigit())
        or (left in _CAPITALS and right in _CAPITALS)
        or (left in _PAIRED and left == right)
    )
    return not torn, gap
