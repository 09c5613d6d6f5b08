"""FetchRunPdf and FetchLetterPdf: the authority records the release, then letter_service's bytes are passed on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import grpc
from grpc_health.v1 import health_pb2

from gateway.door import Door
from gateway.forwarding import Handler, enter
from gateway.shape import Shape
from outreach.domain.errors import Kind, Refusal
from outreach.runtime.server import Context
from outreach.runtime.tokens import principal_metadata
from outreach.v1.archive_service_pb2 import FetchPdfRequest, FetchPdfResponse
from outreach.v1.archive_service_pb2_grpc import ArchiveServiceStub
from outreach.v1.common_pb2 import Principal
from outreach.v1.mailroom_service_pb2 import (
    FetchLetterPdfRequest,
    FetchLetterPdfResponse,
    FetchRunPdfRequest,
    FetchRunPdfResponse,
)
from outreach.v1.print_service_pb2 import ReleaseLetterPdfRequest, ReleaseRunPdfRequest
from outreach.v1.print_service_pb2_grpc import PrintServiceStub

if TYPE_CHECKING:
    from outreach.v1.archive_service_pb2_grpc import ArchiveServiceAsyncStub
    from outreach.v1.print_service_pb2_grpc import PrintServiceAsyncStub

RELEASE_TIMEOUT_S = 10.0
HEALTH_TIMEOUT_S = 2.0
FETCH_TIMEOUT_S = 600.0
"""For the whole of a PDF: a run of 10,000 letters over a slow line."""
ARCHIVE_SERVICE = "outreach.v1.ArchiveService"

_RUN = Shape(FetchRunPdfRequest.DESCRIPTOR)
_LETTER = Shape(FetchLetterPdfRequest.DESCRIPTOR)


class Pdfs:
    """The two rpcs of the mailroom that give out PDFs."""

    def __init__(self, door: Door, authority: grpc.aio.Channel, letters: grpc.aio.Channel) -> None:
        self._door = door
        self._authority: PrintServiceAsyncStub = PrintServiceStub(authority)
        self._archive: ArchiveServiceAsyncStub = ArchiveServiceStub(letters)
        self._health: Any = letters.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )

    def handlers(self) -> dict[str, Handler]:
        """By full method name, for gateway.forwarding."""
        return {
            "/outreach.v1.MailroomService/FetchRunPdf": grpc.unary_stream_rpc_method_handler(
                self.fetch_run, response_serializer=FetchRunPdfResponse.SerializeToString
            ),
            "/outreach.v1.MailroomService/FetchLetterPdf": grpc.unary_stream_rpc_method_handler(
                self.fetch_letter, response_serializer=FetchLetterPdfResponse.SerializeToString
            ),
        }

    async def fetch_run(self, raw: bytes, context: Context) -> AsyncIterator[FetchRunPdfResponse]:
        principal, message = enter(self._door, raw, context, _RUN)
        asked: Any = message
        async for piece in self.run(principal, asked, context.time_remaining()):
            yield FetchRunPdfResponse(chunk=piece.chunk, total_bytes=piece.total_bytes)

    async def fetch_letter(self, raw: bytes, context: Context) -> AsyncIterator[FetchLetterPdfResponse]:
        principal, message = enter(self._door, raw, context, _LETTER)
        asked: Any = message
        async for piece in self.letter(principal, asked, context.time_remaining()):
            yield FetchLetterPdfResponse(chunk=piece.chunk, total_bytes=piece.total_bytes)

    async def run(
        self, principal: Principal, asked: FetchRunPdfRequest, timeout_s: float | None = None
    ) -> AsyncIterator[FetchPdfResponse]:
        """The pieces of a run's PDF, once its release is recorded. Raises Refusal, grpc.RpcError."""
        await self._require_archive()
        released = await self._authority.ReleaseRunPdf(
            ReleaseRunPdfRequest(run_id=asked.run_id, station=asked.station, reason=asked.reason),
            timeout=RELEASE_TIMEOUT_S,
            metadata=principal_metadata(principal),
        )
        async for piece in self._pieces(FetchPdfRequest(pdf_sha256=released.pdf_sha256), timeout_s):
            yield piece

    async def letter(
        self, principal: Principal, asked: FetchLetterPdfRequest, timeout_s: float | None = None
    ) -> AsyncIterator[FetchPdfResponse]:
        """The pieces of a letter's archive copy, marked as one, once the look is recorded. Raises likewise."""
        await self._require_archive()
        released = await self._authority.ReleaseLetterPdf(
            ReleaseLetterPdfRequest(letter_number=asked.letter_number, reason=asked.reason),
            timeout=RELEASE_TIMEOUT_S,
            metadata=principal_metadata(principal),
        )
        request = FetchPdfRequest(pdf_sha256=released.pdf_sha256, mark_as_copy=True)
        async for piece in self._pieces(request, timeout_s):
            yield piece

    async def _pieces(self, request: FetchPdfRequest, timeout_s: float | None) -> AsyncIterator[FetchPdfResponse]:
        """The PDF's pieces as fast as they are taken."""
        timeout = FETCH_TIMEOUT_S if timeout_s is None else min(timeout_s, FETCH_TIMEOUT_S)
        call = self._archive.FetchPdf(request, timeout=timeout, wait_for_ready=False)
        try:
            async for piece in call:
                yield piece
        finally:
            call.cancel()

    async def _require_archive(self) -> None:
        """A release that nothing follows would cost a reason the next time: so ask before it is recorded."""
        try:
            answer = await self._health(
                health_pb2.HealthCheckRequest(service=ARCHIVE_SERVICE), timeout=HEALTH_TIMEOUT_S, wait_for_ready=False
            )
        except grpc.aio.AioRpcError:
            raise _archive_down() from None
        if answer.status != health_pb2.HealthCheckResponse.SERVING:
            raise _archive_down()


def _archive_down() -> Refusal:
    return Refusal(
        Kind.UNAVAILABLE,
        "信函服务暂不可用，PDF 未发放：请稍后重试，或请运维查看 letter_service。letter_service is down and the PDF was "
        "not released: try again later, or have its operator look.",
        reason="ARCHIVE_UNAVAILABLE",
        retry_after_s=2.0,
    )
