"""Amounts are whole fen everywhere; this is how they are read and shown."""

from __future__ import annotations

import re

_YUAN = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,2}))?")


def format_fen(fen: int) -> str:
    """Yuan with two decimals: 1640902 becomes '16409.02'."""
    return f"{fen // 100}.{fen % 100:02d}"


def parse_yuan(text: str) -> int:
    """Fen of '16409.02'. ValueError if it is not yuan with at most two decimals, or is negative."""
    match = _YUAN.fullmatch(text.strip().replace(",", ""))
    if match is None:
        raise ValueError("an amount is yuan with at most two decimals, such as 1234.50")
    yuan, fen = match.groups()
    return int(yuan) * 100 + int((fen or "0").ljust(2, "0"))
