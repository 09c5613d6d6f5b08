"""Lines as a printer breaks them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from letter_service.layout.fonts import serif
from letter_service.layout.line_breaking import EM, MissingGlyph, Unbreakable, boxes, break_lines, join, whole
from tests.unit.letter_service.layout.reading import line_text, line_width

FACE = serif()
CLOSING = "，。、；：！？）》】”"
OPENING = "（《【“"
UNDIVIDED = (
    "16,409.02元",
    "107,000.53",
    "2026年12月15日",
    "2026-11-24",
    "010-00000001",
    "400 888 1234",
    "6222 0202 0011 2233",
    "service@example.com",
    "https://www.example.com/a",
    "人民币壹万陆仟肆佰零玖元零贰分",
    "12.5%",
    "——",
    "……",
)
words = st.text(st.sampled_from("您在我行办理的信用卡已逾期请于收到本函后与协商还款安排"), min_size=1, max_size=12)
special = st.one_of(st.sampled_from(["", *UNDIVIDED]), st.sampled_from([*CLOSING, *OPENING]))
pieces = st.lists(st.tuples(special, words), max_size=12).map(lambda pairs: [part for pair in pairs for part in pair])


@given(pieces, st.integers(22, 45), st.booleans())
@settings(deadline=None)
def test_lines_hold_the_text_and_end_well(parts: list[str], measure: int, justify: bool) -> None:
    """No character is lost, no mark stands at a wrong end, nothing is torn apart, and no line is too long."""
    text = "".join(parts)
    lines = break_lines(boxes(text, FACE), measure * EM, 11, indent=2 * EM, justify=justify)
    shown = [line_text(line, FACE) for line in lines]
    assert "".join(shown) == text
    assert all(line[0] not in CLOSING for line in shown[1:])
    assert all(line[-1] not in OPENING for line in shown[:-1])
    for undivided in set(parts) & set(UNDIVIDED):
        assert sum(line.count(undivided) for line in shown) == text.count(undivided)
    for line, characters in zip(lines, shown, strict=True):
        hanging = EM // 2 if characters[-1] in CLOSING else 0
        assert line_width(line, FACE) - hanging <= measure * EM


@given(pieces, pieces)
@settings(deadline=None)
def test_joined_texts_break_as_one(left: list[str], right: list[str]) -> None:
    """A value that is set into a text breaks as if it had been written there."""
    one, two = "".join(left), "".join(right)
    apart = break_lines(join([boxes(one, FACE), boxes(two, FACE)]), 30 * EM, 11)
    assert apart == break_lines(boxes(one + two, FACE), 30 * EM, 11)


def test_marks_are_squeezed() -> None:
    """Two marks side by side share one square; a mark at a line's end may stand half outside."""
    assert boxes("（《", FACE).width == 1.5 * EM
    assert boxes("）。", FACE).width == 1.5 * EM
    assert len(break_lines(boxes("四个汉字。", FACE), 4 * EM + 500, 11, justify=True)) == 1


def test_space_between_chinese_and_figures() -> None:
    """Figures stand a little off Chinese characters."""
    figures = sum(FACE.width[char] for char in "12")
    assert boxes("有12个", FACE).width - figures - 2 * EM == 100


def test_even_lines_reach_the_margin() -> None:
    """All but the last line are stretched to the measure."""
    first, *_ = break_lines(boxes("您尾号1234的卡" * 6, FACE), 20 * EM, 10, justify=True)
    spread = float(first.split(" Tc")[0]) / 10 * EM
    glyphs = len(line_text(first, FACE))
    assert abs(line_width(first, FACE) + spread * (glyphs - 1) - 20 * EM) < 2


def test_too_wide_is_refused() -> None:
    """What may not be torn apart and is wider than the line is refused, not cut."""
    with pytest.raises(Unbreakable):
        break_lines(boxes("https://www.example.com/a/long/path", FACE), 5 * EM, 11)


def test_missing_glyph_names_its_place() -> None:
    """A character that the face lacks is named by its place; what cannot be seen is none."""
    for text, place in (("张\U0003fffd", 2), ("一\u200b二", 2), ("\n", 1)):
        with pytest.raises(MissingGlyph) as caught:
            boxes(text, FACE)
        assert caught.value.place == place


@given(st.sampled_from(["欧阳𬱖堃", "16,409.02", "2026年12月15日", "人民币壹佰元整", "（甲）方", "A B", ""]))
def test_whole_is_as_wide_as_its_boxes(value: str) -> None:
    """A value as one box takes the same room."""
    assert whole(value, FACE).width == boxes(value, FACE).width
    assert len(whole(value, FACE).row) <= 1
