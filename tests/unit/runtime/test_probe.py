"""The probe that Kubernetes runs beside each service."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from outreach.runtime import access, server, tls
from outreach.runtime.config import Settings, variables
from tests.unit.runtime.conftest import free_port


async def _exit_code(settings: Settings, *arguments: str) -> int:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "outreach.runtime.probe",
        *arguments,
        env=variables(settings),
        stderr=asyncio.subprocess.DEVNULL,
    )
    return await process.wait()


@pytest.mark.parametrize("require_client", [True, False])
async def test_it_tells_ready_from_alive_and_from_gone(state_dir: Path, require_client: bool) -> None:
    """Behind mutual TLS and at the public edge: 0 if SERVING, 1 if not; --alive asks only for an answer."""
    settings = Settings(state_dir=state_dir, gateway_address=f"0.0.0.0:{free_port()}")
    assert await _exit_code(settings, "gateway", "--alive") == 1
    async with server.running(
        settings.gateway_address,
        tls.server_credentials(state_dir, "gateway", require_client=require_client),
        services=(),
        register=lambda _: None,
        authorize=access.check_certificate,
    ) as running:
        assert await _exit_code(settings, "gateway") == 1
        assert await _exit_code(settings, "gateway", "--alive") == 0
        await running.set_ready(True)
        assert await _exit_code(settings, "gateway") == 0
    assert await _exit_code(settings, "simulator") == 2
