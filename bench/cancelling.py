"""cancel_p99: from a repayment published on NATS to its cancellation committed, on an idle system."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path
from statistics import quantiles

import nats
from google.protobuf import json_format
from nats.aio.client import Client as Nats

from bench import running, world
from bench.load import submit_batches
from bench.results import Result, duration
from bench.world import BANK, account_number, in_order, items
from outreach.client import Client, read_identity
from outreach.domain import states
from outreach.runtime import bus, nats_server
from outreach.runtime.config import Settings
from outreach.runtime.tls import ca_certificate
from outreach.v1.bank_service_pb2 import Repayment
from outreach.v1.outreach_service_pb2 import StatusChange
from outreach.v1.outreach_service_pb2_grpc import OutreachServiceStub

FIRST_ACCOUNT = 37_500
END_OF_ACCOUNTS = 37_950
PAUSE_S = 0.03
TIMEOUT_S = 10.0


async def measure(settings: Settings, folder: Path) -> Result:
    """Heard of as a case system hears of it, by Watch, which tells a change once it is committed."""
    accounts = in_order(range(FIRST_ACCOUNT, END_OF_ACCOUNTS))
    identity = read_identity(settings.state_dir, "clerk-1")
    async with Client(settings.gateway_address, ca_certificate(settings.state_dir), identity) as clerk:
        stub = OutreachServiceStub(clerk.channel)
        await submit_batches(stub, items("cancel", accounts), clerk.metadata())
        await world.settled(settings)
        changes = clerk.watch(BANK)
        bank = await bus.connect(settings, nats_server.bank_user(BANK))
        try:
            cancelled = [await _cancel(bank, changes, account) for account in accounts]
        finally:
            await bank.close()
    return duration("cancel_p99", _p99(cancelled), "ms", _p99(await _bare(folder, len(accounts))))


async def _cancel(bank: Nats, changes: AsyncIterator[StatusChange], account: int) -> float:
    """Milliseconds until the account's one message is cancelled."""
    repayment = Repayment(
        account_number=account_number(account), sequence=2, kind=Repayment.KIND_FULL, amount_fen=10_000 + account
    )
    event = world.event(f"repayment-{account}", repayment=repayment)
    body = json_format.MessageToJson(event).encode()
    begun = time.perf_counter()
    await bank.jetstream().publish(bus.events_subject(BANK), body)
    async with asyncio.timeout(TIMEOUT_S):
        async for change in changes:
            if change.state == states.CANCELLED and change.case_id == f"case-{account}":
                break
    elapsed_ms = (time.perf_counter() - begun) * 1000
    await asyncio.sleep(PAUSE_S)
    return elapsed_ms


async def _bare(folder: Path, count: int) -> list[float]:
    """Milliseconds of a publish with its acknowledgement, synced to disk, and one commit to SQLite."""
    database = sqlite3.connect(folder / "bare-cancel.db", isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("CREATE TABLE cancelled (id INTEGER PRIMARY KEY)")
    times = []
    async with running.bare_nats(folder / "bare-nats"):
        client = await nats.connect(f"nats://{running.BARE_NATS}")
        js = client.jetstream()
        await js.add_stream(name="BARE", subjects=["bare"])
        for number in range(count):
            begun = time.perf_counter()
            await js.publish("bare", b"x" * 300)
            database.execute("INSERT INTO cancelled VALUES (?)", (number,))
            times.append((time.perf_counter() - begun) * 1000)
            await asyncio.sleep(PAUSE_S)
        await client.close()
    database.close()
    return times


def _p99(times: list[float]) -> float:
    return quantiles(times, n=100)[-1]
