"""Checks a message against the rules declared in the .proto files (protovalidate), and for what no rule can say.

The generated modules import this one, so that buf/validate/validate.proto is in protobuf's pool before they are: its
descriptor comes from protovalidate's own package.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, duration_pb2, field_mask_pb2, timestamp_pb2  # noqa: F401
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.json_format import ParseError
from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet
from protovalidate import Validator
from protovalidate._gen.buf.validate import validate_pb

descriptor_pool.Default().AddSerializedFile(validate_pb.desc().proto.to_binary())
_validator = Validator()

_SECOND_NS = 1_000_000_000
_TIMES: dict[str, Callable[[int, int], bool]] = {
    "google.protobuf.Timestamp": lambda seconds, nanos: (
        -62_135_596_800 <= seconds <= 253_402_300_799 and 0 <= nanos < _SECOND_NS
    ),
    "google.protobuf.Duration": lambda seconds, nanos: (
        abs(seconds) <= 315_576_000_000 and abs(nanos) < _SECOND_NS and not seconds * nanos < 0
    ),
}
"""Whether seconds and nanoseconds are what the type documents."""
Violation = tuple[str, str]
"""The path of a field, and what is wrong with it. Holds nothing of the field's value."""

_MAX_KEY = 40
_IN_CHINESE = {
    "required": "必填",
    "min_len": "过短",
    "max_len": "过长",
    "len": "长度不符",
    "pattern": "格式不符",
    "min_items": "过少",
    "max_items": "过多",
    "max_pairs": "过多",
    "defined_only": "取值未知",
    "in": "取值不允许",
    "not_in": "取值不允许",
}
_OUT_OF_RANGE = "超出范围"
"""For the rules whose last word names a bound: gt, gte, lt, lte and their pairs."""
_NO_TIME = "不是时间或时长：秒或纳秒超出范围 is no time or duration: seconds or nanos out of range"
NOT_OF_ITS_TYPE = "值不合字段的类型 is no value of the field's type"
"""What is wrong with a JSON text at `field_of`."""
_JSON_FIELD = re.compile(r"Failed to parse ([A-Za-z]\w*) field", re.ASCII)


def violations(message: Message) -> list[Violation]:
    """Every rule the message breaks; empty if it is well formed."""
    broken = [(_path(v.proto.field), _words(v.proto)) for v in _validator.collect_violations(message)]
    return broken + _false_times(message) if _times_of(message.DESCRIPTOR) else broken


def _false_times(message: Any, path: str = "") -> list[Violation]:
    """Times and durations of which no clock has the parts, such as negative nanoseconds: no rule of protovalidate finds
    them, and none of protobuf's own conversions takes them."""
    found: list[Violation] = []
    for name, is_repeated, is_sound in _times_of(message.DESCRIPTOR):
        if is_repeated:
            for index, part in enumerate(getattr(message, name)):
                found += _false_time(part, is_sound, f"{path}{name}[{index}]")
        elif message.HasField(name):
            found += _false_time(getattr(message, name), is_sound, path + name)
    return found


def _false_time(part: Any, is_sound: Callable[[int, int], bool] | None, path: str) -> list[Violation]:
    if is_sound is None:
        return _false_times(part, f"{path}.")
    return [] if is_sound(part.seconds, part.nanos) else [(path, _NO_TIME)]


@cache
def _times_of(descriptor: Descriptor) -> list[tuple[str, bool, Callable[[int, int], bool] | None]]:
    """(name, is repeated, how to tell) of its fields that are times, or, without how to tell, have some below them."""
    return [
        (field.name, field.is_repeated, _TIMES.get(kind.full_name))
        for field in descriptor.fields
        if (kind := field.message_type) is not None and (kind.full_name in _TIMES or _may_hold_times(kind))
    ]


def _may_hold_times(descriptor: Descriptor) -> bool:
    return not descriptor.GetOptions().map_entry and bool(_times_of(descriptor))


def oddities(message: Message, path: str = "") -> list[Violation]:
    """Fields that the contract does not have or has with another type, and strings with a NUL, which no database stores
    alike.
    """
    unknown = UnknownFieldSet(message)
    found = [_unknown(message, path, unknown[index].field_number) for index in range(len(unknown))]
    for field, value in message.ListFields():
        for where, part in _parts(field, value):
            if isinstance(part, Message):
                found += oddities(part, f"{path}{where}.")
            elif isinstance(part, str) and "\0" in part:
                found.append((path + where, "不得含 NUL 字符 must hold no NUL character"))
    return found


def field_of(error: ParseError) -> str:
    """The field for which a JSON text was not read, such as accountNumber; empty if that is not known."""
    return ".".join(_JSON_FIELD.findall(str(error)))


def _unknown(message: Message, path: str, number: int) -> Violation:
    known = message.DESCRIPTOR.fields_by_number.get(number)
    if known is None:
        return f"{path}{number}", "契约中没有此编号的字段 is the number of no field in this version of the contract"
    return path + known.name, "类型与契约不符 was sent as another type than the contract's"


def _parts(field: FieldDescriptor, value: Any) -> Iterator[tuple[str, Any]]:
    if not field.is_repeated:
        yield field.name, value
    elif field.message_type is not None and field.message_type.GetOptions().map_entry:
        for key, part in value.items():
            yield field.name, key
            yield f"{field.name}[{_short(key)}]", part
    else:
        for index, part in enumerate(value):
            yield f"{field.name}[{index}]", part


def _words(violation: validate_pb.Violation) -> str:
    """Ours are in both languages already."""
    group, _, rule = violation.rule_id.rpartition(".")
    english = violation.message or violation.rule_id
    if not english.isascii():
        return english
    chinese = _IN_CHINESE.get(rule, _OUT_OF_RANGE if group and rule.startswith(("gt", "lt")) else "不符合契约")
    return f"{chinese} {english}"


def _path(path: validate_pb.FieldPath | None) -> str:
    if path is None:
        return ""
    parts = []
    for element in path.elements:
        key = element.subscript
        parts.append(element.field_name if key is None else f"{element.field_name}[{_short(key.value)}]")
    return ".".join(parts)


def _short(key: object) -> str:
    """A map's key is the caller's text: it is shown, but not however long it is."""
    text = str(key)
    return text if len(text) <= _MAX_KEY else text[:_MAX_KEY] + "…"
