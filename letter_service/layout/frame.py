"""What stands around the text of a letter that we lay out: letterhead, number and date, running head, foot."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

from PIL import Image

from letter_service.layout import grid
from letter_service.layout.grid import MM, rule, x_points, y_points
from letter_service.layout.line_breaking import EM
from letter_service.layout.marks import draw_address, number_bars
from letter_service.layout.pdf import deflated
from letter_service.layout.permit import Permit
from letter_service.layout.short_texts import broken, label, lines_of
from letter_service.layout.texts import SANS, Slot, Values, checked_boxes, does_not_fit
from outreach.letters.envelopes import PROFILES, Rectangle, address_block, clear_zone
from outreach.letters.model import LetterHead
from outreach.letters.placeholders import Gap

_HEAD_BASE = 23.5
_LONG_HEAD_BASE = 19.0
_HEAD_RULE = 28.5
_IMAGE_HEIGHT = 13.0
_IMAGE_WIDTH = 110.0
_RUNNING_HEAD = 17.0
_ASIDE_LEFT = 122.0
"""Number, date and filing number stand right of the window."""
_ASIDE_VALUE = 17.0
_BARCODE_HEIGHT = 9.0
_NUMBER, _DATE, _AUTHORIZATION = (Slot(Gap(name), SANS) for name in ("letter_number", "letter_date", "authorization"))
_FIXED = "函号发函日期备案编号受托机构退信地址：第页共0123456789　"


class Frame:
    """Of one version."""

    def __init__(self, head: LetterHead, letterhead_image: bytes) -> None:
        """Refusal if the faces lack a character of the head."""
        profile = PROFILES[head.envelope]
        block, clear = address_block(profile), clear_zone(profile)
        self._head = head
        self.image = _image_object(letterhead_image) if letterhead_image else b""
        """The letterhead's object, or empty."""
        self._image_size = _image_size(letterhead_image) if letterhead_image else (0.0, 0.0)
        self.top = clear.bottom + 7.0
        """Where the text begins on the first page: below all that the window may show."""
        left = max(block.x, grid.LEFT)
        self._address = Rectangle(left, block.y, block.right - left, block.height)
        self._left = max(_ASIDE_LEFT, clear.right + 6)
        self._width = grid.RIGHT - self._left - _ASIDE_VALUE
        self._aside = clear.y + 5
        self._bars = Rectangle(self._left, self._aside + 3, grid.RIGHT - self._left, _BARCODE_HEIGHT)
        self._varying = (
            (_NUMBER, grid.NUMBER, self._aside, 1),
            (_DATE, grid.VALUE, self._aside + 18, 1),
            (_AUTHORIZATION, grid.VALUE, self._aside + 24, 2),
        )

    def characters(self) -> set[str]:
        """Of what never varies, all in SANS."""
        head = self._head
        return set(head.bank_name + head.title + head.agency_name + head.return_address + _FIXED)

    def static(self, page: int, pages: int) -> str:
        """What never varies on a page, counted from 1."""
        foot = label(f"第{page}页　共{pages}页", grid.SMALL, grid.LEFT, grid.BASE - 1, align=0.5)
        return "".join((*(self._first_head() if page == 1 else self._running_head()), foot))

    def _first_head(self) -> Iterator[str]:
        yield self._letterhead()
        yield rule(grid.LEFT, _HEAD_RULE, grid.RIGHT, 0.8)
        yield label(f"退信地址：{self._head.return_address}", grid.SMALL, grid.LEFT, _HEAD_RULE + 4.0)
        yield label("函　　号", grid.LABEL, self._left, self._aside)
        yield label("发函日期", grid.LABEL, self._left, self._aside + 18)
        yield label("备案编号", grid.LABEL, self._left, self._aside + 24)
        if self._head.agency_name:
            yield label("受托机构", grid.LABEL, self._left, self._aside + 33)
            agency = lines_of(self._head.agency_name, grid.VALUE, self._width, "agency")
            yield grid.VALUE.draw(agency, x_points(self._left + _ASIDE_VALUE), y_points(self._aside + 33))

    def _letterhead(self) -> str:
        if self.image:
            width, height = self._image_size
            at = f"{x_points(grid.LEFT):.2f} {y_points(_HEAD_RULE - 3.5):.2f}"
            return f"q {width * MM:.2f} 0 0 {height * MM:.2f} {at} cm /I Do Q\n"
        name = self._head.bank_name
        measure = grid.RIGHT - grid.LEFT
        for style in (grid.BANK, grid.LONG_BANK):
            if len(lines_of(name, style, measure, "bank")) == 1:
                return label(name, style, grid.LEFT, _HEAD_BASE)
        return label(name, grid.LONG_BANK, grid.LEFT, _LONG_HEAD_BASE)

    def _running_head(self) -> Iterator[str]:
        """Bank and title on one line, or on two where they are long."""
        head = self._head
        together = checked_boxes(f"{head.bank_name}　{head.title}", grid.SMALL.face, "bank").width
        apart = 0.0 if together * grid.SMALL.size / EM <= (grid.RIGHT - grid.LEFT) * MM else 4.0
        yield label(head.bank_name, grid.SMALL, grid.LEFT, _RUNNING_HEAD - apart)
        yield label(head.title, grid.SMALL, grid.LEFT, _RUNNING_HEAD, align=1)
        yield rule(grid.LEFT, _RUNNING_HEAD + 2.5, grid.RIGHT, 0.4, 0.4)

    def first_page(self, permit: Permit, values: Values) -> str:
        """Address, number and date."""
        drawn = [draw_address(permit, values, self._address), number_bars(permit.letter_number, self._bars)]
        for slot, style, y, most in self._varying:
            if slot is _AUTHORIZATION and not permit.authorization:
                continue
            lines = broken(values.boxes(slot), style, self._width, slot.gap.name)
            if len(lines) > most:
                raise does_not_fit(slot.gap.name, "过长。", "It is too long.")
            drawn.append(style.draw(lines, x_points(self._left + _ASIDE_VALUE), y_points(y)))
        return "".join(drawn)

    def foot(self, values: Values) -> str:
        lines = broken(values.boxes(_NUMBER), grid.SMALL, grid.RIGHT - grid.LEFT, _NUMBER.gap.name, align=1)
        return grid.SMALL.draw(lines, x_points(grid.LEFT), y_points(grid.BASE - 1))


def _image_size(image: bytes) -> tuple[float, float]:
    """In millimetres."""
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
