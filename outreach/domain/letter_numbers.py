"""Letter numbers: bank, day and a serial number never used again, with a check character for what is typed or scanned.

The check is ISO 7064 MOD 37,36: it catches every single wrong character and nearly every exchange of two neighbours.
"""

from __future__ import annotations

import re

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}
_PREFIX_LENGTH = 4
FORM = rf"[A-Z0-9]{{1,{_PREFIX_LENGTH}}}-[0-9]{{6}}-[0-9]{{7,}}[A-Z0-9]"
"""A regular expression, as browsers know them too."""


def letter_number(bank_id: str, date: str, serial: int) -> str:
    """Such as DEMO-251124-0000017K. `date` is YYYY-MM-DD, `serial` is unique in the installation."""
    prefix = "".join(c for c in bank_id.upper() if c in _VALUES)[:_PREFIX_LENGTH]
    body = f"{prefix}-{date.replace('-', '')[2:]}-{serial:07}"
    return body + check_character(body)


def is_letter_number(text: str) -> bool:
    """False if it was mistyped, or is the number of something else."""
    return re.fullmatch(FORM, text) is not None and check_character(text[:-1]) == text[-1]


def number_in_code(code: str) -> str:
    """The letter's number in what was scanned: its Code 128, or the DataMatrix of one of its sheets (RUN|LETTER|…)."""
    parts = code.split("|")
    return (parts[1] if len(parts) > 2 else code).strip().upper()


def check_character(body: str) -> str:
    """The ISO 7064 MOD 37,36 check character over the letters A to Z and digits of a text."""
    product = 36
    for character in body:
        if character in _VALUES:
            product = ((product + _VALUES[character]) % 36 or 36) * 2 % 37
    return _ALPHABET[(1 - product) % 36]
