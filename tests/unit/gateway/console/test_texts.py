"""Texts on pages: what differs, what is marked, what fills gaps; nothing of a text becomes markup."""

from __future__ import annotations

import pytest
from starlette.datastructures import FormData

from gateway.console import showing
from gateway.console.comparing import marked, sides
from gateway.console.forms import day, text, whole
from gateway.console.gaps import FILLINGS, chosen, filled, filling_of
from outreach.domain.errors import Refusal


def test_what_differs_is_marked_on_its_side() -> None:
    """A changed gap is one word, not its letters; what both have stands unmarked."""
    left, right = sides("逾期{amount}元", "逾期{overdue}元，请还款")
    assert left == "逾期<del>{amount}</del>元"
    assert right == "逾期<ins>{overdue}</ins>元<ins>，请还款</ins>"


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "a & b", '" onload="x'])
def test_a_text_is_never_markup(text: str) -> None:
    """Not where it is compared, and not where words of it are marked."""
    for shown in (*sides("", text), *sides(text, text), marked(text, [f"「{text}」"])):
        assert "<script" not in shown
        assert text not in shown or "<" not in text


def test_the_words_that_a_finding_quotes_are_marked() -> None:
    """In both kinds of quotation marks; the longest where they overlap; words that are not there are not."""
    shown = marked("再不还款将被公安机关抓捕", ["「公安」", "“公安机关抓捕”", "「坐牢」"])
    assert shown == "再不还款将被<mark>公安机关抓捕</mark>"
    assert marked("无事", []) == "无事"


def test_gaps_get_the_likeliest_filling() -> None:
    """By the gap's name, unless another one was chosen; each gap once, in order."""
    gaps = chosen("{name}{amount}{due_date}{name}{x}", {"x": "hotline"})
    assert [(gap.name, filling_of(gap).key) for gap in gaps] == [
        ("name", "recipient"),
        ("amount", "overdue"),
        ("due_date", "due_date"),
        ("x", "hotline"),
    ]
    assert filled("{name}{amount}", gaps, worst=False) == "张三1234.56"
    assert len(filled("{name}{amount}", gaps, worst=True)) > len("张三1234.56")


def test_every_filling_is_found_again() -> None:
    """What was chosen in the form is what the stored placeholder shows."""
    for filling in FILLINGS:
        (gap,) = chosen("{x}", {"x": filling.key})
        assert filling_of(gap) == filling


@pytest.mark.parametrize("written", ["1.5", "-1", "１２", "x", "9" * 13, "2147483648"])
def test_a_bad_number_is_refused(written: str) -> None:
    """With the field's name; nothing is taken for a number that is not plainly one."""
    with pytest.raises(Refusal) as caught:
        whole(FormData({"number": written}), "number")
    assert caught.value.violations[0][0] == "number"


def test_forms_are_read() -> None:
    """An empty number is 0, an empty day none; a day is its first moment in China."""
    form = FormData({"number": " 12 ", "none": "", "day": "2026-03-17", "bad": "17.3.2026"})
    assert (whole(form, "number"), whole(form, "none"), text(form, "missing")) == (12, 0, "")
    first = day(form, "day")
    assert first is not None
    assert first.ToJsonString() == "2026-03-16T16:00:00Z"
    assert day(form, "none") is None
    with pytest.raises(Refusal):
        day(form, "bad")


def test_what_was_done_survives_a_cookie() -> None:
    """Any text does; a cookie that somebody made up shows nothing."""
    assert showing.unpack(showing.pack("已暂停；取消 3 条")) == "已暂停；取消 3 条"
    assert [showing.unpack(made_up) for made_up in ("", "%%%", "gICA")] == ["", "", ""]


def test_amounts_are_yuan_and_fen() -> None:
    """With thousands separated."""
    assert [showing.yuan(fen) for fen in (0, 5, 123_456_789)] == ["0.00", "0.05", "1,234,567.89"]
