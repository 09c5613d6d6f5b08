"""What every letter bears whoever laid it out: address, number, sheet code, a mark across the page."""

from __future__ import annotations

import re

from letter_service.layout import code128, datamatrix, grid
from letter_service.layout.galley import baseline
from letter_service.layout.grid import MM, x_points, y_points
from letter_service.layout.line_breaking import EM, Boxes, Unbreakable, break_lines
from letter_service.layout.permit import Permit
from letter_service.layout.short_texts import label
from letter_service.layout.texts import SANS, Style, Values, checked_boxes, does_not_fit
from outreach.letters.envelopes import Rectangle

_ADDRESS_STYLES = [*(Style(SANS, size, size * 1.35) for size in (12.0, 11.0, 10.0, 9.0)), Style(SANS, 9.0, 10.8)]
_ADDRESS_PARTS = re.compile(r".{1,9}?[省市区县镇乡村路街道巷弄号栋幢楼座室苑园厦](?![路街道巷室楼])|.{1,10}")
"""An address is broken between its parts, unless it only fits when it is broken anywhere."""
_MARK_SIZES = (90.0, 60.0, 40.0, 25.0)
_MARK_WIDTH = 160.0
_MARK_Y = 185.0
"""Below every window."""
BLANK = "（本页无正文）"


def draw_address(permit: Permit, values: Values, place: Rectangle) -> str:
    """Postcode, address and name in the largest type that fits. Refusal if none does."""
    above = [values.set(permit.postcode, SANS, "postcode")] if permit.postcode else []
    below = [values.set(f"{permit.recipient_name} 收", SANS, "recipient_name")]
    parted = [values.set_parts(line, _ADDRESS_PARTS, SANS, "address") for line in permit.address]
    for style in _ADDRESS_STYLES:
        if lines := _fitting(above + parted + below, style, place):
            return style.draw(lines, x_points(place.x), y_points(place.y) - baseline(style))
    style = _ADDRESS_STYLES[-1]
    anywhere = [checked_boxes(line, style.face, "address") for line in permit.address]
    if lines := _fitting(above + anywhere + below, style, place):
        return style.draw(lines, x_points(place.x), y_points(place.y) - baseline(style))
    raise does_not_fit(
        "address",
        f"地址在窗口可视区（{place.width:.0f}×{place.height:.0f} mm）内放不下，请缩写或改用无窗信封。",
        "It does not fit what the envelope's window always shows: shorten it, or use an envelope without a window.",
    )


def _fitting(rows: list[Boxes], style: Style, place: Rectangle) -> list[str]:
    """The lines, or none if they do not fit."""
    measure = int(place.width * MM / style.size * EM)
    try:
        lines = [line for row in rows for line in break_lines(row, measure, style.size)]
    except Unbreakable:
        return []
    return lines if len(lines) * style.leading <= place.height * MM else []


def sheet_code(text: str, place: Rectangle) -> str:
    """The DataMatrix in the lower left corner of its place."""
    try:
        stencil = datamatrix.datamatrix(text)
    except ValueError:
        raise does_not_fit("sheet_code", "页码内容过长或含非 ASCII 字符。", "It is too long or not ASCII.") from None
    for module in (datamatrix.MODULE_MM, datamatrix.SMALL_MODULE_MM):
        if stencil.columns * module <= min(place.width, place.height):
            side = stencil.columns * module * MM
            return stencil.draw(x_points(place.x), y_points(place.bottom), side, side)
    raise does_not_fit("sheet_code", "页码区过小。", "Its zone is too small: make it 15 mm a side.")


def number_bars(number: str, place: Rectangle) -> str:
    """The letter's number as Code 128, as high as its place."""
    try:
        stencil = code128.code128(number)
    except ValueError:
        raise does_not_fit("letter_number", "函号只能用 ASCII 字符。", "A letter number is ASCII.") from None
    for bar in (code128.BAR_MM, code128.NARROW_BAR_MM):
        if stencil.columns * bar <= place.width:
            at = x_points(place.x), y_points(place.bottom)
            return stencil.draw(*at, stencil.columns * bar * MM, place.height * MM)
    raise does_not_fit("letter_number", "条码放不下。", "Its bar code is wider than its place.")


def blank_back() -> str:
    """A back without text says so: a printer that leaves out empty pages would put the next letter there."""
    return label(BLANK, grid.SMALL, grid.LEFT, 148, align=0.5)


def draw_mark(text: str, values: Values) -> str:
    """Light across the page, under everything else and below every window."""
    boxes = values.set(text, SANS, "mark")
    size = next((size for size in _MARK_SIZES if boxes.width * size / EM <= _MARK_WIDTH * MM), 0)
    if not size:
        raise does_not_fit("mark", "标记过长。", "The mark is too long.")
    x, y = x_points(105), y_points(_MARK_Y)
    turned = f"q 0.8192 0.5736 -0.5736 0.8192 {x:.2f} {y:.2f} cm "
    line = break_lines(boxes, boxes.width, size)
    return f"{turned}{Style(SANS, size, size, gray=0.88).draw(line, -boxes.width * size / EM / 2, -size / 3)}Q\n"
