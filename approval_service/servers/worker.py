"""WorkerService: permits out, reports and receipts in."""

from __future__ import annotations

from approval_service import filings, leases, lookups, replies, reports
from approval_service.authority import Authority
from outreach.runtime.logs import EventLogger
from outreach.runtime.server import Context
from outreach.v1 import worker_service_pb2 as pb
from outreach.v1.worker_service_pb2_grpc import WorkerServiceServicer

_log = EventLogger("permits")


class WorkerServer(WorkerServiceServicer):
    def __init__(self, authority: Authority) -> None:
        self._authority = authority

    async def Lease(self, request: pb.LeaseRequest, context: Context) -> pb.LeaseResponse:
        if self._authority.guard.jumped():
            _log.error("permits_stopped", jump_s=round(self._authority.guard.jump_s(), 1))
            return leases.stopped()
        return await self._authority.write(leases.lease, request)

    async def Report(self, request: pb.ReportRequest, context: Context) -> pb.ReportResponse:
        known = await self._authority.write_many(reports.report, request.reports)
        return pb.ReportResponse(known=[bool(one) for one in known])

    async def ReportReceipts(self, request: pb.ReportReceiptsRequest, context: Context) -> pb.ReportReceiptsResponse:
        matched = await self._authority.write_many(reports.receive, request.receipts)
        return pb.ReportReceiptsResponse(matched=[bool(one) for one in matched])

    async def ReportReplies(self, request: pb.ReportRepliesRequest, context: Context) -> pb.ReportRepliesResponse:
        matched = []
        for result in await self._authority.write_many(replies.receive, request.replies, urgent=True):
            if isinstance(result, Exception):
                raise result
            matched.append(result)
        return pb.ReportRepliesResponse(matched=matched)

    async def ListLookups(self, request: pb.ListLookupsRequest, context: Context) -> pb.ListLookupsResponse:
        return await self._authority.write(lookups.take, request)

    async def ListFilings(self, request: pb.ListFilingsRequest, context: Context) -> pb.ListFilingsResponse:
        return await self._authority.read(filings.list_filings, request)

    async def ReportFilings(self, request: pb.ReportFilingsRequest, context: Context) -> pb.ReportFilingsResponse:
        usable = await self._authority.write_many(filings.report, request.versions)
        return pb.ReportFilingsResponse(usable=[one is True for one in usable])
