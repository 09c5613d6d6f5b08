"""Previews and copies, as the worker processes make them."""

from __future__ import annotations

import pytest

from letter_service import samples, work
from letter_service.layout.press import Press
from outreach.letters import source
from outreach.v1.letter_service_pb2 import PreviewLetterRequest, PreviewLetterResponse, PreviewValues
from tests.service.letter_service.parts import SOURCE, content, pages_of, text_of

SAMPLE, WORST = PreviewValues.PREVIEW_VALUES_SAMPLE, PreviewValues.PREVIEW_VALUES_WORST_CASE


def preview(values: PreviewValues.ValueType, *, show_window: bool = False, text: bytes = b"") -> PreviewLetterResponse:
    request = PreviewLetterRequest(content=content(text), values=values, show_window=show_window)
    return PreviewLetterResponse.FromString(work.preview(request.SerializeToString()))


@pytest.mark.parametrize(("values", "amount"), [(SAMPLE, "16,409.02"), (WORST, "999,999,999.99")])
def test_a_preview_shows_every_value_and_is_marked(values: PreviewValues.ValueType, amount: str) -> None:
    """Sample and worst case lay out, hold their amounts, and are no letter by their mark on each page."""
    response = preview(values)
    assert not response.findings
    assert amount in text_of(response.pdf)
    for page in range(pages_of(response.pdf)):
        assert "样张" in text_of(response.pdf, page)


def test_the_worst_case_has_the_rare_characters() -> None:
    """The longest name with 䶮 㛃 𬱖 堃 喆 犇 is set and extracts as itself."""
    text = text_of(preview(WORST).pdf).replace("\r\n", "").replace("\n", "")
    assert all(char in text for char in "䶮㛃𬱖堃喆犇")


@pytest.mark.parametrize("envelope", ["DL", "ZL", "C5", "plain"])
def test_the_window_is_drawn_on_request(envelope: str) -> None:
    """The first page then shows the envelope's window and what it can show, for each envelope."""
    text = SOURCE.read_bytes().replace(b"envelope: DL", f"envelope: {envelope}".encode())
    without, shown = preview(SAMPLE, text=text), preview(SAMPLE, show_window=True, text=text)
    word = "No window" if envelope == "plain" else f"Envelope {envelope}"
    assert word not in text_of(without.pdf)
    assert word in text_of(shown.pdf)
    assert word not in text_of(shown.pdf, pages_of(shown.pdf) - 1)


def test_what_cannot_be_laid_out_is_a_finding() -> None:
    """A source that is no letter, and one with a character that the fonts lack: findings and no PDF."""
    for text in (b"no head", SOURCE.read_bytes() + "\n\n　　\U0002a6df".encode()):
        response = preview(SAMPLE, text=text)
        assert not response.pdf
        assert response.findings[0].reason


def test_a_copy_is_marked_on_every_page() -> None:
    """副本 COPY stands on each page beside the text, and the same copy is the same bytes."""
    letter = source.read(SOURCE.read_bytes(), b"", b"")
    _, pdf = Press(letter).letter(samples.permit(letter, SAMPLE))
    copy = work.mark_as_copy(pdf)
    assert copy == work.mark_as_copy(pdf)
    assert pages_of(copy) == pages_of(pdf)
    for page in range(pages_of(copy)):
        assert "副本" not in text_of(pdf, page)
        assert "副本 COPY" in text_of(copy, page)
        assert "SAMPLE-00000000" in text_of(copy, page)
