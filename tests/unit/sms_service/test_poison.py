"""One item on which the authority fails holds up no other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import grpc
import pytest
from grpc.aio import AioRpcError, Metadata

from outreach.v1.worker_service_pb2 import ReportRequest, ReportResponse
from sms_service import reporter
from sms_service.carriers.seam import ACCEPTED, SendResult
from sms_service.pushes import Fate, Push, Pushes
from sms_service.reporter import Reporter

FAILED = AioRpcError(grpc.StatusCode.INTERNAL, Metadata(), Metadata())


class Stub:
    """An authority that fails on the attempt named bad."""

    def __init__(self) -> None:
        self.taken: list[str] = []

    async def Report(self, request: ReportRequest, **_options: float) -> ReportResponse:
        ids = [report.attempt_id for report in request.reports]
        if "bad" in ids:
            raise FAILED
        self.taken += ids
        return ReportResponse(known=[True] * len(ids))


async def test_reports_behind_a_poisoned_one_arrive(monkeypatch: pytest.MonkeyPatch) -> None:
    """The poisoned one is given up after a few tries: its attempt is unconfirmed then."""
    monkeypatch.setattr(reporter, "FIRST_PAUSE_S", 0.0)
    stub = Stub()
    reports = Reporter(cast("Any", stub))
    batch = []
    for attempt_id in ("good", "bad", "late"):
        reports.report(attempt_id, SendResult(ACCEPTED, "OK"))
        batch.append(reports._queue.get_nowait())
    await reports._deliver(batch)
    assert stub.taken == ["good", "late"]


async def test_a_poisoned_push_is_set_aside_alone() -> None:
    """The others of its batch are done."""

    async def report(items: Sequence[str]) -> list[bool]:
        if "bad" in items:
            raise FAILED
        return [True] * len(items)

    pushes = Pushes[str]({"c": cast("Any", object())}, lambda _, push: [push.body.decode()], report)
    fates = await pushes.handle([Push("c", body, {}) for body in (b"a", b"bad", b"b")])
    assert [fate for fate, _ in fates] == [Fate.DONE, Fate.DEAD, Fate.DONE]
