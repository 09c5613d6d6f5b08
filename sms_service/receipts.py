"""What becomes of stored pushes of carriers: parsed, reported, and matched or kept until they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import islice
from typing import TYPE_CHECKING

from outreach.v1.worker_service_pb2 import Receipt, ReportReceiptsRequest
from sms_service.carriers.seam import Carrier, UnreadableError

if TYPE_CHECKING:
    from outreach.v1.worker_service_pb2_grpc import WorkerServiceAsyncStub

CALL_TIMEOUT_S = 10.0
MAX_RECEIPTS = 1000


@dataclass(frozen=True, slots=True)
class Push:
    """One body as a carrier pushed it."""

    carrier_id: str
    body: bytes
    headers: Mapping[str, str]


class Fate(Enum):
    """What is to happen with a stored push. KEEP: some receipt in it matches nothing yet, as when it came before our
    own send's answer; it is handled again as a whole, since a repeat changes nothing."""

    DONE = auto()
    KEEP = auto()
    DEAD = auto()


class Receipts:
    """Handles pushes of all carriers."""

    def __init__(self, authority: WorkerServiceAsyncStub, carriers: Mapping[str, Carrier]) -> None:
        self._authority = authority
        self._carriers = carriers

    async def handle(self, pushes: Sequence[Push]) -> list[tuple[Fate, str]]:
        """Reports all receipts in the pushes; per push its fate and, for DEAD, the reason without personal data.

        grpc.aio.AioRpcError if the authority did not take them: then all are to be handled again.
        """
        parsed = [self._parse(push) for push in pushes]
        receipts = [receipt for item in parsed if isinstance(item, list) for receipt in item]
        matched = iter(await report(self._authority, receipts))
        fates = []
        for item in parsed:
            if isinstance(item, UnreadableError):
                fates.append((Fate.DEAD, str(item)))
            else:
                own = list(islice(matched, len(item)))
                fates.append((Fate.DONE if all(own) else Fate.KEEP, ""))
        return fates

    def _parse(self, push: Push) -> list[Receipt] | UnreadableError:
        carrier = self._carriers.get(push.carrier_id)
        if carrier is None:
            return UnreadableError("no account of that carrier id is configured")
        try:
            return carrier.parse_receipts(push.body, push.headers)
        except UnreadableError as error:
            return error


async def report(authority: WorkerServiceAsyncStub, receipts: Sequence[Receipt]) -> list[bool]:
    """Reports receipts; true per receipt that matched an attempt. grpc.aio.AioRpcError."""
    matched: list[bool] = []
    for start in range(0, len(receipts), MAX_RECEIPTS):
        request = ReportReceiptsRequest(receipts=receipts[start : start + MAX_RECEIPTS])
        response = await authority.ReportReceipts(request, timeout=CALL_TIMEOUT_S)
        matched += response.matched
    return matched
