"""What people wrote back: from a pushed body to the authority."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from outreach.v1.worker_service_pb2 import CarrierReply, ReportRepliesRequest
from sms_service.carriers.seam import Carrier, Reply
from sms_service.pushes import Push, Pushes
from sms_service.receipts import CALL_TIMEOUT_S

if TYPE_CHECKING:
    from outreach.v1.worker_service_pb2_grpc import WorkerServiceAsyncStub

MAX_TEXT = 2000


def replies(authority: WorkerServiceAsyncStub, carriers: Mapping[str, Carrier]) -> Pushes[CarrierReply]:
    return Pushes(carriers, _parse, partial(_report, authority))


async def _report(authority: WorkerServiceAsyncStub, batch: Sequence[CarrierReply]) -> list[bool]:
    response = await authority.ReportReplies(ReportRepliesRequest(replies=batch), timeout=CALL_TIMEOUT_S)
    return list(response.matched)


def _parse(carrier: Carrier, push: Push) -> list[CarrierReply]:
    return [_reply(reply, index, push) for index, reply in enumerate(carrier.parse_replies(push.body, push.headers))]


def _reply(reply: Reply, index: int, push: Push) -> CarrierReply:
    """A carrier that numbers no replies pushes the same bytes again when it repeats one."""
    own_id = hashlib.sha256(push.body + str(index).encode()).hexdigest()
    return CarrierReply(
        carrier_id=reply.carrier_id,
        reply_id=reply.reply_id or own_id,
        phone_number=reply.phone_number,
        text=reply.text[:MAX_TEXT],
    )
