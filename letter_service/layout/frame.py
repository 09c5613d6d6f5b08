"""What stands around a letter's text: letterhead, address, number and date, running head, foot and sheet codes."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

from PIL import Image

from letter_service.layout import code128, datamatrix, grid
from letter_service.layout.galley import baseline
from letter_service.layout.grid import MM, rule, x_points, y_points
from letter_service.layout.line_breaking import EM, Boxes, Unbreakable, break_lines
from letter_service.layout.pdf import deflated
from letter_service.layout.permit import Permit
from letter_service.layout.texts import SANS, Style, Values, checked_boxes, chinese_date, does_not_fit
from outreach.letters.envelopes import PROFILES, Rectangle, address_block, clear_zone
from outreach.letters.model import LetterHead

_HEAD_BASE = 24.0
_HEAD_RULE = 29.0
_IMAGE_HEIGHT = 13.0
_IMAGE_WIDTH = 110.0
_ASIDE_LEFT = 122.0
"""Number, date and filing number stand right of the window."""
_ASIDE_VALUE = 17.0
_BARCODE_HEIGHT = 9.0
_ADDRESS_SIZES = (12.0, 11.0, 10.0, 9.0)
_LEADING = 1.35
_MARK = Style(SANS, 90, 90, gray=0.9)
_MARK_Y = 185.0
"""Below every window."""


class Frame:
    """Of one version. The static parts are drawn with fonts of their own; `static_texts` are what they show."""

    def __init__(self, head: LetterHead, letterhead_image: bytes) -> None:
        profile = PROFILES[head.envelope]
        self._head = head
        self._block, self._clear = address_block(profile), clear_zone(profile)
        self._left = max(_ASIDE_LEFT, self._clear.right + 6)
        self.image = _image_object(letterhead_image) if letterhead_image else b""
        self._image_size = _image_size(letterhead_image) if letterhead_image else (0.0, 0.0)
        self._agency = _lines(head.agency_name, grid.VALUE, self._aside_width, "agency") if head.agency_name else []
        self.top = self._clear.bottom + 7.0

    @property
    def _aside_width(self) -> float:
        return grid.RIGHT - self._left - _ASIDE_VALUE

    def static(self, page: int, pages: int) -> str:
        """The furniture of a page, counted from 1."""
        return "".join((*(self._letterhead() if page == 1 else self._running_head()), *self._foot(page, pages)))

    def static_texts(self) -> str:
        head = self._head
        return head.bank_name + head.title + head.agency_name + head.return_address

    def _letterhead(self) -> Iterator[str]:
        head = self._head
        if self.image:
            width, height = self._image_size
            at = x_points(grid.LEFT), y_points(_HEAD_RULE - 3.5)
            yield f"q {width * MM:.2f} 0 0 {height * MM:.2f} {at[0]:.2f} {at[1]:.2f} cm /I Do Q\n"
        else:
            yield _at(head.bank_name, grid.BANK, grid.LEFT, _HEAD_BASE)
        yield rule(grid.LEFT, _HEAD_RULE, grid.RIGHT, 0.8)
        returned = _lines(f"退信地址：{head.return_address}", grid.SMALL, grid.RIGHT - grid.LEFT, "return_address")
        yield grid.SMALL.draw(returned, x_points(grid.LEFT), y_points(_HEAD_RULE + 4.2))
        for label, y in self._aside_rows():
            yield _at(label, grid.LABEL, self._left, y)
        if self._agency:
            at = x_points(self._left + _ASIDE_VALUE), y_points(self._agency_base)
            yield grid.VALUE.draw(self._agency, *at)

    def _aside_rows(self) -> Iterator[tuple[str, float]]:
        top = self._clear.y + 5
        yield "函　　号", top
        yield "发函日期", top + 18
        yield "备案编号", top + 24
        if self._agency:
            yield "受托机构", self._agency_base

    @property
    def _agency_base(self) -> float:
        return self._clear.y + 35

    def _running_head(self) -> Iterator[str]:
        yield _at(self._head.bank_name, grid.SMALL, grid.LEFT, 17)
        yield _at(self._head.title, grid.SMALL, grid.LEFT, 17, align=1)
        yield rule(grid.LEFT, 19.5, grid.RIGHT, 0.4, 0.4)

    def _foot(self, page: int, pages: int) -> Iterator[str]:
        yield _at(f"第{page}页　共{pages}页", grid.SMALL, grid.LEFT, grid.BASE - 1, align=0.5)

    def first_page(self, permit: Permit, values: Values) -> str:
        """Address, number and date."""
        return "".join((self._address(permit, values), *self._aside(permit, values)))

    def _aside(self, permit: Permit, values: Values) -> Iterator[str]:
        top = self._clear.y + 5
        at = self._left + _ASIDE_VALUE
        rows = (
            (permit.letter_number, "letter_number", grid.NUMBER, top),
            (chinese_date(permit), "letter_date", grid.VALUE, top + 18),
            (permit.authorization, "authorization", grid.VALUE, top + 24),
        )
        for text, field, style, y in rows:
            boxes = values.set(text, SANS, field)
            lines = _broken(boxes, style, self._aside_width, field)
            yield style.draw(lines[:2], x_points(at), y_points(y))
            if len(lines) > (2 if field == "authorization" else 1):
                raise does_not_fit(field, "过长。", "It is too long.")
        place = Rectangle(self._left, top + 3, grid.RIGHT - self._left, _BARCODE_HEIGHT)
        yield number_bars(permit.letter_number, place)

    def _address(self, permit: Permit, values: Values) -> str:
        block = self._block
        left = max(block.x, grid.LEFT)
        place = Rectangle(left, block.y, block.right - left, block.height)
        return draw_address(permit, values, place)

    def foot(self, permit: Permit, values: Values) -> str:
        boxes = values.set(permit.letter_number, SANS, "letter_number")
        lines = _broken(boxes, grid.SMALL, grid.RIGHT - grid.LEFT, "letter_number", align=1)
        return grid.SMALL.draw(lines, x_points(grid.LEFT), y_points(grid.BASE - 1))


def draw_address(permit: Permit, values: Values, place: Rectangle) -> str:
    """Postcode, address and name in the largest type that fits. Refusal if none does."""
    rows = [
        *([(permit.postcode, "postcode")] if permit.postcode else []),
        *[(line, "address") for line in permit.address],
        (f"{permit.recipient_name} 收", "recipient_name"),
    ]
    boxes = [(values.set(text, SANS, field), field) for text, field in rows]
    for size in _ADDRESS_SIZES:
        style = Style(SANS, size, size * _LEADING)
        measure = int(place.width * MM / size * EM)
        try:
            lines = [line for text, _ in boxes for line in break_lines(text, measure, size)]
        except Unbreakable:
            continue
        if len(lines) * style.leading <= place.height * MM:
            return style.draw(lines, x_points(place.x), y_points(place.y) - baseline(style))
    raise does_not_fit(
        "address",
        f"地址在窗口可视区（{place.width:.0f}×{place.height:.0f} mm）内放不下，请缩写或改用无窗信封。",
        "It does not fit what the envelope's window always shows: shorten it, or use an envelope without a window.",
    )


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


BLANK = "（本页无正文）"


def blank_back() -> str:
    """A back without text says so: a printer that leaves out empty pages would put the next letter there."""
    return _at(BLANK, grid.SMALL, grid.LEFT, 148, align=0.5)


def draw_mark(text: str, values: Values) -> str:
    """Light across the page, under everything else and below every window."""
    boxes = values.set(text, SANS, "mark")
    (line, *_) = _broken(boxes, _MARK, 400, "mark")
    wide = boxes.width * _MARK.size / EM
    x, y = x_points(105), y_points(_MARK_Y)
    turned = f"q 0.8192 0.5736 -0.5736 0.8192 {x:.2f} {y:.2f} cm "
    return f"{turned}{_MARK.draw([line], -wide / 2, -_MARK.size / 3)}Q\n"


def _broken(boxes: Boxes, style: Style, width: float, field: str, align: float = 0) -> list[str]:
    try:
        return break_lines(boxes, int(width * MM / style.size * EM), style.size, align=align)
    except Unbreakable:
        raise does_not_fit(field, "过长。", "It is too long.") from None


def _lines(text: str, style: Style, width: float, field: str, align: float = 0) -> list[str]:
    return _broken(checked_boxes(text, style.face, field), style, width, field, align)


def _at(text: str, style: Style, x: float, base: float, align: float = 0) -> str:
    """One line; with `align` it is placed between x and the right margin."""
    return style.draw(_lines(text, style, grid.RIGHT - x, "letter", align), x_points(x), y_points(base))


def _image_size(image: bytes) -> tuple[float, float]:
    with Image.open(BytesIO(image)) as opened:
        width, height = opened.size
    scale = min(_IMAGE_HEIGHT / height, _IMAGE_WIDTH / width)
    return width * scale, height * scale


def _image_object(image: bytes) -> bytes:
    """The letterhead as an RGB image on white."""
    with Image.open(BytesIO(image)) as opened:
        rgba = opened.convert("RGBA")
    white = Image.new("RGBA", rgba.size, "white")
    flat = Image.alpha_composite(white, rgba).convert("RGB")
    entries = f"/Type/XObject/Subtype/Image/Width {flat.width}/Height {flat.height}/ColorSpace/DeviceRGB"
    return deflated(f"{entries}/BitsPerComponent 8".encode(), flat.tobytes(), 6)
