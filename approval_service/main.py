"""`python -m approval_service.main`: the authority. Wiring only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from nats.aio.client import Client

from approval_service import checkpoints, consumer, expiry, key_rotation, masters, publisher, wall_clock
from approval_service.authority import Authority, ChangeSignal
from approval_service.catalog import CatalogCache
from approval_service.database import Database
from approval_service.key_custody import Custodian
from approval_service.personal_data import erasing
from approval_service.screening.address import divisions
from approval_service.servers.bank import BankServer
from approval_service.servers.callers import CallerServer, authorizer
from approval_service.servers.evidence import EvidenceServer
from approval_service.servers.holds import HoldServer
from approval_service.servers.keys import KeyServer
from approval_service.servers.ledger import LedgerServer
from approval_service.servers.letter_versions import LetterVersionServer
from approval_service.servers.mailroom import MailroomServer
from approval_service.servers.operations import OperationsServer
from approval_service.servers.outreach import AdmissionServer, OutreachServer
from approval_service.servers.persons import PersonServer
from approval_service.servers.policies import PolicyServer
from approval_service.servers.printing import PrintServer
from approval_service.servers.quantities import QuantityServer
from approval_service.servers.templates import TemplateServer
from approval_service.servers.users import SessionServer, UserServer
from approval_service.servers.worker import WorkerServer
from approval_service.store.head import read_catalog_version
from approval_service.writer import Writer
from outreach.domain.clocks import real_ms
from outreach.domain.errors import Refusal
from outreach.runtime import bus, logs, nats_server, server, tls
from outreach.runtime.access import APPROVAL_SERVICE, CERTIFICATES
from outreach.runtime.config import Settings, load
from outreach.v1 import (
    admission_service_pb2_grpc,
    bank_service_pb2_grpc,
    caller_service_pb2_grpc,
    evidence_service_pb2_grpc,
    hold_service_pb2_grpc,
    key_service_pb2_grpc,
    ledger_service_pb2_grpc,
    letter_version_service_pb2_grpc,
    mailroom_service_pb2_grpc,
    operations_service_pb2_grpc,
    outreach_service_pb2_grpc,
    person_service_pb2_grpc,
    policy_service_pb2_grpc,
    print_service_pb2_grpc,
    quantity_service_pb2_grpc,
    session_service_pb2_grpc,
    template_service_pb2_grpc,
    user_service_pb2_grpc,
    worker_service_pb2_grpc,
)

SWEEP_S = 0.5
PROBE_S = 5.0
FOLLOW_S = 1.0
_log = logs.EventLogger("approval_service")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalSettings(Settings):
    """What the authority needs beside the shared settings."""

    simulated_clock: bool = False
    """Lets SetBusinessClock set the business clock: for tests and examples only."""
    master_keys: str = ""
    """The master keys themselves, `<16 hex id> <64 hex key>` separated by commas; empty for secrets/master-key."""
    key_service: str = ""
    """module:function of a key service's plug-in, which keeps the master keys instead (docs/keys.md)."""


async def main() -> None:
    settings = load(ApprovalSettings)
    logs.set_up(APPROVAL_SERVICE, settings.log_level)
    async with _authority(settings) as authority:
        nats = await bus.connect(settings, nats_server.APPROVAL_SERVICE)
        await bus.ensure_streams(nats.jetstream(), bus.OUTREACH_IN, bus.OUTREACH_OUT, bus.OUTREACH_DEAD)
        credentials = tls.server_credentials(settings.state_dir, APPROVAL_SERVICE, require_client=True)
        try:
            async with server.running(
                settings.approval_service_address,
                credentials,
                services=tuple(CERTIFICATES),
                register=lambda target: _register(target, authority),
                authorize=authorizer(authority),
            ) as running:
                await _work(authority, nats, running)
        finally:
            await nats.close()


@asynccontextmanager
async def _authority(settings: ApprovalSettings) -> AsyncIterator[Authority]:
    url = settings.database_url or f"sqlite:///{settings.state_dir / 'outreach.db'}"
    database = Database(url)
    await asyncio.to_thread(database.migrate)
    await asyncio.to_thread(divisions.table)  # not while the first letter waits
    custodian = _custodian(settings, database)
    keys, catalogs, changes = await asyncio.to_thread(custodian.open), CatalogCache(), ChangeSignal()
    writer = Writer(database, keys, catalogs, changes.notify)
    try:
        yield Authority(database, writer, keys, custodian, catalogs, changes, simulated_clock=settings.simulated_clock)
    finally:
        await asyncio.to_thread(writer.close)
        database.close()


