"""The gateway as a process: started and stopped as a supervisor does."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from gateway.main import GatewaySettings
from outreach.runtime import tls
from outreach.runtime.client import open_channel
from outreach.runtime.config import variables
from outreach.v1.outreach_service_pb2 import SubmitRequest, SubmitResponse
from tests.service.gateway.conftest import SUBMIT, FakeAuthority, as_caller, free_address, item, settings_for

ROOT = Path(__file__).parents[3]


def settings(state_dir: Path, authority: FakeAuthority) -> GatewaySettings:
    base = settings_for(state_dir, authority.address)
    return GatewaySettings(
        state_dir=base.state_dir,
        gateway_address=free_address(),
        webhook_address=free_address(),
        console_address=free_address(),
        approval_service_address=base.approval_service_address,
        nats_url=base.nats_url,
    )


async def start(settings: GatewaySettings) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway.main", cwd=ROOT, env=variables(settings), stderr=asyncio.subprocess.PIPE
    )


async def ended(process: asyncio.subprocess.Process) -> tuple[int | None, str]:
    """Exit code and what stood on stderr, within 10 s."""
    async with asyncio.timeout(10):
        _, stderr = await process.communicate()
    return process.returncode, stderr.decode()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_serves_until_told_to_stop(state_dir: Path, authority: FakeAuthority, number: int) -> None:
    """It answers, also while NATS is down, and ends with code 0 and no traceback when told to; no log line shows a
    number.
    """
    chosen = settings(state_dir, authority)
    process = await start(chosen)
    async with open_channel(chosen.gateway_address, tls.channel_credentials(state_dir)) as channel:
        call = channel.unary_unary(
            SUBMIT,
            request_serializer=SubmitRequest.SerializeToString,
            response_deserializer=SubmitResponse.FromString,
        )
        response = await call(SubmitRequest(item=item("x")), timeout=10, metadata=as_caller("cases"))
        assert response.decision.outreach_id == "o-x"
    process.send_signal(number)
    code, stderr = await ended(process)
    assert code == 0
    assert '"event":"started"' in stderr
    assert "Traceback" not in stderr
    assert "13800138000" not in stderr


async def test_a_second_one_says_which_port_is_taken(state_dir: Path, authority: FakeAuthority) -> None:
    """Two gateways on one port: the second ends with clear words alone."""
    chosen = settings(state_dir, authority)
    host, _, port = chosen.gateway_address.partition(":")
    taken = await asyncio.start_server(lambda _r, _w: None, host, int(port))
    async with taken:
        code, stderr = await ended(await start(chosen))
    assert code == 1
    assert stderr.splitlines()[-1].startswith(f"cannot listen on {chosen.gateway_address}")
    assert "Traceback" not in stderr


async def test_a_missing_registry_is_told(state_dir: Path, authority: FakeAuthority) -> None:
    """Without callers.yaml it names the file and what belongs there."""
    (state_dir / "callers.yaml").unlink()
    code, stderr = await ended(await start(settings(state_dir, authority)))
    assert code == 1
    assert "callers.yaml cannot be read" in stderr
    assert "Traceback" not in stderr
