"""Where the units of a letter stand: depends on nothing but how many lines each has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from letter_service.layout import grid
from letter_service.layout.galley import Unit
from letter_service.layout.texts import does_not_fit

_TOGETHER = 2
"""So many lines of a paragraph stand on a page at least."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Some lines of a unit, their upper edge in millimetres."""

    unit: int
    first: int
    last: int
    y: float


def paginate(units: Sequence[Unit], counts: Sequence[int], top: float) -> list[list[Placement]]:
    """Pages of placements. Refusal if a unit is taller than a page, or there are more than grid.MAX_PAGES."""
    pager = _Pager(units, counts, top)
    for place in range(len(units)):
        pager.take(place)
    return pager.pages


class _Pager:
    def __init__(self, units: Sequence[Unit], counts: Sequence[int], top: float) -> None:
        self._units, self._counts = units, counts
        self.pages: list[list[Placement]] = [[]]
        self._y = top

    def take(self, place: int) -> None:
        unit, count, first = self._units[place], self._counts[place], 0
        if self.pages[-1]:
            self._y += unit.before
        after = self._lead(place + 1) if unit.keeps_next else 0.0
        while self._y + unit.height(count - first) + after > grid.BOTTOM:
            fit = min(self._fitting(unit), count - first - _TOGETHER) if unit.splits else 0
            if fit >= _TOGETHER:
                self._put(place, first, first + fit)
                first += fit
            elif not self.pages[-1]:
                if self._y + unit.height(count - first) > grid.BOTTOM:
                    raise does_not_fit("letter", "一段高于一页。", "A part of it is taller than a page: divide it.")
                break
            self._turn(unit)
        self._put(place, first, count)

    def _fitting(self, unit: Unit) -> int:
        return int((grid.BOTTOM - self._y) / unit.height(1))

    def _lead(self, place: int) -> float:
        """What must stand under a unit that keeps the next one."""
        if place == len(self._units):
            return 0
        unit, count = self._units[place], self._counts[place]
        lines = _TOGETHER if unit.splits and count >= 2 * _TOGETHER else count
        return unit.before + unit.height(lines) + (self._lead(place + 1) if unit.keeps_next and lines == count else 0)

    def _put(self, place: int, first: int, last: int) -> None:
        self.pages[-1].append(Placement(place, first, last, self._y))
        self._y += self._units[place].height(last - first)

    def _turn(self, unit: Unit) -> None:
        if len(self.pages) == grid.MAX_PAGES:
            raise does_not_fit(
                "letter", f"超过 {grid.MAX_PAGES} 页。", f"It takes more than {grid.MAX_PAGES} pages: shorten it."
            )
        self.pages.append([])
        self._y = grid.TOP
        if unit.head:
            head = next(at for at, other in enumerate(self._units) if other is unit.head)
            self._put(head, 0, self._counts[head])
