"""The shape of requests: that the bytes are the message, hold nothing unknown, and keep the contract's rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.unknown_fields import UnknownFieldSet

from outreach.domain.errors import Kind, Refusal
from outreach.validation import violations

Violation = tuple[str, str]
_SHOWN = 3


class Shape:
    """What can be told of the requests of one rpc, from their descriptor."""

    def __init__(self, descriptor: Descriptor) -> None:
        self._class: type[Message] = GetMessageClass(descriptor)
        self._bank_paths = list(_bank_paths(descriptor))
        self._lists = [field.name for field in descriptor.fields if _is_message_list(field)]

    @property
    def names_bank(self) -> bool:
        """True if requests name their bank themselves."""
        return bool(self._bank_paths)

    def read(self, raw: bytes) -> Message:
        """The message. Raises Refusal INVALID_ARGUMENT naming every violation at once."""
        message: Message = parse(self._class, raw)
        found = violations(message)
        if is_odd(raw, message):
            found = [*oddities(parse(self._class, raw)), *found]
        if found:
            raise malformed(found)
        return message

    def banks(self, message: Message) -> set[str]:
        """The banks that the message itself names."""
        return {bank for path in self._bank_paths for bank in path(message)}

    def items(self, message: Message) -> int:
        """How many items it carries; 1 if it is no batch."""
        return max(1, sum(len(getattr(message, name)) for name in self._lists))


def parse(kind: type[Message], raw: bytes) -> Any:
    """The message in the bytes. Raises Refusal INVALID_ARGUMENT."""
    try:
        return kind.FromString(raw)
    except DecodeError:
        message = f"the bytes are no {kind.DESCRIPTOR.full_name}; strings must be UTF-8"
        raise Refusal(Kind.INVALID, message, reason="UNREADABLE") from None


def malformed(found: list[Violation]) -> Refusal:
    """INVALID_ARGUMENT that names all violations, the first few also in words."""
    rest = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return Refusal(Kind.INVALID, "; ".join(map(in_words, found[:_SHOWN])) + rest, violations=tuple(found))


def in_words(violation: Violation) -> str:
    field, message = violation
    return f"{field}: {message}" if field else message


def is_odd(raw: bytes, message: Message) -> bool:
    """True if the message may have something that `oddities` names. Discards its unknown fields: parse it again."""
    size = message.ByteSize()
    message.DiscardUnknownFields()
    return message.ByteSize() != size or 0 in raw


def oddities(message: Message, path: str = "") -> list[Violation]:
    """Fields that the contract does not have, and strings with a NUL, which no database stores alike."""
    unknown = UnknownFieldSet(message)
    found = [
        (f"{path}{unknown[index].field_number}", "is the number of no field in this version of the contract")
        for index in range(len(unknown))
    ]
    for field, value in message.ListFields():
        for where, part in _parts(field, value):
            if isinstance(part, Message):
                found += oddities(part, f"{path}{where}.")
            elif isinstance(part, str) and "\0" in part:
                found.append((path + where, "must hold no NUL character"))
    return found


def _parts(field: FieldDescriptor, value: Any) -> Iterator[tuple[str, Any]]:
    if not field.is_repeated:
        yield field.name, value
    elif field.message_type is not None and field.message_type.GetOptions().map_entry:
        for key, part in value.items():
            yield field.name, key
            yield f"{field.name}[{key}]", part
    else:
        for index, part in enumerate(value):
            yield f"{field.name}[{index}]", part


def _is_message_list(field: FieldDescriptor) -> bool:
    return field.is_repeated and field.message_type is not None and not field.message_type.GetOptions().map_entry


def _bank_paths(descriptor: Descriptor) -> Iterator[Callable[[Any], list[str]]]:
    """How to read `bank_id` of the message and of the messages directly in it."""
    if "bank_id" in descriptor.fields_by_name:
        yield lambda message: [message.bank_id]
    for field in descriptor.fields:
        if field.message_type is not None and "bank_id" in field.message_type.fields_by_name:
            yield _list_path(field.name) if field.is_repeated else _part_path(field.name)


def _list_path(name: str) -> Callable[[Any], list[str]]:
    return lambda message: [part.bank_id for part in getattr(message, name)]


def _part_path(name: str) -> Callable[[Any], list[str]]:
    return lambda message: [getattr(message, name).bank_id]
