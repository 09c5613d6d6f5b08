"""The bank's own PDF, filled in and flattened."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from typing import Any

import pikepdf
import pytest

from examples.official_letter import FILE
from letter_service.layout.permit import Permit
from letter_service.layout.press import Press
from outreach.domain.errors import Refusal
from outreach.letters.envelopes import PROFILES, Rectangle, window_shows
from outreach.letters.model import FormField, OfficialLetter, Zone
from outreach.letters.source import read
from tests.unit.letter_service.layout import letters
from tests.unit.letter_service.layout.reading import codes, pictures, text_within, texts

SOURCE = FILE.with_suffix(".md").read_bytes()


def _letter() -> OfficialLetter:
    letter = read(SOURCE, b"", FILE.read_bytes())
    assert isinstance(letter, OfficialLetter)
    return letter


def permit(number: int = 1, values: dict[str, str] | None = None, **changes: Any) -> Permit:
    return letters.permit(number, {"due_date": "2026-12-15", "as_of": "2026-11-24"} | (values or {}), **changes)


LETTER = _letter()
PRESS = Press(LETTER)


def test_values_stand_in_their_fields() -> None:
    """Each field shows its value, within its rectangle."""
    given = permit()
    pdf = PRESS.letter(given)[1]
    first = [field for field in LETTER.fields if field.page == 1]
    shown = text_within(pdf, [Rectangle(field.x, field.y, field.width, field.height) for field in first])
    for field, text in zip(first, shown, strict=True):
        wanted = "人民币" if field.capitals else given.values[field.placeholder]
        assert wanted in text
    assert "2026年11月25日" in texts(pdf)[1]


def test_form_is_flat() -> None:
    """Nothing can be filled in any more, and the bank's text is all there."""
    pdf = PRESS.letter(permit())[1]
    with pikepdf.open(BytesIO(pdf)) as opened, pikepdf.open(FILE) as original:
        assert opened.check_pdf_syntax() == []
        assert "/AcroForm" not in opened.Root
        assert all("/Annots" not in page for page in opened.pages)
        assert len(opened.pages) == len(original.pages)
        with opened.open_metadata() as metadata:
            assert metadata.pdfa_status == "2B"
    ours, banks = "".join(texts(pdf)), "".join(texts(FILE.read_bytes()))
    assert "信用卡领用合约" in ours
    assert len(ours) > len(banks)


def test_marks_stand_in_their_zones_only() -> None:
    """Outside of fields and zones not a pixel differs from the bank's own page."""
    scale = 72 / 25.4
    ours, banks = pictures(PRESS.letter(permit())[1], 2), pictures(_unfilled(), 2)
    zones: list[Zone | FormField] = [LETTER.number_zone, LETTER.address_zone, LETTER.sheet_code_zone, *LETTER.fields]
    for number, (mine, theirs) in enumerate(zip(ours, banks, strict=True), 1):
        for zone in zones:
            if zone.page == number:
                edges = (zone.x - 0.5, zone.y - 0.5, zone.x + zone.width + 0.5, zone.y + zone.height + 0.5)
                left, top, right, bottom = (round(edge * 2 * scale) for edge in edges)
                mine.paste(255, (left, top, right, bottom))
                theirs.paste(255, (left, top, right, bottom))
        assert mine == theirs


def _unfilled() -> bytes:
    written = BytesIO()
    with pikepdf.open(FILE) as opened:
        for page in opened.pages:
            del page["/Annots"]
        opened.save(written)
    return written.getvalue()


def test_codes_and_window() -> None:
    """Number and sheet code are read back, and the window shows the address alone, in every corner."""
    given = permit()
    pdf = PRESS.letter(given)[1]
    found = codes(pictures(pdf)[0])
    assert found["Code 128"] == given.letter_number
    assert found["Data Matrix"].startswith(f"{given.run_id}|{given.letter_number}|1/1|")
    profile = PROFILES[LETTER.head.envelope]
    for shift in ((0.0, 0.0), (profile.play_x, 0.0), (0.0, profile.play_y), (profile.play_x, profile.play_y)):
        area = window_shows(profile, *shift)
        assert area is not None
        assert text_within(pdf, [area]) == [f"{given.postcode}{given.address[0]}{given.recipient_name} 收"]


def test_same_input_gives_the_same_bytes() -> None:
    """Reproducible, in runs too."""
    assert Press(LETTER).letter(permit()) == PRESS.letter(permit())
    first, second = BytesIO(), BytesIO()
    PRESS.run([permit(1), permit(2)], first)
    Press(_letter()).run([permit(1), permit(2)], second)
    assert first.getvalue() == second.getvalue()
    assert len(texts(first.getvalue())) == 4


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (permit(values={"last_four": "12345678901234"}), "last_four"),
        (permit(values={"name": "名" * 60}), "name"),
        (permit(address=("示例省示例市示例区" + "很长的路名" * 80,)), "address"),
    ],
)
def test_value_that_does_not_fit_is_refused(given: Permit, field: str) -> None:
    """A value wider than its field is refused, not cut and not shrunk against the bank's will."""
    with pytest.raises(Refusal) as caught:
        PRESS.letter(given)
    assert caught.value.field == field


def test_small_zones_are_refused() -> None:
    """A zone that cannot hold its mark is refused with the size it needs."""
    number = replace(LETTER.number_zone, width=8.0, height=4.0)
    with pytest.raises(Refusal, match="60 by 12 mm"):
        Press(replace(LETTER, number_zone=number)).letter(permit())
    code = replace(LETTER.sheet_code_zone, width=8.0)
    with pytest.raises(Refusal, match="15 mm"):
        Press(replace(LETTER, sheet_code_zone=code)).letter(permit())
