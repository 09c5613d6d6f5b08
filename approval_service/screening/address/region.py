"""Reads the divisions at the head of an address: province, prefecture, county, town, however often, however short."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from approval_service.screening.address.divisions import Codes, Name, Table, compatible, nationwide, table, town_stem

_FILLER = re.compile(
    r"(?:中国|中华人民共和国|NULL|-+|[()]|市辖区|市辖县|其[它他](?:地区|区)|(?:省|自治区)直辖县级行政(?:区划|单位)|"
    r"(?:邮寄|收货|通讯|家庭|联系|单位|现住|户籍)?地址|家庭住址|住址|地区(?=.)|[0-9]{6}(?=[^0-9A-Z号弄幢栋室楼座#-]))+"
)
_FILLER_STARTS = frozenset("中N-()市其它他省自邮收通家联单现户住地0123456789")
_STRAY = re.compile(r"[省市区县]+$")
_TOWN_SIGN = re.compile("[镇乡]|街道|苏木|办事处")
_TOWN = re.compile(
    r"[^0-9A-Z()#\-路弄号幢栋]{1,6}?(?:街道办事处|街道|民族乡|镇|乡|苏木)(?![路街巷道弄口])"
    r"|[^0-9A-Z()#\-弄号幢栋]{1,5}?路街道|[^0-9A-Z()#\-路街弄号幢栋村]{2,6}?办事处"
)
_LONGEST_TOWN = 11
_UNDER_PROVINCE = "90"
"""In the place of a prefecture: counties far from each other, each directly under the province."""
_ROAD_ENDS = frozenset("路街道巷村")
_ROAD_FOLLOWS = re.compile(r"[路街道巷弄桥村苑园]|[东南西北中一二三四五六七八九十0-9]{1,2}[路街]")
_ZONE = re.compile(
    r"([^0-9A-Z()#\-]{2,4}?)(?:国家)?(?:高新技术产业开发区|经济技术开发区|经济开发区|高新区|开发区|工业园区)"
)
_UNKNOWN_PROVINCE = re.compile(r"[^0-9A-Z()#\-路街村]{2,3}省(?=.{2,4}[市县区])")


@dataclass(frozen=True, slots=True)
class Clash:
    """A division that cannot stand where it stands: outside `outer` or, without that, nowhere in China."""

    start: int
    end: int
    name: str
    outer: str


@dataclass(slots=True)
class Region:
    """The divisions of an address. `codes` are what they leave possible; what follows them begins at `end`."""

    codes: Codes = frozenset()
    town: str = ""
    subdistrict: bool = False
    """The town is a part of a city (街道), where roads have one name each."""
    end: int = 0
    clash: Clash | None = None
    names: list[Name] = field(default_factory=list)


def read_region(text: str) -> Region:
    """The divisions at the head of a folded address."""
    return _Reader(text).read()


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.table: Table = table()
        self.region = Region()
        self.outer = ""

    def read(self) -> Region:
        text, position = self.text, 0
        while True:
            if text[position : position + 1] in _FILLER_STARTS and (filler := _FILLER.match(text, position)):
                position = filler.end()
            end = self._division(position) or self._town(position)
            if not end:
                break
            position = end
        if self._within_prefecture():
            self._check_zone(position)
        stray = _STRAY.match(text, position) if self.region.codes else None
        self.region.end = stray.end() if stray else position
        return self.region

    def _division(self, start: int) -> int:
        """The end of a division that begins here; 0 if none does."""
        region = self.region
        name = self.table.at(self.text, start, region.codes)
        if name is None:
            return 0 if region.codes or region.town else self._unknown_province(start)
        if region.town and not name.full:
            return 0
        end = start + len(name.text)
        common = compatible(name.codes, region.codes) if region.codes else name.codes
        if common:
            region.codes = common
            region.names.append(name)
            self.outer = name.text
        elif nationwide(name.text):
            return 0
        elif not self._same_prefecture(name.codes):
            region.clash = region.clash or Clash(start, end, name.text, self.outer)
        return end

    def _same_prefecture(self, codes: Codes) -> bool:
        """Whether it lies beside the county that was named: 绍兴县柯桥区 is the older county and what it became."""
        named = self.region.codes
        if any(len(code) != 6 or code[2:4] == _UNDER_PROVINCE for code in named):
            return False
        return any(len(a) == 6 and a[:4] == b[:4] for a in codes for b in named)

    def _unknown_province(self, start: int) -> int:
        match = _UNKNOWN_PROVINCE.match(self.text, start)
        if not match:
            return 0
        self.region.clash = Clash(start, match.end(), match[0], "")
        return match.end()

    def _town(self, start: int) -> int:
        """The end of a town, township or subdistrict, also one without its kind if the table knows it there; or 0."""
        text, region = self.text, self.region
        if _TOWN_SIGN.search(text, start, start + _LONGEST_TOWN) and (match := _TOWN.match(text, start)):
            self._check_town(match[0], start, match.end())
            region.town = town_stem(match[0])
            region.subdistrict = self._is_subdistrict(region.town, match[0].endswith(("街道", "办事处")))
            return match.end()
        if region.town or len(region.codes) != 1:
            return 0
        (code,) = region.codes
        stems = self.table.towns.get(code, {})
        for length in (4, 3, 2):
            stem = text[start : start + length]
            if stem in stems and stem[-1] not in _ROAD_ENDS and not _ROAD_FOLLOWS.match(text, start + length):
                region.town, region.subdistrict = stem, stems[stem]
                return start + len(stem)
        return 0

    def _is_subdistrict(self, stem: str, written_so: bool) -> bool:
        """What it is today, whatever is written: many a town became one."""
        known = [self.table.towns[code][stem] for code in self.region.codes if stem in self.table.towns.get(code, {})]
        return any(known) if known else written_so

    def _within_prefecture(self) -> bool:
        """Whether a county could come next: nothing below a prefecture was named."""
        return not self.region.town and any(len(code) == 4 for code in self.region.codes)

    def _check_town(self, name: str, start: int, end: int) -> None:
        """A town of 东莞 and the like takes a county's place: after another prefecture it is as wrong as a county."""
        homes = self.table.direct_towns.get(name)
        if not homes or not self._within_prefecture() or compatible(homes, self.region.codes):
            return
        if not any(town_stem(name) in self.table.towns.get(code, ()) for code in self.region.codes):
            self.region.clash = self.region.clash or Clash(start, end, name, self.outer)

    def _check_zone(self, start: int) -> None:
        """A development zone is a part of the address like any other, unless it is named after another prefecture."""
        match = _ZONE.match(self.text, start)
        if not match:
            return
        for name in self.table.names.get(match[1][:2], ()):
            prefectures = frozenset(code for code in name.codes if len(code) == 4)
            if name.text == match[1] and prefectures and not compatible(prefectures, self.region.codes):
                self.region.clash = self.region.clash or Clash(start, match.end(), match[0], self.outer)
