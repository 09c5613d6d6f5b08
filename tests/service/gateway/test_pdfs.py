"""PDFs through the gateway: released by the authority, kept by a real letter_service, streamed to the person."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest

from gateway.main import gateway
from letter_service.archive import PIECE_BYTES
from letter_service.servers import ArchiveServer, LetterServer
from letter_service.settings import LetterSettings, open_archive
from letter_service.workers import Workers
from outreach.domain.errors import Kind, Refusal, precondition
from outreach.runtime import access, server, tls, tokens
from outreach.runtime.client import open_channel
from outreach.runtime.errors import refusal_of
from outreach.v1.archive_service_pb2_grpc import add_ArchiveServiceServicer_to_server
from outreach.v1.common_pb2 import Principal
from outreach.v1.letter_service_pb2 import PreviewLetterRequest, PreviewLetterResponse, PreviewValues
from outreach.v1.letter_service_pb2_grpc import add_LetterServiceServicer_to_server
from outreach.v1.letter_version_service_pb2 import LetterContent
from outreach.v1.mailroom_service_pb2 import (
    FetchLetterPdfRequest,
    FetchLetterPdfResponse,
    FetchRunPdfRequest,
    FetchRunPdfResponse,
)
from outreach.v1.print_service_pb2 import (
    ReleaseLetterPdfRequest,
    ReleaseLetterPdfResponse,
    ReleaseRunPdfRequest,
    ReleaseRunPdfResponse,
)
from tests.service.gateway.conftest import as_caller, free_address, settings_for

MAILROOM = partial(as_caller, "people", roles=("mailroom",))
ROOT = Path(__file__).parents[3]
RUN = "/outreach.v1.MailroomService/FetchRunPdf"
LETTER = "/outreach.v1.MailroomService/FetchLetterPdf"


@dataclass
class Releases:
    """The authority's side: what it was asked to release, and by whom."""

    sha256: str = ""
    refusal: Refusal | None = None
    asked: list[tuple[Principal, Any]] = field(default_factory=list)

    async def run(self, request: ReleaseRunPdfRequest, context: Any) -> ReleaseRunPdfResponse:
        return ReleaseRunPdfResponse(pdf_sha256=self._release(request, context))

    async def letter(self, request: ReleaseLetterPdfRequest, context: Any) -> ReleaseLetterPdfResponse:
        return ReleaseLetterPdfResponse(pdf_sha256=self._release(request, context))

    def _release(self, request: Any, context: Any) -> str:
        if self.refusal is not None:
            raise self.refusal
        self.asked.append((tokens.principal_of(context), request))
        return self.sha256

    def register(self, grpc_server: grpc.aio.Server) -> None:
        handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
            "ReleaseRunPdf": grpc.unary_unary_rpc_method_handler(
                self.run, ReleaseRunPdfRequest.FromString, ReleaseRunPdfResponse.SerializeToString
            ),
            "ReleaseLetterPdf": grpc.unary_unary_rpc_method_handler(
                self.letter, ReleaseLetterPdfRequest.FromString, ReleaseLetterPdfResponse.SerializeToString
            ),
        }
        generic = grpc.method_handlers_generic_handler("outreach.v1.PrintService", handlers)
        grpc_server.add_generic_rpc_handlers((generic,))


@dataclass
class Mailroom:
    """A person's side."""

    releases: Releases
    channel: grpc.aio.Channel
    settings: LetterSettings

    def keep(self, pdf: bytes) -> None:
        """The PDF that is released from now on."""
        self.releases.sha256 = open_archive(self.settings).keep(pdf)

    def call(self, method: str, request: Any, response: Any, metadata: Any = None) -> Any:
        stream: Any = self.channel.unary_stream(method, response_deserializer=response.FromString)
        return stream(request.SerializeToString(), timeout=20, metadata=metadata or MAILROOM())

    async def refused(self, request: Any, method: str = RUN, metadata: Any = None) -> Refusal:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await self.call(method, request, FetchRunPdfResponse, metadata).read()
        return refusal_of(raised.value)


@asynccontextmanager
async def serving_letters(settings: LetterSettings) -> AsyncIterator[None]:
    workers = Workers("INFO")

    def register(grpc_server: grpc.aio.Server) -> None:
        add_ArchiveServiceServicer_to_server(ArchiveServer(open_archive(settings), workers), grpc_server)
        add_LetterServiceServicer_to_server(LetterServer(workers), grpc_server)

    async with server.running(
        settings.letter_service_address,
        tls.server_credentials(settings.state_dir, "letter_service", require_client=True),
        services=["outreach.v1.ArchiveService", "outreach.v1.LetterService"],
        register=register,
        authorize=access.check_certificate,
        grace_s=0.1,
    ) as running:
        await running.set_ready(True)
        yield
    workers.close()


@pytest.fixture
async def mailroom(state_dir: Path) -> AsyncIterator[Mailroom]:
    """The gateway before an authority; letter_service is started by the test, or not."""
    tls.ensure_certificate(state_dir, "letter_service")
    releases, authority, letters = Releases(), free_address(), free_address()
    settings = replace(settings_for(state_dir, authority), letter_service_address=letters)
    async with (
        server.running(
            authority,
            tls.server_credentials(state_dir, "approval_service", require_client=True),
            services=["outreach.v1.PrintService"],
            register=releases.register,
            authorize=access.check_certificate,
            grace_s=0.1,
        ),
        gateway(settings) as running,
        open_channel(f"127.0.0.1:{running.grpc_port}", tls.channel_credentials(state_dir)) as channel,
    ):
        yield Mailroom(releases, channel, LetterSettings(state_dir=state_dir, letter_service_address=letters))


