"""Reads back what was printed: text, codes and pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

import pypdfium2
import zxingcpp
from PIL import Image

from letter_service.layout.fonts import Face
from outreach.letters.envelopes import Rectangle

_MM = 72 / 25.4
_PAGE_HEIGHT = 841.89


def texts(pdf: bytes) -> list[str]:
    """Of each page, without line ends."""
    with pypdfium2.PdfDocument(pdf) as document:
        return [_joined(page.get_textpage().get_text_range()) for page in document]


def text_within(pdf: bytes, areas: list[Rectangle]) -> list[str]:
    """What stands, even in part, in areas of the first page, in millimetres from its top left."""
    with pypdfium2.PdfDocument(pdf) as document:
        page = document[0].get_textpage()
        return [
            _joined(
                page.get_text_bounded(
                    area.x * _MM, _PAGE_HEIGHT - area.bottom * _MM, area.right * _MM, _PAGE_HEIGHT - area.y * _MM
                )
            )
            for area in areas
        ]


def _joined(text: str) -> str:
    return re.sub(r"[\r\n]", "", text)


def pictures(pdf: bytes, scale: float = 4) -> list[Image.Image]:
    """`scale` is pixels a point."""
    with pypdfium2.PdfDocument(pdf) as document:
        return [page.render(scale=scale).to_pil().convert("L") for page in document]


def codes(picture: Image.Image) -> dict[str, str]:
    """The text of each kind of bar code on a page."""
    return {str(found.format): found.text for found in zxingcpp.read_barcodes(picture)}


def line_text(line: str, face: Face) -> str:
    """What an operator of line_breaking shows."""
    return "".join(char for char, _ in _parts(line, face))


def line_width(line: str, face: Face) -> int:
    """How far it reaches, in 1/1000 of the size, if nothing is spread."""
    return sum(wide for _, wide in _parts(line, face))


@cache
def _characters(face: Face) -> dict[str, str]:
    return {code: char for char, code in face.code.items()}


def _parts(line: str, face: Face) -> Iterator[tuple[str, int]]:
    chars = _characters(face)
    array = line[line.index("[") : line.index("]")]
    for codes_, number in re.findall(r"<([0-9A-F]+)>|(-?[0-9.]+)", array):
        if number:
            yield "", -round(float(number))
        for start in range(0, len(codes_), 4):
            char = chars[codes_[start : start + 4]]
            yield char, face.width[char]
