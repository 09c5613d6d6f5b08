"""The same letter through ReportLab's platypus at its best settings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from io import BytesIO
from typing import Any

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from reportlab import rl_config
from reportlab.graphics.barcode.code128 import Code128
from reportlab.lib.enums import TA_CENTER
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    Frame,
    PageBreak,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
    TableStyle,
)

from letter_service.layout.fonts import Face, sans, serif
from letter_service.layout.permit import Permit
from letter_service.layout.texts import Values
from outreach.letters.model import Heading, Seal, TextLetter
from outreach.letters.model import Paragraph as TextParagraph
from outreach.letters.model import Table as TextTable
from outreach.letters.placeholders import parts

_FRAME = Frame(22 * mm, 25 * mm, 163 * mm, 244 * mm, 0, 0, 0, 0)
_BODY = ParagraphStyle("body", fontName="Serif", fontSize=11, leading=18.5, wordWrap="CJK", spaceAfter=3)
_INDENTED = ParagraphStyle("indented", _BODY, firstLineIndent=22)
_TITLE = ParagraphStyle("title", fontName="Sans", fontSize=18, leading=27, alignment=TA_CENTER)
_SECTION = ParagraphStyle("section", fontName="Sans", fontSize=12, leading=19, spaceBefore=8)
_ADDRESS = ParagraphStyle("address", fontName="Sans", fontSize=12, leading=16, wordWrap="CJK", rightIndent=86 * mm)
_GRID = TableStyle(
    [
        ("FONT", (0, 0), (-1, 0), "Sans", 9.5, 15),
        ("FONT", (0, 1), (-1, -1), "Serif", 10.5, 15),
        ("LINEBELOW", (0, 0), (-1, -1), 0.25, "gray"),
        ("LINEABOVE", (0, 0), (-1, 0), 0.9, "black"),
    ]
)


class Platypus:
    """Prepared for one version: faces registered, styles made."""

    def __init__(self, letter: TextLetter, permits: Sequence[Permit]) -> None:
        self._letter = letter
        rl_config.useA85 = 0
        texts = {text for permit in permits for text in (*permit.values.values(), *permit.address, permit.postcode)}
        texts |= {
            str(letter.blocks),
            str(letter.head),
            "人民币零壹贰叁肆伍陆柒捌玖拾佰仟万亿元角分整年月日第页0123456789-",
        }
        characters = set().union(*texts) | set(map(chr, range(32, 127)))
        for name, face in (("Serif", serif()), ("Sans", sans())):
            pdfmetrics.registerFont(TTFont(name, _true_type(face, characters)))

    def run(self, permits: Iterable[Permit]) -> bytes:
        """One PDF of all these letters."""
        out = BytesIO()
        document = BaseDocTemplate(out, pagesize=A4, title=self._letter.head.title, invariant=1)
        story: list[Flowable] = []
        templates = [PageTemplate("later", [_FRAME], onPage=self._later)]
        document.addPageTemplates(templates)
        for permit in permits:
            story += [*self._story(permit), PageBreak()]
        document.build(story)
        return out.getvalue()

    def _later(self, canvas: Any, _document: Any) -> None:
        canvas.setFont("Sans", 8)
        canvas.drawString(22 * mm, 280 * mm, self._letter.head.bank_name)
        canvas.line(22 * mm, 277 * mm, 185 * mm, 277 * mm)
        canvas.drawCentredString(105 * mm, 13 * mm, f"第{canvas.getPageNumber()}页")

    def _story(self, permit: Permit) -> Iterable[Flowable]:
        letter, values = self._letter, Values(permit)
        yield Paragraph(letter.head.bank_name, _TITLE)
        yield Paragraph(letter.head.return_address, _SECTION)
        yield Code128(permit.letter_number, barWidth=0.254 * mm, barHeight=9 * mm, humanReadable=1)
        for line in (permit.postcode, *permit.address, permit.recipient_name, permit.authorization):
            yield Paragraph(line, _ADDRESS)
        for block in letter.blocks:
            if isinstance(block, Heading):
                yield Paragraph(_filled(block.text, values), _TITLE if block.level == 1 else _SECTION)
            elif isinstance(block, TextParagraph):
                yield Paragraph(_filled(block.text, values), _INDENTED if block.indent else _BODY)
            elif isinstance(block, TextTable):
                yield Table([[_filled(cell, values) for cell in row] for row in block.rows], style=_GRID)
            elif isinstance(block, Seal):
                yield Spacer(1, 42 * mm)
                yield Paragraph(block.party, _BODY)


def _filled(text: str, values: Values) -> str:
    return "".join(part if isinstance(part, str) else values.text(part) for part in parts(text))


def _true_type(face: Face, characters: set[str]) -> BytesIO:
    """The face with these characters only, its curves made quadratic: less than ReportLab would have to search."""
    known = sorted(char for char in characters if char in face.width)
    names = {char: f"u{ord(char):05X}" for char in known}
    glyphs = {".notdef": TTGlyphPen(None).glyph()}
    for char, name in names.items():
        pen = TTGlyphPen(None)
        face.draw(char, Cu2QuPen(pen, 1.0, reverse_direction=True))
        glyphs[name] = pen.glyph()
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(list(glyphs))
    builder.setupCharacterMap({ord(char): name for char, name in names.items()})
    builder.setupGlyf(glyphs)
    metrics = {
        name: (face.width[char], glyphs[name].xMin if glyphs[name].numberOfContours else 0)
        for char, name in names.items()
    }
    builder.setupHorizontalMetrics({".notdef": (1000, 0)} | metrics)
    builder.setupHorizontalHeader(ascent=face.ascent, descent=face.descent)
    builder.setupNameTable({"familyName": face.name, "styleName": "Regular", "psName": face.name})
    builder.setupOS2(sTypoAscender=880, sTypoDescender=-120, sCapHeight=face.cap_height)
    builder.setupPost()
    out = BytesIO()
    builder.save(out)
    out.seek(0)
    return out
