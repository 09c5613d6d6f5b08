"""Carriers' receipts: from a pushed body to the authority."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from outreach.v1.worker_service_pb2 import Receipt, ReportReceiptsRequest
from sms_service.carriers.seam import Carrier
from sms_service.pushes import Pushes, report_all

if TYPE_CHECKING:
    from outreach.v1.worker_service_pb2_grpc import WorkerServiceAsyncStub

CALL_TIMEOUT_S = 10.0


def receipts(authority: WorkerServiceAsyncStub, carriers: Mapping[str, Carrier]) -> Pushes[Receipt]:
    return Pushes(
        carriers, lambda carrier, push: carrier.parse_receipts(push.body, push.headers), partial(_report, authority)
    )


async def report(authority: WorkerServiceAsyncStub, found: Sequence[Receipt]) -> list[bool]:
    """Reports receipts; true per receipt that matched an attempt. grpc.aio.AioRpcError."""
    return await report_all(partial(_report, authority), found)


async def _report(authority: WorkerServiceAsyncStub, batch: Sequence[Receipt]) -> list[bool]:
    response = await authority.ReportReceipts(ReportReceiptsRequest(receipts=batch), timeout=CALL_TIMEOUT_S)
    return list(response.matched)
