"""A small authority: a real gRPC server that gives permits from a list and keeps what is reported."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc

from outreach.runtime import tls
from outreach.runtime.access import check_certificate
from outreach.runtime.server import running
from outreach.v1 import worker_service_pb2 as pb
from outreach.v1.template_service_pb2 import Filing
from outreach.v1.worker_service_pb2_grpc import (
    WorkerServiceServicer,
    WorkerServiceStub,
    add_WorkerServiceServicer_to_server,
)
from tests.service.sms_service.parts import eventually

if TYPE_CHECKING:
    from outreach.v1.worker_service_pb2_grpc import WorkerServiceAsyncStub

PASSED = Filing.STATE_PASSED
Context = grpc.aio.ServicerContext[Any, Any]


class Authority(WorkerServiceServicer):
    """`due` waits to be leased; `leases`, `reports`, `receipts` and `replies` are what came."""

    def __init__(self) -> None:
        self.due: deque[pb.Permit] = deque()
        self.leases: list[pb.LeaseRequest] = []
        self.given: dict[str, pb.LeaseResponse] = {}
        self.reports: dict[str, pb.AttemptReport] = {}
        self.receipts: list[pb.Receipt] = []
        self.replies: list[pb.CarrierReply] = []
        self.lookups: list[pb.Lookup] = []
        self.filed: list[pb.FiledVersion] = []
        self.read_copies: list[pb.FiledVersion] = []
        self.known_numbers: set[str] = set()
        self.known_attempts: set[str] = set()
        self.lose_answers = 0
        self.refuse_reports = 0
        self.refuse_filings = 0
        self.retry_after_ms = 60_000

    async def Lease(self, request: pb.LeaseRequest, context: Context) -> pb.LeaseResponse:
        self.leases.append(request)
        if request.lease_id not in self.given:
            permits = [self.due.popleft() for _ in range(min(request.max_permits, len(self.due)))]
            self.given[request.lease_id] = pb.LeaseResponse(
                permits=permits, retry_after_ms=0 if self.due else self.retry_after_ms
            )
        if self.lose_answers:
            self.lose_answers -= 1
            await context.abort(grpc.StatusCode.UNAVAILABLE, "lost")
        return self.given[request.lease_id]

    async def Report(self, request: pb.ReportRequest, context: Context) -> pb.ReportResponse:
        if self.refuse_reports:
            self.refuse_reports -= 1
            await context.abort(grpc.StatusCode.UNAVAILABLE, "not now")
        for report in request.reports:
            assert report.attempt_id not in self.reports
            self.reports[report.attempt_id] = report
        return pb.ReportResponse(known=[True] * len(request.reports))

    async def ReportReceipts(self, request: pb.ReportReceiptsRequest, context: Context) -> pb.ReportReceiptsResponse:
        self.receipts += request.receipts
        return pb.ReportReceiptsResponse(matched=[r.attempt_id in self.known_attempts for r in request.receipts])

    async def ReportReplies(self, request: pb.ReportRepliesRequest, context: Context) -> pb.ReportRepliesResponse:
        self.replies += request.replies
        return pb.ReportRepliesResponse(matched=[r.phone_number in self.known_numbers for r in request.replies])

    async def ListLookups(self, request: pb.ListLookupsRequest, context: Context) -> pb.ListLookupsResponse:
        return pb.ListLookupsResponse(lookups=self.lookups)

    async def ListFilings(self, request: pb.ListFilingsRequest, context: Context) -> pb.ListFilingsResponse:
        if self.refuse_filings:
            self.refuse_filings -= 1
            await context.abort(grpc.StatusCode.UNAVAILABLE, "not now")
        return pb.ListFilingsResponse(versions=self.filed)

    async def ReportFilings(self, request: pb.ReportFilingsRequest, context: Context) -> pb.ReportFilingsResponse:
        self.read_copies += request.versions
        return pb.ReportFilingsResponse(usable=[version.filing.state == PASSED for version in request.versions])

    async def reported(self, count: int) -> None:
        """Returns once so many attempts were reported; TimeoutError after 10 s."""
        await eventually(lambda: len(self.reports) >= count)


@asynccontextmanager
async def serving_authority() -> AsyncIterator[tuple[Authority, WorkerServiceAsyncStub]]:
    """Within the test's process, without TLS."""
    authority = Authority()
    server = grpc.aio.server()
    add_WorkerServiceServicer_to_server(authority, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield authority, WorkerServiceStub(channel)
    await server.stop(None)


@asynccontextmanager
async def serving_authority_by_tls(state_dir: Path) -> AsyncIterator[tuple[Authority, str]]:
    """As the real one is served: mutual TLS and the table of who may call what; its address."""
    authority = Authority()
    async with running(
        "127.0.0.1:0",
        tls.server_credentials(state_dir, "approval_service", require_client=True),
        services=("outreach.v1.WorkerService",),
        register=lambda server: add_WorkerServiceServicer_to_server(authority, server),
        authorize=check_certificate,
    ) as server:
        yield authority, f"127.0.0.1:{server.port}"
