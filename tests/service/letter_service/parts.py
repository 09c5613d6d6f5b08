"""What the tests of letter_service are made of: a version, permits, and a small authority that lists runs."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import grpc
import pikepdf
import pypdfium2

from letter_service.settings import LetterSettings
from outreach.domain.errors import not_found
from outreach.runtime import tls
from outreach.runtime.access import check_certificate
from outreach.runtime.client import open_channel
from outreach.runtime.server import running
from outreach.v1 import print_service_pb2 as pb
from outreach.v1.archive_service_pb2 import FetchPdfRequest
from outreach.v1.archive_service_pb2_grpc import ArchiveServiceStub
from outreach.v1.letter_version_service_pb2 import LetterContent, LetterVersion
from outreach.v1.print_service_pb2_grpc import PrintServiceServicer, add_PrintServiceServicer_to_server
from outreach.v1.worker_service_pb2 import PermitValue

SOURCE = Path(__file__).parents[3] / "examples" / "demo-bank" / "letters" / "payment-notice.md"
NAME = "欧阳测试"
ADDRESS = "示例省示例市示例区示例路1号示例花园2栋3单元402室"
UNPRINTABLE = "\ue000"
"""A character of the private use area, which no font has."""
Context = grpc.aio.ServicerContext[Any, Any]


def content(source: bytes = b"") -> LetterContent:
    return LetterContent(bank_id="demo-bank", name="payment-notice", source=source or SOURCE.read_bytes())


def permit(number: int, name: str = NAME) -> pb.LetterPermit:
    values = {
        "name": name,
        "last_four": "1234",
        "overdue": "16,409.02",
        "outstanding": "20,000.00",
        "minimum": "500.00",
        "as_of": "2026-11-24",
        "due_date": "2026-11-10",
    }
    return pb.LetterPermit(
        letter_number=f"L26-{number:08d}",
        outreach_id=f"o-{number}",
        recipient_name=name,
        address=ADDRESS,
        postcode="000001",
        letter_date="2026-11-25",
        values=[PermitValue(name=key, text=text) for key, text in values.items()],
        balance_sequence=7,
        authorization="HQ-2026-001",
    )


class Authority(PrintServiceServicer):
    """`runs` are the permits of each run that waits; `reports` is what was reported and taken."""

    def __init__(self) -> None:
        self.runs: dict[str, list[pb.LetterPermit]] = {}
        self.sources: dict[str, bytes] = {}
        self.refusals: deque[grpc.StatusCode] = deque()
        self.refused: list[pb.ReportRenderingRequest] = []
        self.reports: dict[str, pb.ReportRenderingRequest] = {}
        self.withdraw: set[str] = set()
        self.erased: list[str] = []

    async def ListRenderings(self, request: pb.ListRenderingsRequest, context: Context) -> pb.ListRenderingsResponse:
        renderings = [
            pb.Rendering(
                run_id=run_id,
                version=LetterVersion(content=content(self.sources.get(run_id, b""))),
                letters=len(permits),
            )
            for run_id, permits in self.runs.items()
        ]
        return pb.ListRenderingsResponse(renderings=renderings, retry_after_ms=50)

    async def ListPermits(
        self, request: pb.ListPermitsRequest, context: Context
    ) -> AsyncIterator[pb.ListPermitsResponse]:
        for one in self.runs[request.run_id]:
            yield pb.ListPermitsResponse(permits=[one])

    async def ReportRendering(self, request: pb.ReportRenderingRequest, context: Context) -> pb.ReportRenderingResponse:
        if self.refusals:
            self.refused.append(request)
            permits = self.runs[request.run_id]
            self.runs[request.run_id] = [one for one in permits if one.letter_number not in self.withdraw]
            await context.abort(self.refusals.popleft(), "not now")
        del self.runs[request.run_id]
        self.reports[request.run_id] = request
        return pb.ReportRenderingResponse()

    async def ListErasedPdfs(self, request: pb.ListErasedPdfsRequest, context: Context) -> pb.ListErasedPdfsResponse:
        return pb.ListErasedPdfsResponse(pdf_sha256=self.erased)

    async def ReportErasedPdfs(
        self, request: pb.ReportErasedPdfsRequest, context: Context
    ) -> pb.ReportErasedPdfsResponse:
        self.erased = [one for one in self.erased if one not in request.pdf_sha256]
        return pb.ReportErasedPdfsResponse()

    async def ReleaseRunPdf(self, request: pb.ReleaseRunPdfRequest, context: Context) -> pb.ReleaseRunPdfResponse:
        raise not_found("letter_service releases nothing")

    async def ReleaseLetterPdf(
        self, request: pb.ReleaseLetterPdfRequest, context: Context
    ) -> pb.ReleaseLetterPdfResponse:
        raise not_found("letter_service releases nothing")


@asynccontextmanager
async def serving_authority(state_dir: Path) -> AsyncIterator[tuple[Authority, str]]:
    """As the real one is served: mutual TLS and the table of who may call what; its address."""
    tls.ensure_local_ca(state_dir)
    for service in ("gateway", "approval_service", "letter_service"):
        tls.ensure_certificate(state_dir, service)
    authority = Authority()
    async with running(
        "127.0.0.1:0",
        tls.server_credentials(state_dir, "approval_service", require_client=True),
        services=("outreach.v1.PrintService",),
        register=lambda server: add_PrintServiceServicer_to_server(authority, server),
        authorize=check_certificate,
    ) as server:
        yield authority, f"127.0.0.1:{server.port}"


def settings_for(state_dir: Path, authority: str, own: str = "127.0.0.1:0") -> LetterSettings:
    return LetterSettings(state_dir=state_dir, approval_service_address=authority, letter_service_address=own)


async def fetched(address: str, state_dir: Path, sha256: str, *, mark_as_copy: bool = False) -> tuple[bytes, int]:
    """A kept PDF as the gateway fetches it, and the length that was announced. AioRpcError."""
    async with open_channel(address, tls.channel_credentials(state_dir, "gateway")) as channel:
        call = ArchiveServiceStub(channel).FetchPdf(
            FetchPdfRequest(pdf_sha256=sha256, mark_as_copy=mark_as_copy), timeout=30
        )
        pieces = [piece async for piece in call]
    return b"".join(piece.chunk for piece in pieces), pieces[0].total_bytes


def pages_of(pdf: bytes) -> int:
    with pikepdf.open(BytesIO(pdf)) as document:
        return len(document.pages)


def text_of(pdf: bytes, page: int = 0) -> str:
    """What a reader extracts from a page."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        text: str = document[page].get_textpage().get_text_bounded()
    finally:
        document.close()
    return text
