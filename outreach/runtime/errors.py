"""The one translation of errors at the edge of a process: Refusal to gRPC status with google.rpc details, and back."""

from __future__ import annotations

from typing import Any, NoReturn

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import DecodeError, Message
from google.rpc import (  # type: ignore[import-untyped]  # googleapis-common-protos ships no types
    code_pb2,
    error_details_pb2,
    status_pb2,
)

from outreach.domain.errors import Kind, Refusal
from outreach.domain.ids import new_id
from outreach.runtime.logs import EventLogger

DOMAIN = "outreach"
DETAILS_KEY = "grpc-status-details-bin"
INTERNAL_REASON = "INTERNAL"
_UNAVAILABLE_RETRY_S = 1.0
_STATUS_CODES = {code.value[0]: code for code in grpc.StatusCode}
_log = EventLogger("errors")


def to_status(refusal: Refusal) -> status_pb2.Status:
    """The google.rpc.Status that tells a caller of a refusal."""
    status = status_pb2.Status(code=code_pb2.Code.Value(refusal.kind.value), message=refusal.message)
    _add(status, error_details_pb2.ErrorInfo(reason=refusal.reason, domain=DOMAIN))
    if refusal.kind is Kind.PRECONDITION:
        failure = error_details_pb2.PreconditionFailure()
        for field, message in refusal.violations or (("", refusal.message),):
            failure.violations.add(type=refusal.reason, subject=field, description=message)
        _add(status, failure)
    elif refusal.violations:
        bad = error_details_pb2.BadRequest()
        for field, message in refusal.violations:
            bad.field_violations.add(field=field, description=message)
        _add(status, bad)
    if refusal.retry_after_s > 0:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromNanoseconds(int(refusal.retry_after_s * 1e9))
        _add(status, retry)
    return status


def internal_status(error: BaseException) -> status_pb2.Status:
    """INTERNAL with an incident id. The log has the id and where it happened; neither has request content."""
    incident = new_id()
    _log.error("incident", error, incident=incident)
    message = f"the server failed; tell its operator incident {incident}"
    status = status_pb2.Status(code=code_pb2.INTERNAL, message=message)
    _add(status, error_details_pb2.ErrorInfo(reason=INTERNAL_REASON, domain=DOMAIN, metadata={"incident": incident}))
    return status


def forwarded_status(error: grpc.RpcError) -> status_pb2.Status:
    """A server's error for the caller of the one who called it, unchanged. A server that cannot be reached is
    UNAVAILABLE with RetryInfo and without its address.
    """
    status = _status_of(error)
    if not status.details and status.code == code_pb2.UNAVAILABLE:
        message = "temporarily unavailable; try again"
        return to_status(Refusal(Kind.UNAVAILABLE, message, retry_after_s=_UNAVAILABLE_RETRY_S))
    return status


async def abort(context: grpc.aio.ServicerContext[Any, Any], status: status_pb2.Status) -> NoReturn:
    """Ends the rpc with a status and its details."""
    metadata = ((DETAILS_KEY, status.SerializeToString()),)
    await context.abort(_STATUS_CODES[status.code], status.message, trailing_metadata=metadata)
    raise AssertionError("abort returned")


def refusal_of(error: grpc.RpcError) -> Refusal:
    """What a client makes of an error. Codes that no Refusal has become UNAVAILABLE with the code's name as reason."""
    status = _status_of(error)
    info, bad, retry = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
    precondition = error_details_pb2.PreconditionFailure()
    for detail in status.details:
        for target in (info, bad, retry, precondition):
            detail.Unpack(target)
    name = code_pb2.Code.Name(status.code)
    known = name in set(Kind)
    violations = [(v.field, v.description) for v in bad.field_violations]
    violations += [(v.subject, v.description) for v in precondition.violations if v.subject]
    return Refusal(
        Kind(name) if known else Kind.UNAVAILABLE,
        status.message or name,
        field=violations[0][0] if violations else "",
        reason=info.reason or ("" if known else name),
        retry_after_s=retry.retry_delay.ToNanoseconds() / 1e9,
        violations=tuple(violations),
    )


def _add(status: status_pb2.Status, detail: Message) -> None:
    packed = AnyMessage()
    packed.Pack(detail)
    status.details.append(packed)


def _status_of(error: grpc.RpcError) -> status_pb2.Status:
    """The status in the trailing metadata, or one made of code and details."""
    call: Any = error  # grpc's RpcError has these methods on both the blocking and the asynchronous side
    for key, value in call.trailing_metadata() or ():
        if key == DETAILS_KEY:
            try:
                return status_pb2.Status.FromString(value)
            except DecodeError:
                break
    return status_pb2.Status(code=call.code().value[0], message=call.details() or "")
