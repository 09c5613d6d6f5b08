"""A real gateway between real sockets: a fake authority behind mutual TLS, and callers with signed tokens."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.main import GatewaySettings, Running, gateway
from outreach.domain import roles
from outreach.domain.errors import precondition
from outreach.runtime import access, server, tls, tokens
from outreach.runtime.client import open_channel
from outreach.v1.admission_service_pb2 import (
    AdmitLettersRequest,
    AdmitLettersResponse,
    AdmitRequest,
    AdmitResponse,
    AdmitResult,
    ListDeactivatedCallersRequest,
    ListDeactivatedCallersResponse,
)
from outreach.v1.common_pb2 import Principal, State
from outreach.v1.outreach_service_pb2 import (
    CancelRequest,
    CancelResponse,
    Decision,
    ItemError,
    ItemResult,
    LetterItem,
    SmsItem,
    StatusChange,
    WatchRequest,
    WatchResponse,
)

KEY = Ed25519PrivateKey.generate()
STRANGER = Ed25519PrivateKey.generate()
SUBMIT = "/outreach.v1.OutreachService/Submit"
SUBMIT_BATCH = "/outreach.v1.OutreachService/SubmitBatch"
SUBMIT_LETTERS = "/outreach.v1.OutreachService/SubmitLetters"

CALLERS = {
    "cases": {"roles": ["case_system"], "banks": ["demo-bank"], "requests_per_second": 1_000_000},
    "slow-cases": {"roles": ["case_system"], "banks": ["demo-bank"], "requests_per_second": 5},
    "people": {"roles": sorted(roles.ALL_ROLES), "banks": ["*"], "requests_per_second": 1_000_000},
}


def item(request_id: str, **changes: Any) -> SmsItem:
    values = {
        "bank_id": "demo-bank",
        "account_number": "6222000000001",
        "phone_number": "13800138000",
        "template_name": "due-notice",
        "variables": {"hotline": "95588"},
    }
    return SmsItem(request_id=request_id, **{**values, **changes})


def free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


@dataclass
class FakeAuthority:
    """Answers as the authority would, remembers what it was asked, and fails on demand."""

    state_dir: Path
    address: str = field(default_factory=free_address)
    admits: list[AdmitRequest] = field(default_factory=list)
    letter_admits: list[AdmitLettersRequest] = field(default_factory=list)
    forwarded: list[tuple[Principal, CancelRequest]] = field(default_factory=list)
    deactivated: list[str] = field(default_factory=list)
    before_admit: Callable[[AdmitRequest], Awaitable[None]] | None = None
    watching: asyncio.Event = field(default_factory=asyncio.Event)
    watch_ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def admit(self, request: AdmitRequest, context: Any) -> AdmitResponse:
        self.admits.append(request)
        if self.before_admit is not None:
            await self.before_admit(request)
        answers = [_decide(item).SerializeToString() for group in request.groups for item in group.items]
        return AdmitResponse(results=map(AdmitResult.FromString, answers))

    async def admit_letters(self, request: AdmitLettersRequest, context: Any) -> AdmitLettersResponse:
        self.letter_admits.append(request)
        if request.items[0].request_id == "away":
            await context.abort(grpc.StatusCode.UNAVAILABLE, "the authority went away")
        return AdmitLettersResponse(results=[_decide(item) for item in request.items])

    async def list_deactivated(
        self, request: ListDeactivatedCallersRequest, context: Any
    ) -> ListDeactivatedCallersResponse:
        return ListDeactivatedCallersResponse(caller_ids=self.deactivated)

    async def cancel(self, request: CancelRequest, context: Any) -> CancelResponse:
        self.forwarded.append((tokens.principal_of(context), request))
        if request.reason == "refuse":
            raise precondition("it has ended", "ENDED")
        return CancelResponse(cancelled_ids=["1"])

    async def watch(self, request: WatchRequest, context: Any) -> AsyncIterator[WatchResponse]:
        try:
            for position in (1, 2):
                yield WatchResponse(change=StatusChange(position=request.after_position + position))
            self.watching.set()
            if not request.only_past:
                await asyncio.sleep(60)
        finally:
            self.watch_ended.set()

    def register(self, grpc_server: grpc.aio.Server) -> None:
        def unary(behaviour: Any, request: Any) -> grpc.RpcMethodHandler[Any, Any]:
            return grpc.unary_unary_rpc_method_handler(behaviour, request.FromString, _serialized)

        outreach = {
            "Cancel": unary(self.cancel, CancelRequest),
            "Watch": grpc.unary_stream_rpc_method_handler(self.watch, WatchRequest.FromString, _serialized),
        }
        grpc_server.add_generic_rpc_handlers(
            (
                grpc.method_handlers_generic_handler(
                    "outreach.v1.AdmissionService",
                    {
                        "Admit": unary(self.admit, AdmitRequest),
                        "AdmitLetters": unary(self.admit_letters, AdmitLettersRequest),
                        "ListDeactivatedCallers": unary(self.list_deactivated, ListDeactivatedCallersRequest),
                    },
                ),
                grpc.method_handlers_generic_handler("outreach.v1.OutreachService", outreach),
            )
        )

    @asynccontextmanager
    async def running(self, grace_s: float = 0.2) -> AsyncIterator[None]:
        async with server.running(
            self.address,
            tls.server_credentials(self.state_dir, "approval_service", require_client=True),
            services=["outreach.v1.AdmissionService"],
            register=self.register,
            authorize=access.check_certificate,
            grace_s=grace_s,
        ) as running:
            await running.set_ready(True)
            yield


def _serialized(message: Any) -> bytes:
    raw: bytes = message.SerializeToString()
    return raw


def _decide(asked: SmsItem | LetterItem) -> ItemResult:
    if asked.request_id.startswith("conflict"):
        error = ItemError(code=6, message="request_id was used with another body", field="request_id", reason="REUSED")
        return ItemResult(error=error)
    return ItemResult(decision=Decision(outreach_id=f"o-{asked.request_id}", state=State.STATE_ADMITTED))


@dataclass
class Edge:
    """The gateway as its callers see it."""

    running: Running
    channel: grpc.aio.Channel

    async def call(self, method: str, request: Any, response: Any, metadata: Any = None, timeout_s: float = 10) -> Any:
        """Calls with a good token of the caller `cases` unless other metadata is given. `request` may be raw bytes."""
        raw = request if isinstance(request, bytes) else request.SerializeToString()
        call: Any = self.channel.unary_unary(method, response_deserializer=response.FromString)
        return await call(raw, timeout=timeout_s, metadata=as_caller("cases") if metadata is None else metadata)


def as_caller(
    caller: str, *, roles: tuple[str, ...] = ("case_system",), banks: tuple[str, ...] = ("demo-bank",)
) -> tuple[tuple[str, str], ...]:
    return tokens.Issuer(caller, KEY).metadata("e-1001", "north", roles, banks, time.time())


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    """Certificates and the callers' registry."""
    tls.ensure_local_ca(tmp_path)
    for service in ("gateway", "approval_service", "sms_service"):
        tls.ensure_certificate(tmp_path, service)
    entries = {
        name: {"active": True, "public_keys": [tokens.public_key_text(KEY)], **caller}
        for name, caller in CALLERS.items()
    }
    (tmp_path / "callers.yaml").write_text(yaml.safe_dump({"callers": entries}))
    return tmp_path


@pytest.fixture
async def authority(state_dir: Path) -> AsyncIterator[FakeAuthority]:
    fake = FakeAuthority(state_dir)
    async with fake.running():
        yield fake


def settings_for(state_dir: Path, authority_address: str, nats_url: str = "") -> GatewaySettings:
    return GatewaySettings(
        state_dir=state_dir,
        gateway_address="127.0.0.1:0",
        webhook_address="127.0.0.1:0",
        console_address="127.0.0.1:0",
        approval_service_address=authority_address,
        nats_url=nats_url or f"nats://{free_address()}",
    )


@asynccontextmanager
async def running_edge(state_dir: Path, authority_address: str) -> AsyncIterator[Edge]:
    async with (
        gateway(settings_for(state_dir, authority_address)) as running,
        open_channel(f"127.0.0.1:{running.grpc_port}", tls.channel_credentials(state_dir)) as channel,
    ):
        yield Edge(running, channel)


@pytest.fixture
async def edge(state_dir: Path, authority: FakeAuthority) -> AsyncIterator[Edge]:
    async with running_edge(state_dir, authority.address) as started:
        yield started
