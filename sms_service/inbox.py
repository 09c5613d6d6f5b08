"""The stored pushes' way from the stream to `pushes`, and back: acknowledged, kept, or set aside with the reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext

from outreach.runtime.bus import Handler, carrier_subject, dead_letter
from outreach.runtime.sealing import Sealer, UnsealError
from sms_service.carriers.seam import Keep, NotKeptError
from sms_service.pushes import Fate, Push, Pushes

FIRST_KEEP_S = 1.0
LONGEST_KEEP_S = 600.0
STORE_TIMEOUT_S = 2.0


def keeper(js: JetStreamContext, sealer: Sealer, carrier_id: str) -> Keep:
    """Stores what comes over a carrier's own connection as the gateway stores pushes: sealed for its subject."""

    async def keep(what: str, body: bytes, headers: Mapping[str, str]) -> None:
        subject = carrier_subject(carrier_id, what)
        sealed = sealer.seal(body, subject.encode())
        try:
            await js.publish(subject, sealed, timeout=STORE_TIMEOUT_S, headers=dict(headers))
        except (NatsError, TimeoutError) as error:
            raise NotKeptError("not acknowledged") from error

    return keep


def handler(js: JetStreamContext, sealer: Sealer, pushes: Pushes[Any], *, give_up_after: int = 0) -> Handler:
    """A handler for outreach.runtime.bus.consume over outreach.carrier.*.receipts or .replies.

    What matches nothing is kept; with `give_up_after`, it is set aside once it was delivered so many times.
    """

    async def handle(batch: Sequence[Msg]) -> None:
        opened = []
        for message in batch:
            try:
                opened.append((message, _open(sealer, message)))
            except UnsealError as error:
                await dead_letter(js, message, str(error))
        fates = await pushes.handle([push for _, push in opened])
        for (message, _), (fate, reason) in zip(opened, fates, strict=True):
            if fate is Fate.DEAD:
                await dead_letter(js, message, reason)
            elif fate is Fate.KEEP and 0 < give_up_after <= message.metadata.num_delivered:
                await dead_letter(js, message, "it matches nothing that was sent through this carrier")
            elif fate is Fate.KEEP:
                await message.nak(delay=_keep_s(message.metadata.num_delivered))

    return handle


def _open(sealer: Sealer, message: Msg) -> Push:
    """The body is sealed for its subject, outreach.carrier.<carrier>.<what>."""
    body = sealer.open(message.data, message.subject.encode())
    return Push(message.subject.split(".")[2], body, message.headers or {})


def _keep_s(deliveries: int) -> float:
    return float(min(LONGEST_KEEP_S, FIRST_KEEP_S * 2 ** min(deliveries - 1, 10)))
