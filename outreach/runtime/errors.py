"""The one translation of errors at the edge of a process: Refusal to gRPC status with google.rpc details, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn
from urllib.parse import quote

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
_MAX_MESSAGE = 300
_MAX_HEADER_BYTES = 7_500
"""Many gRPC peers refuse responses with more than 8 KiB of headers."""
_OTHER_BYTES = 400
_OTHER_BYTES_EACH = 60
_TOO_LARGE = "larger than max"
"""How gRPC itself words that a message exceeds the limit."""
_TOO_LARGE_MESSAGE = (
    "请求过大：分成更小的批次，或缩短过长的字段。The request is too large: send it in smaller batches, or shorten the "
    "field that is too long."
)
_STATUS_CODES = {code.value[0]: code for code in grpc.StatusCode}
_log = EventLogger("errors")


def to_status(refusal: Refusal) -> status_pb2.Status:
    """The google.rpc.Status that tells a caller of a refusal, with as many of its violations as a response's headers
    hold.
    """
    message = refusal.message if len(refusal.message) <= _MAX_MESSAGE else refusal.message[:_MAX_MESSAGE] + "…"
    status = status_pb2.Status(code=code_pb2.Code.Value(refusal.kind.value), message=message)
    violations = _fitting(refusal.violations, message)
    _add(status, error_details_pb2.ErrorInfo(reason=refusal.reason, domain=DOMAIN))
    if refusal.kind is Kind.PRECONDITION:
        failure = error_details_pb2.PreconditionFailure()
        for field, words in violations or (("", message),):
            failure.violations.add(type=refusal.reason, subject=field, description=words)
        _add(status, failure)
    elif violations:
        bad = error_details_pb2.BadRequest()
        for field, words in violations:
            bad.field_violations.add(field=field, description=words)
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
    message = f"服务出错，请告知运维事故号 {incident}。The server failed: tell its operator that incident."
    status = status_pb2.Status(code=code_pb2.INTERNAL, message=message)
    _add(status, error_details_pb2.ErrorInfo(reason=INTERNAL_REASON, domain=DOMAIN, metadata={"incident": incident}))
    return status


def forwarded_status(error: grpc.RpcError) -> status_pb2.Status:
    """A server's error for the caller of the one who called it, unchanged. A server that cannot be reached is
    UNAVAILABLE with RetryInfo and without its address.
    """
    status = _status_of(error)
    if not status.details and status.code == code_pb2.UNAVAILABLE:
        message = "暂时不可用，请重试。Temporarily unavailable: try again."
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
    if status.code == code_pb2.RESOURCE_EXHAUSTED and _TOO_LARGE in status.message:
        return Refusal(Kind.EXHAUSTED, _TOO_LARGE_MESSAGE, reason="MESSAGE_TOO_LARGE")
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


def _fitting(violations: Sequence[tuple[str, str]], message: str) -> list[tuple[str, str]]:
    """The first ones that fit. gRPC shows the message percent-encoded, the details in base 64."""
    room = (_MAX_HEADER_BYTES - len(quote(message))) * 3 // 4 - len(message.encode()) - _OTHER_BYTES
    fitting: list[tuple[str, str]] = []
    for field, words in violations:
        room -= len(field.encode()) + len(words.encode()) + _OTHER_BYTES_EACH
        if room < 0:
            fitting.append(("", f"另有 {len(violations) - len(fitting)} 处 and so many more"))
            break
        fitting.append((field, words))
    return fitting


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
