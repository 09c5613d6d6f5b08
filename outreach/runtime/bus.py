"""The event bus: NATS JetStream. Makes its streams, consumes in batches, and sets aside what cannot be read.

OUTREACH_IN       outreach.in.<bank>.events and .probe. Until acknowledged; refuses when full.
OUTREACH_OUT      outreach.out.<bank>.status. 7 days or 1 GiB; a message id is taken once an hour.
OUTREACH_CARRIER  outreach.carrier.<carrier>.receipts and .replies, sealed. Until acknowledged; refuses when full.
OUTREACH_DEAD     outreach.dead.<original subject without "outreach.">. Until removed by hand; refuses when full.

Personal data lies in OUTREACH_IN and OUTREACH_DEAD only under the server's encryption at rest (runtime.nats_server).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import count
from urllib.parse import urlsplit

import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import ConnectionClosedError
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DiscardPolicy, Header, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import APIError, NotFoundError

from outreach.domain.ids import new_id
from outreach.runtime import tls
from outreach.runtime.config import Settings
from outreach.runtime.logs import EventLogger
from outreach.runtime.secret_files import ensure_secret

OUTREACH_IN = "OUTREACH_IN"
OUTREACH_OUT = "OUTREACH_OUT"
OUTREACH_CARRIER = "OUTREACH_CARRIER"
OUTREACH_DEAD = "OUTREACH_DEAD"
WAKE_SMS = "outreach.wake.sms"
"""Core NATS subject on which the authority tells sms_service that something became due. Nothing is lost with it."""
CHECKPOINTS = "outreach.out.checkpoints"
"""Core NATS subject on which the authority tells witnesses of the ledger's newest checkpoint. What is missed is made up
for by the next one."""
MESSAGE_ID = "Nats-Msg-Id"
BATCH = 256
ACK_WAIT_S = 10.0
FEW = 10
"""Up to so many are published one by one: a batch costs the server some milliseconds, however small it is."""

_REPEATED_IN_BATCH = 10201
"""The server's error code of a batch with a message id that it knows."""
_GIB = 1 << 30
_DAY_S = 86_400.0
_PULL_EXPIRES_S = 20.0
_HEARTBEAT_S = 1.0
_PAUSE_S = 0.5
_MAX_RETRY_S = 2.0
_log = EventLogger("bus")

_STREAMS = {
    OUTREACH_IN: StreamConfig(
        subjects=["outreach.in.*.events", "outreach.in.*.probe"],
        retention=RetentionPolicy.WORK_QUEUE,
        discard=DiscardPolicy.NEW,
        max_bytes=_GIB,
        duplicate_window=0.1,  # the least there is: two banks' message ids may be equal; event ids are known for ever
    ),
    OUTREACH_OUT: StreamConfig(
        subjects=["outreach.out.*.status"],
        max_bytes=_GIB,
        max_age=7 * _DAY_S,
        duplicate_window=3600.0,
        allow_atomic=True,
    ),
    OUTREACH_CARRIER: StreamConfig(
        subjects=["outreach.carrier.*.receipts", "outreach.carrier.*.replies"],
        retention=RetentionPolicy.WORK_QUEUE,
        discard=DiscardPolicy.NEW,
        max_bytes=_GIB,
    ),
    OUTREACH_DEAD: StreamConfig(
        subjects=["outreach.dead.>"], discard=DiscardPolicy.NEW, max_bytes=_GIB // 4, duplicate_window=_DAY_S
    ),
}

Handler = Callable[[Sequence[Msg]], Awaitable[None]]
"""Handles a batch in the order of the stream. What it has not answered itself (dead_letter, ack, nak) when it returns
is acknowledged; if it raises, it gets that again after a growing pause, and nothing else before.
"""


def events_subject(bank_id: str) -> str:
    return f"outreach.in.{bank_id}.events"


def probe_subject(bank_id: str) -> str:
    return f"outreach.in.{bank_id}.probe"


def status_subject(bank_id: str) -> str:
    return f"outreach.out.{bank_id}.status"


def carrier_subject(carrier_id: str, what: str) -> str:
    """`what` is receipts or replies."""
    return f"outreach.carrier.{carrier_id}.{what}"


def inbox_prefix(user: str) -> str:
    """Where a user may listen for answers. Each has its own, so that nobody reads another's."""
    return f"_INBOX.{user}"


