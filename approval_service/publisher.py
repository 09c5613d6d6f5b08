"""The outbox: status changes to NATS in ledger order, and a wake-up for the workers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from nats.aio.client import Client
from nats.errors import Error as NatsError

from approval_service.authority import Authority
from approval_service.store import changes as store
from approval_service.writer import Tx
from outreach.runtime.bus import FEW, WAKE_SMS, publish_in_order, status_subject
from outreach.runtime.logs import EventLogger

BATCH = 500
POLL_S = 1.0
GATHER_S = 0.1
"""How long the next batch gathers after one: each costs the bus and the writer some milliseconds, however small."""
_log = EventLogger("publisher")


def mark_published(tx: Tx, positions: Sequence[int]) -> Sequence[None]:
    """Handler: the bus has everything up to these positions."""
    tx.set_head(published_position=max(positions))
    return [None for _ in positions]


async def run(authority: Authority, client: Client) -> None:
    """Publishes until cancelled. What was published and not yet marked is sent again under the same message id, which
    the stream takes once."""
    while True:
        upcoming, published = authority.changes.upcoming(), BATCH
        try:
            await client.publish(WAKE_SMS, b"")
            while published == BATCH:
                published = await _publish_batch(authority, client)
        except NatsError as error:
            _log.warning("publish_failed", kind=type(error).__name__)
        if published > FEW:
            await asyncio.sleep(GATHER_S)
        await authority.changes.wait(upcoming, POLL_S)


async def _publish_batch(authority: Authority, client: Client) -> int:
    """Returns how many; fewer than BATCH if that was all."""
    rows = await authority.read(store.unpublished, BATCH)
    if rows:
        messages = [(status_subject(row.bank_id), row.body, str(row.position)) for row in rows]
        await publish_in_order(client, messages)
        await authority.write(mark_published, rows[-1].position)
    return len(rows)
