"""The post's item numbers. Those of UPU S10 (RA123456785CN) have a check digit; for others there is no rule we know."""

from __future__ import annotations

import re

_S10 = re.compile(r"[A-Z]{2}(\d{8})(\d)[A-Z]{2}", re.ASCII)
_WEIGHTS = (8, 6, 4, 2, 3, 5, 9, 7)


def s10_check_digit(serial: str) -> int:
    """The check digit of an S10 serial number of eight digits."""
    rest = 11 - sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, serial, strict=True)) % 11
    return {10: 0, 11: 5}.get(rest, rest)


def item_number_warning(number: str) -> str:
    """What is odd about an item number; empty if nothing is, or if there is none."""
    found = _S10.fullmatch(number)
    if found is None:
        return "非 S10 邮件号，无法校验。Not an S10 item number: its check digit cannot be checked." if number else ""
    if s10_check_digit(found[1]) != int(found[2]):
        return "邮件号校验位不符，请核对。The item number's check digit is wrong: look again."
    return ""
