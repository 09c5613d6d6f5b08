"""Units that a page takes: text, a table's row, the seals. Each sets its lines and then draws some of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, zip_longest
from typing import Any, Protocol

from letter_service.layout import grid
from letter_service.layout.grid import MM, rule, x_points, y_points
from letter_service.layout.line_breaking import EM, Unbreakable, break_lines
from letter_service.layout.table_columns import Column
from letter_service.layout.texts import Copy, Style, Values, does_not_fit

Lines = list[Any]
"""What `set` gives: one entry a line, which only the same unit can draw."""
_CELL_PAD = 1.5
_HEAD_FILL = 0.93
_SEAL_SIDE = 42.0
"""A business seal is at most 42 mm across, a bank's usually 40."""
SEAL_HINT = "盖章处"
"""In SANS."""


class Unit(Protocol):
    """What stands together in the flow. Heights are millimetres."""

    before: float
    """Space above it, unless it begins a page."""
    keeps_next: bool
    """Its last lines and the beginning of the next unit stand on one page."""
    splits: bool
    head: Unit | None
    """What is repeated above it where it begins a page."""

    @property
    def varies(self) -> bool: ...
    def set(self, values: Values | None) -> Lines: ...
    def height(self, lines: int, /) -> float: ...
    def draw(self, lines: Lines, y: float) -> str:
        """The operators for these lines, `y` being their upper edge."""

    def furniture(self, lines: int, y: float, /) -> str:
        """What does not depend on the values."""

    def copies(self) -> Iterable[Copy]:
        """What it shows."""


@dataclass(slots=True)
class Text:
    """A paragraph or a heading."""

    copy: Copy
    style: Style
    before: float
    indent: int = 0
    justify: bool = False
    align: float = 0
    keeps_next: bool = False
    splits: bool = True
    head: Unit | None = None

    @property
    def varies(self) -> bool:
        return bool(self.copy.gaps)

    def set(self, values: Values | None) -> Lines:
        measure = int((grid.RIGHT - grid.LEFT) * MM / self.style.size * EM + 0.5)
        return set_lines(self.copy, values, measure, self.style, self.indent, self.justify, self.align)

    def height(self, lines: int) -> float:
        return lines * self.style.leading / MM

    def draw(self, lines: Lines, y: float) -> str:
        return self.style.draw(lines, x_points(grid.LEFT), y_points(y) - baseline(self.style))

    def furniture(self, _lines: int, _y: float, /) -> str:
        return ""

    def copies(self) -> Iterable[Copy]:
        return (self.copy,)


@dataclass
class Row:
    """A row of a table; its head is repeated where the table goes on. Cells that never vary are furniture."""

    cells: list[Copy]
    columns: list[Column]
    style: Style
    head: Unit | None = None
    """None in the head itself."""
    is_last: bool = False
    keeps_next: bool = False
    before: float = 0
    splits: bool = False

    def __post_init__(self) -> None:
        self._fixed = [None if cell.gaps else self._set_cell(place, None) for place, cell in enumerate(self.cells)]

    @property
    def varies(self) -> bool:
        return any(cell.gaps for cell in self.cells)

    def copies(self) -> Iterable[Copy]:
        return self.cells

    def set(self, values: Values | None) -> Lines:
        """One entry a line of the row: a list with each varying cell's line, or None."""
        cells = [self._set_cell(place, values) if fixed is None else fixed for place, fixed in enumerate(self._fixed)]
        count = max(1, *map(len, cells))
        shown = [[] if fixed else cell for cell, fixed in zip(cells, self._fixed, strict=True)]
        return list(islice(zip_longest(*shown, [None] * count), count))

    def _set_cell(self, place: int, values: Values | None) -> list[str]:
        column = self.columns[place]
        measure = int((column.width - 2 * column.side) * MM / self.style.size * EM)
        return set_lines(self.cells[place], values, measure, self.style, align=column.align)

    def height(self, lines: int) -> float:
        return lines * self.style.leading / MM + 2 * _CELL_PAD

    def draw(self, lines: Lines, y: float) -> str:
        cells = ([line for line in cell if line] for cell in zip(*lines, strict=True))
        return "".join([self._draw_cell(place, cell, y) for place, cell in enumerate(cells) if cell])

    def _draw_cell(self, place: int, lines: list[str], y: float) -> str:
        column = self.columns[place]
        return self.style.draw(lines, x_points(column.x + column.side), y_points(y + _CELL_PAD) - baseline(self.style))

    def furniture(self, lines: int, y: float) -> str:
        fixed = "".join(self._draw_cell(place, cell, y) for place, cell in enumerate(self._fixed) if cell)
        return self._rules(y, self.height(lines)) + fixed

    def _rules(self, y: float, height: float) -> str:
        x0, x1 = grid.LEFT, grid.RIGHT
        if self.head:
            return rule(x0, y + height, x1, 0.9 if self.is_last else 0.25, 0 if self.is_last else 0.5)
        ground = f"{x_points(x0):.2f} {y_points(y + height):.2f} {(x1 - x0) * MM:.2f} {height * MM:.2f} re f"
        return f"q {_HEAD_FILL} g {ground} Q\n{rule(x0, y, x1, 0.9)}{rule(x0, y + height, x1, 0.5)}"


