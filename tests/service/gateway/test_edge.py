"""The public edge: who gets through, with what, and how it is handed on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import jwt
import pytest
from grpc_health.v1 import health_pb2

from outreach.domain.errors import Kind, Refusal
from outreach.runtime import tokens
from outreach.runtime.errors import refusal_of
from outreach.v1.bank_service_pb2 import ApplyEventsRequest, ApplyEventsResponse, BankEvent
from outreach.v1.common_pb2 import Principal
from outreach.v1.hold_service_pb2 import (
    HoldKind,
    ListHoldsRequest,
    ListHoldsResponse,
    PlaceHoldRequest,
    PlaceHoldResponse,
)
from outreach.v1.outreach_service_pb2 import (
    CancelRequest,
    CancelResponse,
    OutreachIds,
    SmsItem,
    SubmitRequest,
    SubmitResponse,
    WatchRequest,
    WatchResponse,
)
from outreach.v1.template_service_pb2 import LintTemplateRequest, LintTemplateResponse, TemplateContent
from tests.service.gateway.conftest import (
    KEY,
    STRANGER,
    SUBMIT,
    Edge,
    FakeAuthority,
    as_caller,
    item,
    running_edge,
)

CANCEL = "/outreach.v1.OutreachService/Cancel"
WATCH = "/outreach.v1.OutreachService/Watch"


def cancellation(reason: str = "asked", bank_id: str = "demo-bank") -> CancelRequest:
    return CancelRequest(bank_id=bank_id, outreach_ids=OutreachIds(ids=["1"]), reason=reason)


async def refusal(edge: Edge, method: str, request: Any, response: Any, metadata: Any = None) -> Refusal:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await edge.call(method, request, response, metadata)
    return refusal_of(raised.value)


def bearer(key: Any = KEY, **changes: Any) -> tuple[tuple[str, str], ...]:
    now = int(time.time())
    claims = {
        "iss": "cases",
        "sub": "cases",
        "aud": tokens.AUDIENCE,
        "iat": now,
        "exp": now + 60,
        "jti": "1",
        "roles": ["case_system"],
        "banks": ["demo-bank"],
    }
    return (("authorization", "Bearer " + jwt.encode({**claims, **changes}, key, algorithm="EdDSA")),)


@pytest.mark.parametrize(
    ("make_metadata", "kind", "reason"),
    [
        (lambda: (), Kind.UNAUTHENTICATED, "TOKEN_MISSING"),
        (lambda: (("authorization", "Basic abc"),), Kind.UNAUTHENTICATED, "TOKEN_MISSING"),
        (lambda: bearer(STRANGER), Kind.UNAUTHENTICATED, "TOKEN_INVALID"),
        (lambda: bearer(iat=1, exp=2), Kind.UNAUTHENTICATED, "TOKEN_EXPIRED"),
        (lambda: bearer(aud="other"), Kind.UNAUTHENTICATED, "TOKEN_AUDIENCE"),
        (lambda: bearer(roles=["operator"]), Kind.DENIED, "ROLE_NOT_REGISTERED"),
        (lambda: bearer(banks=["other-bank"]), Kind.DENIED, "BANK_NOT_REGISTERED"),
        (lambda: bearer(roles=[]), Kind.DENIED, "ROLE_NOT_ALLOWED"),
        (lambda: as_caller("people", roles=("inspector",)), Kind.DENIED, "ROLE_NOT_ALLOWED"),
    ],
)
async def test_a_bad_token_does_not_get_in(
    edge: Edge, authority: FakeAuthority, make_metadata: Callable[[], Any], kind: Kind, reason: str
) -> None:
    """Missing, forged, expired, misdirected, too wide and insufficient tokens are refused before the authority."""
    refused = await refusal(edge, CANCEL, cancellation(), CancelResponse, make_metadata())
    assert (refused.kind, refused.reason) == (kind, reason)
    assert authority.forwarded == []


async def test_a_caller_s_own_principal_is_not_believed(edge: Edge, authority: FakeAuthority) -> None:
    """Metadata that poses as the gateway's is replaced by what the token says."""
    forged = tokens.principal_metadata(Principal(caller_id="boss", roles=["operator"], bank_ids=["*"]))
    await edge.call(CANCEL, cancellation(), CancelResponse, (*as_caller("cases"), *forged))
    assert authority.forwarded[0][0].caller_id == "cases"


