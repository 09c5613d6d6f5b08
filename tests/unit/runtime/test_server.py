"""A server and its clients over real sockets and real TLS."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, cast

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from outreach.domain.errors import Kind, Refusal, invalid
from outreach.runtime import access, server, tls, tokens
from outreach.runtime.client import open_channel
from outreach.runtime.errors import refusal_of
from outreach.v1 import hold_service_pb2, hold_service_pb2_grpc, ledger_service_pb2, ledger_service_pb2_grpc
from outreach.v1.common_pb2 import Principal

HOLD = "outreach.v1.HoldService"
LEDGER = "outreach.v1.LedgerService"
SUPERVISOR = tokens.principal_metadata(Principal(caller_id="console", roles=["supervisor"], bank_ids=["demo-bank"]))


class Holds:
    """Does what the reason of a hold says."""

    def __init__(self) -> None:
        self.finished = False
        self.begun = asyncio.Event()

    async def place(
        self, request: hold_service_pb2.PlaceHoldRequest, context: Any
    ) -> hold_service_pb2.PlaceHoldResponse:
        match request.reason:
            case "refuse":
                raise invalid("reason", "not this one")
            case "crash":
                raise ValueError(request.account_number)
            case "slow":
                self.begun.set()
                await asyncio.sleep(0.3)
                self.finished = True
            case "stuck":
                await asyncio.sleep(60)
        caller = tokens.principal_of(context).caller_id
        return hold_service_pb2.PlaceHoldResponse(hold=hold_service_pb2.Hold(set_by=caller))

    def register(self, grpc_server: grpc.aio.Server) -> None:
        place = grpc.unary_unary_rpc_method_handler(
            self.place,
            request_deserializer=hold_service_pb2.PlaceHoldRequest.FromString,
            response_serializer=hold_service_pb2.PlaceHoldResponse.SerializeToString,
        )
        export_rpc = grpc.unary_stream_rpc_method_handler(
            export,
            request_deserializer=ledger_service_pb2.ExportRequest.FromString,
            response_serializer=ledger_service_pb2.ExportResponse.SerializeToString,
        )
        handlers = (
            grpc.method_handlers_generic_handler(HOLD, {"PlaceHold": place}),
            grpc.method_handlers_generic_handler(LEDGER, {"Export": export_rpc}),
        )
        grpc_server.add_generic_rpc_handlers(handlers)


async def export(
    request: ledger_service_pb2.ExportRequest, context: Any
) -> AsyncIterator[ledger_service_pb2.ExportResponse]:
    yield ledger_service_pb2.ExportResponse(checkpoint="one")
    if ("stay", "yes") in context.invocation_metadata():
        await asyncio.sleep(60)
    while ("flood", "yes") in context.invocation_metadata():
        yield ledger_service_pb2.ExportResponse(checkpoint="x" * 50_000)
    raise Refusal(Kind.PRECONDITION, "no more")


@asynccontextmanager
async def serving(
    state_dir: Path, holds: Holds, address: str = "127.0.0.1:0", **options: Any
) -> AsyncIterator[server.RunningServer]:
    async with server.running(
        address,
        tls.server_credentials(state_dir, "approval_service", require_client=True),
        services=[HOLD, LEDGER],
        register=holds.register,
        authorize=access.check_certificate,
        **options,
    ) as running:
        await running.set_ready(True)
        yield running


def request(reason: str) -> hold_service_pb2.PlaceHoldRequest:
    return hold_service_pb2.PlaceHoldRequest(bank_id="demo-bank", account_number="6222001", reason=reason)


def channel(state_dir: Path, port: int, service: str | None = "gateway") -> grpc.aio.Channel:
    return open_channel(f"127.0.0.1:{port}", tls.channel_credentials(state_dir, service))


async def place(
    state_dir: Path, port: int, reason: str, service: str | None = "gateway", metadata: Any = SUPERVISOR
) -> hold_service_pb2.PlaceHoldResponse:
    async with channel(state_dir, port, service) as opened:
        stub: Any = hold_service_pb2_grpc.HoldServiceStub(opened)
        response: hold_service_pb2.PlaceHoldResponse = await stub.PlaceHold(
            request(reason), timeout=10, metadata=metadata
        )
        return response


async def refusal(*arguments: Any, **options: Any) -> Refusal:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await place(*arguments, **options)
    return refusal_of(raised.value)


async def test_the_principal_comes_with_the_gateway_s_call(state_dir: Path) -> None:
    """A servicer knows on whose behalf the gateway calls."""
    async with serving(state_dir, Holds()) as running:
        assert (await place(state_dir, running.port, "x")).hold.set_by == "console"


async def test_only_listed_certificates_and_roles_get_in(state_dir: Path) -> None:
    """Another service's certificate, a missing principal and a role without the right are refused; no certificate at
    all does not even connect.
    """
    inspector = tokens.principal_metadata(Principal(caller_id="i", roles=["inspector"]))
    async with serving(state_dir, Holds()) as running:
        port = running.port
        assert (await refusal(state_dir, port, "x", service="sms_service")).reason == "CERTIFICATE_NOT_ALLOWED"
        assert (await refusal(state_dir, port, "x", metadata=())).reason == "PRINCIPAL_MISSING"
        assert (await refusal(state_dir, port, "x", metadata=inspector)).reason == "ROLE_NOT_ALLOWED"
        async with channel(state_dir, port, None) as opened:
            stub: Any = hold_service_pb2_grpc.HoldServiceStub(opened)
            with pytest.raises(grpc.aio.AioRpcError):
                await stub.PlaceHold(request("x"), timeout=1, metadata=SUPERVISOR)


async def test_errors_are_translated_once(state_dir: Path) -> None:
    """A refusal keeps its field; anything else becomes an incident that tells no request data."""
    async with serving(state_dir, Holds()) as running:
        refused = await refusal(state_dir, running.port, "refuse")
        assert (refused.kind, refused.field) == (Kind.INVALID, "reason")
        crashed = await refusal(state_dir, running.port, "crash")
        assert crashed.reason == "INTERNAL"
        assert "incident" in crashed.message
        assert "6222001" not in crashed.message


async def test_a_stream_ends_with_its_refusal(state_dir: Path) -> None:
    """What a stream sent before it failed arrives, then the typed error."""
    async with serving(state_dir, Holds()) as running, channel(state_dir, running.port) as opened:
        stub: Any = ledger_service_pb2_grpc.LedgerServiceStub(opened)
        call = stub.Export(ledger_service_pb2.ExportRequest(), metadata=SUPERVISOR)
        assert (await call.read()).checkpoint == "one"
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await call.read()
        assert refusal_of(raised.value).kind is Kind.PRECONDITION


async def test_a_call_without_a_deadline_is_bounded(state_dir: Path) -> None:
    """A servicer that hangs does not hold a call that named no deadline for ever."""
    async with serving(state_dir, Holds(), deadline_s=0.1) as running, channel(state_dir, running.port) as opened:
        stub: Any = hold_service_pb2_grpc.HoldServiceStub(opened)
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await stub.PlaceHold(request("stuck"), metadata=SUPERVISOR)
        assert refusal_of(raised.value).reason == "TOOK_TOO_LONG"


async def test_a_stopping_server_finishes_what_it_began(state_dir: Path) -> None:
    """A call in flight when the server is told to stop gets its answer within the grace period."""
    holds = Holds()
    async with serving(state_dir, holds) as running:
        call = asyncio.create_task(place(state_dir, running.port, "slow"))
        await holds.begun.wait()
    assert (await call).hold.set_by == "console"
    assert holds.finished


async def test_a_stopping_server_ends_streams(state_dir: Path) -> None:
    """An open stream does not hold a stop up; its caller is told to call again."""
    async with AsyncExitStack() as stack:
        async with serving(state_dir, Holds()) as running:
            opened = await stack.enter_async_context(channel(state_dir, running.port))
            stub: Any = ledger_service_pb2_grpc.LedgerServiceStub(opened)
            call = stub.Export(ledger_service_pb2.ExportRequest(), metadata=(*SUPERVISOR, ("stay", "yes")))
            await call.read()
            await asyncio.sleep(0.2)  # the server is done writing it, and waits for what comes next
            start = time.monotonic()
        assert time.monotonic() - start < 2
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await call.read()
        assert refusal_of(raised.value).reason == "STOPPING"


async def test_a_stream_that_is_being_written_ends_with_the_same_word(state_dir: Path) -> None:
    """A stop that finds gRPC writing a message lets it finish: its caller, too, is told to call again."""
    async with AsyncExitStack() as stack:
        async with serving(state_dir, Holds()) as running:
            opened = await stack.enter_async_context(channel(state_dir, running.port))
            stub: Any = ledger_service_pb2_grpc.LedgerServiceStub(opened)
            call = stub.Export(ledger_service_pb2.ExportRequest(), metadata=(*SUPERVISOR, ("flood", "yes")))
            for _ in range(3):
                await call.read()
            await asyncio.sleep(0.2)  # nobody reads: the server is stuck in a write
            reading = asyncio.create_task(_read_all(call))
            start = time.monotonic()
        assert time.monotonic() - start < 5
        assert (await reading).reason == "STOPPING"


async def test_a_stream_ends_once_its_caller_may_not_go_on(state_dir: Path) -> None:
    """Whether it waits or is being written, with the reason; another's stays open."""

    def still(method: str, context: Any) -> None:
        if ("gone", "yes") in context.invocation_metadata():
            raise Refusal(Kind.DENIED, "shut out", reason="GONE")

    async with serving(state_dir, Holds()) as running, channel(state_dir, running.port) as opened:
        stub: Any = ledger_service_pb2_grpc.LedgerServiceStub(opened)
        request, gone = ledger_service_pb2.ExportRequest(), ("gone", "yes")
        waiting = stub.Export(request, metadata=(*SUPERVISOR, ("stay", "yes"), gone))
        writing = stub.Export(request, metadata=(*SUPERVISOR, ("flood", "yes"), gone))
        others = stub.Export(request, metadata=(*SUPERVISOR, ("stay", "yes")))
        for call in (waiting, writing, others):
            await call.read()
        ended = [asyncio.create_task(_read_all(call)) for call in (waiting, writing)]
        running.recheck_streams(still)
        assert {(await task).reason for task in ended} == {"GONE"}
        assert not others.done()
        others.cancel()


