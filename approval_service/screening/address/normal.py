"""One spelling for one door, and the parts it is made of."""

from __future__ import annotations

import re
from collections.abc import Iterator

from approval_service.screening.address.divisions import table
from approval_service.screening.address.kinds import Kind
from approval_service.screening.address.scan import Part
from approval_service.screening.address.verdicts import Address

_NUMERALS = re.compile("[零〇一二三四五六七八九十百两]+")
_DIGITS = {character: number for number, character in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_TENS = {"十": 10, "百": 100}

Element = tuple[str, str]
"""What a part of an address is (road, number, block, ...), and its one spelling."""

_LABELS = {
    Kind.ROAD: "road",
    Kind.VILLAGE: "village",
    Kind.HOUSE: "number",
    Kind.LANE: "lane",
    Kind.GROUP: "group",
    Kind.SECTION: "section",
    Kind.NEAR: "near",
}
_UNITS = {"block": "栋", "unit": "单元", "floor": "层", "room": "室", "number": "号"}
_LABELS_OF_UNITS = {Kind.BLOCK: "block", Kind.STAIR: "unit", Kind.FLOOR: "floor", Kind.ROOM: "room"}
_CHAINS = {2: ("block", "room"), 3: ("block", "unit", "room")}
"""What 12-402 and 3-2-401 stand for."""
_SILENT = frozenset({Kind.NOISE, Kind.OPEN, Kind.CLOSE})
_WITHIN = frozenset({Kind.BLOCK, Kind.STAIR, Kind.FLOOR})


def normal(address: Address) -> str:
    """The same text for the same door, whatever the width, gaps, numerals, words for units, and what may be left out.

    It still is the address: whoever keeps it keeps a keyed hash of it.
    """
    codes = address.region.codes
    today = codes & table().titles.keys()
    place = "".join(value for _, value in _elements(address))
    town = "" if address.region.subdistrict else address.region.town
    return f"{'/'.join(sorted(today or codes))}|{town}|{place}"


def parts(address: Address) -> dict[str, str]:
    """The parts by name, for the person who must repair the address; several of one name are joined by a space."""
    said: dict[str, list[str]] = {}
    for label, value in (*_divisions(address), *_elements(address)):
        said.setdefault(label, []).append(value)
    return {label: " ".join(dict.fromkeys(values)) for label, values in said.items()}


def _divisions(address: Address) -> Iterator[Element]:
    codes, titles = address.region.codes, table().titles
    if codes:
        code = max(codes & titles.keys() or codes, key=len)
        for label, length in (("province", 2), ("city", 4), ("district", 6)):
            if len(code) >= length:
                title = titles.get(code[:length]) or _as_written(address, length)
                if title:
                    yield label, title
    if address.region.town:
        yield "town", address.region.town


def _as_written(address: Address, length: int) -> str:
    """The last name in the address that was a division of this length of code."""
    names = [name.text for name in address.region.names if any(len(code) == length for code in name.codes)]
    return names[-1] if names else ""


def _elements(address: Address) -> Iterator[Element]:
    text = address.folded.text
    done = address.region.end
    last: Kind | None = None
    for part in address.parts:
        yield from _other(text[done : part.start])
        done = part.end
        if part.kind not in _SILENT:
            yield from _spell(part, text, last)
            last = part.kind
    yield from _other(text[done:])


def _other(text: str) -> Iterator[Element]:
    """Single characters between the parts."""
    text = text.strip("()-#")
    if text:
        yield "other", text


def _spell(part: Part, text: str, last: Kind | None) -> Iterator[Element]:
    kind = part.kind
    stem, ending = text[part.start : part.head], text[part.head : part.end]
    if kind is Kind.NUMBER:
        yield from _bare_number(_figure(stem), last)
    elif kind in _LABELS_OF_UNITS:
        yield from _chain(_figure(stem), _LABELS_OF_UNITS[kind])
    elif kind is Kind.HOUSE:
        label = "room" if last in _WITHIN else "number"
        yield label, _figure(stem) + _UNITS[label]
    elif kind in (Kind.LANE, Kind.SECTION, Kind.GROUP):
        yield _LABELS[kind], _figure(stem) + ending.removeprefix("村民").replace("小组", "组")
    else:
        yield _LABELS.get(kind, "place"), _NUMERALS.sub(lambda numeral: _figure(numeral[0]), stem) + ending


def _bare_number(number: str, last: Kind | None) -> Iterator[Element]:
    """A number without a unit: behind a road the house, then the room; 3-2-401 behind a compound says all three."""
    numbers = number.split("-")
    if last is Kind.ROAD:
        if len(numbers) != 3:
            yield "number", number + "号"
            return
        yield "number", numbers[0] + "号"
        numbers = numbers[1:]
    labels = _CHAINS.get(len(numbers)) if last not in _WITHIN and last is not Kind.HOUSE else None
    if labels is None:
        yield "room", "-".join(numbers) + "室"
    else:
        yield from ((label, value + _UNITS[label]) for label, value in zip(labels, numbers, strict=True))


def _chain(number: str, label: str) -> Iterator[Element]:
    """A number with a unit, which is the last one's where there are several: 3-2-401室, 13-6单元."""
    numbers = number.split("-")
    labels = _CHAINS.get(len(numbers)) if label == "room" else ("block", "unit") if label == "unit" else None
    if labels is None or len(labels) != len(numbers):
        yield label, number + _UNITS[label]
    else:
        yield from ((name, value + _UNITS[name]) for name, value in zip(labels, numbers, strict=True))


def _figure(numeral: str) -> str:
    """A number in figures: 十九 is 19, 四零一 is 401; one in figures stays as it is."""
    numeral = numeral.removeprefix("第")
    if not _NUMERALS.fullmatch(numeral):
        return numeral
    if not any(character in _TENS for character in numeral):
        return "".join(str(_DIGITS[character]) for character in numeral)
    total, digit = 0, None
    for character in numeral:
        if character in _TENS:
            total += (1 if digit is None else digit) * _TENS[character]
            digit = None
        else:
            digit = _DIGITS[character]
    return str(total + (digit or 0))
