"""The page's grid in millimetres from its top left, and the styles that texts are set in."""

from __future__ import annotations

from letter_service.layout.pdf import PAGE_HEIGHT
from letter_service.layout.texts import SANS, SERIF, Style

MM = 72 / 25.4
LEFT = 22.0
BODY_SIZE = 11.0
MEASURE_EM = 42
"""A line of running text: 42 squares."""
RIGHT = LEFT + MEASURE_EM * BODY_SIZE / MM
TOP = 28.0
"""Of the text on a further page."""
BOTTOM = 268.0
BASE = 285.0
"""The foot's lowest edge."""
CODE_SIDE = 15.0
"""Room for a sheet's code at the foot's left."""
MAX_PAGES = 8

TITLE = Style(SANS, 18, 27, bold=0.35)
SECTION = Style(SANS, 12, 19, bold=0.22)
BODY = Style(SERIF, BODY_SIZE, 18.5)
CELL = Style(SERIF, 10.5, 15)
CELL_HEAD = Style(SANS, 9.5, 15)
BANK = Style(SANS, 17, 20, bold=0.35)
LONG_BANK = Style(SANS, 12, 15.5, bold=0.25)
SMALL = Style(SANS, 8, 11, gray=0.3)
LABEL = Style(SANS, 8.5, 12, gray=0.35)
VALUE = Style(SANS, 8.5, 12)
NUMBER = Style(SANS, 10.5, 14)


def x_points(x: float) -> float:
    return x * MM


def y_points(y: float) -> float:
    """From the page's bottom, as PDF counts."""
    return PAGE_HEIGHT - y * MM


def rule(x0: float, y: float, x1: float, weight: float, gray: float = 0) -> str:
    """A horizontal line, its weight in points."""
    shade = f"{gray:g} G " if gray else ""
    return f"q {shade}{weight:g} w {x0 * MM:.2f} {y_points(y):.2f} m {x1 * MM:.2f} {y_points(y):.2f} l S Q\n"