@pytest.mark.parametrize(
    ("method", "request_message", "response"),
    [
        (CANCEL, cancellation(bank_id="other-bank"), CancelResponse),
        (SUBMIT, SubmitRequest(item=item("1", bank_id="other-bank")), SubmitResponse),
        ("/outreach.v1.HoldService/ListHolds", ListHoldsRequest(bank_id="other-bank"), ListHoldsResponse),
        (
            "/outreach.v1.TemplateService/LintTemplate",
            LintTemplateRequest(content=TemplateContent(bank_id="other-bank", name="n", signature="银行", text="x")),
            LintTemplateResponse,
        ),
    ],
)
async def test_another_bank_s_matter_is_closed(
    edge: Edge, authority: FakeAuthority, method: str, request_message: Any, response: Any
) -> None:
    """A request that names a bank outside the token is refused, wherever in it the bank stands."""
    metadata = as_caller("people", roles=("case_system", "drafter"))
    refused = await refusal(edge, method, request_message, response, metadata)
    assert (refused.kind, refused.reason) == (Kind.DENIED, "BANK_NOT_ALLOWED")
    assert authority.admits == []


async def test_another_bank_s_event_is_closed(edge: Edge) -> None:
    """One event of another bank in a list refuses the list."""
    events = ApplyEventsRequest(events=[BankEvent(event_id=str(n), bank_id=bank) for n, bank in enumerate("ab")])
    for event in events.events:
        event.event_time.GetCurrentTime()
        event.feed_mark.complete_through.GetCurrentTime()
    metadata = as_caller("people", roles=("bank",), banks=("a",))
    refused = await refusal(edge, "/outreach.v1.BankService/ApplyEvents", events, ApplyEventsResponse, metadata)
    assert refused.reason == "BANK_NOT_ALLOWED"


async def test_an_unlisted_rpc_is_not_there(edge: Edge) -> None:
    """The internal services cannot be called through the public edge."""
    for method in ("/outreach.v1.AdmissionService/Admit", "/outreach.v1.WorkerService/Lease", "/x.Y/Z"):
        refused = await refusal(edge, method, b"", SubmitResponse, as_caller("people"))
        assert refused.reason == "UNIMPLEMENTED"


async def test_all_that_is_wrong_is_told_at_once(edge: Edge, authority: FakeAuthority) -> None:
    """Every violation of the contract's rules comes in one answer, each with its field."""
    bad = SubmitRequest(item=SmsItem(request_id="has space", bank_id="Demo", account_number="6222"))
    refused = await refusal(edge, SUBMIT, bad, SubmitResponse)
    assert refused.kind is Kind.INVALID
    fields = {field for field, _ in refused.violations}
    assert fields == {"item.request_id", "item.bank_id", "item.phone_number", "item.template_name"}
    assert authority.admits == []


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (cancellation().SerializeToString() + b"\xf8\x07\x01", "127"),
        (b"\x0a\x03\xf8\x07\x01", "item.127"),
        (
            PlaceHoldRequest(
                bank_id="demo-bank", account_number="1", kind=HoldKind.HOLD_KIND_DEATH, reason="a\0b"
            ).SerializeToString(),
            "reason",
        ),
        (b"\x0a\x02\xff\xfe", "bank_id"),
        (b"garbage", ""),
    ],
)
async def test_what_the_contract_does_not_know_is_refused(edge: Edge, raw: bytes, field: str) -> None:
    """Unknown fields at any depth, NUL in a string, broken UTF-8 and bytes that are no message name themselves."""
    method, response = {
        "127": (CANCEL, CancelResponse),
        "item.127": (SUBMIT, SubmitResponse),
        "reason": ("/outreach.v1.HoldService/PlaceHold", PlaceHoldResponse),
    }.get(field, (CANCEL, CancelResponse))
    refused = await refusal(edge, method, raw, response)
    assert refused.kind is Kind.INVALID
    assert field in {name for name, _ in refused.violations} or (field == "" and refused.reason == "UNREADABLE")


async def test_a_good_request_is_handed_on_as_it_is(edge: Edge, authority: FakeAuthority) -> None:
    """The authority gets the same message and the verified principal; the caller gets the authority's answer."""
    response = await edge.call(CANCEL, cancellation(), CancelResponse)
    assert list(response.cancelled_ids) == ["1"]
    principal, request = authority.forwarded[0]
    assert request == cancellation()
    principal.ClearField("authenticate_time")  # the moment at which this test made its token
    assert principal == Principal(
        caller_id="cases", employee_id="e-1001", team="north", roles=["case_system"], bank_ids=["demo-bank"]
    )


