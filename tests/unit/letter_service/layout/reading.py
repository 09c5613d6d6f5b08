"""Reads back what was printed: text, codes and pictures."""

from __future__ import annotations

import re

import pypdfium2
import zxingcpp
from PIL import Image


def texts(pdf: bytes) -> list[str]:
    """Of each page, without line ends."""
    with pypdfium2.PdfDocument(pdf) as document:
        return [re.sub(r"[\r\n]", "", page.get_textpage().get_text_range()) for page in document]


def pictures(pdf: bytes, scale: float = 4) -> list[Image.Image]:
    """`scale` is pixels a point."""
    with pypdfium2.PdfDocument(pdf) as document:
        return [page.render(scale=scale).to_pil() for page in document]


def codes(picture: Image.Image) -> dict[str, str]:
    """The text of each kind of bar code on a page."""
    return {str(found.format): found.text for found in zxingcpp.read_barcodes(picture)}
