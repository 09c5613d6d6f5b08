"""What is wrong with bytes that cannot be read as a message: which strings in them are not UTF-8."""

from __future__ import annotations

from collections import Counter
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet

from outreach.validation import Violation

_LENGTH_DELIMITED = 2


def broken_strings(descriptor: Any, raw: bytes, path: str = "") -> list[Violation]:
    """Strings that are not UTF-8, such as half a character (a lone surrogate); empty if the bytes are no message at
    all.
    """
    try:
        message = Empty.FromString(raw)  # to which every field is unknown, and which reads no string
    except DecodeError:
        return []
    found: list[Violation] = []
    seen: Counter[int] = Counter()
    parts = UnknownFieldSet(message)
    for part in (parts[index] for index in range(len(parts))):
        field = descriptor.fields_by_number.get(part.field_number)
        if field is None or part.wire_type != _LENGTH_DELIMITED:
            continue
        where = f"{path}{field.name}[{seen[field.number]}]" if field.is_repeated else path + field.name
        seen[field.number] += 1
        if field.message_type is not None:
            found += broken_strings(field.message_type, part.data, f"{where}.")
        elif field.type == FieldDescriptor.TYPE_STRING and not _is_utf8(part.data):
            found.append((where, "不是 UTF-8，可能含半个字符 is not UTF-8, it may hold half a character"))
    return found


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
