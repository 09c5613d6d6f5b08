"""Certificates and authorities are exchanged under load: nothing is lost, and what is replaced is worth nothing."""

from __future__ import annotations

import asyncio
import os
import shutil
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from nats.errors import Error as NatsError
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from gateway import http_server
from outreach.cli.installation import renew_certificates
from outreach.runtime import bus, nats_server, server, tls, tls_files
from outreach.runtime.client import RenewingChannel, open_channel
from tests.unit.runtime.test_bus_tls import TlsProcess

METHOD = "/test.Echo/Echo"
CALLERS = 8
PATIENCE_S = 30.0


@pytest.fixture
def state_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files are looked at all the time."""
    monkeypatch.setattr(tls_files, "CHECK_S", 0.0)
    tls.ensure_local_ca(tmp_path)
    for service in ("gateway", "approval_service"):
        tls.ensure_certificate(tmp_path, service)
    return tmp_path


def serial(pem: bytes) -> int:
    return x509.load_pem_x509_certificate(pem).serial_number


def file_of(state_dir: Path, name: str) -> Path:
    return state_dir / "tls" / f"{name}.pem"


def renew(state_dir: Path, service: str) -> int:
    """A new key and certificate, as on a renewal. Returns its serial number."""
    file_of(state_dir, service).unlink()
    tls.ensure_certificate(state_dir, service)
    return serial(file_of(state_dir, service).read_bytes())


def roll_over(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """The authority nears its end and is followed by another; both are trusted. Returns the old one."""
    old = tls.ca_certificate(state_dir)
    monkeypatch.setattr(tls, "RENEW_BEFORE", timedelta(days=4000))
    tls.ensure_local_ca(state_dir)
    monkeypatch.undo()
    monkeypatch.setattr(tls_files, "CHECK_S", 0.0)
    assert tls.ca_certificate(state_dir).count(b"BEGIN CERTIFICATE") == 2
    return old


@dataclass
class Echo:
    """A server behind mutual TLS, which certificates its callers showed, and on which connections."""

    port: int = 0
    seen: set[int] = field(default_factory=set)
    peers: set[str] = field(default_factory=set)

    async def echo(self, request: bytes, context: Any) -> bytes:
        self.peers.add(context.peer())
        self.seen.add(serial(context.auth_context()["x509_pem_cert"][0]))
        await asyncio.sleep(0.01)
        return request

    async def count(self, request: bytes, context: Any) -> AsyncIterator[bytes]:
        for number in range(20):
            yield b"%d" % number
            await asyncio.sleep(0.05)

    @asynccontextmanager
    async def serving(self, state_dir: Path) -> AsyncIterator[Echo]:
        methods: dict[str, Any] = {
            "Echo": grpc.unary_unary_rpc_method_handler(self.echo),
            "Count": grpc.unary_stream_rpc_method_handler(self.count),
        }

        def register(grpc_server: grpc.aio.Server) -> None:
            grpc_server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Echo", methods),))

        credentials = tls.server_credentials(state_dir, "approval_service", require_client=True)
        async with server.running(
            "127.0.0.1:0", credentials, services=[], register=register, authorize=lambda *_: None, grace_s=0.2
        ) as running:
            self.port = running.port
            yield self


@asynccontextmanager
async def load(channel: grpc.aio.Channel) -> AsyncIterator[list[bytes]]:
    """Callers that call without pause until the block ends. Any call that fails fails the test."""
    rpc: Any = channel.unary_unary(METHOD)
    answers: list[bytes] = []
    ends = asyncio.Event()

    async def call() -> None:
        while not ends.is_set():
            answers.append(await rpc(b"x", timeout=PATIENCE_S))

    callers = [asyncio.create_task(call()) for _ in range(CALLERS)]
    try:
        yield answers
    finally:
        ends.set()
        await asyncio.gather(*callers)


def renewing(state_dir: Path, port: int) -> RenewingChannel:
    return RenewingChannel(f"127.0.0.1:{port}", tls.service_files(state_dir, "gateway"))


async def eventually(is_so: Callable[[], bool | Awaitable[bool]]) -> None:
    """Waits, for as long as a busy machine may take; fails if it never is."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            answer = is_so()
            if answer if isinstance(answer, bool) else await answer:
                return
            await asyncio.sleep(0.02)


