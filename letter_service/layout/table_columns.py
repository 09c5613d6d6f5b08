"""How wide a table's columns are, and which of them stand at the right: decided once for a version."""

from __future__ import annotations

import re
from dataclasses import dataclass

from letter_service.layout import grid
from letter_service.layout.line_breaking import EM, boxes
from letter_service.layout.texts import Copy, face_of
from outreach.letters.placeholders import Gap
from outreach.v1.template_service_pb2 import PlaceholderType

_WIDTHS = {
    PlaceholderType.PLACEHOLDER_TYPE_NAME: 6,
    PlaceholderType.PLACEHOLDER_TYPE_AMOUNT: 8,
    PlaceholderType.PLACEHOLDER_TYPE_DATE: 6,
    PlaceholderType.PLACEHOLDER_TYPE_LAST_FOUR: 3,
    PlaceholderType.PLACEHOLDER_TYPE_HOTLINE: 8,
    PlaceholderType.PLACEHOLDER_TYPE_REFERENCE: 12,
}
"""Squares that an ordinary value takes."""
_CAPITALS = 24
_OTHER = 10
_FIXED_AMOUNT = re.compile(r"[-¥￥]?[0-9][0-9,]*(?:\.[0-9]+)?(?:元|%|％)?")
_AROUND_AMOUNT = re.compile(r"(?:人民币|RMB|CNY|[¥￥])?\s*元?")
_WIDEST = 0.66
_NARROWEST = 0.1
"""Of the measure."""


@dataclass(frozen=True, slots=True)
class Column:
    """Millimetres; `align` is 0 at the left, 1 at the right."""

    x: float
    width: float
    align: float


def columns(rows: list[list[Copy]], types: dict[str, PlaceholderType.ValueType]) -> list[Column]:
    """The first row is the head."""
    measure = grid.RIGHT - grid.LEFT
    natural = [max(_natural(cell, types) for cell in cells) + 2.0 for cells in zip(*rows, strict=True)]
    shares = [min(max(wide / sum(natural), _NARROWEST), _WIDEST) for wide in natural]
    found = []
    x = grid.LEFT
    for share, cells in zip(shares, zip(*rows[1:], strict=True), strict=True):
        wide = measure * share / sum(shares)
        found.append(Column(x, wide, 1 if all(_is_amount(cell, types) for cell in cells) else 0))
        x += wide
    return found


def _natural(cell: Copy, types: dict[str, PlaceholderType.ValueType]) -> float:
    values = sum(_CAPITALS if gap.capitals else _width(gap, types) for gap in cell.gaps)
    return values + boxes(cell.fixed_text, face_of(cell.font)).width / EM


def _width(gap: Gap, types: dict[str, PlaceholderType.ValueType]) -> int:
    kind = types.get(gap.name)
    return _OTHER if kind is None else _WIDTHS[kind]


def _is_amount(cell: Copy, types: dict[str, PlaceholderType.ValueType]) -> bool:
    if not cell.gaps:
        return bool(_FIXED_AMOUNT.fullmatch(cell.fixed_text))
    (gap, *more) = cell.gaps
    is_amount = types.get(gap.name) == PlaceholderType.PLACEHOLDER_TYPE_AMOUNT and not gap.capitals
    return is_amount and not more and bool(_AROUND_AMOUNT.fullmatch(cell.fixed_text))
