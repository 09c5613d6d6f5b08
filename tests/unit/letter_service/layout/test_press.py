"""Letters as they come out of the press."""

from __future__ import annotations

import os
import subprocess
import sys
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from letter_service.layout.press import Press
from outreach.letters.capitals import in_capitals
from tests.unit.letter_service.layout.letters import letter, permit
from tests.unit.letter_service.layout.reading import codes, pictures, texts

RARE = "䶮㛃𬱖堃喆犇"
PRESS = Press(letter())
names = st.text(st.one_of(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), st.sampled_from(RARE)), min_size=2)
amounts = st.integers(1, 10**11)
dates = st.dates().map(lambda day: f"{day.year:04}年{day.month}月{day.day}日")
hotlines = st.from_regex(r"(400-[0-9]{3}-[0-9]{4}|0[0-9]{2}-[0-9]{8})", fullmatch=True)
references = st.from_regex(r"[A-Z0-9][A-Z0-9-]{2,18}[A-Z0-9]", fullmatch=True)
"""Not ending in a hyphen, which pdfium takes for a divided word's at a line's end."""


@given(names, amounts, dates, hotlines, references)
@settings(deadline=None, max_examples=25)
def test_text_holds_every_value(name: str, fen: int, due: str, hotline: str, filing: str) -> None:
    """What a program reads from the PDF holds each value exactly: rare names, amounts, capitals, dates, numbers."""
    name, amount = name[:15], f"{fen / 100:,.2f}"
    given_ = permit(values={"name": name, "overdue": amount, "due_date": due, "hotline": hotline}, authorization=filing)
    _, pdf = PRESS.letter(given_)
    text = "".join(texts(pdf))
    for value in (*given_.values.values(), *given_.address, given_.postcode, given_.letter_number, filing):
        assert value in text
    assert in_capitals(fen) in text
    assert PRESS.letter(given_)[1] == pdf


def test_same_input_gives_the_same_bytes() -> None:
    """The same letter is the same PDF from another press too, whatever that printed before; another letter is not."""
    rendered, pdf = PRESS.letter(permit())
    other = Press(letter())
    other.letter(permit(7, values={"name": RARE}))
    assert other.letter(permit()) == (rendered, pdf)
    assert PRESS.letter(permit(2))[0].sha256 != rendered.sha256


def test_same_bytes_in_another_process() -> None:
    """Neither the order of sets nor the time of day gets into a PDF."""
    script = (
        "from letter_service.layout.press import Press\n"
        "from tests.unit.letter_service.layout.letters import letter, permit\n"
        "print(Press(letter()).letter(permit())[0].sha256)"
    )
    seeded = {**os.environ, "PYTHONHASHSEED": "7"}
    other = subprocess.run([sys.executable, "-c", script], env=seeded, capture_output=True, text=True, check=True)
    assert other.stdout.strip() == PRESS.letter(permit())[0].sha256


@pytest.mark.parametrize("character", RARE)
def test_rare_characters_print(character: str) -> None:
    """A rare character has ink of its own, not an empty box, and is read as itself."""
    drawn = [pictures(PRESS.letter(permit(values={"name": name}))[1], 2)[0] for name in (character * 3, "一一一")]
    assert drawn[0] != drawn[1]
    assert character * 3 in "".join(texts(PRESS.letter(permit(values={"name": character * 3}))[1]))


def test_codes_read_back() -> None:
    """Scanners read the letter's number, and what sheet of what letter each sheet is; a back has no code."""
    rendered, pdf = PRESS.letter(permit())
    first, second = (codes(picture) for picture in pictures(pdf))
    assert first["Code 128"] == "DEMO-2026-0000001"
    run, number, sheet, digest = first["Data Matrix"].split("|")
    assert (run, number, sheet) == (permit().run_id, "DEMO-2026-0000001", "1/1")
    assert len(digest) == 8
    assert (rendered.pages, rendered.sheets, second) == (2, 1, {})


def test_each_sheet_printed_on_one_side_has_its_code() -> None:
    """Printed on one side, every page is a sheet."""
    rendered, pdf = Press(letter(duplex=False)).letter(permit())
    sheets = [codes(picture)["Data Matrix"].split("|")[2] for picture in pictures(pdf)]
    assert sheets == ["1/2", "2/2"]
    assert rendered.sheets == 2


def test_sheet_code_tells_what_is_printed() -> None:
    """The digest in the code changes with any value, and holds no value."""
    digests = {
        codes(pictures(PRESS.letter(permit(values=values))[1])[0])["Data Matrix"].split("|")[3]
        for values in ({}, {"overdue": "16,409.03"}, {"name": "张三"})
    }
    assert len(digests) == 3


def test_mark_lies_under_every_page() -> None:
    """A mark stands on each page, and the letter stays readable."""
    pages = texts(PRESS.letter(permit(mark="副本 COPY"))[1])
    assert all("副本 COPY" in page for page in pages)
    assert "16,409.02" in pages[0]


def test_page_numbers() -> None:
    """Every page says which of how many it is."""
    pages = texts(PRESS.letter(permit())[1])
    assert [f"第{number}页　共{len(pages)}页" in page for number, page in enumerate(pages, 1)] == [True, True]


def test_letterhead_image_is_shown() -> None:
    """A letterhead's picture stands in the place of the bank's name, on white where it is transparent."""
    file = BytesIO()
    picture = Image.new("RGBA", (200, 40), (0, 0, 0, 0))
    picture.paste((0, 0, 0, 255), (0, 0, 100, 40))
    picture.save(file, "PNG")
    page = pictures(Press(letter(letterhead_image=file.getvalue())).letter(permit())[1], 1)[0]
    assert page.getpixel((70, 60)) == 0
    assert page.getpixel((200, 60)) == 255
