"""The shape of requests: that the bytes are the message, hold nothing unknown, and keep the contract's rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from gateway.wire import broken_strings
from outreach.domain.errors import Kind, Refusal
from outreach.validation import Violation, oddities, violations

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
        found = broken_strings(kind.DESCRIPTOR, raw)
        if found:
            raise malformed(found) from None
        message = f"无法解读，请用契约生成的代码编码。The bytes are no {kind.DESCRIPTOR.full_name}: use generated code."
        raise Refusal(Kind.INVALID, message, reason="UNREADABLE") from None


def malformed(found: list[Violation]) -> Refusal:
    """INVALID_ARGUMENT that names all violations, the first few also in words."""
    rest = f"；另有 and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return Refusal(Kind.INVALID, "; ".join(map(in_words, found[:_SHOWN])) + rest, violations=tuple(found))


def in_words(violation: Violation) -> str:
    field, message = violation
    return f"{field}: {message}" if field else message


def is_odd(raw: bytes, message: Message) -> bool:
    """True if the message may have something that `oddities` names. Discards its unknown fields: parse it again."""
    size = message.ByteSize()
    message.DiscardUnknownFields()
    return message.ByteSize() != size or 0 in raw


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
