"""What becomes of one stored push of a carrier: parsed, reported, and matched or kept until it is."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from outreach.v1.worker_service_pb2 import Receipt, ReportReceiptsRequest
from outreach.v1.worker_service_pb2_grpc import WorkerServiceAsyncStub
from sms_service.carriers.seam import Carrier, UnreadableError

CALL_TIMEOUT_S = 10.0
BATCH = 1000


class Fate(Enum):
    """What is to happen with the stored push."""

    DONE = "every receipt in it matched"
    KEEP = "some match nothing yet: the receipt may have come before our own send's answer"


class Receipts:
    """Handles stored pushes of all carriers."""

    def __init__(self, authority: WorkerServiceAsyncStub, carriers: Mapping[str, Carrier]) -> None:
        self._authority = authority
        self._carriers = carriers

    async def handle(self, carrier_id: str, body: bytes, headers: Mapping[str, str]) -> Fate:
        """Reports the receipts in one push. A repeat changes nothing, so a kept one is handled again as a whole.

        UnreadableError if it never can be handled; grpc.aio.AioRpcError if the authority did not take it.
        """
        carrier = self._carriers.get(carrier_id)
        if carrier is None:
            raise UnreadableError("no account of that carrier id is configured")
        receipts = carrier.parse_receipts(body, headers)
        matched = [await report(self._authority, receipts[at : at + BATCH]) for at in range(0, len(receipts), BATCH)]
        return Fate.DONE if all(all(batch) for batch in matched) else Fate.KEEP


async def report(authority: WorkerServiceAsyncStub, receipts: list[Receipt]) -> list[bool]:
    """Reports at most 1,000 receipts; true per receipt that matched. grpc.aio.AioRpcError."""
    response = await authority.ReportReceipts(ReportReceiptsRequest(receipts=receipts), timeout=CALL_TIMEOUT_S)
    return list(response.matched)
