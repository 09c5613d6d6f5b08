"""How wide a table's columns are, and which of them stand at the right: decided once for a version."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import accumulate

from letter_service.layout import grid
from letter_service.layout.grid import MM
from letter_service.layout.line_breaking import EM, boxes
from letter_service.layout.texts import Copy, face_of
from outreach.letters.placeholders import Gap
from outreach.v1.template_service_pb2 import PlaceholderType

_WIDTHS = {
    PlaceholderType.PLACEHOLDER_TYPE_NAME: 6.0,
    PlaceholderType.PLACEHOLDER_TYPE_AMOUNT: 7.0,
    PlaceholderType.PLACEHOLDER_TYPE_DATE: 7.5,
    PlaceholderType.PLACEHOLDER_TYPE_LAST_FOUR: 2.5,
    PlaceholderType.PLACEHOLDER_TYPE_HOTLINE: 7.0,
    PlaceholderType.PLACEHOLDER_TYPE_REFERENCE: 11.0,
}
"""Squares that a long value takes, and which may not be divided: 999,999,999.99, 2026年12月31日."""
_CAPITALS = 26.5
_OTHER = 12.0
_FIXED_AMOUNT = re.compile(r"[-¥￥]?[0-9][0-9,]*(?:\.[0-9]+)?(?:元|%|％)?")
_AROUND_AMOUNT = re.compile(r"(?:人民币|RMB|CNY|[¥￥])?\s*元?")
_FEW = 4
"""Columns that have wide margins."""


@dataclass(frozen=True, slots=True)
class Column:
    """Millimetres; `align` is 0 at the left, 1 at the right."""

    x: float
    width: float
    side: float
    """Left free within the column at both sides."""
    align: float


def columns(rows: list[list[Copy]], types: dict[str, PlaceholderType.ValueType]) -> list[Column]:
    """The first row is the head. Every column gets what it needs at least, and of the rest as it could use it."""
    cells = list(zip(*rows, strict=True))
    side = 2.5 if len(cells) <= _FEW else 1.5
    square = grid.CELL.size / MM
    least = [max(_least(cell, types) for cell in column) * square + 2 * side for column in cells]
    wished = [max(_natural(cell, types) for cell in column) * square + 2 * side for column in cells]
    measure = grid.RIGHT - grid.LEFT
    if sum(wished) <= measure:
        widths = [wide * measure / sum(wished) for wide in wished]
    else:
        wanting = [more - less for more, less in zip(wished, least, strict=True)]
        share = max(0.0, measure - sum(least)) / (sum(wanting) or 1)
        widths = [less + want * share for less, want in zip(least, wanting, strict=True)]
        widths = [wide * measure / sum(widths) for wide in widths]
    aligned = [1.0 if all(_is_amount(cell, types) for cell in column[1:]) else 0.0 for column in cells]
    starts = accumulate(widths, initial=grid.LEFT)
    return [Column(x, wide, side, align) for x, wide, align in zip(starts, widths, aligned, strict=False)]


def _natural(cell: Copy, types: dict[str, PlaceholderType.ValueType]) -> float:
    """Squares that the cell takes on one line."""
    values = sum(_width(gap, types) for gap in cell.gaps)
    return values + boxes(cell.fixed_text, face_of(cell.font)).width / EM


def _least(cell: Copy, types: dict[str, PlaceholderType.ValueType]) -> float:
    """Squares of the widest part that may not be divided, and of the marks that may cling to a value."""
    fixed = [box.width / EM for box in boxes(cell.fixed_text, face_of(cell.font)).row]
    values = [_width(gap, types) + (2.0 if cell.fixed_text else 0.0) for gap in cell.gaps]
    return max([1.0, *fixed, *values])


def _width(gap: Gap, types: dict[str, PlaceholderType.ValueType]) -> float:
    if gap.capitals:
        return _CAPITALS
    kind = types.get(gap.name)
    return _OTHER if kind is None else _WIDTHS[kind]


def _is_amount(cell: Copy, types: dict[str, PlaceholderType.ValueType]) -> bool:
    if not cell.gaps:
        return bool(_FIXED_AMOUNT.fullmatch(cell.fixed_text))
    (gap, *more) = cell.gaps
    is_amount = types.get(gap.name) == PlaceholderType.PLACEHOLDER_TYPE_AMOUNT and not gap.capitals
    return is_amount and not more and bool(_AROUND_AMOUNT.fullmatch(cell.fixed_text))
