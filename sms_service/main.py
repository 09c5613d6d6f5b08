"""`python -m sms_service.main`: leases, sends, reports; reads carriers' receipts from the stream. Wiring only."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nats.aio.client import Client
from nats.aio.msg import Msg

from outreach.runtime import bus, logs, nats_server, server, tls
from outreach.runtime.access import SMS_SERVICE, check_certificate
from outreach.runtime.client import RenewingChannel
from outreach.runtime.config import Settings, load
from outreach.runtime.sealing import Sealer
from outreach.v1.worker_service_pb2_grpc import WorkerServiceStub
from sms_service import filings, inbox, lookups, worker
from sms_service.carriers.account import Account
from sms_service.carriers.registry import load_accounts, open_carrier
from sms_service.carriers.seam import Carrier, RegisteredCopies
from sms_service.receipts import receipts
from sms_service.replies import replies
from sms_service.reporter import Reporter
from sms_service.worker import Channel

if TYPE_CHECKING:
    from outreach.v1.worker_service_pb2_grpc import WorkerServiceAsyncStub

RECEIPTS = "outreach.carrier.*.receipts"
REPLIES = "outreach.carrier.*.replies"
REPLY_DELIVERIES = 12
"""Over an hour: a reply may overtake the report of the message that it answers, but not by that much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SmsSettings(Settings):
    """What sms_service needs beside the shared settings."""

    carriers_file: Path
    """YAML or JSON with the carrier accounts (docs/carriers.md)."""
    lookup_interval_s: float = lookups.INTERVAL_S
    """Seconds between two rounds of asking the carriers that keep records."""
    lookup_min_age_s: float = lookups.MIN_AGE_MS / 1000
    """Seconds that a receipt is awaited before the carrier is asked."""
    copies_interval_s: float = filings.INTERVAL_S
    """Seconds between two readings of the carriers' registered copies."""


async def main() -> None:
    settings = load(SmsSettings)
    logs.set_up("sms_service", settings.log_level)
    accounts = load_accounts(settings.carriers_file)
    credentials = tls.server_credentials(settings.state_dir, SMS_SERVICE, require_client=True)
    async with (
        server.running(
            settings.sms_service_address, credentials, services=(), register=lambda _: None, authorize=check_certificate
        ) as health,
        RenewingChannel(
            settings.approval_service_address, tls.service_files(settings.state_dir, SMS_SERVICE)
        ) as channel,
    ):
        authority = WorkerServiceStub(channel)
        nats = await bus.connect(settings, nats_server.SMS_SERVICE)
        js, sealer = nats.jetstream(), Sealer.load(settings.state_dir)
        await bus.ensure_streams(js, bus.OUTREACH_CARRIER, bus.OUTREACH_DEAD)
        carriers = {
            account.carrier_id: open_carrier(account, inbox.keeper(js, sealer, account.carrier_id))
            for account in accounts
        }
        for carrier in carriers.values():
            await carrier.start()
        try:
            await _work(settings, accounts, carriers, authority, nats, sealer, health)
        finally:
            for carrier in carriers.values():
                await carrier.close()
            await nats.close()


async def _work(
    settings: SmsSettings,
    accounts: list[Account],
    carriers: dict[str, Carrier],
    authority: WorkerServiceAsyncStub,
    nats: Client,
    sealer: Sealer,
    health: server.RunningServer,
) -> None:
    """Runs until told to stop, then lets what is in flight end and reports it. Raises what ended a task early."""
    reporter = Reporter(authority)
    channels = [
        Channel(carriers[account.carrier_id], account.rate_per_s, account.max_in_flight, authority, reporter)
        for account in accounts
    ]
    await _wake_by(nats, channels)
    js = nats.jetstream()
    of_receipts = inbox.handler(js, sealer, receipts(authority, carriers))
    of_replies = inbox.handler(js, sealer, replies(authority, carriers), give_up_after=REPLY_DELIVERIES)
    background: list[Coroutine[Any, Any, None]] = [
        bus.consume(nats, bus.OUTREACH_CARRIER, "sms_service_receipts", of_receipts, filter_subjects=(RECEIPTS,)),
        bus.consume(nats, bus.OUTREACH_CARRIER, "sms_service_replies", of_replies, filter_subjects=(REPLIES,)),
        *(
            lookups.run(authority, c, settings.lookup_interval_s, settings.lookup_min_age_s)
            for c in carriers.values()
            if c.records_days
        ),
        *(
            filings.run(authority, c, settings.copies_interval_s)
            for c in carriers.values()
            if isinstance(c, RegisteredCopies)
        ),
    ]
    sending = asyncio.create_task(worker.run(channels, f"{socket.gethostname()}-{os.getpid()}"[:64], reporter))
    tasks = [sending, *map(asyncio.create_task, background)]
    stopped = asyncio.create_task(server.stop_signal())
    await health.set_ready(True)
    try:
        done, _ = await asyncio.wait({stopped, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        if stopped not in done:
            done.pop().result()
        await health.set_ready(False)
        for channel in channels:
            channel.stop()
        await sending
    finally:
        for task in (stopped, *tasks):
            task.cancel()
        await asyncio.gather(stopped, *tasks, return_exceptions=True)


async def _wake_by(nats: Client, channels: list[Channel]) -> None:
    async def wake(_: Msg) -> None:
        for channel in channels:
            channel.wake()

    await nats.subscribe(bus.WAKE_SMS, cb=wake)


if __name__ == "__main__":
    server.run(main())
