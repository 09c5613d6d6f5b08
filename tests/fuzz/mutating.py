"""Makes plausible input and spoils it: protobuf messages by their descriptors, JSON, texts and bytes.

Everything comes from one random.Random, so that a case can be made again from its seed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

Pool = Mapping[str, Sequence[Any]]
"""Values that mean something to the services, by the name of the field that holds them."""

TEXTS = (
    "",
    " ",
    "\0",
    "a\nb",
    "\u202eabc",
    "\ufeff",
    "\U00020bb7" * 40,
    "x" * 5_000,
    "9" * 40,
    "-1",
    "1e309",
    "NaN",
    "null",
    "٣٤٥",
    "２０２６－１１－２４",
    "2026-02-30",
    "2026-11-24T99:00:00Z",
    "'; DROP TABLE outreach; --",
    "{{7*7}}${7*7}{name}",
    "{" * 200,
    "../../../etc/passwd",
    "=cmd|' /C calc'!A0",
    "<script>alert(1)</script>",
    "%s%n%x",
    "*",
    "e\u0301" * 60,
    "张三13800138000",
)
WHOLES = (0, 1, -1, 2, 127, 255, 65_536, 2**31 - 1, -(2**31), 2**32 - 1, 2**53, 2**63 - 1, -(2**63), 2**64 - 1)
NUMBERS = (0.0, -0.0, 1.0, -1.5, 1e308, float("inf"), float("-inf"), float("nan"), 5e-324)
_RANGES = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_ENUM: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}
_DEPTH = 4
_WIRE = (
    b"\xff" * 9 + b"\x01",
    b"\x80" * 11,
    b"\x0a\xff\xff\xff\xff\x0f",
    b"\x0b\x0b\x0b\x0b",
    b"\xed\xa0\x80",
    b"\0" * 8,
)


class Mutator:
    """Input made from one source of chance."""

    def __init__(self, chance: Random, pool: Pool) -> None:
        self.chance = chance
        self._pool = pool

    def message(self, descriptor: Descriptor, depth: int = 0) -> Message:
        """A message that the services may well take: most fields set, from the pool where it knows them."""
        made: Message = GetMessageClass(descriptor)()
        chosen = {oneof.name: self.chance.choice(oneof.fields).name for oneof in descriptor.oneofs}
        for field in descriptor.fields:
            oneof = field.containing_oneof
            unwanted = oneof is not None and chosen[oneof.name] != field.name
            if unwanted or depth > _DEPTH or self.chance.random() < 0.1:
                continue
            self._fill(made, field, depth)
        return made

    def mutated(self, descriptor: Descriptor) -> Message:
        """A plausible message with up to three of its leaves spoilt, or none."""
        made = self.message(descriptor)
        for _ in range(self.chance.choice((0, 1, 1, 1, 2, 3))):
            self._spoil(made)
        return made

    def bytes(self, data: bytes) -> bytes:
        """The same bytes, damaged in up to four places."""
        spoilt = bytearray(data)
        for _ in range(self.chance.choice((1, 1, 2, 4))):
            at = self.chance.randrange(len(spoilt) + 1)
            end = min(len(spoilt), at + self.chance.choice((1, 2, 8, 64)))
            match self.chance.randrange(8):
                case 0 if spoilt:
                    spoilt[at % len(spoilt)] ^= 1 << self.chance.randrange(8)
                case 1:
                    spoilt[at:at] = self.chance.randbytes(self.chance.choice((1, 2, 4, 16)))
                case 2:
                    del spoilt[at:end]
                case 3:
                    spoilt[at:at] = spoilt[at:end] * self.chance.choice((1, 2, 50))
                case 4:
                    del spoilt[at:]
                case 5:
                    spoilt[at:end] = self.chance.choice(_WIRE)
                case 6:
                    spoilt[at:end] = self.chance.choice(TEXTS).encode()[:400]
                case _:
                    spoilt[at:end] = bytes(end - at)
        return bytes(spoilt)

    def text(self, written: str) -> str:
        """The same text, with something wrong in it."""
        at = self.chance.randrange(len(written) + 1)
        match self.chance.randrange(6):
            case 0:
                return self.chance.choice(TEXTS)
            case 1:
                return written[:at] + self.chance.choice(TEXTS) + written[at:]
            case 2:
                return written[:at] + written[at + self.chance.choice((1, 3)) :]
            case 3:
                return written[:at] + chr(self.chance.choice((0, 10, 34, 44, 0x200B, 0xFF10, 0x1F600))) + written[at:]
            case 4:
                return written * self.chance.choice((2, 30))
            case _:
                return written.translate({ord(digit): ord(digit) + 0xFEE0 for digit in "0123456789"})

    def json(self, value: Any) -> Any:
        """The same JSON value with one part replaced, repeated, or gone."""
        if isinstance(value, dict) and value and self.chance.random() < 0.85:
            name = self.chance.choice(list(value))
            if self.chance.random() < 0.1:
                return {key: part for key, part in value.items() if key != name}
            return {**value, name: self.json(value[name])}
        if isinstance(value, list) and value and self.chance.random() < 0.7:
            at = self.chance.randrange(len(value))
            return [*value[:at], self.json(value[at]), *value[at:]]
        return self.chance.choice(
            (None, True, [], {}, [[[]]], self.chance.choice(WHOLES), self.chance.choice(TEXTS), value, 1.5, str(value))
        )

    def pooled(self, name: str, default: Any = "") -> Any:
        return self.chance.choice(self._pool.get(name) or (default,))

    def _fill(self, made: Any, field: FieldDescriptor, depth: int) -> None:
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            for _ in range(self.chance.choice((0, 1, 2))):
                key, value = (self._leaf(part) for part in field.message_type.fields)
                getattr(made, field.name)[key] = value
        elif field.is_repeated and field.message_type is not None:
            parts = [self.message(field.message_type, depth + 1) for _ in range(self.chance.choice((0, 1, 1, 3)))]
            getattr(made, field.name).extend(parts)
        elif field.is_repeated:
            getattr(made, field.name).extend(self._leaf(field) for _ in range(self.chance.choice((0, 1, 1, 3))))
        elif field.message_type is not None:
            part = getattr(made, field.name)
            part.SetInParent()
            if field.message_type.full_name == "google.protobuf.Timestamp":
                part.seconds = self.pooled("seconds", 0) + self.chance.choice((0, 60, -3600, 86_400))
            else:
                part.CopyFrom(self.message(field.message_type, depth + 1))
        else:
            setattr(made, field.name, self._leaf(field))

    def _leaf(self, field: FieldDescriptor) -> Any:
        """A value as such fields have it."""
        known = self._pool.get(field.name)
        kind = field.cpp_type
        if kind == FieldDescriptor.CPPTYPE_STRING:
            is_bytes = field.type == FieldDescriptor.TYPE_BYTES
            fitting = [value for value in known or () if isinstance(value, bytes) == is_bytes]
            return self.chance.choice(fitting) if fitting else (b"" if is_bytes else f"v{self.chance.randrange(999)}")
        if kind == FieldDescriptor.CPPTYPE_ENUM:
            kinds: Any = field.enum_type
            return self.chance.choice(kinds.values).number
        if kind == FieldDescriptor.CPPTYPE_BOOL:
            return self.chance.random() < 0.5
        if kind in _RANGES:
            return self.chance.choice((1, 2, 5, 100))
        return self.chance.choice((0.0, 1.0))

    def _spoil(self, message: Message) -> None:
        """Gives one leaf anywhere below a value that no field should have."""
        fields: list[Any] = list(message.DESCRIPTOR.fields)
        if not fields:
            return
        present: list[Any] = [field for field, _ in message.ListFields()]
        field = self.chance.choice(present if present and self.chance.random() < 0.8 else fields)
        part: Any = message
        if field.message_type is not None and not field.message_type.GetOptions().map_entry:
            child = getattr(part, field.name)
            if field.is_repeated:
                if not child or self.chance.random() < 0.1:
                    child.extend([self.message(field.message_type, 2)] * self.chance.choice((1, 30)))
                    return
                child = self.chance.choice(child)
            child.SetInParent()
            self._spoil(child)
        elif field.message_type is not None:
            getattr(part, field.name)[self.chance.choice(TEXTS)[:300]] = self.chance.choice(TEXTS)
        elif field.is_repeated:
            getattr(part, field.name).extend([self._spoilt(field)] * self.chance.choice((1, 1, 40)))
        else:
            setattr(part, field.name, self._spoilt(field))

    def _spoilt(self, field: FieldDescriptor) -> Any:
        kind = field.cpp_type
        if field.type == FieldDescriptor.TYPE_BYTES:
            known = self._pool.get(field.name) or (b"%PDF-1.7",)
            return self.bytes(self.chance.choice([value for value in known if isinstance(value, bytes)] or [b"x"]))
        if kind == FieldDescriptor.CPPTYPE_STRING:
            known_texts = [value for value in self._pool.get(field.name, ()) if isinstance(value, str)]
            return self.text(self.chance.choice(known_texts or ["value"]))
        if kind in _RANGES:
            low, high = _RANGES[kind]
            return min(max(self.chance.choice(WHOLES), low), high)
        if kind == FieldDescriptor.CPPTYPE_BOOL:
            return True
        return self.chance.choice(NUMBERS)
