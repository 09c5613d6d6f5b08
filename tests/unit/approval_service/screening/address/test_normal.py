"""One door has one normal form, however it is written; another door has another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approval_service.screening.address import normal, parts, read

_FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")


def _same(one: str, other: str) -> bool:
    return normal(read(one)) == normal(read(other))


@pytest.mark.parametrize(
    "spelling",
    [
        "浙江省杭州市西湖区青梧路12号枫桥小区3幢2单元401室",
        "杭州市西湖区青梧路12号枫桥小区3栋2单元401",
        "浙江杭州西湖区青梧路１２号枫桥小区３＃２单元４０１室",
        "浙江省,杭州市,西湖区,青梧路,12号,枫桥小区,3号楼,2单元,401室",
        "浙江省 杭州市 西湖区 青梧路 12号 枫桥小区 三栋 二单元 四零一室",
        "杭州市西湖区青梧路12号枫桥小区3-2-401",
        "杭州市西湖区青梧路12号枫桥小区3座2单元401号",
        "杭州市西湖区青梧路12枫桥小区第三幢二单元401房",
        "中国浙江省杭州市西湖区(青梧路12号)枫桥小区3#楼2单元401室电联",
        "浙江省杭州市浙江省杭州市西湖区青梧路12号枫桥小区3栋2单元401室",
        "浙江省杭州市西湖区转塘街道青梧路12号枫桥小区3栋2单元401室",
        "浙江省杭州市西湖区转塘镇青梧路12号枫桥小区3栋2单元401室",
        "浙江省杭州市西湖區青梧路12號楓橋小區3棟2單元401室",
    ],
)
def test_other_spellings_of_one_door(spelling: str) -> None:
    """Province, suffixes, width, script, gaps, numerals, dashes and the words of units do not matter."""
    assert normal(read(spelling)) == "330106||青梧路12号枫桥小区3栋2单元401室"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("杭州市西湖区青梧路12号401室", "杭州市西湖区青梧路12号402室"),
        ("杭州市西湖区青梧东路12号", "杭州市西湖区青梧西路12号"),
        ("杭州市西湖区青梧一路12号", "杭州市西湖区青梧二路12号"),
        ("枫桥小区一区3栋401", "枫桥小区二区3栋401"),
        ("枫桥小区东区3栋401", "枫桥小区南区3栋401"),
        ("枫桥小区3栋2单元", "枫桥小区3栋2室"),
        ("枫桥小区A座401", "枫桥小区B座401"),
        ("青梧路12号", "青梧路12弄"),
        ("青梧路12号甲", "青梧路12号"),
        ("南京市鼓楼区青梧路12号", "徐州市鼓楼区青梧路12号"),
        ("云栖村3组12号", "云栖村4组12号"),
        ("苍南县灵溪镇青梧路12号", "苍南县钱库镇青梧路12号"),
        ("绍兴市柯桥东区12号", "绍兴市柯桥南区12号"),
    ],
)
def test_other_doors(one: str, other: str) -> None:
    """Each digit, direction, part of a compound, letter and division counts."""
    assert not _same(one, other)


@given(
    road=st.integers(1, 3000), block=st.integers(1, 99), stair=st.integers(1, 12), room=st.integers(101, 3999),
    suffix=st.booleans(), province=st.booleans(), wide=st.booleans(), gap=st.sampled_from(["", " ", "，", ","]),
    word=st.sampled_from(["栋", "幢", "号楼", "#", "座"]), room_word=st.sampled_from(["室", "", "房"]),
)  # fmt: skip
def test_spellings_made_at_random(
    road: int,
    block: int,
    stair: int,
    room: int,
    suffix: bool,
    province: bool,
    wide: bool,
    gap: str,
    word: str,
    room_word: str,
) -> None:
    """Any mixture of the ways to write it is the same door, and the next room is another."""
    plain = f"浙江省宁波市鄞州区望舒路{road}号枫桥公寓{block}幢{stair}单元{room}室"
    pieces = ["浙江省" * province, "宁波市" if suffix else "宁波", "鄞州区", "望舒路", f"{road}号", "枫桥公寓"]
    pieces += [f"{block}{word}", f"{stair}单元", f"{room}{room_word}"]
    spelled = gap.join(piece for piece in pieces if piece)
    assert _same(plain, spelled.translate(_FULL_WIDTH) if wide else spelled)
    assert not _same(plain, spelled.replace(f"{room}{room_word}", f"{room + 1}{room_word}"))


def test_the_parts_are_named() -> None:
    """Whoever repairs an address sees what was understood; the province is there even if it was left out."""
    assert parts(read("苏州市昆山市望舒镇云栖路128号枫桥花园12-402")) == {
        "province": "江苏省",
        "city": "苏州市",
        "district": "昆山市",
        "town": "望舒",
        "road": "云栖路",
        "number": "128号",
        "place": "枫桥花园",
        "block": "12栋",
        "room": "402室",
    }
    assert parts(read("杭州市江干区云栖村三组12号")) == {
        "province": "浙江省",
        "city": "杭州市",
        "district": "江干区",
        "village": "云栖村",
        "group": "3组",
        "number": "12号",
    }
