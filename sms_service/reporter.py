"""Reports what came of attempts, in batches, until the authority has taken each one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import grpc

from outreach.runtime.logs import EventLogger
from outreach.v1.worker_service_pb2 import AttemptReport, ReportRequest
from sms_service.carriers.seam import NOT_SENT, SendResult

if TYPE_CHECKING:
    from outreach.v1.worker_service_pb2_grpc import WorkerServiceAsyncStub

BATCH = 200
CALL_TIMEOUT_S = 10.0
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
MAX_FAILURES = 5
"""How often the authority may fail on one report before it is given up, so that it does not hold up all others: its
attempt is UNCONFIRMED then."""
MAX_CODE = 128

_log = EventLogger("sms_service.reporter")


class Reporter:
    """A queue in memory and the task that empties it. A report leaves the queue only when it was taken."""

    def __init__(self, authority: WorkerServiceAsyncStub) -> None:
        self._authority = authority
        self._queue: asyncio.Queue[AttemptReport] = asyncio.Queue()

    def report(self, attempt_id: str, result: SendResult) -> None:
        """Queues a report; it returns at once."""
        self._queue.put_nowait(
            AttemptReport(
                attempt_id=attempt_id,
                outcome=result.outcome,
                carrier_message_id=result.carrier_message_id[:MAX_CODE],
                carrier_code=result.code[:MAX_CODE],
                segments=result.segments,
                segment_message_ids=result.segment_ids,
                retry_after_ms=result.retry_after_ms if result.outcome == NOT_SENT else 0,
            )
        )

    async def run(self) -> None:
        """Reports for ever; cancel it after `drained`."""
        while True:
            batch = [await self._queue.get()]
            while len(batch) < BATCH and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            await self._deliver(batch)
            for _ in batch:
                self._queue.task_done()

    async def drained(self) -> None:
        """Returns once every report queued so far was taken."""
        await self._queue.join()

    async def _deliver(self, batch: list[AttemptReport]) -> None:
        pause_s, failures = FIRST_PAUSE_S, 0
        while True:
            try:
                response = await self._authority.Report(ReportRequest(reports=batch), timeout=CALL_TIMEOUT_S)
            except grpc.aio.AioRpcError as error:
                _log.warning("report_not_taken", status=error.code().name, reports=len(batch))
                if error.code() is grpc.StatusCode.INTERNAL:
                    failures += 1
                    if len(batch) > 1:
                        for report in batch:
                            await self._deliver([report])
                        return
                    if failures == MAX_FAILURES:
                        _log.error("report_given_up", attempt_id=batch[0].attempt_id)
                        return
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
                continue
            for report, known in zip(batch, response.known, strict=True):
                if not known:
                    _log.error("reported_attempt_unknown", attempt_id=report.attempt_id)
            return
