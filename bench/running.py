"""Real processes: the product under its own supervisor, and the bare server."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

from outreach.cli import parts as table
from outreach.cli.installation import Installation, prepare, read_installation
from outreach.cli.supervisor import Part, Supervisor, only_one
from outreach.runtime import nats_server
from outreach.runtime.config import Settings, host_and_port
from outreach.runtime.secret_files import write_private

PORT = 18400
FAR_END = table.far_end(PORT)
BARE_ADDRESS = "127.0.0.1:18410"
BARE_NATS = "127.0.0.1:18411"
UNLIMITED = 1_000_000
SENDS_IN_FLIGHT = 256
CARRIER = "bank-demo"
_POLL_S = 0.02


def installation() -> Installation:
    """The example's, with its own bank gateway as the only carrier and no limit on anybody's rate."""
    example = read_installation(Path("examples/installation.yaml"))
    fast = {"rate_per_s": UNLIMITED, "max_in_flight": SENDS_IN_FLIGHT, "timeout_s": 30}
    return replace(
        example,
        callers={name: {**entry, "requests_per_second": UNLIMITED} for name, entry in example.callers.items()},
        carriers=tuple({**carrier, **fast} for carrier in example.carriers if carrier["carrier_id"] == CARRIER),
    )


@asynccontextmanager
async def product(state_dir: Path) -> AsyncIterator[Settings]:
    """All processes but sms_service, which `sms_service` starts where something is to be sent."""
    settings = table.settings_at(state_dir, PORT)
    table.require_free(settings, FAR_END)
    prepare(installation(), settings, FAR_END)
    # No webhooks: receipts are no part of what is measured.
    write_private(state_dir / "simulator.json", b"{}")
    with only_one(state_dir) as lock:
        async with _supervised(lock, state_dir, _parts(settings, sms_service=False)):
            yield settings


@asynccontextmanager
async def sms_service(settings: Settings) -> AsyncIterator[None]:
    with only_one(settings.state_dir / "sms_service") as lock:
        async with _supervised(lock, settings.state_dir, _parts(settings, sms_service=True)):
            yield


def bare(database: Path) -> AbstractAsyncContextManager[None]:
    """The bare server of bench.bare."""
    return _process(sys.executable, "-m", "bench.bare", BARE_ADDRESS, str(database))


@asynccontextmanager
async def bare_nats(folder: Path) -> AsyncIterator[None]:
    """A nats-server of its own that syncs each message to disk, as the product's does."""
    async with _process(str(nats_server.executable()), "-c", str(_bare_nats_conf(folder))):
        await _listens(BARE_NATS)  # nats-py logs a refused connection and sleeps two seconds
        yield


def _bare_nats_conf(folder: Path) -> Path:
    folder.mkdir()
    conf = folder / "nats.conf"
    conf.write_text(f'listen: "{BARE_NATS}"\njetstream {{ store_dir: "{folder}", sync_interval: always }}\n')
    return conf


async def _listens(address: str) -> None:
    host, port = host_and_port(address)
    while True:
        with suppress(ConnectionRefusedError):
            _, writer = await asyncio.open_connection(host, port)
            writer.close()
            return
        await asyncio.sleep(_POLL_S)


@asynccontextmanager
async def _process(*command: str) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        await process.wait()


def _parts(settings: Settings, *, sms_service: bool) -> list[Part]:
    everything = table.parts(settings, FAR_END.http, simulated_clock=True)
    return [part for part in everything if (part.name == "sms_service") is sms_service]


@asynccontextmanager
async def _supervised(lock: int, state_dir: Path, parts: Iterable[Part]) -> AsyncIterator[None]:
    supervisor = Supervisor(list(parts), state_dir, lock, lambda *_: None)
    try:
        await supervisor.start()
        yield
    finally:
        await supervisor.stop()
