"""Refusals survive the way over gRPC."""

from __future__ import annotations

import grpc
import pytest
from google.rpc import code_pb2, error_details_pb2  # type: ignore[import-untyped]  # ships no types
from grpc.aio import AioRpcError, Metadata

from outreach.domain.errors import Kind, Refusal
from outreach.runtime import errors


def received(refusal: Refusal) -> AioRpcError:
    """The error that a client sees of a refusal."""
    status = errors.to_status(refusal)
    code = next(code for code in grpc.StatusCode if code.value[0] == status.code)
    trailing = Metadata((errors.DETAILS_KEY, status.SerializeToString()))
    return AioRpcError(code, Metadata(), trailing, details=status.message)


@pytest.mark.parametrize("kind", list(Kind))
def test_a_refusal_comes_back_as_it_was(kind: Kind) -> None:
    """Kind, words, reason, fields and pause are the same on the client's side."""
    sent = Refusal(kind, "no", reason="WHY", retry_after_s=1.5, violations=(("a.b", "bad"), ("c", "worse")))
    back = errors.refusal_of(received(sent))
    assert (back.kind, back.message, back.reason, back.retry_after_s) == (kind, "no", "WHY", 1.5)
    assert back.violations == sent.violations


def test_standard_details_name_the_field_and_the_precondition() -> None:
    """Clients without our code read google.rpc details."""
    bad, failure = error_details_pb2.BadRequest(), error_details_pb2.PreconditionFailure()
    for detail in errors.to_status(Refusal(Kind.INVALID, "x", field="phone_number")).details:
        detail.Unpack(bad)
    for detail in errors.to_status(Refusal(Kind.PRECONDITION, "later", reason="NOT_YET")).details:
        detail.Unpack(failure)
    assert bad.field_violations[0].field == "phone_number"
    assert (failure.violations[0].type, failure.violations[0].description) == ("NOT_YET", "later")


def test_an_unexpected_error_tells_only_an_incident() -> None:
    """The caller gets an id to ask about, and nothing of what the exception holds."""
    status = errors.internal_status(ValueError("13800138000"))
    assert status.code == code_pb2.INTERNAL
    assert "13800138000" not in str(status)
    info = error_details_pb2.ErrorInfo()
    status.details[0].Unpack(info)
    assert info.metadata["incident"] in status.message


def test_a_server_out_of_reach_keeps_its_address_to_itself() -> None:
    """A caller learns that it may try again, not what lies behind."""
    error = AioRpcError(grpc.StatusCode.UNAVAILABLE, Metadata(), Metadata(), details="connect to 10.0.0.7:17451 failed")
    status = errors.forwarded_status(error)
    assert "10.0.0.7" not in status.message
    assert errors.refusal_of(received(Refusal(Kind.UNAVAILABLE, "x", retry_after_s=1))).retry_after_s == 1


def test_a_code_without_a_refusal_keeps_its_name() -> None:
    """DEADLINE_EXCEEDED and the like come as UNAVAILABLE with the code's name as reason."""
    error = AioRpcError(grpc.StatusCode.DEADLINE_EXCEEDED, Metadata(), Metadata(), details="late")
    refusal = errors.refusal_of(error)
    assert (refusal.kind, refusal.reason, refusal.message) == (Kind.UNAVAILABLE, "DEADLINE_EXCEEDED", "late")
