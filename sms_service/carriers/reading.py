"""Reads what carriers write: JSON that may be anything, counts as texts, numbers with and without the country code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from outreach.domain.phone import normalize_mobile
from sms_service.carriers.seam import UnreadableError

MAX_COPY = 600
"""Characters of a registered copy that are reported: more than any carrier registers, and than is approved."""


def mapping(body: bytes) -> dict[str, Any]:
    """The JSON object, or an empty one if it is none."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return answer if isinstance(answer, dict) else {}


def items(body: bytes) -> list[Mapping[str, Any]]:
    """The objects of a JSON array. UnreadableError if it is none."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise UnreadableError("not JSON") from None
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise UnreadableError("not a JSON array of objects")
    return found


def positive(value: object) -> int:
    """A count that is written as a number or a text; 0 if it is neither."""
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def bare(number: str) -> str:
    """The 11 digits, or what stands there if it is no mobile number: then it is nobody's."""
    return normalize_mobile(number) or number[:32]
