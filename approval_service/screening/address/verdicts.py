"""The rules about where a letter may go, over one reading of the address: values in, findings out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from approval_service.screening.address.fold import Folded, fold
from approval_service.screening.address.kinds import BROAD, MANY_DOORS, Kind
from approval_service.screening.address.place import Destination, follow
from approval_service.screening.address.region import Region, read_region
from approval_service.screening.address.scan import Part, scan

AddressCode = Literal["ADDRESS_INCOMPLETE", "ADDRESS_SENSITIVE", "ADDRESS_BROAD", "ADDRESS_UNDELIVERABLE"]

_HAN = "\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_PUNCTUATION = (
    r"\s\-.,:;'\"()\[\]{}#&*_+/\\@~|<>!^`=\u00b7\u200b\u2010-\u2027\u2030-\u203f\u2116\u2160-\u217f\u2460-\u249b"
    r"\u3001-\u3003\u3008-\u301f\u3220-\u3229\ufe30-\ufe4f\ufeff\uff01-\uff1e\uff20-\uff5e"
)
_OWN_FONT = "\ue000-\uf8ff"
"""Another system's own glyphs. Passed over here; the letter that would have to print one is refused there."""
_IMPOSSIBLE = re.compile(f"[^0-9A-Za-z{_HAN}{_PUNCTUATION}{_OWN_FONT}]+")
_SOME_HAN = re.compile(f"[{_HAN}]")

_BROAD_WHY = {
    Kind.PARK: "整个园区，没有园内的楼栋或门牌 · a whole park or zone, no building or number inside it",
    Kind.MARKET: "整个市场，没有摊位或门牌 · a whole market, no stall or number inside it",
    Kind.CAMPUS: "整所院校，没有楼栋和房间 · a whole university, no building and room inside it",
    Kind.TALENT_CENTRE: "人才中心，不是个人住址 · a talent centre, not a person's door",
    Kind.VILLAGE: "村里没有门牌号 · a village without a house number",
}
_INCOMPLETE_WHY = {
    Kind.ROAD: "有道路而没有门牌号 · a road without a house number",
    Kind.HOME: "小区没有楼栋和房号 · a compound without block and room",
    Kind.TOWER: "楼宇没有房号 · a building without the room",
    Kind.FIRM: "只有单位名称，没有道路门牌 · a firm's name only, no street with its number",
}
_NAME_ONLY = "只有地名，没有门牌或房号 · a name only, no house number and no room"
_NO_PLACE = "没有道路、村庄或小区 · names no road, village or compound"
_BESIDE = "只说在哪里附近或路口 · only what it is near, or a crossing"
_NO_ROOM_IN_BLOCK = "有楼栋单元而没有室号 · block or stairwell without the room"
_INSTITUTION = (
    "收件地是公检法、监所、律所、媒体或金融机构 · "
    "the destination is a court, procuratorate, police, prison, law firm, news medium or financial institution"
)


@dataclass(frozen=True, slots=True)
class Finding:
    """Why a letter may not go there. `start` and `end` are character offsets of `span` in the address as given."""

    code: AddressCode
    start: int
    end: int
    span: str
    why: str


@dataclass(frozen=True, slots=True)
class Address:
    """One reading of an address."""

    original: str
    folded: Folded
    region: Region
    parts: list[Part]
    at: Destination


def read(address: str) -> Address:
    """Reads any text as an address; never fails."""
    folded = fold(address)
    region = read_region(folded.text)
    parts = scan(folded.text, region.end)
    return Address(address, folded, region, parts, follow(parts, folded.text))


def judge(address: Address, *, verified: bool = False) -> list[Finding]:
    """What forbids a letter to go there; empty if nothing does. `verified` evidence lifts ADDRESS_BROAD.

    An institution is refused however exactly it is written, so it is not called incomplete or broad besides.
    """
    unwritten = _unwritten(address)
    if unwritten:
        return [unwritten]
    clash = address.region.clash
    findings = []
    if clash:
        where = (f"不在{clash.outer}", f"is not in {clash.outer}") if clash.outer else ("不存在", "never existed")
        why = f"{clash.name}{where[0]} · {clash.name} {where[1]}"
        findings.append(_found(address, "ADDRESS_UNDELIVERABLE", clash.start, clash.end, why))
    institution = address.at.institution
    if institution:
        findings.append(_found(address, "ADDRESS_SENSITIVE", institution.start, institution.end, _INSTITUTION))
        return findings
    if _exact(address.at):
        return findings
    code, why = _shortcoming(address.at)
    if not (verified and code == "ADDRESS_BROAD"):
        start = address.at.place.start if address.at.place else 0
        findings.append(_found(address, code, start, len(address.folded.text), why))
    return findings


def _unwritten(address: Address) -> Finding | None:
    """Characters that cannot be an address, or none that could be one."""
    original = address.original
    bad = _IMPOSSIBLE.search(original)
    if bad:
        why = "有不能用于地址的字符 · characters that cannot be an address"
        return Finding("ADDRESS_UNDELIVERABLE", bad.start(), bad.end(), bad[0], why)
    if original.strip() and not _SOME_HAN.search(original):
        return Finding("ADDRESS_UNDELIVERABLE", 0, len(original), original, "没有汉字 · no Chinese characters")
    return None


def _exact(at: Destination) -> bool:
    """Whether the address leads to one door."""
    kind = at.kind
    if kind is None:
        return False
    if kind in BROAD:
        return at.room or at.block or at.house or (at.near is not None and at.street)
    if _without_room(at):
        return False
    if kind is Kind.ROAD:
        return at.street or (at.block and at.room)
    return at.room or at.house or (at.street and kind not in MANY_DOORS)


def _without_room(at: Destination) -> bool:
    """Block or stairwell, and no room. A firm is found without."""
    return (at.block or at.stair) and not at.room and at.kind is not Kind.FIRM


def _shortcoming(at: Destination) -> tuple[AddressCode, str]:
    """What an address lacks that does not lead to one door."""
    kind = at.kind
    if _without_room(at):
        return "ADDRESS_INCOMPLETE", _NO_ROOM_IN_BLOCK
    if at.near and kind is not Kind.VILLAGE:
        return "ADDRESS_INCOMPLETE", _BESIDE
    if kind is None:
        return "ADDRESS_INCOMPLETE", _NO_PLACE
    if kind in _BROAD_WHY:
        return "ADDRESS_BROAD", _BROAD_WHY[kind]
    return "ADDRESS_INCOMPLETE", _INCOMPLETE_WHY.get(kind, _NAME_ONLY)


def _found(address: Address, code: AddressCode, start: int, end: int, why: str) -> Finding:
    if end > start:
        start, end = address.folded.span(start, end)
    return Finding(code, start, end, address.original[start:end], why)
