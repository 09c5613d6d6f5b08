"""The one error that use cases raise. outreach.runtime.errors translates it, once, at the edge of a process."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """What kind of refusal it is; each maps to one gRPC status."""

    INVALID = "INVALID_ARGUMENT"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    DENIED = "PERMISSION_DENIED"
    NOT_FOUND = "NOT_FOUND"
    CONFLICT = "ALREADY_EXISTS"
    PRECONDITION = "FAILED_PRECONDITION"
    EXHAUSTED = "RESOURCE_EXHAUSTED"
    UNAVAILABLE = "UNAVAILABLE"


class Refusal(Exception):
    """A request that is not carried out, and nothing of it is stored.

    `message` tells a person what is wrong and the way out, without personal data. `field` is the request's field,
    `reason` a stable word for programs, `retry_after_s` the seconds to wait where waiting helps, `violations` further
    (field, message) pairs.
    """

    def __init__(
        self,
        kind: Kind,
        message: str,
        *,
        field: str = "",
        reason: str = "",
        retry_after_s: float = 0.0,
        violations: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.field = field
        self.reason = reason or kind.name
        self.retry_after_s = retry_after_s
        self.violations = violations or (((field, message),) if field else ())


def invalid(field: str, message: str) -> Refusal:
    return Refusal(Kind.INVALID, f"{field}: {message}", field=field)


def not_found(what: str) -> Refusal:
    return Refusal(Kind.NOT_FOUND, what)


def denied(message: str, reason: str = "") -> Refusal:
    return Refusal(Kind.DENIED, message, reason=reason)


def precondition(message: str, reason: str = "", field: str = "") -> Refusal:
    return Refusal(Kind.PRECONDITION, message, reason=reason, field=field)
