"""The processes of an installation on one machine: their commands, and how each shows that it can do its work."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from outreach.cli.failures import Failure
from outreach.cli.installation import SUPERVISOR, FarEnd
from outreach.cli.supervisor import Part
from outreach.runtime import nats_server, tls
from outreach.runtime.config import Settings, host_and_port, variables

DEFAULT_PORT = 17400
GATEWAY, APPROVAL_SERVICE, SMS_SERVICE, LETTER_SERVICE, NATS, WEBHOOK, SIMULATOR = 43, 51, 52, 53, 22, 80, 90
CONSOLE, CMPP = 44, 91
"""Ports, counted from the first one."""
HOST = "127.0.0.1"
LOOKUP_S = "2"
"""The simulator's receipts come within a second or never, so it is asked soon and often."""
_CALL_TIMEOUT_S = 2.0


def settings_at(state_dir: Path, port: int) -> Settings:
    """The settings of processes that listen on the hundred ports from `port` on."""

    def address(offset: int) -> str:
        return f"{HOST}:{port + offset}"

    return Settings(
        state_dir=state_dir,
        gateway_address=address(GATEWAY),
        webhook_address=address(WEBHOOK),
        console_address=address(CONSOLE),
        approval_service_address=address(APPROVAL_SERVICE),
        sms_service_address=address(SMS_SERVICE),
        letter_service_address=address(LETTER_SERVICE),
        nats_url=f"nats://{address(NATS)}",
    )


def far_end(port: int) -> FarEnd:
    return FarEnd(http=f"{HOST}:{port + SIMULATOR}", cmpp=f"{HOST}:{port + CMPP}")


def parts(settings: Settings, simulator: str, *, simulated_clock: bool) -> list[Part]:
    """In the order in which they start; they are stopped the other way round."""
    state_dir, shared = settings.state_dir, variables(settings)
    host, port = host_and_port(simulator)
    where = ["--host", host, "--port", str(port), "--state-dir", str(state_dir / "carriers")]
    nats = settings.nats_url.removeprefix("nats://")
    return [
        Part(
            "nats-server",
            nats,
            [str(nats_server.executable()), "-c", str(state_dir / "nats.conf")],
            nats_server.environment(state_dir),
            listens(nats),
        ),
        Part(
            "carrier_simulator",
            simulator,
            _module("carrier_simulator", *where, "--config", str(state_dir / "simulator.json")),
            {},
            listens(simulator),
        ),
        Part(
            "approval_service",
            settings.approval_service_address,
            _module("approval_service"),
            {**shared, "OUTREACH_SIMULATED_CLOCK": str(simulated_clock)},
            _serves(settings.approval_service_address, state_dir),
        ),
        Part(
            "sms_service",
            settings.sms_service_address,
            _module("sms_service"),
            {
                **shared,
                "OUTREACH_CARRIERS_FILE": str(state_dir / "carriers.yaml"),
                "OUTREACH_LOOKUP_INTERVAL_S": LOOKUP_S,
                "OUTREACH_LOOKUP_MIN_AGE_S": LOOKUP_S,
            },
            _serves(settings.sms_service_address, state_dir),
        ),
        Part(
            "letter_service",
            settings.letter_service_address,
            _module("letter_service"),
            shared,
            _serves(settings.letter_service_address, state_dir),
        ),
        Part(
            "gateway",
            settings.gateway_address,
            _module("gateway"),
            shared,
            _serves(settings.gateway_address, state_dir),
        ),
    ]


def require_free(settings: Settings, far_end: FarEnd) -> None:
    """Raises Failure naming the first address that somebody else listens on, and the way out."""
    addresses = {
        "nats-server": settings.nats_url.removeprefix("nats://"),
        "carrier_simulator": far_end.http,
        "carrier_simulator, CMPP": far_end.cmpp,
        "approval_service": settings.approval_service_address,
        "sms_service": settings.sms_service_address,
        "letter_service": settings.letter_service_address,
        "gateway": settings.gateway_address,
        "webhooks": settings.webhook_address,
        "console": settings.console_address,
    }
    for name, address in addresses.items():
        host, port = host_and_port(address)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                raise Failure(
                    f"端口 {port}（{name}）已被占用：停掉占用它的程序（lsof -i :{port} 可查），或换一组端口："
                    f"make run PORT={DEFAULT_PORT + 1000}。Port {port} ({name}) is taken: stop the program that "
                    f"listens there (`lsof -i :{port}`), or choose other ports: make run PORT={DEFAULT_PORT + 1000}",
                    reason="PORT_TAKEN",
                ) from None


def _module(name: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", f"{name}.main", *arguments]


def listens(address: str) -> Callable[[], Awaitable[bool]]:
    """Asks whether anybody listens at host:port."""
    host, port = host_and_port(address)

    async def is_ready() -> bool:
        with suppress(OSError):
            _, writer = await asyncio.open_connection(host, port)
            writer.close()
            return True
        return False

    return is_ready


def _serves(address: str, state_dir: Path) -> Callable[[], Awaitable[bool]]:
    """gRPC health under TLS: SERVING means that the service can do its work, not only that it listens."""

    async def is_ready() -> bool:
        return await serving(address, state_dir)

    return is_ready


async def serving(address: str, state_dir: Path) -> bool:
    """True if a service of this installation answers at the address that it is ready."""
    credentials = tls.channel_credentials(state_dir, SUPERVISOR)
    async with grpc.aio.secure_channel(address, credentials) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)  # its type stubs name no rpc
        try:
            answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=_CALL_TIMEOUT_S)
        except grpc.aio.AioRpcError:
            return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)
