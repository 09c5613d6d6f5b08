"""Tells witnesses of the ledger's newest checkpoint, so that nobody can rewrite the past unseen."""

from __future__ import annotations

import asyncio

from nats.aio.client import Client
from nats.errors import Error as NatsError

from approval_service.authority import Authority
from approval_service.store.log import signed
from outreach.domain.clocks import real_ms
from outreach.ledger.witness import headers
from outreach.runtime.bus import CHECKPOINTS
from outreach.runtime.logs import EventLogger

PERIOD_S = 1.0
REPEAT_MS = 10_000
"""An unchanged one is told again so often, for who has just begun to listen."""
_log = EventLogger("checkpoints")


async def run(authority: Authority, client: Client) -> None:
    """Publishes until cancelled: each second the newest one, if it is another one than before or that was long ago."""
    told, told_ms = "", 0
    while True:
        newest, _, handovers = await authority.read(signed)
        if newest != told or real_ms() - told_ms >= REPEAT_MS:
            try:
                await client.publish(CHECKPOINTS, newest.encode(), headers=headers(handovers) or None)
                told, told_ms = newest, real_ms()
            except NatsError as error:
                _log.warning("publish_failed", kind=type(error).__name__)
        await asyncio.sleep(PERIOD_S)
