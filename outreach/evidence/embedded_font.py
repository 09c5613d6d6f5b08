"""A TrueType font of the few characters that a document uses, made from the installation's Chinese font.

That font (pylopdf-fonts-zh-cn: Noto Sans SC, OFL) has cubic outlines, which ReportLab does not embed; here they become
quadratic ones.
"""

from __future__ import annotations

import hashlib
import importlib.resources
from collections.abc import Iterable
from io import BytesIO

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont

_FONT = "NotoSansSC-Regular"
_MAX_ERROR = 1.0
"""Of an outline, in thousandths of the size."""


class EmbeddedFont:
    """The characters of a text as far as the font has them. Reading it takes about a second."""

    def __init__(self, text: Iterable[str]) -> None:
        with importlib.resources.files("pylopdf_fonts_zh_cn").joinpath(f"{_FONT}.otf").open("rb") as file:
            source = TTFont(file, lazy=True)
            glyph_names: dict[int, str] = source.getBestCmap()
            self.known = frozenset(char for char in set(text) if ord(char) in glyph_names)
            tag = hashlib.sha256("".join(sorted(self.known)).encode()).hexdigest()[:12]
            self.name = f"{_FONT}-{tag}"
            """ReportLab takes two fonts of one name for one and the same."""
            characters = {char: glyph_names[ord(char)] for char in sorted(self.known)}
            self.file = BytesIO(_build(source, self.name, characters))
            """The font file."""


def _build(source: TTFont, name: str, glyph_names: dict[str, str]) -> bytes:
    outlines, widths = source.getGlyphSet(), source["hmtx"].metrics
    glyphs, metrics = {}, {}
    # A glyph of its own for each character, so that what is copied from the document is what was written.
    for glyph, original in ((".notdef", ".notdef"), *((_name(char), known) for char, known in glyph_names.items())):
        pen = TTGlyphPen(None)
        outlines[original].draw(Cu2QuPen(pen, _MAX_ERROR, reverse_direction=True))
        glyphs[glyph] = pen.glyph()
        metrics[glyph] = widths[original]
    builder = FontBuilder(source["head"].unitsPerEm, isTTF=True)
    builder.setupGlyphOrder(list(glyphs))
    builder.setupCharacterMap({ord(char): _name(char) for char in glyph_names})
    builder.setupGlyf(glyphs)
    builder.setupHorizontalMetrics(metrics)
    builder.setupHorizontalHeader(ascent=source["hhea"].ascent, descent=source["hhea"].descent)
    builder.setupNameTable({"familyName": "Noto Sans SC", "styleName": "Regular", "psName": name})
    builder.setupOS2(sCapHeight=source["OS/2"].sCapHeight)
    builder.setupPost()
    made = BytesIO()
    builder.save(made)
    return made.getvalue()


def _name(char: str) -> str:
    return f"u{ord(char):05X}"
