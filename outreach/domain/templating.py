"""Template texts: {placeholders}, rendering, and length as the carriers count it (carriers' documentation)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from outreach.v1.template_service_pb2 import PlaceholderType, RecordField

_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]{0,31})\}")
SINGLE_SEGMENT = 70
LONG_SEGMENT = 67
MAX_CHARACTERS = 500

RECORD_FIELDS: dict[PlaceholderType.ValueType, frozenset[RecordField.ValueType]] = {
    PlaceholderType.PLACEHOLDER_TYPE_NAME: frozenset({RecordField.RECORD_FIELD_RECIPIENT_NAME}),
    PlaceholderType.PLACEHOLDER_TYPE_AMOUNT: frozenset(
        {
            RecordField.RECORD_FIELD_OVERDUE_AMOUNT,
            RecordField.RECORD_FIELD_OUTSTANDING_AMOUNT,
            RecordField.RECORD_FIELD_MINIMUM_PAYMENT,
        }
    ),
    PlaceholderType.PLACEHOLDER_TYPE_DATE: frozenset(
        {RecordField.RECORD_FIELD_DUE_DATE, RecordField.RECORD_FIELD_AS_OF_DATE}
    ),
    PlaceholderType.PLACEHOLDER_TYPE_LAST_FOUR: frozenset({RecordField.RECORD_FIELD_ACCOUNT_LAST_FOUR}),
    PlaceholderType.PLACEHOLDER_TYPE_HOTLINE: frozenset({RecordField.RECORD_FIELD_UNSPECIFIED}),
    PlaceholderType.PLACEHOLDER_TYPE_REFERENCE: frozenset({RecordField.RECORD_FIELD_UNSPECIFIED}),
}
"""What of the bank's record may fill a placeholder of each type; unspecified: the caller gives it."""


def placeholders(text: str) -> list[str]:
    """Names in order of appearance, repeats included."""
    return _PLACEHOLDER.findall(text)


def has_stray_braces(text: str) -> bool:
    """True if a brace is left that is no placeholder, such as {{x}} or {Name}."""
    rest = _PLACEHOLDER.sub("", text)
    return "{" in rest or "}" in rest


def render(text: str, values: Mapping[str, str]) -> str:
    """The text with each placeholder's value. KeyError for a missing one; values are never expanded again."""
    return _PLACEHOLDER.sub(lambda match: values[match[1]], text)


def signed(signature: str, text: str) -> str:
    """What the handset shows: the carrier puts the signature before the text."""
    return f"【{signature}】{text}"


def segments(characters: int) -> int:
    """Carrier segments of a text of so many characters, signature and brackets included."""
    return 1 if characters <= SINGLE_SEGMENT else -(-characters // LONG_SEGMENT)
