"""Code 128 (ISO/IEC 15417)."""

from __future__ import annotations

import re

from letter_service.layout.stencil import Stencil

BAR_MM = 0.254
"""A bar's least width: 6 dots at 600 per inch."""
NARROW_BAR_MM = 0.1693
"""Where the number is long; the least that scanners of every make read."""
_DIGITS = re.compile(r"[0-9]{2}")
_RUNS = re.compile(r"^(?:[0-9]{2}){2,}|(?:[0-9]{2}){3,}|.", re.DOTALL)
_START_B, _START_C, _TO_B, _TO_C, _STOP = 104, 105, 100, 99, 106
_BARS = (
    "212222 222122 222221 121223 121322 131222 122213 122312 132212 221213 221312 231212 112232 122132 122231 113222 "
    "123122 123221 223211 221132 221231 213212 223112 312131 311222 321122 321221 312212 322112 322211 212123 212321 "
    "232121 111323 131123 131321 112313 132113 132311 211313 231113 231311 112133 112331 132131 113123 113321 133121 "
    "313121 211331 231131 213113 213311 213131 311123 311321 331121 312113 312311 332111 314111 221411 431111 111224 "
    "111422 121124 121421 141122 141221 112214 112412 122114 122411 142112 142211 241211 221114 413111 241112 134111 "
    "111242 121142 121241 114212 124112 124211 411212 421112 421211 212141 214121 412121 111143 111341 131141 114113 "
    "114311 411113 411311 113141 114131 311141 411131 211412 211214 211232 2331112"
)
_MODULES = tuple("".join(("1" * int(n), "0" * int(n))[i % 2] for i, n in enumerate(bars)) for bars in _BARS.split())


def code128(text: str) -> Stencil:
    """Of ASCII text; runs of digits in code set C. ValueError for other characters."""
    modules = "".join([_MODULES[value] for value in _values(text)])
    size = -(-len(modules) // 8)
    return Stencil(len(modules), 1, f"{int(modules.ljust(size * 8, '0'), 2):0{size * 2}X}")


def _values(text: str) -> list[int]:
    values: list[int] = []
    mode = 0
    for run in _RUNS.findall(text):
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
