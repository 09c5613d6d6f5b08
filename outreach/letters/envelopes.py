"""Window envelopes: where the address must stand on the A4 sheet, so that the window shows all of it and nothing else.

Lengths are millimetres. Envelope coordinates run from the top left of its inside, seen from the window; sheet
coordinates from the top left of the page. docs/letter_format.md gives the source of each number.
"""

from __future__ import annotations

from dataclasses import dataclass

from outreach.letters.model import Envelope

SHEET_WIDTH = 210.0
SHEET_HEIGHT = 297.0
TOLERANCE = 1.5
"""Of an envelope's size and its window's place, GB/T 1416; the window may show so much less or more on each side."""


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A rectangle from its top left corner."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    def contains(self, other: Rectangle) -> bool:
        return self.x <= other.x and self.y <= other.y and other.right <= self.right and other.bottom <= self.bottom

    def overlaps(self, other: Rectangle) -> bool:
        return self.x < other.right and other.x < self.right and self.y < other.bottom and other.y < self.bottom


@dataclass(frozen=True, slots=True)
class Profile:
    """An envelope and the sheet folded for it. For measured stock, dataclasses.replace() the numbers of a profile.

    The pocket is what the sheet can move in. Its default is the outer size, which is more than any stock has: the
    address block then is smaller than it need be, never too large.
    """

    width: float
    height: float
    pocket_width: float
    pocket_height: float
    folds: tuple[float, ...]
    """Where the sheet is folded, from its top; the part above the first fold lies behind the window."""
    window: Rectangle | None
    """In the pocket; None without a window."""
    tolerance: float = TOLERANCE

    @property
    def play_x(self) -> float:
        """How far the folded sheet can move to the right, from the pocket's left."""
        return self.pocket_width - SHEET_WIDTH

    @property
    def play_y(self) -> float:
        """How far it can move down, from the pocket's top."""
        return self.pocket_height - (self.folds[0] if self.folds else SHEET_HEIGHT)


_WITHOUT_WINDOW = Rectangle(20, 45, 85, 45)
"""DIN 5008 form B's address field, where a reader looks for it."""

PROFILES = {
    Envelope.DL: Profile(220, 110, 220, 110, (105, 210), Rectangle(20, 50, 90, 45)),
    Envelope.ZL: Profile(230, 120, 230, 120, (105, 210), Rectangle(20, 60, 90, 45)),
    Envelope.C5: Profile(229, 162, 229, 162, (148.5,), Rectangle(20, 57, 90, 45)),
    Envelope.PLAIN: Profile(229, 162, 229, 162, (148.5,), None),
}


def window_shows(profile: Profile, shift_x: float, shift_y: float) -> Rectangle | None:
    """What of the sheet the window shows when the sheet lies `shift_x`, `shift_y` from the pocket's top left.

    None without a window. ValueError for a shift that the pocket does not allow.
    """
    if not (0 <= shift_x <= profile.play_x and 0 <= shift_y <= profile.play_y):
        raise ValueError(f"the sheet can move {profile.play_x} mm to the right and {profile.play_y} mm down")
    window = profile.window
    return window and Rectangle(window.x - shift_x, window.y - shift_y, window.width, window.height)


def address_block(profile: Profile) -> Rectangle:
    """Where the address must stand on the sheet: the window shows all of this in every shift."""
    window = profile.window
    if window is None:
        return _WITHOUT_WINDOW
    return Rectangle(
        window.x + profile.tolerance,
        window.y + profile.tolerance,
        window.width - profile.play_x - 2 * profile.tolerance,
        window.height - profile.play_y - 2 * profile.tolerance,
    )


def clear_zone(profile: Profile) -> Rectangle:
    """Where nothing but the address may stand on the sheet: what the window shows in some shift.

    Without a window it is the address block alone.
    """
    window = profile.window
    if window is None:
        return _WITHOUT_WINDOW
    return Rectangle(
        window.x - profile.play_x - profile.tolerance,
        window.y - profile.play_y - profile.tolerance,
        window.width + profile.play_x + 2 * profile.tolerance,
        window.height + profile.play_y + 2 * profile.tolerance,
    )
