"""Plain documents as PDF."""

from __future__ import annotations

import pypdfium2

from outreach.evidence.pdf_document import Heading, Rows, Text, pdf


def text_of(document: bytes) -> str:
    pages = pypdfium2.PdfDocument(document)
    return "".join(page.get_textpage().get_text_range() for page in pages).replace("\r\n", "")


def test_each_document_shows_its_own_characters() -> None:
    """One after the other in one process, with other characters each, over several pages."""
    for first in (0x4E00, 0x5200, 0x6700):
        written = "".join(map(chr, range(first, first + 300)))
        shown = text_of(pdf("题", [Heading("一"), Text(written), Rows([("名", "值")] * 120)]))
        assert written in shown
        assert shown.count("名") == 120


def test_text_is_taken_as_it_is() -> None:
    """Markup takes no effect, and what the font has not is named by its code point."""
    shown = text_of(pdf("t", [Text('<b>x</b> & <img src="file:///etc/passwd"/>', quoted=True), Text("a😀")]))
    assert '<b>x</b> & <img src="file:///etc/passwd"/>' in shown
    assert "a[U+1F600]" in shown
