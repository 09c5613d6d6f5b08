"""Short texts at a given place, outside of the flow."""

from __future__ import annotations

from letter_service.layout import grid
from letter_service.layout.grid import MM, x_points, y_points
from letter_service.layout.line_breaking import EM, Boxes, Unbreakable, break_lines
from letter_service.layout.texts import Style, checked_boxes, does_not_fit


def broken(boxes: Boxes, style: Style, width: float, field: str, align: float = 0) -> list[str]:
    try:
        return break_lines(boxes, int(width * MM / style.size * EM), style.size, align=align)
    except Unbreakable:
        raise does_not_fit(field, "过长。", "It is too long.") from None


def lines_of(text: str, style: Style, width: float, field: str, align: float = 0) -> list[str]:
    return broken(checked_boxes(text, style.face, field), style, width, field, align)


def label(text: str, style: Style, x: float, base: float, align: float = 0) -> str:
    """One line of fixed text; with `align` it is placed between x and the right margin."""
    return style.draw(lines_of(text, style, grid.RIGHT - x, "letter", align), x_points(x), y_points(base))
