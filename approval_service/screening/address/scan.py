"""Cuts what follows the divisions into its parts: names by the word that ends them, numbers by their unit."""

from __future__ import annotations

import re
from typing import NamedTuple

from approval_service.screening.address.kinds import ENDINGS, HARMLESS, WEAK_ENDINGS, Kind

_KINDS_OF_UNITS = {
    Kind.BLOCK: "号楼 #楼 # 栋 幢 座",
    Kind.HOME: "号院 号大院",
    Kind.HOUSE: "号",
    Kind.LANE: "弄",
    Kind.STAIR: "单元 梯 门 号门",
    Kind.FLOOR: "楼 层 F",
    Kind.ROOM: "室 号室 房 号房 房间 户 店 号店 铺 号铺 商铺 摊位 号摊",
    Kind.GROUP: "组 队 社 小组 村民组 村民小组 生产队",
    Kind.SECTION: "期 区 组团",
    Kind.NEAR: "米 公里",
}
_UNITS = {unit: kind for kind, units in _KINDS_OF_UNITS.items() for unit in units.split()}
_UNIT = "|".join(sorted(_UNITS, key=len, reverse=True))
_HAN = "一二三四五六七八九十百零〇两"
_VALUE = "[A-Z]?[0-9]+[A-Z]?[0-9]*"
# Figures with or without a unit (12栋, 3-2-401, B12); Han numerals and single letters only with one (三单元, A座),
# or as the room that ends the address (四零一). A road's word behind it makes it a road (10号大街, 2号路).
_NUMBER = re.compile(
    rf"第?[A-Z]{{0,3}}[0-9]+[A-Z]?[0-9]*(?:-{_VALUE}|-[A-Z](?![A-Z]))*"
    rf"(?:(?P<road>号?(?:大街|大道|路|街|道|支路|巷)(?!口))|(?P<unit>{_UNIT}))?"
    rf"|第?[{_HAN}]{{1,6}}(?:(?P<han_road>号(?:大街|大道|路|街))|(?P<han_unit>{_UNIT}(?<![社门户店])))"
    rf"|[{_HAN}]{{3,4}}(?=[()]|$)"
    r"|[A-Z](?:(?P<letter_unit>号楼|栋|幢|座|区|#|楼|室|户|单元)|(?=[()]|$))"
)
_NUMBER_STARTS = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ第" + _HAN)
_NAME_ENDS = re.compile(
    rf"$|[0-9()#-]|[A-Z](?:[0-9]|座|栋|幢|区|楼|$)|第?[{_HAN}]{{1,6}}(?:期|区|号|栋|幢|座|单元|层|楼|组)|[东南西北中]区"
)
_STRETCH = re.compile("[东南西北中上下]段")
_BETWEEN = frozenset("东南西北中前后上下内外新老一二三四五六七八九十支横纵环")
"""What may stand between a name and the word that makes a road of it (法院+北+路)."""
_ORDINALS = frozenset("一二三四五六七八九十新")
"""What before 村 makes an urban compound of a village (新村, 三村)."""
_MARKS = frozenset("()-#")
_PHONE_LENGTH = 7
_Lengths = dict[str, tuple[int, ...]]


def _lengths() -> _Lengths:
    """The lengths of the words that begin with a character, longest first."""
    lengths: dict[str, set[int]] = {}
    for word in (*ENDINGS, *WEAK_ENDINGS, *HARMLESS):
        lengths.setdefault(word[0], set()).add(len(word))
    return {first: tuple(sorted(sizes, reverse=True)) for first, sizes in lengths.items()}


_LENGTHS = _lengths()


class Part(NamedTuple):
    """A part of a folded address. Before `head` stands a name's stem or the number, behind it its ending or unit."""

    kind: Kind
    start: int
    head: int
    end: int


def scan(text: str, start: int) -> list[Part]:
    """The parts of `text` from `start` on, in order. Single characters that belong to no part are left out."""
    parts: list[Part] = []
    stem = position = start
    length = len(text)
    while position < length:
        character = text[position]
        if character in _NUMBER_STARTS and (match := _NUMBER.match(text, position)):
            _close(parts, stem, position)
            parts.append(_number(match))
            stem = position = match.end()
        elif character in _MARKS:
            _close(parts, stem, position)
            if character in "()":
                parts.append(Part(Kind.OPEN if character == "(" else Kind.CLOSE, position, position, position + 1))
            position += 1
            stem = position
        elif character in _LENGTHS:
            size, kind = _word(text, position, length)
            end = position + size
            if kind is not None:
                if kind is Kind.ROAD and (match := _STRETCH.match(text, end)):
                    end = match.end()
                _name(parts, text, kind, stem, position, end)
                stem = end
            position = end
        else:
            position += 1
    _close(parts, stem, length)
    return parts


def _word(text: str, position: int, length: int) -> tuple[int, Kind | None]:
    """The size and kind of the longest word that begins here; no kind if it ends no name."""
    for size in _LENGTHS[text[position]]:
        end = position + size
        if end > length:
            continue
        word = text[position:end]
        kind = ENDINGS.get(word)
        if kind is not None:
            return size, kind
        if word in HARMLESS:
            return size, None
        kind = WEAK_ENDINGS.get(word)
        if kind is not None and _NAME_ENDS.match(text, end):
            return size, kind
    return 1, None


def _number(match: re.Match[str]) -> Part:
    start, end = match.span()
    group = match.lastgroup
    if group is None:
        phone = end - start >= _PHONE_LENGTH and match[0].isdigit()
        return Part(Kind.NOISE if phone else Kind.NUMBER, start, end, end)
    kind = Kind.ROAD if group.endswith("road") else _UNITS[match[group]]
    return Part(kind, start, match.start(group), end)


def _name(parts: list[Part], text: str, kind: Kind, stem: int, head: int, end: int) -> None:
    """Adds a name that ends here. A road's word makes a road of the name before it (花园+路, 法院+北+路)."""
    if kind is Kind.ROAD and parts:
        before = parts[-1]
        if before.kind < Kind.NAME and before.end == stem and all(c in _BETWEEN for c in text[stem:head]):
            parts[-1] = Part(kind, before.start, head, end)
            return
    if kind is Kind.VILLAGE and head > stem and text[head - 1] in _ORDINALS:
        kind = Kind.HOME
    elif kind is Kind.NEAR or kind is Kind.NOISE:
        _close(parts, stem, head)
        stem = head
    parts.append(Part(kind, stem, head, end))


def _close(parts: list[Part], stem: int, position: int) -> None:
    if position - stem >= 2:
        parts.append(Part(Kind.NAME, stem, position, position))
