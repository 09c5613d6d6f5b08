"""What stands on the pages of a bank's own PDF, and whether anybody sees it."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, cast

import pypdfium2
from PIL import Image
from pypdfium2 import raw

from outreach.domain.errors import Refusal
from outreach.letters.envelopes import Rectangle
from outreach.letters.official_safety import refuse

_MM = 25.4 / 72
_PDFIUM = threading.Lock()
"""pdfium is not thread-safe."""
_MAX_CHARACTERS = 12_000
_SMALLEST = 1.4
"""Millimetres of a line's height, 4 pt: what is set smaller is not meant to be read."""
_SCALE = 2
"""Pixels a point at which the page is looked at."""
_CONTRAST = 40
"""Of 255, between a character and what is around it; less is not seen."""


@dataclass(frozen=True, slots=True)
class Glyph:
    """A character or a field's mark, and where it stands (mm from the page's top left); a reader sees it or not."""

    page: int
    text: str
    box: Rectangle
    is_visible: bool = True

    @property
    def middle(self) -> float:
        return self.box.y + self.box.height / 2


def look(pdf: bytes) -> list[Glyph]:
    """Every character on the pages. Refusal for a PDF that pdfium cannot show, though qpdf reads it."""
    found: list[Glyph] = []
    try:
        with _PDFIUM, closing(pypdfium2.PdfDocument(pdf)) as document:
            for number in range(len(document)):
                found += _page_glyphs(number + 1, document[number])
                if len(found) > _MAX_CHARACTERS:
                    raise _too_much()
    except pypdfium2.PdfiumError as error:
        raise refuse("PDF 已损坏，请重新导出。Is damaged: export it anew.") from error
    return found


def _page_glyphs(number: int, page: Any) -> Iterator[Glyph]:
    left, _, _, top = page.get_mediabox()
    text = page.get_textpage()
    if text.count_chars() > _MAX_CHARACTERS:
        raise _too_much()
    seen = page.render(scale=_SCALE, grayscale=True, may_draw_forms=False).to_pil()
    for index in range(text.count_chars()):
        code = raw.FPDFText_GetUnicode(text, index)
        character = chr(code) if code < 0xD800 or code > 0xDFFF else "〓"
        if character.isspace() or not character.isprintable():
            continue
        x0, y0, x1, y1 = text.get_charbox(index, loose=True)
        box = Rectangle((x0 - left) * _MM, (top - y1) * _MM, (x1 - x0) * _MM, (y1 - y0) * _MM)
        is_visible = box.height >= _SMALLEST and _has_ink(seen, text.get_charbox(index), left, top)
        yield Glyph(number, character, box, is_visible)


def _too_much() -> Refusal:
    return refuse(f"PDF 至多 {_MAX_CHARACTERS} 字。Takes at most {_MAX_CHARACTERS} characters.")


def _has_ink(seen: Image.Image, box: tuple[float, float, float, float], left: float, top: float) -> bool:
    """True if the page as it is seen is not of one colour there: neither white on white, nor covered, nor cut away."""
    x0, y0, x1, y1 = box
    pixels = (
        max(0, math.floor((x0 - left) * _SCALE) - 1),
        max(0, math.floor((top - y1) * _SCALE) - 1),
        min(seen.width, math.ceil((x1 - left) * _SCALE) + 1),
        min(seen.height, math.ceil((top - y0) * _SCALE) + 1),
    )
    if pixels[0] >= pixels[2] or pixels[1] >= pixels[3]:
        return False
    darkest, lightest = cast("tuple[int, int]", seen.crop(pixels).getextrema())  # of its one channel
    return lightest - darkest > _CONTRAST
