"""A plain document as PDF: headings, paragraphs, names with values, tables. Its font is embedded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, TypeAlias
from xml.sax.saxutils import escape

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import CondPageBreak, Flowable, LongTable, Paragraph, SimpleDocTemplate, Spacer, TableStyle

from outreach.evidence.embedded_font import EmbeddedFont

_WIDTH = A4[0] - 36 * mm
_WITH_HEADING = 35 * mm
"""A heading begins a page rather than stand above less than this."""
_INK, _FAINT, _LINE, _SHADE = HexColor(0x1A1A1A), HexColor(0x666666), HexColor(0xC8C8C8), HexColor(0xF2F4F7)


@dataclass(frozen=True, slots=True)
class Heading:
    text: str
    level: int = 1
    """1 for a section, 2 for a part of one."""


@dataclass(frozen=True, slots=True)
class Text:
    text: str
    quoted: bool = False
    """Set apart, as something that others wrote."""


@dataclass(frozen=True, slots=True)
class Rows:
    """A table. Without headings, its first column names what the second one says."""

    rows: Sequence[Sequence[str]]
    headings: Sequence[str] = ()
    widths: Sequence[float] = (0.22, 0.78)
    """The columns' parts of the page's width."""


Block: TypeAlias = Heading | Text | Rows


def pdf(title: str, blocks: Sequence[Block]) -> bytes:
    """The document. What the font has not is shown by its code point, as [U+1F600]."""
    written = "".join(_texts(title, blocks))
    font = EmbeddedFont(written + "[U+0123456789ABCDEF]/ ")
    made = BytesIO()
    document = SimpleDocTemplate(
        made, pagesize=A4, leftMargin=18 * mm, rightMargin=18 * mm, topMargin=16 * mm, bottomMargin=18 * mm, title=title
    )
    setter = _Setter(font)
    flowables = [setter.paragraph(title, "title"), *(one for block in blocks for one in setter.flowables(block))]
    document.build(flowables, onFirstPage=setter.footer, onLaterPages=setter.footer)
    return made.getvalue()


def _texts(title: str, blocks: Sequence[Block]) -> Iterator[str]:
    yield title
    for block in blocks:
        if isinstance(block, Rows):
            yield from block.headings
            yield from (cell for row in block.rows for cell in row)
        else:
            yield block.text


class _Setter:
    """Sets blocks in one font."""

    def __init__(self, font: EmbeddedFont) -> None:
        self._known = font.known | {"\n"}
        self._face = font.name
        pdfmetrics.registerFont(TTFont(self._face, font.file))
        self._styles = {
            "title": self._style(17, space_after=8),
            "1": self._style(12.5, space_before=12, space_after=4),
            "2": self._style(10, space_before=8, space_after=3),
            "text": self._style(9, space_after=3),
            "cell": self._style(8),
            "name": self._style(8, color=_FAINT),
        }

    def _style(
        self, size: float, *, space_before: float = 0, space_after: float = 0, color: Any = _INK
    ) -> ParagraphStyle:
        return ParagraphStyle(
            "style",
            fontName=self._face,
            fontSize=size,
            leading=size * 1.45,
            textColor=color,
            wordWrap="CJK",
            spaceBefore=space_before,
            spaceAfter=space_after,
        )

    def paragraph(self, text: str, style: str) -> Paragraph:
        shown = "".join(char if char in self._known else f"[U+{ord(char):04X}]" for char in text)
        return Paragraph(escape(shown).replace("\n", "<br/>"), self._styles[style])

    def flowables(self, block: Block) -> Iterator[Flowable]:
        if isinstance(block, Heading):
            yield CondPageBreak(_WITH_HEADING)
            yield self.paragraph(block.text, str(block.level))
        elif isinstance(block, Rows):
            yield from self._table(block)
        elif block.quoted:
            box = LongTable([[self.paragraph(block.text, "text")]], colWidths=[_WIDTH])
            box.setStyle(TableStyle([("BACKGROUND", (0, 0), (-1, -1), _SHADE), ("BOX", (0, 0), (-1, -1), 0.4, _LINE)]))
            yield box
            yield Spacer(1, 4)
        else:
            yield self.paragraph(block.text, "text")

    def _table(self, block: Rows) -> Iterator[Flowable]:
        rows = [
            [self.paragraph(cell, "name" if not block.headings and not at else "cell") for at, cell in enumerate(row)]
            for row in block.rows
        ]
        if block.headings:
            rows.insert(0, [self.paragraph(heading, "name") for heading in block.headings])
        made = LongTable(
            rows, colWidths=[_WIDTH * width for width in block.widths], repeatRows=1 if block.headings else 0
        )
        made.setStyle(
            TableStyle(
                [
                    ("VALIGN", (0, 0), (-1, -1), "TOP"),
                    ("LINEBELOW", (0, 0), (-1, -1), 0.3, _LINE),
                    ("LEFTPADDING", (0, 0), (-1, -1), 2),
                    ("RIGHTPADDING", (0, 0), (-1, -1), 2),
                    ("TOPPADDING", (0, 0), (-1, -1), 1.5),
                    ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
                ]
            )
        )
        yield made
        yield Spacer(1, 4)

    def footer(self, canvas: Any, document: Any) -> None:
        """The page's number."""
        canvas.setFont(self._face, 8)
        canvas.setFillColor(_FAINT)
        canvas.drawRightString(A4[0] - 18 * mm, 10 * mm, str(document.page))
