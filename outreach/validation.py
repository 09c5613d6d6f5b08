"""Checks a message against the rules declared in the .proto files (protovalidate).

The generated modules import this one, so that buf/validate/validate.proto is in protobuf's pool before they are: its
descriptor comes from protovalidate's own package.
"""

from __future__ import annotations

from google.protobuf import descriptor_pb2, descriptor_pool, duration_pb2, field_mask_pb2, timestamp_pb2  # noqa: F401
from google.protobuf.message import Message
from protovalidate import Validator
from protovalidate._gen.buf.validate import validate_pb

descriptor_pool.Default().AddSerializedFile(validate_pb.desc().proto.to_binary())
_validator = Validator()


def violations(message: Message) -> list[tuple[str, str]]:
    """Every rule the message breaks, as (field path, what is wrong); empty if it is well formed."""
    return [(_path(v.proto.field), v.proto.message or v.proto.rule_id) for v in _validator.collect_violations(message)]


def _path(path: validate_pb.FieldPath | None) -> str:
    if path is None:
        return ""
    parts = []
    for element in path.elements:
        key = element.subscript
        parts.append(element.field_name if key is None else f"{element.field_name}[{key.value}]")
    return ".".join(parts)
