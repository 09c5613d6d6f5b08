"""Amounts in capitals: the annex's own examples, and both ways for every amount."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from outreach.letters.capitals import MAX_FEN, from_capitals, in_capitals

VECTORS = {
    0: "人民币零元整",
    1: "人民币壹分",
    10: "人民币壹角整",
    12: "人民币壹角贰分",
    100: "人民币壹元整",
    101: "人民币壹元零壹分",
    1000: "人民币壹拾元整",
    1010: "人民币壹拾元壹角整",
    32504: "人民币叁佰贰拾伍元零肆分",
    600714: "人民币陆仟零柒元壹角肆分",
    140950: "人民币壹仟肆佰零玖元伍角整",
    168032: "人民币壹仟陆佰捌拾元叁角贰分",
    1640902: "人民币壹万陆仟肆佰零玖元零贰分",
    10700053: "人民币壹拾万零柒仟元伍角叁分",
    10_000_000: "人民币壹拾万元整",
    1_000_500_00: "人民币壹佰万零伍佰元整",
    10_000_700_000: "人民币壹亿零柒仟元整",
    100_000_000_000_000: "人民币壹万亿元整",
    100_010_001_000_000: "人民币壹万零壹亿零壹万元整",
    MAX_FEN: "人民币玖万玖仟玖佰玖拾玖亿玖仟玖佰玖拾玖万玖仟玖佰玖拾玖元玖角玖分",
}

ALLOWED = {
    "人民币壹拾元壹角": 1010,
    "人民币壹拾元零壹角正": 1010,
    "人民币壹拾万柒仟元零伍角叁分": 10700053,
    "人民币壹拾万柒仟元伍角叁分": 10700053,
    "人民币壹佰元正": 10000,
}

WRONG = [
    "",
    "人民币",
    "壹佰元整",
    "人民币 壹佰元整",
    "人民币壹佰元",
    "人民币壹佰伍元整",
    "人民币壹佰零伍拾元整",
    "人民币壹佰零零伍元整",
    "人民币拾元整",
    "人民币壹佰元伍分",
    "人民币壹元零壹分整",
    "人民币壹元零角壹分",
    "人民币一百元整",
    "人民币壹佰元整整",
    "人民币壹元整壹元整",
    "人民币" + "亿" * 50 + "元整",
    "人民币" + "壹" * 10_000 + "元整",
]


@pytest.mark.parametrize(("fen", "text"), VECTORS.items())
def test_vectors(fen: int, text: str) -> None:
    """The annex's examples and the corners are spelled as a cashier would, and read back."""
    assert in_capitals(fen) == text
    assert from_capitals(text) == fen


@pytest.mark.parametrize(("text", "fen"), ALLOWED.items())
def test_free_spellings_are_read(text: str, fen: int) -> None:
    """Where the annex leaves 零 or 整 free, both spellings are read."""
    assert from_capitals(text) == fen


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_amount_is_refused(text: str) -> None:
    """A spelling that the annex does not allow is no amount."""
    with pytest.raises(ValueError, match="人民币壹佰元整"):
        from_capitals(text)


@given(st.integers(0, MAX_FEN) | st.integers(0, 10**9))
@example(MAX_FEN)
def test_both_ways(fen: int) -> None:
    """Every amount is read back from its capitals, and no two zeros stand side by side."""
    text = in_capitals(fen)
    assert from_capitals(text) == fen
    assert "零零" not in text
    assert text.endswith(("整", "分"))


@given(st.text(alphabet="人民币零壹贰玖拾佰仟万亿元角分整正", max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Whatever is read is one of the allowed spellings of its value."""
    try:
        fen = from_capitals("人民币" + text)
    except ValueError:
        return
    assert (
        in_capitals(fen).replace("零", "").rstrip("整") == ("人民币" + text).replace("零", "").rstrip("整正") or not fen
    )


@pytest.mark.parametrize("fen", [-1, MAX_FEN + 1])
def test_limits(fen: int) -> None:
    """Less than nothing and more than 13 digits of yuan are refused, not spelled wrongly."""
    with pytest.raises(ValueError, match="between"):
        in_capitals(fen)
