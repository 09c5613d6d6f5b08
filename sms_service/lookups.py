"""Asks carriers that keep records what became of attempts nobody has heard of."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import grpc

from outreach.runtime.logs import EventLogger
from outreach.v1.worker_service_pb2 import ListLookupsRequest, Receipt
from sms_service.carriers.seam import Carrier, QueryError
from sms_service.receipts import CALL_TIMEOUT_S, report

if TYPE_CHECKING:
    from outreach.v1.worker_service_pb2_grpc import WorkerServiceAsyncStub

INTERVAL_S = 60.0
DAY_MS = 86_400_000
MIN_AGE_MS = 60_000
"""Younger ones get their receipt by themselves."""

_log = EventLogger("sms_service.lookups")


async def run(
    authority: WorkerServiceAsyncStub,
    carrier: Carrier,
    interval_s: float = INTERVAL_S,
    min_age_s: float = MIN_AGE_MS / 1000,
) -> None:
    """Looks up for ever, every `interval_s` seconds, what was released at least `min_age_s` seconds ago."""
    while True:
        try:
            await look_up(authority, carrier, int(min_age_s * 1000))
        except grpc.aio.AioRpcError as error:
            _log.warning("lookups_failed", carrier_id=carrier.carrier_id, status=error.code().name)
        await asyncio.sleep(interval_s)


async def look_up(authority: WorkerServiceAsyncStub, carrier: Carrier, min_age_ms: int = MIN_AGE_MS) -> int:
    """Reports the carrier's records of the listed attempts and returns how many there were. grpc.aio.AioRpcError.

    A record that is missing tells nothing: the carrier may have it tomorrow. A carrier that fails ends the round.
    """
    request = ListLookupsRequest(
        carrier_id=carrier.carrier_id, min_age_ms=min_age_ms, max_age_ms=carrier.records_days * DAY_MS
    )
    response = await authority.ListLookups(request, timeout=CALL_TIMEOUT_S)
    found: list[Receipt] = []
    try:
        for lookup in response.lookups:
            record = await carrier.query(lookup)
            if record is not None:
                found.append(record)
    except QueryError as error:
        _log.warning("carrier_query_failed", carrier_id=carrier.carrier_id, reason=str(error))
    if found:
        await report(authority, found)
    return len(found)