async def shown_by(port: int, trust: ssl.SSLContext) -> int:
    """The serial number of the certificate that a new connection is shown."""
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trust)
    try:
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        return x509.load_der_x509_certificate(shown).serial_number
    finally:
        writer.close()
        with suppress(OSError, ssl.SSLError):  # the server wanted a certificate of ours
            await writer.wait_closed()


async def test_both_sides_are_renewed_under_load(state_dir: Path) -> None:
    """The next call shows the new certificate, the next connection is shown one; a stream of before goes on."""
    async with Echo().serving(state_dir) as echo, renewing(state_dir, echo.port) as channel:
        count: Any = channel.unary_stream("/test.Echo/Count")
        stream = count(b"", timeout=PATIENCE_S)
        async with load(channel) as answers:
            for _ in range(5):
                ours, theirs = renew(state_dir, "gateway"), renew(state_dir, "approval_service")
                await eventually(lambda ours=ours: ours in echo.seen)  # type: ignore[misc]
                assert await shown_by(echo.port, tls.client_context(state_dir)) == theirs
            assert [part async for part in stream] == [b"%d" % number for number in range(20)]
        assert len(answers) > 5 * CALLERS


async def test_one_authority_follows_another_under_load(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trusted together, then the new one alone: nothing is lost, and what the old one issued is refused at the end."""
    async with Echo().serving(state_dir) as echo, renewing(state_dir, echo.port) as channel:
        async with load(channel):
            await eventually(lambda: bool(echo.seen))
            former = tls.channel_credentials(state_dir, "gateway")
            old = roll_over(state_dir, monkeypatch)
            peers = set(echo.peers)
            await eventually(lambda: echo.peers > peers)  # the bundle is in use
            for service in ("gateway", "approval_service"):
                tls.ensure_certificate(state_dir, service)
            await eventually(lambda: serial(file_of(state_dir, "gateway").read_bytes()) in echo.seen)
            peers = set(echo.peers)
            bundle = tls.ca_certificate(state_dir)
            file_of(state_dir, "ca").write_bytes(bundle.replace(old, b""))
            await eventually(lambda: echo.peers > peers)
        async with open_channel(f"127.0.0.1:{echo.port}", former) as stranger:
            rpc: Any = stranger.unary_unary(METHOD)
            with pytest.raises(grpc.aio.AioRpcError):
                await rpc(b"x", timeout=1)


def test_a_local_authority_is_trusted_before_it_issues(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a supervisor does in one round spreads before the next one shows a certificate of it."""
    renew_certificates(state_dir)
    before = x509.load_pem_x509_certificate(tls.ca_certificate(state_dir)).subject
    roll_over(state_dir, monkeypatch)
    now = x509.load_pem_x509_certificate(tls.ca_certificate(state_dir)).subject

    def issuer() -> x509.Name:
        return x509.load_pem_x509_certificate(file_of(state_dir, "gateway").read_bytes()).issuer

    assert (issuer(), before != now) == (before, True)
    renew_certificates(state_dir)
    assert issuer() == now


async def test_what_does_not_fit_together_is_not_used(state_dir: Path) -> None:
    """A key of another certificate, half a file and a file that is gone: what was read before goes on."""
    chain = file_of(state_dir, "approval_service")
    key = chain.with_suffix(".key")
    before = chain.read_bytes(), key.read_bytes()
    async with Echo().serving(state_dir) as echo, renewing(state_dir, echo.port) as channel:
        for spoil in (
            lambda: shutil.copy(file_of(state_dir, "gateway"), chain),
            lambda: chain.write_bytes(before[0][:100]),
            chain.unlink,
            lambda: key.write_bytes(b""),
        ):
            spoil()
            async with load(channel):
                assert await shown_by(echo.port, tls.client_context(state_dir)) == serial(before[0])
            chain.write_bytes(before[0])
            key.write_bytes(before[1])


async def test_a_swapped_symlink_is_seen(state_dir: Path) -> None:
    """As the kubelet replaces a Secret: ..data points to another folder from one moment to the next."""
    folder = state_dir / "tls"
    first, second = folder / "..first", folder / "..second"
    first.mkdir()
    for path in [*folder.glob("*.pem"), *folder.glob("*.key")]:
        path.rename(first / path.name)
        path.symlink_to(Path("..data") / path.name)
    (folder / "..data").symlink_to(first.name)
    async with Echo().serving(state_dir) as echo, renewing(state_dir, echo.port) as channel:
        shutil.copytree(first, second)
        other = state_dir / "other"
        (other / "tls").mkdir(parents=True)
        for name in ("ca.pem", "ca.key"):
            shutil.copy(first / name, other / "tls" / name)
        for service in ("gateway", "approval_service"):
            tls.ensure_certificate(other, service)
            for suffix in ("pem", "key"):
                shutil.copy(other / "tls" / f"{service}.{suffix}", second / f"{service}.{suffix}")
        async with load(channel):
            (folder / "..data_tmp").symlink_to(second.name)
            os.replace(folder / "..data_tmp", folder / "..data")
            new = serial(file_of(other, "approval_service").read_bytes())
            assert await shown_by(echo.port, tls.client_context(state_dir)) == new
            await eventually(lambda: serial(file_of(other, "gateway").read_bytes()) in echo.seen)


async def test_the_old_connection_ends_with_its_last_call(state_dir: Path) -> None:
    """Renewals leave no connection behind."""
    async with Echo().serving(state_dir) as echo, renewing(state_dir, echo.port) as channel:
        first = channel.held()
        rpc: Any = channel.unary_unary(METHOD)
        call = rpc(b"x", timeout=PATIENCE_S)
        file_of(state_dir, "gateway").touch()  # which changes nothing
        assert channel.held() is first
        renew(state_dir, "gateway")
        assert channel.held() is not first
        assert first.calls == 1
        assert await call == b"x"
        await eventually(lambda: first.channel.get_state() is grpc.ChannelConnectivity.SHUTDOWN)


async def test_no_connection_gets_old(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller has to show its certificate again and again, and loses no call by it; a stream ends undisturbed."""
    monkeypatch.setattr(server, "MAX_CONNECTION_AGE_MS", 200)
    async with Echo().serving(state_dir) as echo, renewing(state_dir, echo.port) as channel:
        count: Any = channel.unary_stream("/test.Echo/Count")
        stream = count(b"", timeout=PATIENCE_S)
        async with load(channel):
            assert [part async for part in stream] == [b"%d" % number for number in range(20)]
        assert len(echo.peers) > 2


async def test_the_consoles_certificate_is_renewed(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Browsers that come anew are shown the new one; a connection that is open is not disturbed."""
    monkeypatch.setattr(http_server, "CHECK_S", 0.05)
    pages = Starlette(routes=[Route("/", lambda _: PlainTextResponse("here"))])
    certificate = tls.certificate_files(state_dir, "gateway")
    async with http_server.serving(pages, "127.0.0.1:0", certificate=certificate) as port:
        trust = tls.client_context(state_dir)
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trust)
        before = await shown_by(port, trust)
        new = renew(state_dir, "gateway")
        assert new != before

        async def is_shown() -> bool:
            return await shown_by(port, trust) == new

        await eventually(is_shown)
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        assert (await reader.read()).endswith(b"here")
        writer.close()


async def test_the_bus_comes_back_under_another_authority(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client connects anew to a server whose certificate a new authority issued, and to no stranger's."""
    tls.ensure_certificate(state_dir, "nats")
    process = TlsProcess(state_dir)
    await process.start()
    settings = replace(process.settings, nats_url=process.settings.nats_url.replace("nats://", "tls://"))
    client = await bus.connect(settings, nats_server.APPROVAL_SERVICE)
    try:
        old = roll_over(state_dir, monkeypatch)
        tls.ensure_certificate(state_dir, "nats")
        await process.stop()
        bundle = tls.ca_certificate(state_dir)
        file_of(state_dir, "ca").write_bytes(bundle.replace(old, b""))
        await process.start()
        for _ in range(100):
            with suppress(NatsError, TimeoutError):
                await client.flush(timeout=1)
                break
            await asyncio.sleep(0.1)
        else:
            raise AssertionError("it did not come back")
    finally:
        await client.close()
        await process.stop()
