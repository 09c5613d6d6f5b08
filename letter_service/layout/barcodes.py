"""Code 128 (ISO/IEC 15417) and DataMatrix ECC 200 (ISO/IEC 16022), as PDF stencils.

An ECC 200 symbol of one size is linear in its codewords over GF(2): its modules are the exclusive or of what each
codeword contributes, check words included. With these contributions in a table a symbol takes a few microseconds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

MODULE_MM = 0.339
"""A DataMatrix module: 8 dots at 600 per inch."""
QUIET_MODULES = 2
BAR_MM = 0.254
"""A bar of Code 128, 6 dots at 600 per inch; narrower where the number is long."""
NARROW_BAR_MM = 0.1693
_DIGITS = re.compile(r"[0-9]{2}")
_START_B, _START_C, _TO_B, _TO_C, _STOP = 104, 105, 100, 99, 106
_BARS = (
    "212222 222122 222221 121223 121322 131222 122213 122312 132212 221213 221312 231212 112232 122132 122231 113222 "
    "123122 123221 223211 221132 221231 213212 223112 312131 311222 321122 321221 312212 322112 322211 212123 212321 "
    "232121 111323 131123 131321 112313 132113 132311 211313 231113 231311 112133 112331 132131 113123 113321 133121 "
    "313121 211331 231131 213113 213311 213131 311123 311321 331121 312113 312311 332111 314111 221411 431111 111224 "
    "111422 121124 121421 141122 141221 112214 112412 122114 122411 142112 142211 241211 221114 413111 241112 134111 "
    "111242 121142 121241 114212 124112 124211 411212 421112 421211 212141 214121 412121 111143 111341 131141 114113 "
    "114311 411113 411311 113141 114131 311141 411131 211412 211214 211232 2331112"
).split()
_MODULES = tuple("".join(("1" * int(n), "0" * int(n))[i % 2] for i, n in enumerate(bars)) for bars in _BARS)


@dataclass(frozen=True, slots=True)
class Stencil:
    """Black modules of a bitmap, drawn with the current colour."""

    columns: int
    rows: int
    data: str
    """Rows padded to bytes, in hexadecimal."""

    def draw(self, x: float, y: float, width: float, height: float) -> str:
        """In points from the page's bottom left."""
        return (
            f"q {width:.3f} 0 0 {height:.3f} {x:.3f} {y:.3f} cm BI/W {self.columns}/H {self.rows}/BPC 1/IM true"
            f"/D[1 0]/F/AHx ID {self.data}> EI Q\n"
        )


def code128(text: str) -> Stencil:
    """Of ASCII text; runs of digits in code set C. ValueError for other characters."""
    modules = "".join([_MODULES[value] for value in _code128_values(text)])
    size = -(-len(modules) // 8)
    return Stencil(len(modules), 1, f"{int(modules.ljust(size * 8, '0'), 2):0{size * 2}X}")


def _code128_values(text: str) -> list[int]:
    values: list[int] = []
    mode = 0
    for run in re.findall(r"^(?:[0-9]{2}){2,}|(?:[0-9]{2}){3,}|.", text, re.DOTALL):
        wanted = _START_C if len(run) > 1 else _START_B
        if not mode:
            values.append(wanted)
        elif mode != wanted:
            values.append(_TO_C if wanted == _START_C else _TO_B)
        mode = wanted
        if not " " <= run[0] <= "~":
            raise ValueError("Code 128 takes printable ASCII")
        values += [int(pair) for pair in _DIGITS.findall(run)] if mode == _START_C else [ord(run) - 32]
    check = (values[0] + sum(place * value for place, value in enumerate(values))) % 103
    return [*values, check, _STOP]


def datamatrix(text: str) -> Stencil:
    """Of ASCII text, in the smallest square symbol of one to four regions. ValueError if it is too long."""
    words = _codewords(text)
    for size, capacity, _ in _SIZES:
        if len(words) <= capacity:
            break
    else:
        raise ValueError("too long for a DataMatrix of 44 modules")
    if len(words) < capacity:
        words.append(129)
    for place in range(len(words) + 1, capacity + 1):
        pad = 129 + 149 * place % 253 + 1
        words.append(pad - 254 if pad > 254 else pad)
    symbol, table, digits = _symbol(size)
    for contributions, word in zip(table, words, strict=True):
        symbol ^= contributions[word]
    return Stencil(size, size, f"{symbol:0{digits}X}")


def _codewords(text: str) -> list[int]:
    if not text.isascii():
        raise ValueError("a sheet's code takes ASCII only")
    return [int(part) + 130 if len(part) == 2 else ord(part) + 1 for part in re.findall(r"[0-9]{2}|.", text, re.DOTALL)]


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
    places = _placement(side)
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
        remainder = [
            after ^ _times(lead, factor) for after, factor in zip([*remainder[1:], 0], generator, strict=True)
        ]
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


def _placement(side: int) -> dict[tuple[int, int], tuple[int, int]]:
    """Which bit of which codeword each module of the mapping matrix shows."""
    placed: dict[tuple[int, int], tuple[int, int]] = {}
    word = 0

    def put(modules: list[tuple[int, int]]) -> None:
        nonlocal word
        for number, module in enumerate(modules):
            placed[module] = (word, number)
        word += 1

    def utah(row: int, column: int) -> None:
        modules = []
        for down, right in _UTAH:
            at, across = row + down, column + right
            if at < 0:
                at, across = at + side, across + 4 - (side + 4) % 8
            if across < 0:
                at, across = at + 4 - (side + 4) % 8, across + side
            modules.append((at, across))
        put(modules)

    def corner(shape: int) -> None:
        put([(row % side if row < 0 else row, column % side) for row, column in _CORNERS[shape]])

    row, column = 4, 0
    while row < side or column < side:
        if row == side and column == 0:
            corner(0)
        if row == side - 2 and column == 0 and side % 4:
            corner(1)
        if row == side - 2 and column == 0 and side % 8 == 4:
            corner(2)
        if row == side + 4 and column == 2 and side % 8 == 0:
            corner(3)
        while row >= 0 and column < side:
            if row < side and column >= 0 and (row, column) not in placed:
                utah(row, column)
            row, column = row - 2, column + 2
        row, column = row + 1, column + 3
        while row < side and column >= 0:
            if row >= 0 and column < side and (row, column) not in placed:
                utah(row, column)
            row, column = row + 2, column - 2
        row, column = row + 3, column + 1
    return placed