async def connect(settings: Settings, user: str) -> Client:
    """Connects as a user of runtime.nats_server; waits for a server that is not up yet, and reconnects for ever."""
    await _wait_for_port(settings.nats_url)
    client = Client()

    async def on_error(error: Exception) -> None:
        _log.warning("nats_error", kind=type(error).__name__)

    secure = settings.nats_url.startswith("tls://")

    async def on_disconnect() -> None:
        if not client.is_closed:
            _log.warning("nats_disconnected")
            if secure:  # the authorities may be others by now
                client.options["tls"] = tls.client_context(settings.state_dir)

    async def on_reconnect() -> None:
        _log.info("nats_reconnected")

    await client.connect(
        settings.nats_url,
        name=user,
        user=user,
        password=ensure_secret(settings.state_dir, f"nats-{user}"),
        inbox_prefix=inbox_prefix(user),
        tls=tls.client_context(settings.state_dir) if secure else None,
        max_reconnect_attempts=-1,
        reconnect_time_wait=1,
        error_cb=on_error,
        disconnected_cb=on_disconnect,
        reconnected_cb=on_reconnect,
    )
    return client


async def _wait_for_port(url: str) -> None:
    """nats-py sleeps 2 s after a refused first connect; asking the port is quicker and quieter."""
    parts = urlsplit(url)
    pause = 0.02
    while True:
        try:
            _, writer = await asyncio.open_connection(parts.hostname, parts.port or 4222)
        except OSError:
            if pause > 1.0:
                _log.warning("nats_unreachable", url=url)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 5.0)
        else:
            writer.close()
            return


async def ensure_streams(js: JetStreamContext, *names: str) -> None:
    """Makes the streams, or brings them to this configuration. Safe to repeat."""
    for name in names:
        config = _STREAMS[name].evolve(name=name, storage=StorageType.FILE)
        try:
            await js.update_stream(config)
        except NotFoundError:
            await js.add_stream(config)


async def consume(
    client: Client, stream: str, durable: str, handler: Handler, *, filter_subjects: Sequence[str] = ()
) -> None:
    """Hands the stream's messages to the handler, up to 256 at a time, until cancelled. Survives the server's restarts.

    One durable name is one reader, however many processes use it. Messages are delivered again without end until they
    are answered. Raises ConnectionClosedError once the client is closed.
    """
    puller = _Puller(client, stream, durable, filter_subjects)
    try:
        while True:
            batch = await puller.next_batch()
            await _handle(batch, handler)
    finally:
        await puller.close()


async def publish_in_order(client: Client, messages: Sequence[tuple[str, bytes, str]]) -> None:
    """Publishes (subject, payload, message id) to a stream that takes batches; a repeat changes nothing.

    Many are taken together or none is; a few go one by one, which is sooner done. So do those of a batch that is
    refused because some were taken before, by a call whose answer was lost or by another process. Raises NatsError.
    """
    js = client.jetstream()
    if len(messages) > FEW:
        try:
            await _publish_batch(client, messages)
        except APIError as error:
            if error.err_code != _REPEATED_IN_BATCH:
                raise
        else:
            return
    for subject, payload, message_id in messages:
        await js.publish(subject, payload, headers={MESSAGE_ID: message_id})


async def _publish_batch(client: Client, messages: Sequence[tuple[str, bytes, str]]) -> None:
    """Stored and synced to disk once, which costs the server an eighth of what so many single messages do."""
    headers: dict[str, str] = {Header.BATCH_ID: new_id()}
    for number, (subject, payload, message_id) in enumerate(messages[:-1], 1):
        numbered = {**headers, Header.BATCH_SEQUENCE: str(number), MESSAGE_ID: message_id}
        await client.publish(subject, payload, headers=numbered)
    subject, payload, message_id = messages[-1]
    headers |= {Header.BATCH_SEQUENCE: str(len(messages)), Header.BATCH_COMMIT: "1", MESSAGE_ID: message_id}
    await client.jetstream().publish(subject, payload, headers=headers)


