"""The bus over TLS: as in a cluster, where the network between a service and its NATS server is not trusted."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from nats.errors import Error as NatsError

from outreach.runtime import bus, nats_server, tls
from tests.unit.runtime.conftest import NatsProcess


class TlsProcess(NatsProcess):
    """A nats-server started with the flags of k8s/overlays/single-node/nats.yaml."""

    async def start(self) -> None:
        state_dir = self.settings.state_dir
        key, certificate = tls.certificate_files(state_dir, "nats")
        flags: list[str | Path] = ["-c", self._conf, "--tls", "--tlscert", certificate, "--tlskey", key]
        self._process = await asyncio.create_subprocess_exec(
            nats_server.executable(),
            *flags,
            env=nats_server.environment(state_dir),
            stderr=asyncio.subprocess.DEVNULL,
        )


async def test_a_tls_url_trusts_the_installations_authority_alone(tmp_path: Path) -> None:
    """Connects with the authority's certificate; not with another authority's, and not without TLS."""
    for folder in (tmp_path, tmp_path / "stranger"):
        tls.ensure_local_ca(folder)
    tls.ensure_certificate(tmp_path, "nats")
    process = TlsProcess(tmp_path)
    await process.start()
    try:
        settings = replace(process.settings, nats_url=process.settings.nats_url.replace("nats://", "tls://"))
        client = await bus.connect(settings, nats_server.APPROVAL_SERVICE)
        await bus.ensure_streams(client.jetstream(), bus.OUTREACH_IN)
        await client.close()
        for wrong in (replace(settings, state_dir=tmp_path / "stranger"), process.settings):
            with pytest.raises((NatsError, OSError, TimeoutError)):
                async with asyncio.timeout(1):
                    await bus.connect(wrong, nats_server.APPROVAL_SERVICE)
    finally:
        await process.stop()