def _custodian(settings: ApprovalSettings, database: Database) -> Custodian:
    """A first key is made only for an installation that has none: one whose file is lost must not get another."""
    path = settings.state_dir / "secrets" / "master-key"
    custodian = Custodian(database, masters.source(path, settings.master_keys, settings.key_service))
    if not settings.master_keys and not settings.key_service and custodian.is_empty():
        masters.ensure_file(path)
    return custodian


def _register(target: grpc.aio.Server, authority: Authority) -> None:
    admission_service_pb2_grpc.add_AdmissionServiceServicer_to_server(AdmissionServer(authority), target)
    outreach_service_pb2_grpc.add_OutreachServiceServicer_to_server(OutreachServer(authority), target)
    worker_service_pb2_grpc.add_WorkerServiceServicer_to_server(WorkerServer(authority), target)
    bank_service_pb2_grpc.add_BankServiceServicer_to_server(BankServer(authority), target)
    hold_service_pb2_grpc.add_HoldServiceServicer_to_server(HoldServer(authority), target)
    template_service_pb2_grpc.add_TemplateServiceServicer_to_server(TemplateServer(authority), target)
    letter_version_service_pb2_grpc.add_LetterVersionServiceServicer_to_server(LetterVersionServer(authority), target)
    quantity_service_pb2_grpc.add_QuantityServiceServicer_to_server(QuantityServer(authority), target)
    policy_service_pb2_grpc.add_PolicyServiceServicer_to_server(PolicyServer(authority), target)
    mailroom_service_pb2_grpc.add_MailroomServiceServicer_to_server(MailroomServer(authority), target)
    print_service_pb2_grpc.add_PrintServiceServicer_to_server(PrintServer(authority), target)
    ledger_service_pb2_grpc.add_LedgerServiceServicer_to_server(LedgerServer(authority), target)
    evidence_service_pb2_grpc.add_EvidenceServiceServicer_to_server(EvidenceServer(authority), target)
    key_service_pb2_grpc.add_KeyServiceServicer_to_server(KeyServer(authority), target)
    person_service_pb2_grpc.add_PersonServiceServicer_to_server(PersonServer(authority), target)
    operations_service_pb2_grpc.add_OperationsServiceServicer_to_server(OperationsServer(authority), target)
    user_service_pb2_grpc.add_UserServiceServicer_to_server(UserServer(authority), target)
    caller_service_pb2_grpc.add_CallerServiceServicer_to_server(CallerServer(authority), target)
    session_service_pb2_grpc.add_SessionServiceServicer_to_server(SessionServer(authority), target)


async def _work(authority: Authority, nats: Client, running: server.RunningServer) -> None:
    """Runs until told to stop. Raises what ended a background task."""
    inbound = consumer.Consumer(authority, nats.jetstream())
    background: list[Coroutine[Any, Any, None]] = [
        bus.consume(nats, bus.OUTREACH_IN, consumer.DURABLE, inbound.handle),
        publisher.run(authority, nats),
        checkpoints.run(authority, nats),
        key_rotation.work(authority),
        _sweep(authority),
        erasing.run(authority),
        _probe(authority, nats),
        _follow_callers(authority),
    ]
    tasks = [asyncio.create_task(one) for one in background]
    stopped = asyncio.create_task(server.stop_signal())
    await authority.follow_callers()
    await running.set_ready(True)
    _log.info("ready", database=authority.database.url.get_backend_name())
    try:
        done, _ = await asyncio.wait({stopped, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        if stopped not in done:
            done.pop().result()
        await running.set_ready(False)
    finally:
        for task in (stopped, *tasks):
            task.cancel()
        await asyncio.gather(stopped, *tasks, return_exceptions=True)


async def _sweep(authority: Authority) -> None:
    while True:
        await asyncio.sleep(SWEEP_S)
        try:
            await wall_clock.watch(authority)
            while await authority.write(expiry.sweep, None) >= expiry.BATCH:
                continue
        except Refusal as refusal:
            _log.warning("sweep_failed", reason=refusal.reason)


async def _probe(authority: Authority, nats: Client) -> None:
    """Proves each bank's feed again and again; permits for a bank stop 60 s after the last proof."""
    js = nats.jetstream()
    while True:
        version = await authority.read(read_catalog_version)
        catalog = await authority.read(authority.catalogs.at, version)
        try:
            await consumer.probe(js.publish, list(catalog.policies), real_ms())
        except Exception as error:  # noqa: BLE001  # without a probe no permits are given; the next round tries again
            _log.warning("probe_failed", error)
        await asyncio.sleep(PROBE_S)


async def _follow_callers(authority: Authority) -> None:
    """Another replica may shut a caller out, too."""
    while True:
        await asyncio.sleep(FOLLOW_S)
        try:
            await authority.follow_callers()
        except Exception as error:  # noqa: BLE001  # the database may be away: what was known before goes on
            _log.warning("callers_not_followed", error)


if __name__ == "__main__":
    server.run(main())
