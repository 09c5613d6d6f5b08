"""What a bank's own PDF says, as a reader sees it: its visible text with marks where its fields will be filled."""

from __future__ import annotations

import ctypes
import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Any

import pypdfium2
from pypdfium2 import raw

from outreach.domain.codes import Code
from outreach.letters.envelopes import PROFILES, SHEET_HEIGHT, SHEET_WIDTH, Rectangle, clear_zone
from outreach.letters.findings import Finding, stop
from outreach.letters.model import OfficialLetter, Zone
from outreach.letters.placeholders import Gap
from outreach.letters.reading import Marks, Part, Passage, fold

_MM = 25.4 / 72
_PDFIUM = threading.Lock()
"""pdfium is not thread-safe."""
_SMALLEST = 1.4
"""Millimetres of a line's height, 4 pt: what is set smaller is not meant to be read."""
_WHITE = 235
_INVISIBLE_MODES = (raw.FPDF_TEXTRENDERMODE_INVISIBLE, raw.FPDF_TEXTRENDERMODE_CLIP)
_ENDS = ("。", "！", "？", "：", "；", ":", ";", "!", "?")
_CLOSE = 2.0
"""Lines of one paragraph lie no further apart than so many times their height."""
_HEADING = re.compile(
    r"(?:第?[一二三四五六七八九十]+[、.．章节部]|[(（][一二三四五六七八九十]+[)）]|\d+[、.．])[^。，；：]{1,18}"
)


@dataclass(frozen=True, slots=True)
class _Glyph:
    """A character or a field's mark, and where it stands (mm from the page's top left)."""

    page: int
    text: str
    box: Rectangle
    is_visible: bool = True

    @property
    def middle(self) -> float:
        return self.box.y + self.box.height / 2


def official_passages(letter: OfficialLetter) -> list[Passage]:
    """The PDF's paragraphs in reading order: from top to bottom, from left to right."""
    marks = Marks(letter.head)
    glyphs = [glyph for glyph in _glyphs(letter.pdf) if glyph.is_visible]
    glyphs += [
        _Glyph(field.page, marks.of(Gap(field.placeholder, field.capitals)), _rectangle(field))
        for field in letter.fields
    ]
    title = fold(letter.head.title)
    found = []
    for text in _paragraphs(_lines(glyphs)):
        part = Part.TITLE if text == title else Part.HEADING if _HEADING.fullmatch(text) else Part.TEXT
        found.append(Passage(part, text))
    return found


def printed_findings(letter: OfficialLetter) -> Iterator[Finding]:
    """What is wrong with where the PDF's text stands, and with text that nobody sees."""
    glyphs = _glyphs(letter.pdf)
    if not any(glyph.is_visible for glyph in glyphs):
        reason = "PDF 没有文字，可能是扫描件，请提供文字版。Holds no text, perhaps it is a scan: give one with text."
        yield stop(Code.LETTER_NOT_AUTHORIZED, reason, "official_pdf")
    hidden = "".join(glyph.text for glyph in glyphs if not glyph.is_visible)
    if hidden:
        yield stop(
            Code.CONTENT_PROHIBITED,
            f"PDF 含看不见的文字，请删除。Holds text that nobody sees: remove it. (“{hidden[:20]}”)",
            "official_pdf",
        )
    zones = {"number": letter.number_zone, "address": letter.address_zone, "sheet_code": letter.sheet_code_zone}
    for name, zone in zones.items():
        covered = _within(glyphs, _rectangle(zone), 0 if name == "sheet_code" else zone.page)
        if covered:
            yield stop(
                Code.LETTER_NOT_AUTHORIZED,
                f"区域 {name} 盖住文字，请移开。The zone {name} covers printed text: move it. (“{covered[:20]}”)",
                "zones",
            )
    profile = PROFILES[letter.head.envelope]
    shown = _within(glyphs, clear_zone(profile), 1) if profile.window else ""
    if shown:
        yield stop(
            Code.LETTER_NOT_AUTHORIZED,
            f"文字会从信封窗口露出，请移开。Text would show in the envelope's window: move it. (“{shown[:20]}”)",
            "official_pdf",
        )


