"""cancel_p99: from a repayment published on NATS to its cancellation committed, on an idle system."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from pathlib import Path
from statistics import quantiles

import nats
from google.protobuf import json_format
from nats.aio.client import Client

from bench import running, world
from bench.load import submit_batches
from bench.results import Result, duration
from bench.world import BANK, account_number, acting, in_order, items
from outreach.domain import states
from outreach.runtime import bus, nats_server
from outreach.runtime.config import Settings
from outreach.v1.bank_service_pb2 import Repayment
from outreach.v1.outreach_service_pb2 import StatusChange
from outreach.v1.outreach_service_pb2_grpc import OutreachServiceStub

FIRST_ACCOUNT = 37_500
END_OF_ACCOUNTS = 37_950
PAUSE_S = 0.03
TIMEOUT_S = 10.0


async def measure(settings: Settings, folder: Path) -> Result:
    """Heard of as a case system hears of it, by the published status, which comes a little later than the commit."""
    accounts = in_order(range(FIRST_ACCOUNT, END_OF_ACCOUNTS))
    async with acting(settings, "clerk-1") as clerk:
        await submit_batches(OutreachServiceStub(clerk.channel), items("cancel", accounts), clerk.metadata())
    await world.settled(settings)
    client = await bus.connect(settings, nats_server.bank_user(BANK))
    try:
        cancelled = [await _cancel(client, account) for account in accounts]
    finally:
        await client.close()
    return duration("cancel_p99", _p99(cancelled), "ms", _p99(await _bare(folder, len(accounts))))


async def _cancel(client: Client, account: int) -> float:
    """Milliseconds until the account's one message is cancelled."""
    repayment = Repayment(
        account_number=account_number(account), sequence=2, kind=Repayment.KIND_FULL, amount_fen=10_000 + account
    )
    event = world.event(f"repayment-{account}", repayment=repayment)
    body = json_format.MessageToJson(event).encode()
    changes = await client.subscribe(bus.status_subject(BANK))
    begun = time.perf_counter()
    await client.jetstream().publish(bus.events_subject(BANK), body)
    while True:
        message = await changes.next_msg(timeout=TIMEOUT_S)
        change = json_format.Parse(message.data, StatusChange())
        if change.state == states.CANCELLED and change.case_id == f"case-{account}":
            elapsed_ms = (time.perf_counter() - begun) * 1000
            await changes.unsubscribe()
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
