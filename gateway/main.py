"""`python -m gateway.main`: the public gRPC edge and the carriers' webhooks. Wiring only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health_pb2

from gateway import callers, http_server, webhooks
from gateway.admission import Admission
from gateway.callers import Callers
from gateway.console import app as console
from gateway.console import oidc
from gateway.console.oidc import Providers
from gateway.door import Door
from gateway.forwarding import SERVICES, Forwarder
from gateway.pdfs import Pdfs
from gateway.rates import RateLimiter
from gateway.stream_store import StreamStore
from gateway.submission import Submission
from outreach.runtime import client_certificates, logs, server, tls
from outreach.runtime.access import GATEWAY
from outreach.runtime.client import RenewingChannel
from outreach.runtime.config import SettingError, Settings, is_loopback, load
from outreach.runtime.sealing import Sealer
from outreach.runtime.tls_files import TlsFiles
from outreach.runtime.tokens import Verifier
from outreach.v1.admission_service_pb2 import AdmitLettersRequest, AdmitLettersResponse, AdmitRequest, AdmitResponse
from outreach.v1.admission_service_pb2_grpc import AdmissionServiceStub

ADMIT_TIMEOUT_S = 15.0
HEALTH_RETRY_S = 0.5
ADMISSION_SERVICE = "outreach.v1.AdmissionService"
LETTER_SERVICE = "outreach.v1.LetterService"

_log = logs.EventLogger("gateway")


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySettings(Settings):
    """What the gateway needs beside the shared settings."""

    webhook_trusted_proxies: tuple[str, ...] = ()
    """Addresses of proxies before the webhooks whose X-Forwarded-For is believed."""
    certificate_address: str = ""
    """host:port of a second gRPC port, at which case systems show a client certificate (docs/identity.md); none without
    it."""
    oidc_file: Path | None = None
    """The OpenID Connect providers by which people sign in to the console (docs/identity.md); none without it."""


@dataclass(frozen=True, slots=True)
class Running:
    """The ports of a running gateway."""

    grpc_port: int
    webhook_port: int
    console_port: int
    certificate_port: int
    """0 where there is none."""


@asynccontextmanager
async def gateway(settings: GatewaySettings) -> AsyncIterator[Running]:
    """Runs the gateway until the block ends. Ready while the authority is."""
    async with AsyncExitStack() as stack:
        files = tls.service_files(settings.state_dir, GATEWAY)
        channel = await stack.enter_async_context(RenewingChannel(settings.approval_service_address, files))
        letters = await stack.enter_async_context(RenewingChannel(settings.letter_service_address, files))
        verifier = Verifier(settings.state_dir / "callers.yaml")
        door = Door(verifier, RateLimiter())
        submission = Submission(door, Admission(_admit(channel)), _admit_letters(channel))
        forwarder = Forwarder(channel, {LETTER_SERVICE: letters}, door)
        pdfs = Pdfs(door, channel, letters)
        registered = Callers(door, channel)
        own = {**submission.handlers(), **pdfs.handlers(), **registered.handlers()}
        handlers = tuple(forwarder.handlers(own))
        edges = [
            await stack.enter_async_context(
                server.running(
                    address,
                    credentials,
                    services=[service.full_name for service in SERVICES],
                    register=lambda grpc_server: grpc_server.add_generic_rpc_handlers(handlers),
                    authorize=door.authorize,
                    caller_of=door.caller_of,
                )
            )
            for address, credentials in _public_ports(settings)
        ]
        store, sealer = StreamStore(), Sealer.load(settings.state_dir)
        application = webhooks.application(webhooks.read_pushers(settings.state_dir), sealer, store)
        webhook_port = await stack.enter_async_context(
            http_server.serving(application, settings.webhook_address, settings.webhook_trusted_proxies)
        )
        providers = await stack.enter_async_context(oidc.providers(settings.oidc_file, sealer))
        console_port = await stack.enter_async_context(_console(settings, channel, letters, pdfs, providers, door))
        stack.push_async_callback(store.close)
        following = callers.follow(channel, verifier, door, edges)
        for work in (store.connect(settings), following, *(follow_health(channel, edge.set_ready) for edge in edges)):
            stack.push_async_callback(_end, asyncio.create_task(work))
        ports = [edge.port for edge in edges]
        running = Running(ports[0], webhook_port, console_port, sum(ports[1:]))
        _log.info("started", port=running.grpc_port, webhook_port=webhook_port, console_port=console_port)
        yield running


def _public_ports(settings: GatewaySettings) -> Iterator[tuple[str, grpc.ServerCredentials]]:
    """Where case systems call, by token and, if that is set up, by certificate. gRPC either demands a certificate or
    does not ask for one, so that each way has its port. Raises SettingError."""
    yield settings.gateway_address, tls.server_credentials(settings.state_dir, GATEWAY, require_client=False)
    if settings.certificate_address:
        roots = settings.state_dir / client_certificates.FOLDER / "ca.pem"
        try:
            files = TlsFiles(roots, *tls.certificate_files(settings.state_dir, GATEWAY))
        except (OSError, ValueError) as error:
            raise SettingError(f"OUTREACH_CERTIFICATE_ADDRESS: {roots} must hold the authorities ({error})") from None
        yield settings.certificate_address, tls.renewing_server_credentials(files, require_client=True)


def _console(
    settings: GatewaySettings,
    authority: grpc.aio.Channel,
    letters: grpc.aio.Channel,
    pdfs: Pdfs,
    providers: Providers,
    door: Door,
) -> AbstractAsyncContextManager[int]:
    """Serves the web console."""
    secure = not is_loopback(settings.console_address)
    others = {LETTER_SERVICE.rpartition(".")[2]: letters}
    pages = console.application(authority, others, pdfs, providers, door, secure=secure)
    certificate = tls.certificate_files(settings.state_dir, GATEWAY) if secure else None
    return http_server.serving(pages, settings.console_address, certificate=certificate)


async def follow_health(channel: grpc.aio.Channel, tell: Callable[[bool], Awaitable[None]]) -> None:
    """Tells whether the authority takes requests, whenever that changes, until cancelled."""
    request = health_pb2.HealthCheckRequest(service=ADMISSION_SERVICE)
    watch: Any = channel.unary_stream(
        "/grpc.health.v1.Health/Watch",
        request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
        response_deserializer=health_pb2.HealthCheckResponse.FromString,
    )
    while True:
        try:
            async for response in watch(request, wait_for_ready=False):
                await tell(response.status == health_pb2.HealthCheckResponse.SERVING)
        except grpc.aio.AioRpcError as error:
            _log.debug("authority_unreachable", code=error.code().name)
        await tell(False)
        await asyncio.sleep(HEALTH_RETRY_S)


def _admit(channel: grpc.aio.Channel) -> Callable[[AdmitRequest], Awaitable[AdmitResponse]]:
    stub = AdmissionServiceStub(channel)

    async def admit(request: AdmitRequest) -> AdmitResponse:
        return await stub.Admit(request, timeout=ADMIT_TIMEOUT_S)

    return admit


def _admit_letters(channel: grpc.aio.Channel) -> Callable[[AdmitLettersRequest], Awaitable[AdmitLettersResponse]]:
    stub = AdmissionServiceStub(channel)

    async def admit(request: AdmitLettersRequest) -> AdmitLettersResponse:
        return await stub.AdmitLetters(request, timeout=ADMIT_TIMEOUT_S)

    return admit


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})


async def main() -> None:
    settings = load(GatewaySettings)
    logs.set_up("gateway", settings.log_level)
    async with gateway(settings):
        await server.stop_signal()


if __name__ == "__main__":
    server.run(main())