def _within(glyphs: Sequence[_Glyph], rectangle: Rectangle, page: int) -> str:
    """The text that touches the rectangle on the page, or on any page for 0."""
    return "".join(glyph.text for glyph in glyphs if page in (0, glyph.page) and glyph.box.overlaps(rectangle))


def _glyphs(pdf: bytes) -> list[_Glyph]:
    found = []
    with _PDFIUM:
        document = pypdfium2.PdfDocument(pdf)
        try:
            for number in range(len(document)):
                page = document[number]
                found += list(_page_glyphs(number + 1, page))
        finally:
            document.close()
    return found


def _page_glyphs(number: int, page: Any) -> Iterator[_Glyph]:
    left, _, _, top = page.get_mediabox()
    text = page.get_textpage()
    for index in range(text.count_chars()):
        code = raw.FPDFText_GetUnicode(text, index)
        character = chr(code) if code < 0xD800 or code > 0xDFFF else "〓"
        if character.isspace() or not character.isprintable():
            continue
        x0, y0, x1, y1 = text.get_charbox(index, loose=True)
        box = Rectangle((x0 - left) * _MM, (top - y1) * _MM, (x1 - x0) * _MM, (y1 - y0) * _MM)
        yield _Glyph(number, character, box, _is_visible(text, index, box))


def _is_visible(text: Any, index: int, box: Rectangle) -> bool:
    if box.height < _SMALLEST or not Rectangle(0, 0, SHEET_WIDTH, SHEET_HEIGHT).overlaps(box):
        return False
    drawn = raw.FPDFText_GetTextObject(text, index)
    if drawn and raw.FPDFTextObj_GetTextRenderMode(drawn) in _INVISIBLE_MODES:
        return False
    colour = [ctypes.c_uint() for _ in range(4)]
    if not raw.FPDFText_GetFillColor(text, index, *map(ctypes.byref, colour)):
        return True
    *light, alpha = (part.value for part in colour)
    return alpha > 20 and min(light) < _WHITE


def _lines(glyphs: Sequence[_Glyph]) -> Iterator[list[_Glyph]]:
    """From top to bottom; each from left to right."""
    ordered = sorted(glyphs, key=lambda glyph: (glyph.page, glyph.middle))
    for _, on_page in groupby(ordered, key=lambda glyph: glyph.page):
        line: list[_Glyph] = []
        for glyph in on_page:
            if line and glyph.middle - line[0].middle > max(glyph.box.height, line[0].box.height) / 2:
                yield sorted(line, key=lambda g: g.box.x)
                line = []
            line.append(glyph)
        yield sorted(line, key=lambda g: g.box.x)


def _paragraphs(lines: Iterator[list[_Glyph]]) -> Iterator[str]:
    """Lines joined where the one before ends within a sentence, and the next follows closely and is not indented."""
    everything = list(lines)
    left = min((line[0].box.x for line in everything), default=0)
    paragraph, before = "", None
    for line in everything:
        height = min(glyph.box.height for glyph in line)
        text = fold(_joined(line, height))
        goes_on = (
            before is not None
            and before.page == line[0].page
            and not paragraph.endswith(_ENDS)
            and not _HEADING.fullmatch(text)
            and line[0].middle - before.middle < _CLOSE * height
            and line[0].box.x - left < height
        )
        if paragraph and not goes_on:
            yield paragraph
            paragraph = ""
        paragraph += text
        before = line[0]
    if paragraph:
        yield paragraph


def _joined(line: list[_Glyph], height: float) -> str:
    """A comma where there is a gap, as between the cells of a table."""
    text = line[0].text
    for before, glyph in pairwise(line):
        text += ("，" if glyph.box.x - before.box.right > 1.5 * height else "") + glyph.text
    return text


def _rectangle(of: Zone | Any) -> Rectangle:
    return Rectangle(of.x, of.y, of.width, of.height)
