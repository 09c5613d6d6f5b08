"""Letters as they come out of the press."""

from __future__ import annotations

from io import BytesIO

import pytest

from letter_service.layout.press import Press
from tests.unit.letter_service.layout.letters import letter, permit
from tests.unit.letter_service.layout.reading import codes, pictures, texts


@pytest.fixture(scope="module")
def press() -> Press:
    return Press(letter())


def test_same_input_gives_the_same_bytes(press: Press) -> None:
    """The same letter is the same PDF, also from another press; another letter is another one."""
    (rendered, pdf), (_, again) = press.letter(permit()), Press(letter()).letter(permit())
    assert pdf == again
    assert press.letter(permit(2))[0].sha256 != rendered.sha256


def test_text_holds_every_value(press: Press) -> None:
    """What a program reads from the PDF holds each value exactly, rare characters and capitals too."""
    text = "".join(texts(press.letter(permit())[1]))
    given = permit()
    for value in (*given.values.values(), *given.address, given.postcode, given.letter_number, given.authorization):
        assert value in text
    assert "人民币壹万陆仟肆佰零玖元零贰分" in text


def test_codes_read_back(press: Press) -> None:
    """Scanners read the letter's number, and what sheet of what letter each sheet is."""
    _, pdf = press.letter(permit())
    found = codes(pictures(pdf)[0])
    assert found["Code 128"] == "DEMO-2026-0000001"
    run, number, sheet, digest = found["Data Matrix"].split("|")
    assert (run, number, sheet) == (permit().run_id, "DEMO-2026-0000001", "1/1")
    assert len(digest) == 8


def test_run_holds_every_letter(press: Press) -> None:
    """A run shows its letters one after another, and says where each begins."""
    out = BytesIO()
    rendered = press.run([permit(1), permit(2)], out)
    pages = texts(out.getvalue())
    assert len(pages) == sum(one.pages for one in rendered)
    for one in rendered:
        assert one.letter_number in pages[one.first_page - 1]
