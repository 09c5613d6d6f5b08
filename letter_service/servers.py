"""What letter_service answers: previews, and the PDFs that it keeps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

from letter_service import work
from letter_service.archive import PIECE_BYTES, Archive, NotKept
from letter_service.workers import WorkerDied, Workers
from outreach.domain.errors import Kind, Refusal, not_found
from outreach.runtime.server import Context
from outreach.v1.archive_service_pb2 import FetchPdfRequest, FetchPdfResponse
from outreach.v1.archive_service_pb2_grpc import ArchiveServiceServicer
from outreach.v1.letter_service_pb2 import PreviewLetterRequest, PreviewLetterResponse
from outreach.v1.letter_service_pb2_grpc import LetterServiceServicer
from outreach.validation import violations


class LetterServer(LetterServiceServicer):
    """Lays out previews beside the runs. Stores nothing."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers

    async def PreviewLetter(self, request: PreviewLetterRequest, context: Context) -> PreviewLetterResponse:
        try:
            return PreviewLetterResponse.FromString(await self._workers.run(work.preview, request.SerializeToString()))
        except WorkerDied:
            raise _worker_died() from None


class ArchiveServer(ArchiveServiceServicer):
    """Gives out kept PDFs piece by piece, as fast as they are taken."""

    def __init__(self, archive: Archive, workers: Workers) -> None:
        self._archive = archive
        self._workers = workers

    async def FetchPdf(self, request: FetchPdfRequest, context: Context) -> AsyncIterator[FetchPdfResponse]:
        broken = violations(request)
        if broken:
            raise Refusal(Kind.INVALID, "不是 SHA-256。It is no SHA-256.", violations=tuple(broken))
        try:
            pieces, length = await asyncio.to_thread(self._archive.read, request.pdf_sha256)
            if request.mark_as_copy:
                pdf = b"".join(await asyncio.to_thread(list, pieces))
                marked = await self._workers.run(work.mark_as_copy, pdf)
                pieces, length = _cut(marked), len(marked)
        except NotKept:
            raise not_found(
                "文件库中没有此 PDF，请告知运维。The archive does not have that PDF: tell its operator."
            ) from None
        except WorkerDied:
            raise _worker_died() from None
        except OSError:
            raise _unreachable() from None
        async for response in _responses(pieces, length):
            yield response


async def _responses(pieces: Iterator[bytes], length: int) -> AsyncIterator[FetchPdfResponse]:
    """Reads ahead by one piece, so that the disk and the network work at once."""
    total = length
    following = asyncio.create_task(asyncio.to_thread(next, pieces, None))
    try:
        while (piece := await following) is not None:
            following = asyncio.create_task(asyncio.to_thread(next, pieces, None))
            yield FetchPdfResponse(chunk=piece, total_bytes=total)
            total = 0
    finally:
        await asyncio.wait({following})


def _cut(pdf: bytes) -> Iterator[bytes]:
    return (pdf[start : start + PIECE_BYTES] for start in range(0, len(pdf), PIECE_BYTES))


def _worker_died() -> Refusal:
    message = "排版进程中断，请重试。The layout process ended: try again."
    return Refusal(Kind.UNAVAILABLE, message, reason="WORKER_DIED", retry_after_s=2.0)


def _unreachable() -> Refusal:
    message = "文件库暂不可读，请重试。The archive cannot be read now: try again."
    return Refusal(Kind.UNAVAILABLE, message, reason="ARCHIVE_UNAVAILABLE", retry_after_s=5.0)
