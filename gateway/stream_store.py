"""Keeps what carriers push in the stream OUTREACH_CARRIER."""

from __future__ import annotations

import asyncio

from nats.aio.client import Client
from nats.errors import Error as NatsError

from gateway.webhooks import StoreDown
from outreach.runtime import bus, nats_server
from outreach.runtime.config import Settings
from outreach.runtime.logs import EventLogger

STORE_TIMEOUT_S = 2.0
RETRY_S = 1.0

_log = EventLogger("stream_store")


class StreamStore:
    """A store (gateway.webhooks) that is down until `connect` has returned, and while NATS is."""

    def __init__(self) -> None:
        self._client: Client | None = None
        self._ready = False

    async def connect(self, settings: Settings) -> None:
        """Waits for NATS as long as it takes, and makes the stream."""
        self._client = await bus.connect(settings, nats_server.GATEWAY)
        while not self._ready:
            try:
                await bus.ensure_streams(self._client.jetstream(), bus.OUTREACH_CARRIER)
                self._ready = True
            except (NatsError, TimeoutError) as error:
                _log.warning("stream_not_made", error)
                await asyncio.sleep(RETRY_S)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()

    async def __call__(self, subject: str, payload: bytes, headers: dict[str, str]) -> None:
        """Returns once the server has it on disk. Raises StoreDown."""
        if self._client is None or not self._ready or not self._client.is_connected:
            raise StoreDown("not connected")
        try:
            await self._client.jetstream().publish(subject, payload, timeout=STORE_TIMEOUT_S, headers=headers)
        except (NatsError, TimeoutError) as error:
            raise StoreDown("not acknowledged") from error
