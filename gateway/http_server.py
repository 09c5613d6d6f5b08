"""Runs an HTTP application in the gateway's own loop, stopped by the gateway and not by uvicorn's signal handlers."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from outreach.runtime.config import host_and_port
from outreach.runtime.server import PortTaken
from outreach.runtime.tls_files import CHECK_S, TlsFiles

GRACE_S = 5


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def serving(
    application: Starlette,
    address: str,
    trusted_proxies: Sequence[str] = (),
    certificate: tuple[Path, Path] | None = None,
) -> AsyncIterator[int]:
    """Serves on host:port until the block ends, and yields the port. Raises PortTaken.

    Behind a proxy that is trusted, the caller's address is the one that it forwards. With the files of a key and a
    certificate it speaks TLS, and goes over to what these files hold later.
    """
    try:
        listener = socket.create_server(host_and_port(address))
    except OSError:
        raise PortTaken(
            f"cannot listen on {address}: is another process on that port? Stop it or set another"
        ) from None
    config = uvicorn.Config(
        application,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=list(trusted_proxies),
        timeout_graceful_shutdown=GRACE_S,
        ssl_keyfile=certificate[0] if certificate else None,
        ssl_certfile=certificate[1] if certificate else None,
    )
    config.load()
    server = _Server(config)
    running = asyncio.create_task(server.serve(sockets=[listener]))
    renewing = asyncio.create_task(_renew(config.ssl, certificate)) if config.ssl and certificate else None
    try:
        yield listener.getsockname()[1]
    finally:
        if renewing is not None:
            renewing.cancel()
        server.should_exit = True
        await running
        listener.close()


async def _renew(context: ssl.SSLContext, certificate: tuple[Path, Path]) -> None:
    """New connections get what the files hold then."""
    key, chain = certificate
    files = TlsFiles(chain, key, chain)
    given = files.current()
    while True:
        await asyncio.sleep(CHECK_S)
        material = files.current()
        if material is not given:
            with contextlib.suppress(OSError):  # they change again just now: looked at soon
                context.load_cert_chain(chain, key)
                given = material