@dataclass(slots=True)
class Seals:
    """Boxes for the business seals side by side, the last at the right margin, each over its party."""

    parties: list[Copy]
    date: Copy | None
    """Under each party, or nothing."""
    before: float = 7.0
    keeps_next: bool = False
    splits: bool = False
    head: Unit | None = None

    @property
    def varies(self) -> bool:
        return self.date is not None

    def set(self, values: Values | None) -> Lines:
        if self.date is None:
            return [""]
        return set_lines(self.date, values, int(self._width * MM / grid.BODY.size * EM), grid.BODY, align=0.5)

    @property
    def _width(self) -> float:
        return min(70.0, (grid.RIGHT - grid.LEFT) / len(self.parties))

    def height(self, _lines: int, /) -> float:
        lines = self._party_lines + (self.date is not None)
        return _SEAL_SIDE + 3 + lines * grid.BODY.leading / MM

    @property
    def _party_lines(self) -> int:
        return max(len(lines) for lines in self._set_parties())

    def _set_parties(self) -> list[list[str]]:
        measure = int(self._width * MM / grid.BODY.size * EM)
        return [set_lines(party, None, measure, grid.BODY, align=0.5) for party in self.parties]

    def _lefts(self) -> Iterator[float]:
        for place in range(len(self.parties), 0, -1):
            yield grid.RIGHT - place * self._width

    def draw(self, lines: Lines, y: float) -> str:
        at = y + _SEAL_SIDE + 3 + self._party_lines * grid.BODY.leading / MM
        return "".join(
            grid.BODY.draw(lines, x_points(left), y_points(at) - baseline(grid.BODY)) for left in self._lefts()
        )

    def furniture(self, _lines: int, y: float, /) -> str:
        drawn = []
        hint = Copy(SEAL_HINT, grid.SMALL.font, "seal")
        for left, party in zip(self._lefts(), self._set_parties(), strict=True):
            x = left + (self._width - _SEAL_SIDE) / 2
            drawn.append(
                f"q 0.6 G 0.5 w [2 2] 0 d {x_points(x):.2f} {y_points(y + _SEAL_SIDE):.2f} {_SEAL_SIDE * MM:.2f} "
                f"{_SEAL_SIDE * MM:.2f} re S Q\n"
            )
            words = set_lines(hint, None, int(_SEAL_SIDE * MM / grid.SMALL.size * EM), grid.SMALL, align=0.5)
            drawn.append(grid.SMALL.draw(words, x_points(x), y_points(y + _SEAL_SIDE / 2) - grid.SMALL.size / 3))
            at = y + _SEAL_SIDE + 3
            drawn.append(grid.BODY.draw(party, x_points(left), y_points(at) - baseline(grid.BODY)))
        return "".join(drawn)

    def copies(self) -> Iterable[Copy]:
        return (*self.parties, self.date) if self.date else self.parties


def baseline(style: Style) -> float:
    """From a line's upper edge to its base, in points: the square of a character stands in the line's middle."""
    return (style.leading - style.size) / 2 + 0.88 * style.size


def set_lines(
    copy: Copy,
    values: Values | None,
    measure: int,
    style: Style,
    indent: int = 0,
    justify: bool = False,
    align: float = 0,
) -> list[str]:
    """Refusal if something that may not be torn apart is wider than the line."""
    try:
        return break_lines(copy.boxes(values), measure, style.size, indent=indent, justify=justify, align=align)
    except Unbreakable:
        raise does_not_fit(
            copy.field,
            "此处一行放不下，请缩短或改版式。",
            "It is wider than its line and may not be torn apart: shorten it, or give its column more room.",
        ) from None
