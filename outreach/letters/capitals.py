"""Amounts in Chinese capitals (大写), as the annex of 支付结算办法 wants them."""

from __future__ import annotations

import re

MAX_FEN = 999_999_999_999_999
"""9,999,999,999,999.99 yuan."""

_PREFIX = "人民币"
_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_UNITS = (("亿", 10**8), ("万", 10**4), ("仟", 10**3), ("佰", 10**2), ("拾", 10))
_LONGEST = 60


def in_capitals(fen: int) -> str:
    """Fen as 人民币壹万陆仟肆佰零玖元零贰分: closed by 整 unless it ends in 分, zero is 人民币零元整.

    ValueError for less than nothing and for more than MAX_FEN.
    """
    if not 0 <= fen <= MAX_FEN:
        raise ValueError("an amount in capitals lies between 0 and 9,999,999,999,999.99 yuan")
    return _spell(fen, free_zero="零", zero_before_jiao="", end_after_yuan="整", end_after_jiao="整")


def from_capitals(text: str) -> int:
    """Fen of an amount in any spelling that the annex allows: 整 or 正, and 零 where it leaves 零 free.

    ValueError for everything else.
    """
    try:
        fen = _value(text)
        spellings = _spell(
            fen, free_zero="零?", zero_before_jiao="零?", end_after_yuan="[整正]", end_after_jiao="[整正]?"
        )
    except ValueError:
        spellings, fen = "(?!)", 0
    if not re.fullmatch(spellings, text):
        raise ValueError("no amount in capitals, such as 人民币壹佰元整")
    return fen


def _spell(fen: int, *, free_zero: str, zero_before_jiao: str, end_after_yuan: str, end_after_jiao: str) -> str:
    """The amount, with the arguments where the annex leaves a choice."""
    yuan, jiao, rest = fen // 100, fen // 10 % 10, fen % 10
    text = _PREFIX
    if yuan or not fen:
        text += _whole(yuan, free_zero) + "元"
    if not jiao and not rest:
        return text + end_after_yuan
    if yuan and not jiao:
        text += "零"
    elif yuan and yuan % 10 == 0:
        text += zero_before_jiao
    if jiao:
        text += _DIGITS[jiao] + "角"
    return text + (_DIGITS[rest] + "分" if rest else end_after_jiao)


def _whole(number: int, free_zero: str) -> str:
    for unit, size in _UNITS:
        if number >= size:
            upper, lower = divmod(number, size)
            text = _whole(upper, free_zero) + unit
            if not lower:
                return text
            if lower < size // 10:
                text += "零"
            elif upper % 10 == 0:
                text += free_zero
            return text + _whole(lower, free_zero)
    return _DIGITS[number]


def _value(text: str) -> int:
    """What the characters add up to. ValueError if they cannot be an amount at all."""
    if len(text) > _LONGEST:
        raise ValueError("too long")
    yuan, _, rest = text.removeprefix(_PREFIX).rstrip("整正").rpartition("元")
    jiao, _, fen = rest.rpartition("角")
    return _number(yuan) * 100 + _number(jiao) * 10 + _number(fen.removesuffix("分"))


def _number(text: str) -> int:
    for unit, size in _UNITS:
        upper, found, lower = text.partition(unit)
        if found:
            return _number(upper) * size + _number(lower)
    digit = text.lstrip("零")
    return _DIGITS.index(digit) if digit else 0
