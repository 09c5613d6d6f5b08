"""What cannot be set is refused before anything is printed, with the field and the way out; nothing is cut."""

from __future__ import annotations

from io import BytesIO

import pytest

from letter_service.layout.permit import Permit
from letter_service.layout.press import Press
from outreach.domain.errors import Refusal
from outreach.letters.model import Envelope, Heading, Paragraph, Table
from tests.unit.letter_service.layout.letters import letter, permit
from tests.unit.letter_service.layout.reading import texts

PRESS = Press(letter(envelope=Envelope.ZL))
NO_GLYPH = "\U0002ceb0"
"""In no face: the last plane that the product takes for Chinese, unassigned in the fonts."""
LONG_ADDRESS = "示例省示例市示例区" + "很长的路名" * 30 + "1号"


def _refusal(given: Permit, press: Press = PRESS) -> Refusal:
    with pytest.raises(Refusal) as caught:
        press.letter(given)
    return caught.value


@pytest.mark.parametrize(
    ("given", "field", "reason"),
    [
        (permit(values={"name": f"张{NO_GLYPH}"}), "name", "GLYPH_MISSING"),
        (permit(address=(f"示例省示例市{NO_GLYPH}路1号",)), "address", "GLYPH_MISSING"),
        (permit(address=(LONG_ADDRESS,)), "address", "LAYOUT_DOES_NOT_FIT"),
        (permit(values={"overdue": "1" * 60}), "overdue", "LAYOUT_DOES_NOT_FIT"),
        (permit(values={"overdue": "很多"}), "overdue", "LAYOUT_DOES_NOT_FIT"),
        (permit(values={"hotline": ""}), "hotline", "VALUE_MISSING"),
        (permit(letter_number="L" * 40), "letter_number", "LAYOUT_DOES_NOT_FIT"),
        (permit(letter_number="函0001"), "letter_number", "LAYOUT_DOES_NOT_FIT"),
        (permit(run_id="R" * 150), "sheet_code", "LAYOUT_DOES_NOT_FIT"),
        (permit(authorization="A" * 90), "authorization", "LAYOUT_DOES_NOT_FIT"),
        (permit(mark="副本" * 50), "mark", "LAYOUT_DOES_NOT_FIT"),
    ],
)
def test_what_cannot_be_set_is_refused(given: Permit, field: str, reason: str) -> None:
    """Each names its field and says in both languages what to do, without the value."""
    refusal = _refusal(given)
    assert (refusal.field, refusal.reason) == (field, reason)
    assert all(value not in refusal.message for value in (given.recipient_name, *given.address, NO_GLYPH))
    assert any("一" <= char <= "鿿" for char in refusal.message)
    assert refusal.message.isascii() is False


def test_missing_glyph_is_named_by_its_place() -> None:
    """The person who repairs the record sees which character it is, counted from the value's beginning."""
    assert "第 9 个" in _refusal(permit(address=(f"示例省示例市世纪{NO_GLYPH}路1号",))).message


def test_more_than_eight_pages_are_refused() -> None:
    """A version that runs on is refused instead of printed without end."""
    press = Press(letter(Heading(1, "函"), *[Paragraph("很长的一段文字。" * 60)] * 40))
    assert "8" in _refusal(permit(), press).message


def test_cell_too_narrow_is_refused() -> None:
    """An amount in capitals that is wider than its cell is refused, not divided."""
    rows = (("一", "二", "三", "四"), ("{overdue:capitals}",) * 4)
    press = Press(letter(Heading(1, "函"), Table(rows)))
    assert _refusal(permit(values={"overdue": "89,999,999.99"}), press).field == "overdue"


def test_version_with_a_missing_glyph_cannot_be_prepared() -> None:
    """What no letter of a version could show is refused at once."""
    with pytest.raises(Refusal) as caught:
        Press(letter(Heading(1, "函"), Paragraph(f"文字{NO_GLYPH}")))
    assert caught.value.reason == "GLYPH_MISSING"


def test_run_leaves_out_the_refused() -> None:
    """A refused letter takes no page of its run and says why; the others are printed."""
    out = BytesIO()
    first, refused, last = PRESS.run([permit(1), permit(2, address=(LONG_ADDRESS,)), permit(3)], out)
    pages = texts(out.getvalue())
    assert refused.refusal is not None
    assert (refused.pages, refused.sheets, refused.sha256) == (0, 0, "")
    assert first.pages + last.pages == len(pages)
    assert not any("DEMO-2026-0000002" in page for page in pages)
