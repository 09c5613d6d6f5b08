"""What a bank's own PDF says, as a reader sees it: its visible text with marks where its fields will be filled."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise

from outreach.domain.codes import Code
from outreach.letters.envelopes import PROFILES, Rectangle, clear_zone
from outreach.letters.findings import Finding, stop
from outreach.letters.model import FormField, OfficialLetter, Zone
from outreach.letters.official_glyphs import Glyph
from outreach.letters.placeholders import Gap
from outreach.letters.reading import Marks, Part, Passage, fold

_ENDS = ("。", "！", "？", "：", "；", ":", ";", "!", "?")
_CLOSE = 2.0
"""Lines of one paragraph lie no further apart than so many times their height."""
_GAP = 1.5
"""What parts the cells of a table is wider than so many times a line's height."""
_HEADING = re.compile(
    r"(?:第?[一二三四五六七八九十]+[、.．章节部]|[(（][一二三四五六七八九十]+[)）]|\d+[、.．])[^。，；：]{1,18}"
)


def official_passages(letter: OfficialLetter, glyphs: Sequence[Glyph]) -> list[Passage]:
    """The PDF's paragraphs in reading order: from top to bottom, from left to right."""
    marks = Marks(letter.head)
    fields = [
        Glyph(field.page, marks.of(Gap(field.placeholder, field.capitals)), _rectangle(field))
        for field in letter.fields
    ]
    seen = [glyph for glyph in glyphs if glyph.is_visible and not _is_filled(glyph, fields)]
    title = fold(letter.head.title)
    found = []
    for text in _paragraphs(_lines([*fields, *seen]), title):
        part = Part.TITLE if text == title else Part.HEADING if _HEADING.fullmatch(text) else Part.TEXT
        found.append(Passage(part, text))
    return found


def _is_filled(glyph: Glyph, fields: Sequence[Glyph]) -> bool:
    """A line typed with underscores for a field to stand on is no blank."""
    return glyph.text in "_＿" and any(field.page == glyph.page and field.box.overlaps(glyph.box) for field in fields)


def printed_findings(letter: OfficialLetter, glyphs: Sequence[Glyph]) -> Iterator[Finding]:
    """What is wrong with where the PDF's text stands, and with text that nobody sees."""
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


def _within(glyphs: Sequence[Glyph], rectangle: Rectangle, page: int) -> str:
    """The text that touches the rectangle on the page, or on any page for 0."""
    return "".join(glyph.text for glyph in glyphs if page in (0, glyph.page) and glyph.box.overlaps(rectangle))


def _lines(glyphs: Sequence[Glyph]) -> Iterator[list[Glyph]]:
    """From top to bottom; each from left to right."""
    ordered = sorted(glyphs, key=lambda glyph: (glyph.page, glyph.middle))
    for _, on_page in groupby(ordered, key=lambda glyph: glyph.page):
        line: list[Glyph] = []
        for glyph in on_page:
            if line and glyph.middle - line[0].middle > max(glyph.box.height, line[0].box.height) / 2:
                yield sorted(line, key=lambda g: g.box.x)
                line = []
            line.append(glyph)
        yield sorted(line, key=lambda g: g.box.x)


def _paragraphs(lines: Iterator[list[Glyph]], title: str) -> Iterator[str]:
    """Lines joined where the one before ends within a sentence, and the next follows closely and is not indented.

    The title stands alone, and so does a line with wide gaps, such as a table's row.
    """
    everything = list(lines)
    left = min((line[0].box.x for line in everything), default=0)
    paragraph, before = "", None
    for line in everything:
        height = min(glyph.box.height for glyph in line)
        cells = ["".join(glyph.text for glyph in cell) for cell in _cells(line, _GAP * height)]
        text = fold("，".join(cells))
        goes_on = (
            before is not None
            and before.page == line[0].page
            and len(cells) == 1
            and paragraph != title
            and not paragraph.endswith(_ENDS)
            and not _HEADING.fullmatch(text)
            and line[0].middle - before.middle < _CLOSE * height
            and line[0].box.x - left < height
        )
        if paragraph and not goes_on:
            yield paragraph
            paragraph = ""
        paragraph += text
        before = line[0] if len(cells) == 1 else None
    if paragraph:
        yield paragraph


def _cells(line: list[Glyph], gap: float) -> Iterator[list[Glyph]]:
    cell = [line[0]]
    for before, glyph in pairwise(line):
        if glyph.box.x - before.box.right > gap:
            yield cell
            cell = []
        cell.append(glyph)
    yield cell


def _rectangle(of: Zone | FormField) -> Rectangle:
    return Rectangle(of.x, of.y, of.width, of.height)
