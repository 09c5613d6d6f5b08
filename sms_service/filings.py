"""Reads carriers' registered copies of templates, so that one that was changed there sends nothing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import grpc

from outreach.runtime.logs import EventLogger
from outreach.v1.worker_service_pb2 import FiledVersion, ListFilingsRequest, ReportFilingsRequest
from sms_service.carriers.seam import QueryError, RegisteredCopies

if TYPE_CHECKING:
    from outreach.v1.worker_service_pb2_grpc import WorkerServiceAsyncStub

INTERVAL_S = 3600.0
RETRY_S = 30.0
"""How soon the authority is tried again that did not answer."""
CALL_TIMEOUT_S = 10.0
BATCH = 100

_log = EventLogger("sms_service.filings")


async def run(authority: WorkerServiceAsyncStub, carrier: RegisteredCopies, interval_s: float = INTERVAL_S) -> None:
    """Reads them now and every `interval_s` seconds, for ever."""
    while True:
        pause_s = interval_s
        try:
            await read_copies(authority, carrier)
        except grpc.aio.AioRpcError as error:
            _log.warning("copies_not_reported", carrier_id=carrier.carrier_id, status=error.code().name)
            pause_s = min(RETRY_S, interval_s)
        await asyncio.sleep(pause_s)


async def read_copies(authority: WorkerServiceAsyncStub, carrier: RegisteredCopies) -> int:
    """Reports the copies of all versions filed with the carrier; how many are usable. grpc.aio.AioRpcError.

    A carrier that does not answer changes nothing: what was known stays.
    """
    listed = await authority.ListFilings(ListFilingsRequest(carrier_id=carrier.carrier_id), timeout=CALL_TIMEOUT_S)
    read = []
    for version in listed.versions:
        try:
            filing = await carrier.read_copy(version)
        except QueryError as error:
            _log.warning("copy_not_read", carrier_id=carrier.carrier_id, template=version.digest, reason=str(error))
            continue
        read.append(FiledVersion(digest=version.digest, filing=filing))
    usable = 0
    for start in range(0, len(read), BATCH):
        batch = read[start : start + BATCH]
        response = await authority.ReportFilings(ReportFilingsRequest(versions=batch), timeout=CALL_TIMEOUT_S)
        for version, is_usable in zip(batch, response.usable, strict=True):
            usable += is_usable
            if not is_usable:
                code = version.filing.template_code
                _log.warning("copy_not_usable", carrier_id=carrier.carrier_id, template=version.digest, code=code)
    return usable