async def test_the_authority_s_refusal_passes_unchanged(edge: Edge) -> None:
    """Code, words and details of the authority reach the caller."""
    refused = await refusal(edge, CANCEL, cancellation("refuse"), CancelResponse)
    assert (refused.kind, refused.reason, refused.message) == (Kind.PRECONDITION, "ENDED", "it has ended")


async def test_a_stream_is_handed_on_as_a_stream(edge: Edge, authority: FakeAuthority) -> None:
    """Each message arrives when it was sent, and a caller that leaves ends the stream at the authority."""
    watch: Any = edge.channel.unary_stream(WATCH, response_deserializer=WatchResponse.FromString)
    request = WatchRequest(bank_id="demo-bank", after_position=5).SerializeToString()
    call = watch(request, metadata=as_caller("cases"))
    assert [(await call.read()).change.position for _ in range(2)] == [6, 7]
    await authority.watching.wait()
    assert not authority.watch_ended.is_set()
    call.cancel()
    async with asyncio.timeout(5):
        await authority.watch_ended.wait()


async def test_a_stream_of_another_bank_is_closed(edge: Edge, authority: FakeAuthority) -> None:
    """Streams pass the same checks as other calls."""
    watch: Any = edge.channel.unary_stream(WATCH, response_deserializer=WatchResponse.FromString)
    call = watch(WatchRequest(bank_id="other-bank").SerializeToString(), metadata=as_caller("cases"))
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call.read()
    assert refusal_of(raised.value).reason == "BANK_NOT_ALLOWED"


async def test_who_asks_too_often_is_told_when_to_come_again(edge: Edge) -> None:
    """Over its rate a caller gets RESOURCE_EXHAUSTED with RetryInfo, others do not notice, and later it goes on."""
    slow = as_caller("slow-cases")
    outcomes = await asyncio.gather(
        *(edge.call(CANCEL, cancellation(), CancelResponse, slow) for _ in range(12)), return_exceptions=True
    )
    refused = [refusal_of(error) for error in outcomes if isinstance(error, grpc.aio.AioRpcError)]
    assert 1 <= len(refused) <= 7
    assert all(r.kind is Kind.EXHAUSTED and 0 < r.retry_after_s <= 0.25 for r in refused)
    await edge.call(CANCEL, cancellation(), CancelResponse)
    await asyncio.sleep(0.25)
    await edge.call(CANCEL, cancellation(), CancelResponse, slow)


async def test_a_request_over_the_size_limit_is_refused(edge: Edge) -> None:
    """A message of more than 16 MiB is not taken in."""
    refused = await refusal(edge, CANCEL, cancellation("x" * 17_000_000), CancelResponse)
    assert refused.kind is Kind.EXHAUSTED


async def test_readiness_follows_the_authority(state_dir: Path) -> None:
    """SERVING while the authority serves; without it NOT_SERVING, and calls say that they may be tried again."""
    authority = FakeAuthority(state_dir)
    async with running_edge(state_dir, authority.address) as edge:
        assert await becomes(edge, health_pb2.HealthCheckResponse.NOT_SERVING)
        async with authority.running():
            assert await becomes(edge, health_pb2.HealthCheckResponse.SERVING)
            await edge.call(CANCEL, cancellation(), CancelResponse)
        assert await becomes(edge, health_pb2.HealthCheckResponse.NOT_SERVING)
        watch: Any = edge.channel.unary_stream(WATCH, response_deserializer=WatchResponse.FromString)
        call = watch(WatchRequest(bank_id="demo-bank").SerializeToString(), metadata=as_caller("cases"))
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await call.read()
        refused = refusal_of(raised.value)
        assert (refused.kind, refused.retry_after_s > 0) == (Kind.UNAVAILABLE, True)
        assert authority.address not in refused.message


async def becomes(edge: Edge, status: Any) -> bool:
    for _ in range(300):
        request = health_pb2.HealthCheckRequest(service="outreach.v1.OutreachService")
        answer = await edge.call("/grpc.health.v1.Health/Check", request, health_pb2.HealthCheckResponse, ())
        if answer.status == status:
            return True
        await asyncio.sleep(0.02)
    return False
