"""MailroomService: runs, scans, what comes back. The two streams of PDFs are the gateway's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

from approval_service.authority import Authority
from approval_service.calls import Call
from approval_service.catalog import Catalog
from approval_service.mailroom import care, closing, mailing, post, printing, return_scans, returns, start, views
from approval_service.mailroom.permits import clock_jumped
from approval_service.store.head import read_catalog_version
from outreach.domain.errors import precondition
from outreach.runtime.logs import EventLogger
from outreach.runtime.server import Context
from outreach.runtime.tokens import principal_of
from outreach.v1 import mailroom_service_pb2 as pb
from outreach.v1.mailroom_service_pb2_grpc import MailroomServiceServicer

_log = EventLogger("permits")


class MailroomServer(MailroomServiceServicer):
    def __init__(self, authority: Authority) -> None:
        self._authority = authority

    async def GetQueue(self, request: pb.GetQueueRequest, context: Context) -> pb.GetQueueResponse:
        return await self._authority.read(views.get_queue, await self._catalog(), Call(principal_of(context), request))

    async def StartRun(self, request: pb.StartRunRequest, context: Context) -> pb.StartRunResponse:
        self._require_steady_clock()
        return await self._authority.write(start.start_run, Call(principal_of(context), request))

    async def GetRun(self, request: pb.GetRunRequest, context: Context) -> pb.GetRunResponse:
        return await self._authority.read(views.get_run, await self._catalog(), Call(principal_of(context), request))

    async def ListRuns(self, request: pb.ListRunsRequest, context: Context) -> pb.ListRunsResponse:
        return await self._authority.read(views.list_runs, Call(principal_of(context), request))

    async def ListLetters(self, request: pb.ListLettersRequest, context: Context) -> pb.ListLettersResponse:
        call = Call(principal_of(context), request)
        return await self._authority.read(views.list_letters, self._authority.keys, call)

    async def FetchRunPdf(
        self, request: pb.FetchRunPdfRequest, context: Context
    ) -> AsyncIterator[pb.FetchRunPdfResponse]:
        for piece in _nothing_here():
            yield piece

    async def FetchLetterPdf(
        self, request: pb.FetchLetterPdfRequest, context: Context
    ) -> AsyncIterator[pb.FetchLetterPdfResponse]:
        for piece in _nothing_here():
            yield piece

    async def ConfirmPrinted(self, request: pb.ConfirmPrintedRequest, context: Context) -> pb.ConfirmPrintedResponse:
        return await self._authority.write(printing.confirm_printed, Call(principal_of(context), request))

    async def Spoil(self, request: pb.SpoilRequest, context: Context) -> pb.SpoilResponse:
        return await self._authority.write(printing.spoil, Call(principal_of(context), request))

    async def Seal(self, request: pb.SealRequest, context: Context) -> pb.SealResponse:
        return await self._authority.write(printing.seal, Call(principal_of(context), request))

    async def Mail(self, request: pb.MailRequest, context: Context) -> pb.MailResponse:
        self._require_steady_clock()
        return await self._authority.write(mailing.mail, Call(principal_of(context), request))

    async def Pull(self, request: pb.PullRequest, context: Context) -> pb.PullResponse:
        return await self._authority.write(printing.pull, Call(principal_of(context), request), urgent=True)

    async def RecordAcceptance(
        self, request: pb.RecordAcceptanceRequest, context: Context
    ) -> pb.RecordAcceptanceResponse:
        return await self._authority.write(post.record_acceptance, Call(principal_of(context), request))

    async def RecordDelivery(self, request: pb.RecordDeliveryRequest, context: Context) -> pb.RecordDeliveryResponse:
        return await self._authority.write(post.record_delivery, Call(principal_of(context), request))

    async def Return(self, request: pb.ReturnRequest, context: Context) -> pb.ReturnResponse:
        prepared = await asyncio.to_thread(return_scans.prepared, request)
        return await self._authority.write(returns.return_letter, Call(principal_of(context), prepared), urgent=True)

    async def FetchReturnScan(self, request: pb.FetchReturnScanRequest, context: Context) -> pb.FetchReturnScanResponse:
        return await self._authority.write(return_scans.fetch_return_scan, Call(principal_of(context), request))

    async def CloseRun(self, request: pb.CloseRunRequest, context: Context) -> pb.CloseRunResponse:
        return await self._authority.write(closing.close_run, Call(principal_of(context), request))

    async def ReleaseCare(self, request: pb.ReleaseCareRequest, context: Context) -> pb.ReleaseCareResponse:
        return await self._authority.write(care.release_care, Call(principal_of(context), request))

    async def _catalog(self) -> Catalog:
        version = await self._authority.read(read_catalog_version)
        return await self._authority.read(self._authority.catalogs.at, version)

    def _require_steady_clock(self) -> None:
        """FAILED_PRECONDITION while the wall clock's jump is not confirmed: no permits, as for leases."""
        if self._authority.guard.jumped():
            _log.error("permits_stopped", jump_s=round(self._authority.guard.jump_s(), 1))
            raise clock_jumped()


def _nothing_here() -> Iterable[Any]:
    """The gateway has a release recorded by PrintService, then fetches the bytes from letter_service itself."""
    raise precondition("PDF 由网关提供。The gateway answers this: no PDFs are kept here.", "NO_PDF_HERE")