async def dead_letter(js: JetStreamContext, message: Msg, reason: str) -> None:
    """Sets a message aside in OUTREACH_DEAD with its reason and acknowledges it. A repeat does not double it.

    The reason must hold no personal data.
    """
    origin = message.metadata
    headers = {
        "Outreach-Reason": reason,
        "Outreach-Subject": message.subject,
        "Outreach-Sequence": str(origin.sequence.stream),
        MESSAGE_ID: f"{origin.stream}-{origin.sequence.stream}-{origin.timestamp.isoformat()}",
    }
    subject = "outreach.dead." + message.subject.removeprefix("outreach.")
    await js.publish(subject, message.data, headers=headers)
    await message.ack()
    _log.error("dead_letter", subject=subject, stream=origin.stream, sequence=origin.sequence.stream, reason=reason)


async def oldest_sequence(js: JetStreamContext, stream: str, subject: str) -> int | None:
    """The sequence of a subject's oldest message in a stream, or None. In a work queue all before it are acknowledged,
    whichever process read them."""
    try:
        return (await js.get_msg(stream, seq=1, subject=subject, next=True)).seq
    except NotFoundError:
        return None


async def _handle(batch: Sequence[Msg], handler: Handler) -> None:
    """Repeats what fails: going on to the next batch would let it overtake this one."""
    for failures in count():
        if await _handled(_unanswered(batch), handler):
            return
        await asyncio.sleep(min(_MAX_RETRY_S, 0.25 * 2**failures))
        for message in _unanswered(batch):
            await message.in_progress()


async def _handled(batch: Sequence[Msg], handler: Handler) -> bool:
    task = asyncio.ensure_future(handler(batch))
    try:
        while not (await asyncio.wait({task}, timeout=ACK_WAIT_S / 3))[0]:
            for message in _unanswered(batch):
                await message.in_progress()
    finally:
        task.cancel()
    error = task.exception()
    if error is not None:
        _log.error("batch_failed", error, size=len(batch))
        return False
    for message in _unanswered(batch):
        await message.ack()
    return True


def _unanswered(batch: Sequence[Msg]) -> list[Msg]:
    return [message for message in batch if not message.is_acked]


class _Puller:
    """Keeps one pull request open. nats-py's own fetch(n) holds a first message back, hoping for n of them."""

    def __init__(self, client: Client, stream: str, durable: str, filter_subjects: Sequence[str]) -> None:
        self._client = client
        self._stream = stream
        self._config = ConsumerConfig(
            durable_name=durable,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=ACK_WAIT_S,
            max_deliver=-1,
            filter_subjects=list(filter_subjects) or None,
        )
        self._inbox = client.new_inbox()
        self._subscription: Subscription | None = None
        self._requested = 0

    async def next_batch(self) -> list[Msg]:
        """Waits for a message and returns it with all that have arrived by then."""
        batch: list[Msg] = []
        while not batch:
            try:
                await self._collect(batch)
            except ConnectionClosedError:
                raise
            except (NatsError, TimeoutError) as error:
                _log.warning("pull_failed", stream=self._stream, kind=type(error).__name__)
                await self._drop()
                await asyncio.sleep(_PAUSE_S)
        return batch

    async def close(self) -> None:
        if not self._client.is_closed:
            await self._drop()

    async def _collect(self, batch: list[Msg]) -> None:
        if self._subscription is None:
            await self._client.jetstream().add_consumer(self._stream, self._config)
            self._subscription = await self._client.subscribe(self._inbox)
            self._requested = 0
        if self._requested <= 0:
            await self._request()
        self._take(await self._subscription.next_msg(timeout=3 * _HEARTBEAT_S), batch)
        while self._subscription.pending_msgs and len(batch) < BATCH:
            self._take(await self._subscription.next_msg(timeout=_HEARTBEAT_S), batch)

    def _take(self, message: Msg, batch: list[Msg]) -> None:
        if message.reply:
            self._requested -= 1
            batch.append(message)
            return
        status = (message.headers or {}).get("Status")  # a message without a reply subject is the server's own
        if status == "100":
            return
        if status not in ("404", "408") and not batch:
            raise NatsError(f"pull ended with status {status}")
        self._requested = 0

    async def _request(self) -> None:
        request = {
            "batch": BATCH,
            "expires": int(_PULL_EXPIRES_S * 1e9),
            "idle_heartbeat": int(_HEARTBEAT_S * 1e9),
        }
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._config.durable_name}"
        await self._client.publish(subject, orjson.dumps(request), self._inbox)
        self._requested = BATCH

    async def _drop(self) -> None:
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            await subscription.unsubscribe()