async def _read_all(call: Any) -> Refusal:
    """What ended the stream."""
    try:
        while True:
            await call.read()
    except grpc.aio.AioRpcError as error:
        return refusal_of(error)


async def test_health_tells_readiness_of_each_service(state_dir: Path) -> None:
    """NOT_SERVING until the process says that it is ready, for the whole and for each service."""
    async with serving(state_dir, Holds()) as running, channel(state_dir, running.port, "sms_service") as opened:
        stub: Any = health_pb2_grpc.HealthStub(opened)
        for ready in (False, True):
            await running.set_ready(ready)
            for name in ("", HOLD, LEDGER):
                answer = await stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=5)
                assert (answer.status == health_pb2.HealthCheckResponse.SERVING) is ready


async def test_reflection_lists_the_services(state_dir: Path) -> None:
    """A tool such as grpcurl can ask what the server offers."""
    async with serving(state_dir, Holds()) as running, channel(state_dir, running.port, "sms_service") as opened:
        stub: Any = reflection_pb2_grpc.ServerReflectionStub(cast(Any, opened))
        call = stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")]), timeout=5)
        answer = await call.read()
        assert {HOLD, LEDGER} <= {service.name for service in answer.list_services_response.service}


async def test_a_taken_port_is_told(state_dir: Path) -> None:
    """Two processes cannot share a port unseen."""
    async with serving(state_dir, Holds()) as running:
        address = f"127.0.0.1:{running.port}"
        with pytest.raises(server.PortTaken, match=address):
            async with serving(state_dir, Holds(), address):
                pass


async def test_a_client_waits_for_a_server_that_comes_late(state_dir: Path) -> None:
    """A call made before the server is up succeeds once it is, within its timeout."""
    async with serving(state_dir, Holds()) as first:
        port = first.port
    call = asyncio.create_task(place(state_dir, port, "x"))
    await asyncio.sleep(0.2)
    async with serving(state_dir, Holds(), f"127.0.0.1:{port}"):
        assert (await call).hold.set_by == "console"
