"""The bank's own PDF: its pages as they are, with the values drawn in its fields and our marks in the declared zones.

The fields themselves, and links, are left out: nothing can be filled in or clicked any more. What a field shows besides
its value, such as a border that belongs to it and not to the page, is left out too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pikepdf

from letter_service.layout import grid
from letter_service.layout.design import Plan, Setting, no_characters
from letter_service.layout.galley import baseline
from letter_service.layout.grid import MM, x_points, y_points
from letter_service.layout.line_breaking import EM, Unbreakable, break_lines
from letter_service.layout.marks import draw_address, number_bars
from letter_service.layout.pdf import PAGE_HEIGHT, PdfWriter
from letter_service.layout.permit import Permit
from letter_service.layout.texts import SANS, SERIF, Slot, Style, Values, does_not_fit
from outreach.letters.envelopes import Rectangle
from outreach.letters.model import FormField, OfficialLetter, Zone
from outreach.letters.official_safety import open_safely
from outreach.letters.placeholders import Gap

_AUTOMATIC_SIZES = (12.0, 11.0, 10.5, 10.0, 9.0, 8.0, 7.0)
_LEADING = 1.3
_PADDING = 0.7
"""Millimetres that a form program keeps free at each side of a field."""
_NUMBER_LINE = 5.5
_LEAST_BARS = 5.0
_ALIGNMENTS = (0.0, 0.5, 1.0)


class OfficialDesign:
    """Refusal at once if the PDF cannot be read."""

    def __init__(self, letter: OfficialLetter) -> None:
        self.title = letter.head.title
        self.duplex = letter.head.duplex
        self.code_place = _rectangle(letter.sheet_code_zone)
        self.varying_characters = no_characters()
        self._letter = letter
        self._slots = [(field, Slot(Gap(field.placeholder, field.capitals), SERIF)) for field in letter.fields]
        self._plan = Plan((), "")

    def prepare(self, pdf: PdfWriter) -> None:
        with open_safely(self._letter.pdf) as opened:
            copier = _Copier(pdf)
            forms = tuple(copier.body(_form(page)) for page in opened.pages)
        self._plan = Plan(forms, hashlib.sha256(self._letter.pdf).hexdigest())

    def set(self, permit: Permit) -> Setting:
        values = Values(permit)
        contents = [""] * len(self._plan.forms)
        for field, slot in self._slots:
            contents[field.page - 1] += _fill(field, slot, values)
        number = self._letter.number_zone
        contents[number.page - 1] += "".join(_draw_number(permit, values, _rectangle(number)))
        contents[0] += draw_address(permit, values, _rectangle(self._letter.address_zone))
        return Setting(self._plan, contents, values)


def _rectangle(zone: Zone) -> Rectangle:
    return Rectangle(zone.x, zone.y, zone.width, zone.height)


def _fill(field: FormField, slot: Slot, values: Values) -> str:
    """The value in the field's size, or the largest that fits where the field leaves it open."""
    boxes = values.boxes(slot)
    for size in (field.font_size,) if field.font_size else _AUTOMATIC_SIZES:
        style = Style(SERIF, size, size * _LEADING)
        measure = int((field.width - 2 * _PADDING) * MM / size * EM)
        try:
            lines = break_lines(boxes, measure, size, align=_ALIGNMENTS[field.alignment])
        except Unbreakable:
            continue
        height = len(lines) * style.leading
        if (len(lines) == 1 and size <= field.height * MM) or (field.multiline and height <= field.height * MM):
            top = y_points(field.y) - (0 if field.multiline else (field.height * MM - height) / 2)
            return style.draw(lines, x_points(field.x + _PADDING), top - baseline(style))
    raise does_not_fit(
        field.placeholder,
        "银行 PDF 中此域放不下该值，请加大域或缩小字号。",
        "It does not fit its field in the bank's PDF: make the field larger or its type smaller.",
    )


def _draw_number(permit: Permit, values: Values, zone: Rectangle) -> Iterator[str]:
    boxes = values.set(permit.letter_number, SANS, "letter_number")
    bars = Rectangle(zone.x, zone.y + _NUMBER_LINE, zone.width, zone.height - _NUMBER_LINE)
    if boxes.width * grid.NUMBER.size / EM > zone.width * MM or bars.height < _LEAST_BARS:
        raise does_not_fit("letter_number", "函号区过小。", "Its zone is too small: make it 60 by 12 mm.")
    lines = break_lines(boxes, boxes.width, grid.NUMBER.size)
    yield grid.NUMBER.draw(lines, x_points(zone.x), y_points(zone.y) - baseline(grid.NUMBER))
    yield number_bars(permit.letter_number, bars)


def _form(page: pikepdf.Page) -> pikepdf.Object:
    """The page's content as a form, moved so that its upper left corner is that of our page."""
    left, _, _, top = (float(edge) for edge in page.mediabox)
    form = page.as_form_xobject()
    form["/Matrix"] = pikepdf.Array([1, 0, 0, 1, -left, PAGE_HEIGHT - top])
    return form


class _Copier:
    """Writes objects of another PDF, and what they refer to, under new numbers."""

    def __init__(self, pdf: PdfWriter) -> None:
        self._pdf = pdf
        self._numbers: dict[tuple[int, int], int] = {}

    def body(self, found: pikepdf.Object) -> bytes:
        """The object itself in full; what it refers to is written first."""
        if isinstance(found, pikepdf.Stream):
            data = found.read_raw_bytes()
            return b"<<%b/Length %d>>stream\n%b\nendstream" % (self._entries(found), len(data), data)
        if isinstance(found, pikepdf.Dictionary):
            return b"<<%b>>" % self._entries(found)
        if isinstance(found, pikepdf.Array):
            return b"[%b]" % b" ".join(map(self._value, found))
        return found.unparse(resolved=True)

    def _entries(self, found: pikepdf.Object) -> bytes:
        """Of a dictionary or stream, whose length is written anew."""
        entries = [(key, value) for key, value in found.items() if key != "/Length"]
        return b"".join(b"%b %b" % (pikepdf.Name(key).unparse(), self._value(value)) for key, value in entries)

    def _value(self, value: object) -> bytes:
        if not isinstance(value, pikepdf.Object):
            return pikepdf.Array([value]).unparse().strip(b"[ ]")
        if not value.is_indirect:
            return self.body(value)
        number = self._numbers.get(value.objgen)
        if number is None:
            number = self._numbers[value.objgen] = self._pdf.reserve()
            self._pdf.write(number, self.body(value))
        return b"%d 0 R" % number
