"""The bank's events over a real nats-server, read by one or two replicas."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from google.protobuf import json_format
from nats.aio.client import Client
from nats.aio.msg import Msg

from approval_service import bank_events
from approval_service.consumer import DURABLE, Consumer, probe
from approval_service.store import stops as stop_store
from outreach.domain.clocks import real_ms
from outreach.domain.errors import Kind, Refusal
from outreach.runtime import bus, nats_server
from outreach.v1.bank_service_pb2 import Balance, BankEvent, FeedMark, Repayment
from tests.service.approval_service.world import BANK, NOW_MS, World
from tests.unit.runtime.conftest import NatsProcess, nats_process

__all__ = ["nats_process"]


@pytest.fixture(autouse=True)
def killed_for_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a killed replica held is delivered again after 1 s instead of 10."""
    monkeypatch.setattr(bus, "ACK_WAIT_S", 1.0)


@pytest.fixture
async def client(nats_process: NatsProcess) -> AsyncIterator[Client]:
    client = await bus.connect(nats_process.settings, nats_server.APPROVAL_SERVICE)
    await bus.ensure_streams(client.jetstream(), bus.OUTREACH_IN, bus.OUTREACH_DEAD)
    yield client
    await client.close()


@pytest.fixture
async def bank(nats_process: NatsProcess, client: Client) -> AsyncIterator[Client]:
    bank = await bus.connect(nats_process.settings, nats_server.bank_user(BANK))
    yield bank
    await bank.close()


@asynccontextmanager
async def replica(client: Client, handler: bus.Handler) -> AsyncIterator[None]:
    task = asyncio.create_task(bus.consume(client, bus.OUTREACH_IN, DURABLE, handler))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


async def publish(bank: Client, event: BankEvent, event_id: str) -> None:
    event.event_id, event.bank_id = event_id, BANK
    event.event_time.FromMilliseconds(NOW_MS)
    await bank.jetstream().publish(bus.events_subject(BANK), json_format.MessageToJson(event).encode())


def repaid(number: str) -> BankEvent:
    return BankEvent(repayment=Repayment(account_number=number, sequence=2, kind=Repayment.KIND_FULL))


def balance(number: str, sequence: int) -> BankEvent:
    told = Balance(account_number=number, sequence=sequence, overdue_amount_fen=500)
    told.as_of_time.FromMilliseconds(NOW_MS)
    return BankEvent(balance=told)


async def proven_ms(world: World) -> int:
    feeds = await world.authority.read(stop_store.feeds)
    return int(feeds[BANK].proven_real_ms)


async def until_empty(client: Client) -> None:
    for _ in range(1000):
        if not (await client.jetstream().stream_info(bus.OUTREACH_IN)).state.messages:
            return
        await asyncio.sleep(0.02)
    raise TimeoutError


async def test_nothing_vouches_for_an_event_that_another_replica_holds(
    world: World, client: Client, bank: Client
) -> None:
    """Neither a probe nor a feed mark behind it counts before it has been applied, though that replica was killed."""
    await world.ready("6001")
    world.set_clock(NOW_MS + 60_000)
    taken = asyncio.Event()

    async def killed(batch: Sequence[Msg]) -> None:
        taken.set()
        await asyncio.Event().wait()

    mark = FeedMark()
    mark.complete_through.FromMilliseconds(NOW_MS + 60_000)
    before, sent = await proven_ms(world), real_ms() + 1
    async with replica(client, killed):
        await publish(bank, repaid("6001"), "paid")
        await taken.wait()
    await publish(bank, BankEvent(feed_mark=mark), "mark")
    await probe(client.jetstream().publish, [BANK], sent)
    inbound = Consumer(world.authority, client.jetstream())
    seen: list[tuple[int, bool]] = []

    async def watched(batch: Sequence[Msg]) -> None:
        await inbound.handle(batch)
        applied = {entry["kind"] for entry in await world.entries()} & {"repayment"}
        complete = (await world.authority.read(stop_store.feeds))[BANK].complete_through_ms
        seen.append((max(await proven_ms(world) - before, complete - NOW_MS), bool(applied)))

    async with replica(client, watched):
        await until_empty(client)
    assert seen[0] == (0, False)
    assert all(moved == 0 for moved, applied in seen if not applied)
    assert await proven_ms(world) == sent
    assert (await world.authority.read(stop_store.feeds))[BANK].complete_through_ms == NOW_MS + 60_000


async def test_an_event_waits_for_the_placement_before_it(world: World, client: Client, bank: Client) -> None:
    """One on an account that nobody placed is set aside only once nothing before it is still to be applied."""
    await world.ready("6001")
    taken = asyncio.Event()

    async def killed(batch: Sequence[Msg]) -> None:
        taken.set()
        await asyncio.Event().wait()

    async with replica(client, killed):
        await publish(bank, balance("6001", 2), "first")
        await taken.wait()
    await publish(bank, repaid("6009"), "early")
    async with replica(client, Consumer(world.authority, client.jetstream()).handle):
        await asyncio.sleep(0.5)
        assert (await client.jetstream().stream_info(bus.OUTREACH_DEAD)).state.messages == 0
        await world.place("6009", "13800136009")
        await until_empty(client)
    assert (await client.jetstream().stream_info(bus.OUTREACH_DEAD)).state.messages == 0
    assert "ACCOUNT_SETTLED" in {finding.code for finding in (await world.ask("6009")).findings}


async def test_an_event_on_an_account_never_placed_is_set_aside_at_once(
    world: World, client: Client, bank: Client
) -> None:
    """It keeps back neither what follows nor the proof that the feed is applied."""
    await world.ready("6001")
    await publish(bank, repaid("6009"), "unknown")
    await publish(bank, balance("6001", 2), "known")
    sent = real_ms() + 1
    await probe(client.jetstream().publish, [BANK], sent)
    async with replica(client, Consumer(world.authority, client.jetstream()).handle), asyncio.timeout(5):
        await until_empty(client)
    assert await proven_ms(world) == sent
    assert (await client.jetstream().stream_info(bus.OUTREACH_DEAD)).state.messages == 1


async def test_a_batch_that_fails_is_repeated_before_the_next(world: World, client: Client, bank: Client) -> None:
    """While the database is away nothing later is taken."""
    await world.ready("6001")
    inbound = Consumer(world.authority, client.jetstream())
    tried: list[str] = []

    async def failing(batch: Sequence[Msg]) -> None:
        tried.extend(str(json_format.Parse(message.data, BankEvent()).event_id) for message in batch)
        if len(tried) == 1:
            await publish(bank, balance("6001", 3), "second")
            raise Refusal(Kind.UNAVAILABLE, "away")
        await inbound.handle(batch)

    await publish(bank, balance("6001", 2), "first")
    async with replica(client, failing):
        await until_empty(client)
    assert tried == ["first", "first", "second"]
    assert not any(entry.get("superseded") for entry in await world.entries("balance"))


async def test_a_probe_that_comes_back_proves_the_feed(world: World, client: Client) -> None:
    """That of an idle bank, too."""
    sent = real_ms() + 1
    await world.authority.write(bank_events.prove_feeds, (BANK, 1))
    await probe(client.jetstream().publish, [BANK], sent)
    async with replica(client, Consumer(world.authority, client.jetstream()).handle):
        await until_empty(client)
    assert await proven_ms(world) == sent
