"""What every carrier account is configured with, and how a mapping becomes a typed account."""

from __future__ import annotations

import dataclasses
import types
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, get_args, get_origin, get_type_hints

from outreach.domain.errors import invalid

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")


class FieldError(ValueError):
    """Raised by a dataclass's own checks; `build` adds where it stands."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One account at one carrier.

    `rate_per_s` is what this process may send in a second (divide the carrier's limit by the number of replicas),
    `max_in_flight` how many sends wait for their answer at once, `timeout_s` how long one waits, `ca_file` the
    authority that signed a private gateway's certificate.
    """

    SCHEMES: ClassVar[tuple[str, ...]] = ("http://", "https://")

    carrier_id: str
    kind: str
    base_url: str
    rate_per_s: float
    max_in_flight: int = 32
    timeout_s: float = 10.0
    ca_file: str = ""

    def __post_init__(self) -> None:
        if not self.base_url.startswith(self.SCHEMES):
            raise FieldError("base_url", f"must begin with {' or '.join(self.SCHEMES)}")


def build(cls: type[T], data: object, at: str) -> T:
    """A dataclass from a mapping. Refusal names the field, as in carriers[0].signing.header."""
    if not isinstance(data, dict):
        raise invalid(at, "must be a mapping of field names to values")
    hints = get_type_hints(cls)
    fields = {field.name: field for field in dataclasses.fields(cls)}
    for key in data:
        if key not in fields:
            raise invalid(f"{at}.{key}", f"is not known here; known are {', '.join(fields)}")
    for field in fields.values():
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if required and field.name not in data:
            raise invalid(f"{at}.{field.name}", "is missing")
    values = {key: _value(hints[key], value, f"{at}.{key}") for key, value in data.items()}
    try:
        return cls(**values)
    except FieldError as error:
        raise invalid(f"{at}.{error.field}", error.message) from None


def _value(hint: Any, value: object, at: str) -> object:
    if get_origin(hint) is types.UnionType:
        hint = get_args(hint)[0]
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return build(hint, value, at)
    if get_origin(hint) is tuple:
        if not isinstance(value, list):
            raise invalid(at, "must be a list of texts")
        return tuple(_text(item, f"{at}[{index}]") for index, item in enumerate(value))
    if get_origin(hint) is dict:
        if not isinstance(value, dict):
            raise invalid(at, "must be a mapping of texts to texts")
        return {_text(key, at): _text(item, f"{at}.{key}") for key, item in value.items()}
    if hint is str:
        return _text(value, at)
    return _number(hint, value, at)


def _text(value: object, at: str) -> str:
    if not isinstance(value, str):
        raise invalid(at, "must be a text; put digits in quotes")
    return value


def _number(hint: type, value: object, at: str) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise invalid(at, "must be a number above 0")
    if hint is int and not isinstance(value, int):
        raise invalid(at, "must be a whole number above 0")
    return value
