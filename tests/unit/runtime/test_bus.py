"""The bus against a real nats-server."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.errors import APIError

from outreach.runtime import bus, nats_server
from tests.unit.runtime.conftest import NatsProcess

ALL = (bus.OUTREACH_IN, bus.OUTREACH_OUT, bus.OUTREACH_CARRIER, bus.OUTREACH_DEAD)


@asynccontextmanager
async def connected(process: NatsProcess, user: str) -> AsyncIterator[Client]:
    client = await bus.connect(process.settings, user)
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def consuming(client: Client, handler: bus.Handler, stream: str = bus.OUTREACH_IN) -> AsyncIterator[None]:
    task = asyncio.create_task(bus.consume(client, stream, "reader", handler))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


class Collector:
    """A handler that keeps what it was given."""

    def __init__(self) -> None:
        self.payloads: list[bytes] = []
        self._arrived = asyncio.Event()

    async def __call__(self, batch: Sequence[Msg]) -> None:
        self.payloads += [message.data for message in batch]
        self._arrived.set()

    async def wait_for(self, count: int) -> list[bytes]:
        async with asyncio.timeout(15):
            while len(self.payloads) < count:
                await self._arrived.wait()
                self._arrived.clear()
        return self.payloads


async def becomes_empty(client: Client, stream: str) -> bool:
    """True once the stream holds nothing; False after 5 s."""
    for _ in range(500):
        if (await client.jetstream().stream_info(stream)).state.messages == 0:
            return True
        await asyncio.sleep(0.01)
    return False


async def test_a_bank_publishes_and_the_authority_reads_in_order(nats_process: NatsProcess) -> None:
    """What a bank got an acknowledgement for reaches the handler once and in order, and then leaves the stream."""
    collector = Collector()
    async with (
        connected(nats_process, nats_server.APPROVAL_SERVICE) as authority,
        connected(nats_process, nats_server.bank_user("demo-bank")) as bank,
    ):
        await bus.ensure_streams(authority.jetstream(), *ALL)
        await bus.ensure_streams(authority.jetstream(), *ALL)
        sent = [f"{n}".encode() for n in range(600)]
        for payload in sent:
            await bank.jetstream().publish(bus.events_subject("demo-bank"), payload)
        async with consuming(authority, collector):
            assert await collector.wait_for(600) == sent
            assert await becomes_empty(authority, bus.OUTREACH_IN)


async def test_an_idle_consumer_hands_on_a_message_at_once(nats_process: NatsProcess) -> None:
    """A single event is not held back in the hope of more."""
    collector = Collector()
    async with connected(nats_process, nats_server.APPROVAL_SERVICE) as client:
        await bus.ensure_streams(client.jetstream(), *ALL)
        async with consuming(client, collector):
            await client.jetstream().publish(bus.probe_subject("demo-bank"), b"warm")
            await collector.wait_for(1)
            start = asyncio.get_running_loop().time()
            await client.jetstream().publish(bus.probe_subject("demo-bank"), b"probe")
            await collector.wait_for(2)
            assert asyncio.get_running_loop().time() - start < 2


async def test_a_failed_batch_comes_again(nats_process: NatsProcess) -> None:
    """If the handler raises, nothing is acknowledged and all of it is delivered again."""
    attempts: list[list[bytes]] = []
    done = asyncio.Event()

    async def handler(batch: Sequence[Msg]) -> None:
        attempts.append([message.data for message in batch])
        if len(attempts) == 1:
            raise ValueError("not now")
        done.set()

    async with connected(nats_process, nats_server.APPROVAL_SERVICE) as client:
        await bus.ensure_streams(client.jetstream(), *ALL)
        await client.jetstream().publish(bus.probe_subject("demo-bank"), b"x")
        async with consuming(client, handler), asyncio.timeout(10):
            await done.wait()
    assert attempts == [[b"x"], [b"x"]]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_a_stopped_server_loses_nothing(nats_process: NatsProcess, number: signal.Signals) -> None:
    """After the end and restart of nats-server the same consumer goes on, with all that was acknowledged before."""
    collector = Collector()
    async with connected(nats_process, nats_server.APPROVAL_SERVICE) as client:
        js = client.jetstream()
        await bus.ensure_streams(js, *ALL)
        async with consuming(client, collector):
            await js.publish(bus.probe_subject("demo-bank"), b"1")
            await collector.wait_for(1)
            await nats_process.stop(number)
            await nats_process.start()
            await js.publish(bus.probe_subject("demo-bank"), b"2", timeout=10)
            assert (await collector.wait_for(2))[-1] == b"2"


async def test_a_deleted_consumer_is_made_again(nats_process: NatsProcess) -> None:
    """A reader whose durable consumer was removed makes it again and reads on."""
    collector = Collector()
    async with connected(nats_process, nats_server.APPROVAL_SERVICE) as client:
        js = client.jetstream()
        await bus.ensure_streams(js, *ALL)
        async with consuming(client, collector):
            await js.publish(bus.probe_subject("demo-bank"), b"1")
            await collector.wait_for(1)
            await js.delete_consumer(bus.OUTREACH_IN, "reader")
            await js.publish(bus.probe_subject("demo-bank"), b"2")
            assert (await collector.wait_for(2))[-1] == b"2"


async def test_a_dead_letter_keeps_payload_and_reason_once(nats_process: NatsProcess) -> None:
    """Setting the same message aside twice leaves one dead letter, and the original is acknowledged."""
    done = asyncio.Event()
    async with connected(nats_process, nats_server.APPROVAL_SERVICE) as client:
        js = client.jetstream()
        await bus.ensure_streams(js, *ALL)

        async def handler(batch: Sequence[Msg]) -> None:
            for message in batch:
                await bus.dead_letter(js, message, "not JSON")
                message._ackd = False  # as if the first acknowledgement had been lost
                await bus.dead_letter(js, message, "not JSON")
            done.set()

        await js.publish(bus.probe_subject("demo-bank"), b"{broken")
        async with consuming(client, handler), asyncio.timeout(10):
            await done.wait()
        state = (await js.stream_info(bus.OUTREACH_DEAD)).state
        letter = await js.get_msg(bus.OUTREACH_DEAD, 1)
    assert state.messages == 1
    assert letter.data == b"{broken"
    assert letter.subject == "outreach.dead.in.demo-bank.probe"
    assert letter.headers is not None
    assert letter.headers["Outreach-Reason"] == "not JSON"
    assert letter.headers["Outreach-Subject"] == "outreach.in.demo-bank.probe"


async def test_a_repeated_status_is_kept_once(nats_process: NatsProcess) -> None:
    """The outbox may publish a status again under its message id; the stream keeps one."""
    async with connected(nats_process, nats_server.APPROVAL_SERVICE) as client:
        js = client.jetstream()
        await bus.ensure_streams(js, *ALL)
        for _ in range(3):
            await js.publish(bus.status_subject("demo-bank"), b"{}", headers={bus.MESSAGE_ID: "7"})
        assert (await js.stream_info(bus.OUTREACH_OUT)).state.messages == 1


async def test_many_are_published_in_order_without_a_gap(nats_process: NatsProcess) -> None:
    """All or none, whatever was published before: a repeat of all changes nothing, one of a part completes."""
    subject = bus.status_subject("demo-bank")
    messages = [(subject, f"{number}".encode(), f"{number}") for number in range(60)]
    async with connected(nats_process, nats_server.APPROVAL_SERVICE) as client:
        js = client.jetstream()
        await bus.ensure_streams(js, bus.OUTREACH_OUT)
        for start, end in ((0, 30), (0, 30), (15, 45), (43, 48), (48, 50)):
            await bus.publish_in_order(client, messages[start:end])
        too_large = (subject, b"x" * 2_000_000, "59")
        with pytest.raises(NatsError):
            await bus.publish_in_order(client, [*messages[50:59], *messages[:2], too_large])
        await bus.publish_in_order(client, messages[50:51])
        state = (await js.stream_info(bus.OUTREACH_OUT)).state
        kept = [(await js.get_msg(bus.OUTREACH_OUT, seq=seq)).data for seq in range(1, state.last_seq + 1)]
        assert kept == [payload for _, payload, _ in messages[:51]]


async def test_a_bank_may_publish_only_its_own_events(nats_process: NatsProcess) -> None:
    """Another bank's subject, the probe, the authority's answers and the JetStream interface are closed to a bank."""
    async with (
        connected(nats_process, nats_server.APPROVAL_SERVICE) as authority,
        connected(nats_process, nats_server.bank_user("demo-bank")) as bank,
    ):
        await bus.ensure_streams(authority.jetstream(), *ALL)
        forbidden = (
            bus.events_subject("other-bank"),
            bus.probe_subject("demo-bank"),
            bus.status_subject("demo-bank"),
            f"$JS.API.STREAM.PURGE.{bus.OUTREACH_IN}",
        )
        for subject in forbidden:
            await bank.publish(subject, b"{}")
        await bank.flush()
        for stream in ALL:
            assert (await authority.jetstream().stream_info(stream)).state.last_seq == 0


async def test_a_bank_hears_only_its_own_status(nats_process: NatsProcess) -> None:
    """A bank's subscriptions to another bank, to the events and to others' inboxes stay silent."""
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def hear(message: Msg) -> None:
        heard.put_nowait(message.subject)

    async with (
        connected(nats_process, nats_server.APPROVAL_SERVICE) as authority,
        connected(nats_process, nats_server.bank_user("demo-bank")) as bank,
    ):
        await bus.ensure_streams(authority.jetstream(), *ALL)
        for subject in ("outreach.out.demo-bank.>", "outreach.out.other-bank.>", "outreach.in.>", "_INBOX.>"):
            await bank.subscribe(subject, cb=hear)
        await bank.flush()
        for name in ("other-bank", "demo-bank"):
            await authority.jetstream().publish(bus.probe_subject(name), b"{}")
            await authority.jetstream().publish(bus.status_subject(name), b"{}")
        async with asyncio.timeout(10):
            assert await heard.get() == "outreach.out.demo-bank.status"
        assert heard.empty()


async def test_a_full_stream_refuses(nats_process: NatsProcess) -> None:
    """The inbound stream refuses what it has no room for, and keeps what it has."""
    async with connected(nats_process, nats_server.APPROVAL_SERVICE) as client:
        js = client.jetstream()
        await bus.ensure_streams(js, *ALL)
        config = (await js.stream_info(bus.OUTREACH_IN)).config
        await js.update_stream(config.evolve(max_bytes=2000))
        await js.publish(bus.probe_subject("demo-bank"), b"x" * 1500)
        with pytest.raises(APIError):
            await js.publish(bus.probe_subject("demo-bank"), b"y" * 1500)
        assert (await js.get_msg(bus.OUTREACH_IN, 1)).data == b"x" * 1500


async def test_what_rests_on_disk_is_encrypted(nats_process: NatsProcess) -> None:
    """A payload cannot be found in the files of the store."""
    async with connected(nats_process, nats_server.APPROVAL_SERVICE) as client:
        await bus.ensure_streams(client.jetstream(), *ALL)
        await client.jetstream().publish(bus.probe_subject("demo-bank"), b"FINDME" * 50)
    await nats_process.stop()
    files = [path for path in (nats_process.settings.state_dir / "nats").rglob("*") if path.is_file()]
    assert files
    assert not any(b"FINDME" in path.read_bytes() for path in files)


async def test_each_service_can_do_its_own_work(nats_process: NatsProcess) -> None:
    """The gateway stores pushes, sms_service reads them and sets one aside, the operator reads and replays it."""
    collector = Collector()
    subject = bus.carrier_subject("aliyun-demo", "receipts")

    async def set_aside(batch: Sequence[Msg]) -> None:
        for message in batch:
            if message.data == b"bad":
                await bus.dead_letter(sms.jetstream(), message, "unreadable")
        await collector(batch)

    async with (
        connected(nats_process, nats_server.GATEWAY) as gateway,
        connected(nats_process, nats_server.SMS_SERVICE) as sms,
        connected(nats_process, nats_server.OPERATOR) as operator,
    ):
        await bus.ensure_streams(gateway.jetstream(), bus.OUTREACH_CARRIER)
        await bus.ensure_streams(sms.jetstream(), bus.OUTREACH_CARRIER, bus.OUTREACH_DEAD)
        for payload in (b"good", b"bad"):
            await gateway.jetstream().publish(subject, payload)
        async with consuming(sms, set_aside, bus.OUTREACH_CARRIER):
            assert await collector.wait_for(2) == [b"good", b"bad"]
            letter = await operator.jetstream().get_msg(bus.OUTREACH_DEAD, 1)
            assert letter.headers is not None
            await operator.jetstream().publish(letter.headers["Outreach-Subject"], letter.data or b"")
            assert await collector.wait_for(3) == [b"good", b"bad", b"bad"]


async def test_nobody_reads_what_is_not_its_own(nats_process: NatsProcess) -> None:
    """sms_service cannot read the banks' events, and the gateway cannot read at all."""
    async with (
        connected(nats_process, nats_server.APPROVAL_SERVICE) as authority,
        connected(nats_process, nats_server.SMS_SERVICE) as sms,
        connected(nats_process, nats_server.GATEWAY) as gateway,
    ):
        await bus.ensure_streams(authority.jetstream(), *ALL)
        for client, stream in ((sms, bus.OUTREACH_IN), (gateway, bus.OUTREACH_CARRIER)):
            with pytest.raises(NatsTimeoutError):
                await client.jetstream(timeout=0.3).add_consumer(stream, durable_name="thief")
            assert (await authority.jetstream().stream_info(stream)).state.consumer_count == 0
