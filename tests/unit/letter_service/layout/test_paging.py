"""Where a letter's parts stand."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from letter_service.layout.press import Press
from outreach.domain.errors import Refusal
from outreach.letters.model import Block, Heading, Paragraph, Seal, Table
from tests.unit.letter_service.layout.letters import letter, permit
from tests.unit.letter_service.layout.reading import texts

TITLE = Heading(1, "函")
SEAL = Seal("示例银行")
LONG = "这是一段用来把版面撑开的文字，它没有别的意思。" * 8


def _pages(*blocks: Block) -> list[str]:
    return texts(Press(letter(TITLE, *blocks)).letter(permit())[1])


def test_table_repeats_its_head() -> None:
    """Each page of a long table begins with its head, and no row is lost or printed twice."""
    rows = tuple((f"第{row:02}行", "{overdue}") for row in range(50))
    pages = _pages(Table((("表头甲", "表头乙"), *rows)))
    assert len(pages) > 1
    assert all("表头甲" in page for page in pages)
    whole = "".join(pages)
    assert all(whole.count(f"第{row:02}行") == 1 for row in range(50))


@given(st.integers(0, 12))
@settings(deadline=None, max_examples=13)
def test_seal_never_stands_alone(paragraphs: int) -> None:
    """Wherever the page ends, some of the text stands above the seal, and a heading stands above its text."""
    ending = Heading(2, "最后一节"), Paragraph("结束语，" * 30 + "特此告知。")
    pages = _pages(*[Paragraph(LONG)] * paragraphs, *ending, SEAL, Paragraph("{letter_date}", indent=False))
    sealed = next(page for page in pages if "盖章处" in page)
    assert "特此告知" in sealed
    headed = next(page for page in pages if "最后一节" in page)
    assert "结束语，结束语" in headed


def test_seal_after_a_table_leaves_the_table_as_it_is() -> None:
    """A table may be the last thing above the seal."""
    pages = _pages(Table((("项目", "金额"), ("逾期", "{overdue}"))), SEAL)
    assert "16,409.02" in pages[0]
    assert "盖章处" in pages[0]


def test_seals_stand_side_by_side() -> None:
    """Bank and agency seal beside each other; four have no room."""
    (page,) = _pages(SEAL, Seal("示例信用管理有限公司"))
    assert page.count("盖章处") == 2
    with pytest.raises(Refusal) as caught:
        _pages(*[SEAL] * 4)
    assert caught.value.field == "seal"


def test_date_under_the_seal_is_the_letters() -> None:
    """A date that follows a seal is set under the party; without one there is none."""
    (dated,), (undated,) = _pages(SEAL, Paragraph("{letter_date}", indent=False)), _pages(SEAL)
    assert dated.count("2026年11月25日") == 2
    assert undated.count("2026年11月25日") == 1
