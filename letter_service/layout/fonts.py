"""The two faces that letters are set in, from PyPI's pylopdf-fonts-zh-cn (Noto, OFL): widths, codes, outlines.

A code (CID) stands for one character for ever, so that text can be encoded before it is known which characters a PDF
will embed. It is the glyph's number in the whole font; where two characters share a glyph, the later one gets a number
past the last glyph, so that extracted text is always the text that was set.
"""

from __future__ import annotations

import importlib.resources
import unicodedata
from functools import cache
from itertools import count

from fontTools.pens.basePen import AbstractPen
from fontTools.pens.t2CharStringPen import T2CharStringPen
from fontTools.ttLib import TTFont


class Face:
    """One face. Lengths are 1/1000 of the size. Outlines are read when first used and kept."""

    def __init__(self, name: str) -> None:
        file = importlib.resources.files("pylopdf_fonts_zh_cn") / f"{name}.otf"
        font = TTFont(file.open("rb"), lazy=True)
        self.name = name
        self.ascent: int = font["hhea"].ascent
        self.descent: int = font["hhea"].descent
        self.cap_height: int = font["OS/2"].sCapHeight
        head = font["head"]
        self.box: tuple[int, int, int, int] = (head.xMin, head.yMin, head.xMax, head.yMax)
        self._glyphs = font.getGlyphSet()
        self._read = font["CFF "].cff.topDictIndex[0].CharStrings.charStringsIndex.items
        self._number = font.getReverseGlyphMap()
        self._charstrings: dict[str, bytes] = {}
        self.notdef = self._outline(".notdef", 1000)
        metrics = font["hmtx"].metrics
        self._glyph_names: dict[str, str] = {
            chr(point): glyph for point, glyph in font.getBestCmap().items() if _is_seen(chr(point))
        }
        self.width: dict[str, int] = {char: metrics[glyph][0] for char, glyph in self._glyph_names.items()}
        """Of each character that the face has and that is seen by itself, or is a space."""
        self.cid: dict[str, int] = _codes(font, self._glyph_names)
        self.code: dict[str, str] = {char: f"{cid:04X}" for char, cid in self.cid.items()}
        """The same as four hexadecimal digits, as a PDF string wants it."""

    def charstring(self, char: str) -> bytes:
        """The outline as a Type 2 charstring without subroutines, its width first."""
        known = self._charstrings.get(char)
        if known is None:
            known = self._charstrings[char] = self._outline(self._glyph_names[char], self.width[char])
        return known

    def draw(self, char: str, pen: AbstractPen) -> None:
        """Draws an outline of cubic curves."""
        self._trace(self._glyph_names[char], pen)

    def _outline(self, glyph: str, width: int) -> bytes:
        pen = T2CharStringPen(width, self._glyphs)
        self._trace(glyph, pen)
        charstring = pen.getCharString()
        charstring.compile()
        bytecode: bytes = charstring.bytecode
        return bytecode

    def _trace(self, glyph: str, pen: AbstractPen) -> None:
        self._glyphs[glyph].draw(pen)
        self._read[self._number[glyph]] = None  # fontTools keeps what it unpacked, kilobytes a glyph


def _is_seen(char: str) -> bool:
    """Whether it stands for itself: no control, no mark that is set upon another."""
    return unicodedata.category(char)[0] not in "CM"


@cache
def serif() -> Face:
    """For running text."""
    return Face("NotoSerifSC-Regular")


@cache
def sans() -> Face:
    """For headings, tables and everything that a machine or a postman reads."""
    return Face("NotoSansSC-Regular")


def _codes(font: TTFont, glyph_names: dict[str, str]) -> dict[str, int]:
    free = count(font["maxp"].numGlyphs)
    taken: set[str] = set()
    codes = {}
    for char in sorted(glyph_names):
        glyph = glyph_names[char]
        codes[char] = next(free) if glyph in taken else font.getGlyphID(glyph)
        taken.add(glyph)
    return codes
