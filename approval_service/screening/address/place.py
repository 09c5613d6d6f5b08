"""Follows an address to its destination: the last place it names, and how exactly it says where in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from approval_service.screening.address.kinds import (
    BEFORE_LANDMARK,
    BRANCHES,
    BROAD,
    COMPANY_FORMS,
    HOMELY,
    MANY_DOORS,
    Kind,
)
from approval_service.screening.address.scan import Part


@dataclass(slots=True)
class Destination:
    """Where the letter would end up: `place`, of `kind` (both None where no place is named), and the numbers in it."""

    place: Part | None = None
    kind: Kind | None = None
    road: Part | None = None
    institution: Part | None = None
    """Set while the destination is an institution or a part of one."""
    street: bool = False
    """A road with its number was named on the way."""
    house: bool = False
    block: bool = False
    stair: bool = False
    floor: bool = False
    room: bool = False
    numbered: bool = False
    near: Part | None = None
    """The last part, where it only says what lies near (旁, 交叉口)."""
    last: Part | None = None


def follow(parts: Iterable[Part], text: str) -> Destination:
    """The destination that the parts lead to. What stands in brackets counts if it is a number or an institution."""
    at = Destination()
    outside: Destination | None = None
    for part in parts:
        if part.kind is Kind.OPEN:
            outside = replace(at)
            at.numbered = False
        elif part.kind is Kind.CLOSE:
            if outside is not None and not at.numbered and at.institution in (None, outside.institution):
                at = outside
            outside = None
        elif part.kind is not Kind.NOISE:
            _step(at, part, text)
            at.last = part
    return at


def _step(at: Destination, part: Part, text: str) -> None:
    kind = part.kind
    if kind is Kind.NEAR:
        _pass_by(at, part, text)
        return
    if kind is Kind.NAME:
        _mention(at, part)
    elif kind < Kind.NAME:
        _arrive(at, part, text)
    else:
        at.numbered = True
        _count(at, part, text.count("-", part.start, part.end), text)
    at.near = None


def _pass_by(at: Destination, part: Part, text: str) -> None:
    """What was named last is only a landmark: neither is its institution the destination nor its number the address."""
    at.near = part
    if text[part.start : part.end] in BEFORE_LANDMARK:
        return
    if at.kind is Kind.INSTITUTION:
        at.place, at.kind = at.road, Kind.ROAD if at.road else None
    if at.last is not None and at.last.kind in (Kind.HOUSE, Kind.NUMBER) and at.kind is Kind.ROAD:
        at.street = at.house = False
    at.institution = None


def _mention(at: Destination, part: Part) -> None:
    """A name of no known kind is a place of its own, or a word more about the one before (the north hall)."""
    if at.kind in (None, Kind.ROAD):
        at.place, at.kind = part, part.kind


def _arrive(at: Destination, part: Part, text: str) -> None:
    kind = part.kind
    if kind is Kind.INSTITUTION and at.near is not None and text[at.near.start : at.near.end] in BEFORE_LANDMARK:
        return
    if at.institution is not None and _belongs(part, at.institution, text):
        at.institution = at.institution._replace(end=part.end)
        return
    if kind is Kind.ROAD and (at.room or (at.kind is Kind.MARKET and text[part.start].isdigit())):
        at.numbered = True  # an alley within the market, or the street beside a door that is known
        return
    if kind is Kind.INSTITUTION:
        at.institution = part
    elif kind is not Kind.ROAD:  # where an institution's own street is named behind it, it stays the destination
        at.institution = None
    if kind is Kind.FIRM and (at.street or at.house or at.room):
        at.kind = kind
        return
    at.place, at.kind = part, kind
    at.house = at.block = at.stair = at.floor = False
    if kind is Kind.ROAD:
        at.road = part
    elif kind in BROAD:
        at.room = False


def _belongs(part: Part, institution: Part, text: str) -> bool:
    """Whether a name goes on with the institution's own: its company form, a branch, its own building or hall."""
    stem, ending = text[part.start : part.head], text[part.head : part.end]
    touching = part.start == institution.end
    if part.kind is Kind.FIRM:
        return touching and (stem in COMPANY_FORMS or ending in BRANCHES)
    if part.kind is Kind.TOWER:
        return touching and len(stem) <= 2
    return part.kind is Kind.HOME and len(ending) == 1 and ending not in HOMELY


def _count(at: Destination, part: Part, dashes: int, text: str) -> None:
    kind = part.kind
    if kind is Kind.NUMBER:
        _count_bare(at, text[part.start : part.end], dashes)
    elif kind is Kind.HOUSE or kind is Kind.LANE:
        at.room = at.room or at.block or at.stair or at.floor or (dashes > 0 and at.kind in MANY_DOORS)
        at.house = True
        at.street = at.street or at.kind is Kind.ROAD
    elif kind is Kind.STAIR:
        # 3楼1门 is a door; so is, in 福州, the 402单元 of a block
        at.room = at.room or at.floor or (at.block and part.head - part.start >= 3 and dashes == 0)
        if at.last is not None and at.last.kind is Kind.NUMBER:
            at.room, at.block = False, True  # what came before was no room
        at.stair = True
    elif kind is Kind.SECTION and at.place is None:
        at.place, at.kind = part, Kind.NAME
    else:
        at.block = at.block or kind is Kind.BLOCK
        at.floor = at.floor or kind is Kind.FLOOR
        at.room = at.room or kind is Kind.ROOM


def _count_bare(at: Destination, number: str, dashes: int) -> None:
    """A number without a unit: the house behind a road, the room elsewhere; one or two figures are but a block."""
    if number.isalpha() and number.isascii():
        return  # a letter alone names a part of the place
    if at.kind is Kind.ROAD and not (at.house or at.block or at.stair):
        at.house = at.street = True
        at.room = at.room or dashes >= 2
    elif at.kind in (Kind.HOME, Kind.NAME) and len(number) <= 2 and not (at.street or at.block or at.stair):
        at.block = True
    elif at.place is not None:
        at.room = True