def run_request(**changes: Any) -> FetchRunPdfRequest:
    return FetchRunPdfRequest(**{"run_id": "R1", "station": "mailroom-1", **changes})


async def test_a_run_is_released_and_then_streamed(mailroom: Mailroom) -> None:
    """The release is asked for in the person's name, then all bytes arrive, their number first."""
    pdf = bytes(range(256)) * (3 * PIECE_BYTES // 256 + 1)
    mailroom.keep(pdf)
    async with serving_letters(mailroom.settings):
        pieces = [piece async for piece in mailroom.call(RUN, run_request(reason="jam"), FetchRunPdfResponse)]
    assert b"".join(piece.chunk for piece in pieces) == pdf
    assert [piece.total_bytes for piece in pieces] == [len(pdf), 0, 0, 0]
    ((principal, request),) = mailroom.releases.asked
    assert (principal.employee_id, list(principal.roles)) == ("e-1001", ["mailroom"])
    assert request == ReleaseRunPdfRequest(run_id="R1", station="mailroom-1", reason="jam")


async def test_a_letter_s_copy_is_marked(mailroom: Mailroom) -> None:
    """What a person looks at is marked as a copy, and the look is recorded with its reason."""
    async with serving_letters(mailroom.settings):
        preview: Any = mailroom.channel.unary_unary(
            "/outreach.v1.LetterService/PreviewLetter", response_deserializer=PreviewLetterResponse.FromString
        )
        source = (ROOT / "examples/demo-bank/letters/payment-notice.md").read_bytes()
        content = LetterContent(bank_id="demo-bank", name="payment-notice", source=source)
        asked = PreviewLetterRequest(content=content, values=PreviewValues.PREVIEW_VALUES_SAMPLE)
        laid_out = await preview(asked.SerializeToString(), timeout=20, metadata=MAILROOM())
        mailroom.keep(laid_out.pdf)
        request = FetchLetterPdfRequest(letter_number="L26-00000001", reason="complaint 7")
        pieces = [piece async for piece in mailroom.call(LETTER, request, FetchLetterPdfResponse)]
    copy = b"".join(piece.chunk for piece in pieces)
    assert copy.startswith(b"%PDF")
    assert copy != laid_out.pdf
    assert pieces[0].total_bytes == len(copy)
    assert mailroom.releases.asked[0][1] == ReleaseLetterPdfRequest(letter_number="L26-00000001", reason="complaint 7")


async def test_what_the_authority_refuses_is_not_given_out(mailroom: Mailroom) -> None:
    """A second release without a reason: the authority's words, and not one byte."""
    mailroom.keep(b"pdf")
    mailroom.releases.refusal = precondition("released before", "RELEASED_BEFORE", "reason")
    async with serving_letters(mailroom.settings):
        refused = await mailroom.refused(run_request())
    assert (refused.kind, refused.reason, refused.field) == (Kind.PRECONDITION, "RELEASED_BEFORE", "reason")


async def test_nothing_is_released_while_letter_service_is_down(mailroom: Mailroom) -> None:
    """Without letter_service the caller is told so and may try again; the authority was not asked, so that the one
    release is not used up. Once it is back, the PDF is given out."""
    mailroom.keep(b"pdf")
    refused = await mailroom.refused(run_request())
    assert (refused.kind, refused.reason) == (Kind.UNAVAILABLE, "ARCHIVE_UNAVAILABLE")
    assert "letter_service" in refused.message
    assert mailroom.releases.asked == []
    async with serving_letters(mailroom.settings):
        assert await fetched_at_last(mailroom) == b"pdf"
    assert len(mailroom.releases.asked) == 1


async def fetched_at_last(mailroom: Mailroom) -> bytes:
    """The first piece, once the gateway's channel to letter_service is back."""
    async with asyncio.timeout(20):
        while True:
            try:
                piece = await mailroom.call(RUN, run_request(), FetchRunPdfResponse).read()
            except grpc.aio.AioRpcError:
                await asyncio.sleep(0.05)
            else:
                return bytes(piece.chunk)


async def test_a_pdf_that_is_gone_is_told(mailroom: Mailroom) -> None:
    """A release of what the archive does not have is NOT_FOUND with whom to tell."""
    mailroom.releases.sha256 = "0" * 64
    async with serving_letters(mailroom.settings):
        assert (await mailroom.refused(run_request())).kind is Kind.NOT_FOUND


@pytest.mark.parametrize(
    ("request_message", "field"),
    [(run_request(station=""), "station"), (run_request(station="a b"), "station"), (run_request(run_id=""), "run_id")],
)
async def test_a_malformed_request_names_its_field(mailroom: Mailroom, request_message: Any, field: str) -> None:
    """A release needs its run and a plain name for the station."""
    refused = await mailroom.refused(request_message)
    assert (refused.kind, refused.field) == (Kind.INVALID, field)


async def test_only_designated_people_fetch_runs(mailroom: Mailroom) -> None:
    """An inspector may look at a letter's copy, but not take a run."""
    inspector = as_caller("people", roles=("inspector",))
    assert (await mailroom.refused(run_request(), metadata=inspector)).reason == "ROLE_NOT_ALLOWED"
    mailroom.keep(b"not even a PDF")
    asked = FetchLetterPdfRequest(letter_number="L26-00000001", reason="inspection")
    async with serving_letters(mailroom.settings):
        assert (await mailroom.refused(asked, LETTER, inspector)).reason == "INTERNAL"
    assert len(mailroom.releases.asked) == 1
