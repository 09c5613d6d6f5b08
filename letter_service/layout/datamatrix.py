"""DataMatrix ECC 200 (ISO/IEC 16022).

A symbol of one size is linear in its codewords over GF(2): its modules are the exclusive or of what each codeword
contributes, check words included. With these contributions in a table a symbol takes a few microseconds.
"""

from __future__ import annotations

import re
from functools import cache

from letter_service.layout.stencil import Stencil

MODULE_MM = 0.339
"""8 dots at 600 per inch."""
SMALL_MODULE_MM = 0.254
"""6 dots, where there is less room."""
_WORDS = {chr(code): code + 1 for code in range(128)} | {f"{pair:02}": pair + 130 for pair in range(100)}
_PARTS = re.compile(r"[0-9]{2}|.", re.DOTALL)


def datamatrix(text: str) -> Stencil:
    """Of ASCII text, in the smallest of the square symbols listed here. ValueError if it is too long."""
    words = _codewords(text)
    size, capacity = next(((size, data) for size, data, _ in _SIZES if len(words) <= data), (0, 0))
    if not size:
        raise ValueError("too long for the largest symbol")
    if len(words) < capacity:
        words.append(129)
    for place in range(len(words) + 1, capacity + 1):
        pad = 130 + 149 * place % 253
        words.append(pad - 254 if pad > 254 else pad)
    symbol, table, digits = _symbol(size)
    for contributions, word in zip(table, words, strict=True):
        symbol ^= contributions[word]
    return Stencil(size, size, f"{symbol:0{digits}X}")


def _codewords(text: str) -> list[int]:
    try:
        return [_WORDS[part] for part in _PARTS.findall(text)]
    except KeyError:
        raise ValueError("a sheet's code takes ASCII only") from None


_SIZES = ((26, 44, 28), (32, 62, 36), (36, 86, 42), (40, 114, 48), (44, 144, 56))
"""Modules a side, data codewords, check codewords: all of one Reed-Solomon block and a mapping without rest."""


@cache
def _symbol(size: int) -> tuple[int, list[list[int]], int]:
    """The finder pattern, what each value of each data codeword adds to it, and the hexadecimal digits of both."""
    capacity, checks = next((data, check) for side, data, check in _SIZES if side == size)
    regions = 1 if size < 32 else 2
    inner = size // regions - 2
    row_bits = -(-size // 8) * 8

    def bit(row: int, column: int) -> int:
        return 1 << (size * row_bits - 1 - row * row_bits - column)

    finder = 0
    for line in range(size):
        for edge in range(0, size, inner + 2):
            finder |= bit(line, edge) | bit(edge + inner + 1, line)
            if line % 2 == 0:
                finder |= bit(edge, line)
            else:
                finder |= bit(line, edge + inner + 1)
    side = inner * regions
    places = _Placement(side).placed
    bits = [[0] * 8 for _ in range(capacity + checks)]
    for (row, column), (word, number) in places.items():
        at = bit(row + 1 + row // inner * 2, column + 1 + column // inner * 2)
        bits[word][number] |= at
    return finder, _contributions(bits, capacity, checks), size * row_bits // 4


def _contributions(bits: list[list[int]], capacity: int, checks: int) -> list[list[int]]:
    """`bits[word][k]` are the modules of bit k (from the highest) of a codeword."""

    def modules(word: int, value: int) -> int:
        found = 0
        for number in range(8):
            if value >> (7 - number) & 1:
                found ^= bits[word][number]
        return found

    generator = _generator(checks)
    remainder = generator
    table: list[list[int]] = []
    for word in range(capacity - 1, -1, -1):
        single = [0] * 8
        scaled = remainder
        for power in range(8):
            single[power] = modules(word, 1 << power)
            for place, check in enumerate(scaled):
                single[power] ^= modules(capacity + place, check)
            scaled = [_double(check) for check in scaled]
        row = [0] * 256
        for value in range(1, 256):
            lowest = value & -value
            row[value] = row[value ^ lowest] ^ single[lowest.bit_length() - 1]
        table.insert(0, row)
        lead = remainder[0]
        remainder = [after ^ _times(lead, factor) for after, factor in zip([*remainder[1:], 0], generator, strict=True)]
    return table


def _double(value: int) -> int:
    return value << 1 ^ 0x12D if value & 0x80 else value << 1


def _times(left: int, right: int) -> int:
    product = 0
    while right:
        if right & 1:
            product ^= left
        left, right = _double(left), right >> 1
    return product


def _generator(checks: int) -> list[int]:
    """Coefficients of (x - 2)(x - 4)... without the leading one, the highest first."""
    found = [1]
    root = 1
    for _ in range(checks):
        root = _double(root)
        found = [
            high ^ low for high, low in zip([*found, 0], [0, *(_times(root, factor) for factor in found)], strict=True)
        ]
    return found[1:]


_UTAH = ((-2, -2), (-2, -1), (-1, -2), (-1, -1), (-1, 0), (0, -2), (0, -1), (0, 0))
_CORNERS = (
    ((-1, 0), (-1, 1), (-1, 2), (0, -2), (0, -1), (1, -1), (2, -1), (3, -1)),
    ((-3, 0), (-2, 0), (-1, 0), (0, -4), (0, -3), (0, -2), (0, -1), (1, -1)),
    ((-3, 0), (-2, 0), (-1, 0), (0, -2), (0, -1), (1, -1), (2, -1), (3, -1)),
    ((-1, 0), (-1, -1), (0, -3), (0, -2), (0, -1), (1, -3), (1, -2), (1, -1)),
)
"""Annex F's four special shapes, from the mapping matrix's edges."""


_Module = tuple[int, int]
"""Row and column."""


class _Placement:
    """Annex F: which bit of which codeword each module of the mapping matrix shows."""

    def __init__(self, side: int) -> None:
        self._side = side
        self._word = 0
        self.placed: dict[_Module, tuple[int, int]] = {}
        row, column = 4, 0
        while row < side or column < side:
            self._corner(row, column)
            while row >= 0 and column < side:
                self._utah(row, column)
                row, column = row - 2, column + 2
            row, column = row + 1, column + 3
            while row < side and column >= 0:
                self._utah(row, column)
                row, column = row + 2, column - 2
            row, column = row + 3, column + 1

    def _put(self, modules: list[_Module]) -> None:
        for number, module in enumerate(modules):
            self.placed[module] = (self._word, number)
        self._word += 1

    def _utah(self, row: int, column: int) -> None:
        """The common shape, wrapped around the matrix's edges."""
        side = self._side
        if not (0 <= row < side and 0 <= column < side) or (row, column) in self.placed:
            return
        modules = []
        for down, right in _UTAH:
            at, across = row + down, column + right
            if at < 0:
                at, across = at + side, across + 4 - (side + 4) % 8
            if across < 0:
                at, across = at + 4 - (side + 4) % 8, across + side
            modules.append((at, across))
        self._put(modules)

    def _corner(self, row: int, column: int) -> None:
        side = self._side
        shapes = (
            (row == side and column == 0),
            (row == side - 2 and column == 0 and side % 4 != 0),
            (row == side - 2 and column == 0 and side % 8 == 4),
            (row == side + 4 and column == 2 and side % 8 == 0),
        )
        for wanted, shape in zip(shapes, _CORNERS, strict=True):
            if wanted:
                self._put([(down % side, right % side) for down, right in shape])
