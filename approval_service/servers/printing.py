"""PrintService: runs to lay out for letter_service, and releases of PDFs for the gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator

from approval_service.authority import Authority
from approval_service.calls import Call
from approval_service.mailroom import releases, rendering
from approval_service.personal_data import erasure
from approval_service.store.persons import erased_pdfs
from outreach.runtime.server import Context
from outreach.runtime.tokens import principal_of
from outreach.v1 import print_service_pb2 as pb
from outreach.v1.print_service_pb2_grpc import PrintServiceServicer


class PrintServer(PrintServiceServicer):
    def __init__(self, authority: Authority) -> None:
        self._authority = authority

    async def ListRenderings(self, request: pb.ListRenderingsRequest, context: Context) -> pb.ListRenderingsResponse:
        return await self._authority.read(rendering.list_renderings)

    async def ListPermits(
        self, request: pb.ListPermitsRequest, context: Context
    ) -> AsyncIterator[pb.ListPermitsResponse]:
        for part in await self._authority.read(rendering.list_permits, self._authority.keys, request):
            yield part

    async def ReportRendering(self, request: pb.ReportRenderingRequest, context: Context) -> pb.ReportRenderingResponse:
        return await self._authority.write(rendering.report_rendering, request)

    async def ListErasedPdfs(self, request: pb.ListErasedPdfsRequest, context: Context) -> pb.ListErasedPdfsResponse:
        return pb.ListErasedPdfsResponse(pdf_sha256=await self._authority.read(erased_pdfs, erasure.MAX_PDFS))

    async def ReportErasedPdfs(
        self, request: pb.ReportErasedPdfsRequest, context: Context
    ) -> pb.ReportErasedPdfsResponse:
        return await self._authority.write(erasure.report_pdfs, request)

    async def ReleaseRunPdf(self, request: pb.ReleaseRunPdfRequest, context: Context) -> pb.ReleaseRunPdfResponse:
        return await self._authority.write(releases.release_run_pdf, Call(principal_of(context), request))

    async def ReleaseLetterPdf(
        self, request: pb.ReleaseLetterPdfRequest, context: Context
    ) -> pb.ReleaseLetterPdfResponse:
        return await self._authority.write(releases.release_letter_pdf, Call(principal_of(context), request))
