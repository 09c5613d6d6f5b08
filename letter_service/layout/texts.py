"""Texts of a version and the values that fill them, cut into boxes once for as long as they stay the same."""

from __future__ import annotations

import re
from collections.abc import Callable

from letter_service.layout.fonts import Face, sans, serif
from letter_service.layout.line_breaking import Boxes, MissingGlyph, boxes, join, whole
from letter_service.layout.permit import Permit
from outreach.domain.errors import Kind, Refusal
from outreach.domain.money import parse_yuan
from outreach.letters.capitals import in_capitals
from outreach.letters.placeholders import Gap, parts

SERIF, SANS = "F0", "F1"
FONTS = (SERIF, SANS)
"""The faces' names in the resources of a page or form."""


def face_of(font: str) -> Face:
    return serif() if font == SERIF else sans()


class Style:
    """`size` and `leading` (from line to line) are points; `bold` thickens the strokes by so many of them."""

    def __init__(self, font: str, size: float, leading: float, *, bold: float = 0, gray: float = 0) -> None:
        self.font, self.size, self.leading = font, size, leading
        thick = f"2 Tr {bold:g} w " if bold else ""
        shade = f"{gray:g} g " if gray else ""
        self._opening = f"q {shade}BT {thick}/{font} {size:g} Tf {leading:g} TL"

    @property
    def face(self) -> Face:
        return face_of(self.font)

    def draw(self, lines: list[str], x: float, baseline: float) -> str:
        """Lines of text, the first one's base at a point from the page's bottom left."""
        return f"{self._opening} {x:.2f} {baseline:.2f} Td {' T* '.join(lines)} ET Q\n"


def does_not_fit(field: str, chinese: str, english: str) -> Refusal:
    return Refusal(Kind.PRECONDITION, f"{field}: {chinese}{english}", field=field, reason="LAYOUT_DOES_NOT_FIT")


def glyph_missing(field: str, place: int) -> Refusal:
    """Names the character by its place only: it may be a person's name."""
    return Refusal(
        Kind.PRECONDITION,
        f"{field}: 第 {place} 个字符字体中没有，请更正记录，或用银行官方版本。The fonts lack its character {place}: "
        "have the record corrected, or use the bank's official version.",
        field=field,
        reason="GLYPH_MISSING",
    )


Cut = Callable[[str, Face], Boxes]


def checked_boxes(text: str, face: Face, field: str, cut: Cut = boxes) -> Boxes:
    """Refusal with the field if the face lacks a character."""
    try:
        return cut(text, face)
    except MissingGlyph as error:
        raise glyph_missing(field, error.place) from None


class Slot:
    """A gap as one font fills it."""

    def __init__(self, gap: Gap, font: str) -> None:
        self.gap, self.font, self.face = gap, font, face_of(font)
        self.key = f"{gap.name} {gap.capitals} {font}"


class Values:
    """What one permit puts into the gaps. `used` collects the characters by font."""

    def __init__(self, permit: Permit) -> None:
        self._texts = {
            **permit.values,
            "letter_number": permit.letter_number,
            "letter_date": chinese_date(permit),
            "authorization": permit.authorization,
        }
        self._boxes: dict[str, Boxes] = {}
        self.used: dict[str, set[str]] = {SERIF: set(), SANS: set()}

    def text(self, gap: Gap) -> str:
        """Refusal if the permit lacks the value, or it is no amount and capitals are wanted."""
        value = self._texts.get(gap.name, "")
        if not value:
            raise Refusal(
                Kind.PRECONDITION,
                f"{gap.name}: 许可中没有此变量的值。The permit has no value for it.",
                field=gap.name,
                reason="VALUE_MISSING",
            )
        if not gap.capitals:
            return value
        try:
            return in_capitals(parse_yuan(value))
        except ValueError:
            raise does_not_fit(gap.name, "不是金额，不能大写。", "It is no amount, so it has no capitals.") from None

    def boxes(self, slot: Slot) -> Boxes:
        known = self._boxes.get(slot.key)
        if known is None:
            text = self.text(slot.gap)
            self.used[slot.font].update(text)
            known = self._boxes[slot.key] = checked_boxes(text, slot.face, slot.gap.name, whole)
        return known

    def set(self, text: str, font: str, field: str) -> Boxes:
        """A text of the permit that stands in no gap."""
        self.used[font].update(text)
        return checked_boxes(text, face_of(font), field, whole)

    def set_parts(self, text: str, parts: re.Pattern[str], font: str, field: str) -> Boxes:
        """The same, divided between these parts only."""
        self.used[font].update(text)
        face = face_of(font)
        try:
            return join([whole(part, face) for part in parts.findall(text)])
        except MissingGlyph:
            return checked_boxes(text, face, field)


class Copy:
    """A text of the version, which may have gaps."""

    def __init__(self, text: str, font: str, field: str) -> None:
        self.font = font
        self.fixed_text = "".join(part for part in parts(text) if isinstance(part, str))
        self._pieces: list[Boxes | Slot] = [
            checked_boxes(part, face_of(font), field) if isinstance(part, str) else Slot(part, font)
            for part in parts(text)
        ]
        self._fixed = join([piece for piece in self._pieces if isinstance(piece, Boxes)])
        self.gaps = [piece.gap for piece in self._pieces if isinstance(piece, Slot)]
        self.field = self.gaps[0].name if self.gaps else field
        """What is to blame if the text does not fit."""

    def boxes(self, values: Values | None) -> Boxes:
        """With its gaps filled; a text without gaps needs no values."""
        if values is None:
            return self._fixed
        filled = [piece if isinstance(piece, Boxes) else values.boxes(piece) for piece in self._pieces]
        return filled[0] if len(filled) == 1 else join(filled)


def chinese_date(permit: Permit) -> str:
    date = permit.letter_date
    return f"{date.year}年{date.month}月{date.day}日"
