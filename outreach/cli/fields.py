"""Fills messages of the contract from texts: cells of a CSV file, scalars of a YAML file, options."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer
import yaml
from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from outreach.cli.failures import Failure
from outreach.domain.money import parse_yuan
from outreach.wording.formats import enum_prefix

_INT64 = range(-(2**63), 2**63)
_INT32 = range(-(2**31), 2**31)
_TIMESTAMP = Timestamp.DESCRIPTOR.full_name


class FieldError(ValueError):
    """A text that is no value of its field."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


def read_yaml(path: Path, message: Message) -> None:
    """Fills the message from a YAML file whose keys are the contract's field names. Raises Failure, OSError."""
    try:
        document = yaml.load(path.read_text(encoding="utf-8-sig"), yaml.BaseLoader)  # noqa: S506 makes strings only
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark else ""
        raise Failure(f"{path}{place}: 不是 YAML not YAML: {getattr(error, 'problem', None) or 'unreadable'}") from None
    except UnicodeDecodeError:
        raise Failure(f"{path}: 不是 UTF-8，请另存。Not UTF-8: save it so.") from None
    try:
        fill(message, document)
    except FieldError as error:
        raise Failure(f"{path}: {error}", field=error.field) from None


def fill(message: Message, values: Any, path: str = "") -> None:
    """Sets fields from a mapping of names to texts, lists and mappings. Raises FieldError."""
    if not isinstance(values, Mapping):
        raise FieldError(
            path.rstrip(".") or "file", f"须为 字段: 值 must map names to values. Fields: {_names(message)}"
        )
    for name, value in values.items():
        field = message.DESCRIPTOR.fields_by_name.get(name)
        if field is None:
            raise FieldError(f"{path}{name}", f"没有此字段 no such field. Fields: {_names(message)}")
        _fill_field(message, field, value, f"{path}{name}")


def set_text(message: Message, name: str, text: str) -> None:
    """Sets a single field from its text; an empty one leaves it unset. Raises FieldError."""
    field = message.DESCRIPTOR.fields_by_name[name]
    if text:
        _fill_field(message, field, text, name)


def timestamp(field: str, text: str) -> Timestamp:
    """A time such as 2026-11-24T08:00:00+08:00. Raises FieldError."""
    made = Timestamp()
    try:
        made.FromJsonString(text.strip().replace(" ", "T", 1))
    except ValueError:
        raise FieldError(field, "须为带时区的时间 a time with its offset, such as 2026-11-24T08:00:00+08:00") from None
    return made


def time_option(option: str, text: str) -> Timestamp:
    """The time that an option gives. Raises a usage error."""
    try:
        return timestamp(option, text)
    except FieldError as error:
        raise typer.BadParameter(str(error)) from None


def yuan_option(option: str, text: str) -> int:
    """The fen of an amount in yuan that an option gives. Raises a usage error."""
    try:
        return parse_yuan(text)
    except ValueError as error:
        raise typer.BadParameter(f"{option}: {error}") from None


def enum_option(option: str, enum: EnumDescriptor, text: str) -> int:
    """The enum's value that an option names, with or without prefix, in any case. Raises a usage error."""
    try:
        return _enum_number(enum, text, option)
    except FieldError as error:
        raise typer.BadParameter(str(error)) from None


def choices(enum: EnumDescriptor) -> str:
    """The names that `enum_option` takes, for help texts: bank-pause|dispute|..."""
    return "|".join(_choice_names(enum))


def _fill_field(message: Message, field: Any, value: Any, path: str) -> None:
    if field.is_repeated:
        if not isinstance(value, list):
            raise FieldError(path, "须为列表 must be a list")
        for index, item in enumerate(value):
            if field.message_type:
                fill(getattr(message, field.name).add(), item, f"{path}[{index}].")
            else:
                getattr(message, field.name).append(_scalar(field, item, f"{path}[{index}]"))
    elif field.message_type is None:
        setattr(message, field.name, _scalar(field, value, path))
    elif field.message_type.full_name == _TIMESTAMP:
        getattr(message, field.name).CopyFrom(timestamp(path, _text(value, path)))
    else:
        fill(getattr(message, field.name), value, f"{path}.")


def _scalar(field: Any, value: Any, path: str) -> str | int | bool:
    text = _text(value, path)
    if field.enum_type is not None:
        return _enum_number(field.enum_type, text, path)
    match field.cpp_type:
        case FieldDescriptor.CPPTYPE_STRING:
            return text
        case FieldDescriptor.CPPTYPE_BOOL:
            return _flag(text, path)
        case FieldDescriptor.CPPTYPE_INT32:
            return _whole(text, _INT32, path)
        case _:
            return _whole(text, _INT64, path)


def _text(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise FieldError(path, "须为单个值 must be a single value")
    return value


def _flag(text: str, path: str) -> bool:
    flags = {"true": True, "false": False, "1": True, "0": False}
    if text.lower() not in flags:
        raise FieldError(path, "须为 true 或 false must be either")
    return flags[text.lower()]


def _whole(text: str, allowed: range, path: str) -> int:
    try:
        number = int(text)
    except ValueError:
        raise FieldError(path, "须为整数 must be a whole number") from None
    if number not in allowed:
        raise FieldError(path, "数字过大 too large a number")
    return number


def _enum_number(enum: EnumDescriptor, text: str, path: str) -> int:
    name = text.strip().upper().replace("-", "_").removeprefix(enum_prefix(enum))
    value = enum.values_by_name.get(enum_prefix(enum) + name)
    if value is None or value.number == 0:
        raise FieldError(path, f"须为其一 must be one of {', '.join(_choice_names(enum))}")
    return int(value.number)


def _choice_names(enum: EnumDescriptor) -> list[str]:
    prefix = enum_prefix(enum)
    return [value.name.removeprefix(prefix).lower().replace("_", "-") for value in enum.values if value.number]


def _names(message: Message) -> str:
    return ", ".join(message.DESCRIPTOR.fields_by_name)
