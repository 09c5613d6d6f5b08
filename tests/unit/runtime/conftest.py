from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from outreach.runtime import nats_server, tls
from outreach.runtime.config import Settings
from outreach.runtime.secret_files import write_private


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class NatsProcess:
    """A real nats-server that a test can kill and start again."""

    def __init__(self, state_dir: Path) -> None:
        port = free_port()
        self.settings = Settings(state_dir=state_dir, nats_url=f"nats://127.0.0.1:{port}")
        self._conf = state_dir / "nats.conf"
        text = nats_server.nats_server_conf(state_dir, ["demo-bank", "other-bank"], port=port)
        write_private(self._conf, text.encode())
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            nats_server.executable(),
            "-c",
            self._conf,
            env=nats_server.environment(self.settings.state_dir),
            stderr=asyncio.subprocess.DEVNULL,
        )

    async def stop(self, number: signal.Signals = signal.SIGKILL) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            await self._process.wait()
            self._process = None


@pytest.fixture
async def nats_process(tmp_path: Path) -> AsyncIterator[NatsProcess]:
    process = NatsProcess(tmp_path)
    await process.start()
    yield process
    await process.stop()


@pytest.fixture(scope="session")
def state_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state directory with certificates of every service and of a stranger's."""
    path = tmp_path_factory.mktemp("state")
    tls.ensure_local_ca(path)
    for service in ("gateway", "approval_service", "sms_service"):
        tls.ensure_certificate(path, service)
    return path
