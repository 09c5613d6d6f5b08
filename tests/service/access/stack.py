"""Gateway, authority and letter_service as they run in earnest: mutual TLS, tokens, a database; two banks on it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import update

from approval_service import bank_events, schema
from approval_service import main as approval_main
from approval_service.authority import Authority
from approval_service.database import Database
from approval_service.servers.callers import authorizer
from gateway.main import GatewaySettings, Running, gateway
from letter_service.runner import Runner
from letter_service.servers import ArchiveServer, LetterServer
from letter_service.settings import open_archive
from letter_service.workers import Workers
from outreach.domain import roles
from outreach.domain.clocks import real_ms
from outreach.runtime import server, tls, tokens
from outreach.runtime.access import APPROVAL_SERVICE, CERTIFICATES, LETTER_SERVICE, check_certificate
from outreach.runtime.client import open_channel
from outreach.v1.archive_service_pb2_grpc import add_ArchiveServiceServicer_to_server
from outreach.v1.letter_service_pb2_grpc import add_LetterServiceServicer_to_server
from outreach.v1.print_service_pb2_grpc import PrintServiceStub
from tests.service.approval_service.authorities import open_authority
from tests.service.approval_service.world import BANK, CALLER, NOW_MS, PEOPLE, World
from tests.service.letter_service import parts

OTHER_BANK = "other-bank"
SPARE_CALLERS = tuple(f"spare-{number}" for number in range(20))
"""Registered like the one that calls, to be shut out."""
SERVICES = ("gateway", "approval_service", "sms_service", "letter_service")
KEY = Ed25519PrivateKey.generate()
PROVE_S = 10.0


@dataclass(frozen=True)
class Stack:
    """The running parts. `world` writes to the authority directly, as its own tests do."""

    state_dir: Path
    world: World
    edge: Running
    authority_address: str
    letters_address: str
    issuer: tokens.Issuer

    def metadata(self, employee: str, role: str, *banks: str) -> tuple[tuple[str, str], ...]:
        """What an employee with one role (or none, if empty) at some banks sends along."""
        return self.issuer.metadata(employee, "t1", (role,) if role else (), banks, time.time())


@asynccontextmanager
async def serving(state_dir: Path, database: Database) -> AsyncIterator[Stack]:
    """Everything up over an empty, migrated database, until the block ends."""
    _identities(state_dir)
    async with AsyncExitStack() as stack:
        authority = await stack.enter_async_context(_authority(database))
        approval = await stack.enter_async_context(_served(state_dir, authority))
        address = f"127.0.0.1:{approval.port}"
        letters = await stack.enter_async_context(_letter_service(state_dir, address))
        settings = GatewaySettings(
            state_dir=state_dir,
            gateway_address="127.0.0.1:0",
            webhook_address="127.0.0.1:0",
            console_address="127.0.0.1:0",
            approval_service_address=address,
            letter_service_address=letters,
            nats_url="nats://127.0.0.1:9",
        )
        edge = await stack.enter_async_context(gateway(settings))
        world = World(authority)
        await world.hire(*PEOPLE)
        for bank in (BANK, OTHER_BANK):
            await world.open_bank(bank)
        proving = asyncio.create_task(_prove(authority))
        stack.push_async_callback(_end, proving)
        yield Stack(state_dir, world, edge, address, letters, tokens.Issuer(CALLER, KEY))


def _identities(state_dir: Path) -> None:
    tls.ensure_local_ca(state_dir)
    for service in SERVICES:
        tls.ensure_certificate(state_dir, service)
    caller = {
        "active": True,
        "public_keys": [tokens.public_key_text(KEY)],
        "roles": sorted(roles.ALL_ROLES),
        "banks": ["*"],
        "requests_per_second": 1_000_000,
    }
    registry = {"callers": dict.fromkeys((CALLER, *SPARE_CALLERS), caller)}
    (state_dir / "callers.yaml").write_text(yaml.safe_dump(registry))


@asynccontextmanager
async def _authority(database: Database) -> AsyncIterator[Authority]:
    authority = open_authority(database)
    with database.writer.begin() as connection:
        connection.execute(update(schema.head).values(clock_business_ms=NOW_MS, clock_rate=0.0))
    yield authority
    authority.writer.close()


@asynccontextmanager
async def _served(state_dir: Path, authority: Authority) -> AsyncIterator[server.RunningServer]:
    async with server.running(
        "127.0.0.1:0",
        tls.server_credentials(state_dir, APPROVAL_SERVICE, require_client=True),
        services=tuple(CERTIFICATES),
        register=lambda target: approval_main._register(target, authority),
        authorize=authorizer(authority),
        grace_s=0.2,
    ) as running:
        await running.set_ready(True)
        yield running


@asynccontextmanager
async def _letter_service(state_dir: Path, authority: str) -> AsyncIterator[str]:
    """Its address. Runs are laid out as they come."""
    settings = parts.settings_for(state_dir, authority)
    archive, workers = open_archive(settings), Workers("ERROR")

    def register(target: grpc.aio.Server) -> None:
        add_LetterServiceServicer_to_server(LetterServer(workers), target)
        add_ArchiveServiceServicer_to_server(ArchiveServer(archive, workers), target)

    credentials = tls.server_credentials(state_dir, LETTER_SERVICE, require_client=True)
    async with (
        server.running(
            "127.0.0.1:0",
            credentials,
            services=("outreach.v1.LetterService", "outreach.v1.ArchiveService"),
            register=register,
            authorize=check_certificate,
            grace_s=0.2,
        ) as running,
        open_channel(authority, tls.channel_credentials(state_dir, LETTER_SERVICE)) as channel,
    ):
        await running.set_ready(True)
        laying_out = asyncio.create_task(Runner(PrintServiceStub(channel), archive, workers, settings).run())
        yield f"127.0.0.1:{running.port}"
        await _end(laying_out)
    workers.close()


async def _prove(authority: Authority) -> None:
    """Permits stop 60 s after a feed was proven last: NATS is not part of this."""
    while True:
        await asyncio.sleep(PROVE_S)
        for bank in (BANK, OTHER_BANK):
            await authority.write(bank_events.prove_feeds, (bank, real_ms()))


async def _end(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.wait({task})
