"""Divisions of today and of yesterday stand together in an address where they belong together, and nowhere else."""

from __future__ import annotations

import random

import pytest

from approval_service.screening.address import judge, read
from approval_service.screening.address.divisions import short_name, table

_DOOR = "青梧路12号"


def _contradicts(divisions: str) -> bool:
    return any(finding.code == "ADDRESS_UNDELIVERABLE" for finding in judge(read(divisions + _DOOR)))


def _counties() -> list[tuple[str, str, str]]:
    """Province, prefecture (empty where there is none) and county, by today's names."""
    titles = table().titles
    return [(titles[c[:2]], titles.get(c[:4], ""), name) for c, name in titles.items() if len(c) == 6]


def test_every_county_of_today_is_consistent_however_short() -> None:
    """With and without province, prefecture and their suffixes."""
    spelled = [
        spelling
        for province, prefecture, county in _counties()
        for spelling in (
            province + prefecture + county,
            prefecture + county,
            province + county,
            short_name(province) + short_name(prefecture) + county,
            short_name(province) + short_name(prefecture) + short_name(county),
        )
    ]
    assert [divisions for divisions in spelled if judge(read(divisions + _DOOR))] == []


def test_one_swapped_level_is_a_contradiction() -> None:
    """At least 99 of 100; the rest belonged there once, or is a name that every town gives a part of itself (城区)."""
    chance = random.Random(20261124)
    counties = [c for c in _counties() if c[1]]
    swapped = []
    for province, prefecture, county in chance.sample(counties, 1500):
        other_province, other_prefecture, other_county = chance.choice(counties)
        if other_prefecture == prefecture or other_province == province:
            continue
        swapped += [other_province + prefecture + county, province + prefecture + other_county]
    missed = [divisions for divisions in swapped if not _contradicts(divisions)]
    assert len(missed) <= 0.01 * len(swapped), missed


@pytest.mark.parametrize(
    "divisions",
    [
        "浙江省杭州市江干区",
        "浙江省绍兴市绍兴县",
        "浙江省绍兴市绍兴县柯桥区",
        "浙江省宁波市江东区",
        "浙江省宁波市奉化市",
        "浙江省杭州市萧山市",
        "安徽省巢湖市含山县",
        "重庆市大足县",
        "四川省成都市郫县",
        "湖北省荆州地区仙桃市",
        "北京市宣武区",
        "广西省南宁市青秀区",
        "贵州省毕节地区大方县",
        "上海市市辖区南汇区",
    ],
)
def test_abolished_names_are_good(divisions: str) -> None:
    """The post delivers to them."""
    assert judge(read(divisions + _DOOR)) == []


@pytest.mark.parametrize(
    "divisions",
    [
        "湖北省仙桃市",
        "湖北省省直辖县级行政区划仙桃市",
        "河南省济源市",
        "海南省琼海市",
        "新疆维吾尔自治区石河子市",
        "广东省东莞市虎门镇",
        "海南省儋州市那大镇",
        "北京市市辖区海淀区",
        "上海上海市浦东新区",
        "浙江省杭州市浙江省杭州市西湖区",
        "江苏省苏州市工业园区",
        "浙江省宁波市高新区",
        "浙江省杭州市下沙经济技术开发区",
        "四川省成都市高新区",
        "吉林省吉林市船营区",
        "四川省凉山州西昌市",
        "贵州省遵义市务川县",
        "浙江省温州市东区",
    ],
)
def test_unusual_ranks_are_no_contradiction(divisions: str) -> None:
    """Municipalities, counties under a province, towns under a prefecture, zones that take a county's place."""
    assert not _contradicts(divisions)


@pytest.mark.parametrize(
    "divisions",
    [
        "浙江南京市",
        "嘉兴市玄武区",
        "杭州市海宁市",
        "浙江省杭州市虎门镇",
        "浙江省宁波市洛阳高新技术产业开发区",
        "江苏省苏州市昆山市浙江省杭州市西湖区",
        "上海市武侯区",
        "江淮省合肥市蜀山区",
    ],
)
def test_contradictions_are_found_in_every_form(divisions: str) -> None:
    """Short names, towns and zones in a county's place, two regions in one address, a province that never was."""
    assert _contradicts(divisions)
