"""`python -m letter_service.main`: lays out print runs, keeps their PDFs, answers previews. Wiring only."""

from __future__ import annotations

import asyncio

import grpc

from letter_service.runner import Runner
from letter_service.servers import ArchiveServer, LetterServer
from letter_service.settings import LetterSettings, clear_spool, open_archive
from letter_service.workers import Workers
from outreach.runtime import logs, server, tls
from outreach.runtime.access import LETTER_SERVICE, check_certificate
from outreach.runtime.client import RenewingChannel
from outreach.runtime.config import load
from outreach.v1.archive_service_pb2_grpc import add_ArchiveServiceServicer_to_server
from outreach.v1.letter_service_pb2_grpc import add_LetterServiceServicer_to_server
from outreach.v1.print_service_pb2_grpc import PrintServiceStub

SERVICES = ("outreach.v1.LetterService", "outreach.v1.ArchiveService")
PREVIEW_DEADLINE_S = 60.0


async def main() -> None:
    settings = load(LetterSettings)
    logs.set_up("letter_service", settings.log_level)
    clear_spool(settings)
    archive, workers = open_archive(settings), Workers(settings.log_level)

    def register(grpc_server: grpc.aio.Server) -> None:
        add_LetterServiceServicer_to_server(LetterServer(workers), grpc_server)
        add_ArchiveServiceServicer_to_server(ArchiveServer(archive, workers), grpc_server)

    try:
        async with (
            server.running(
                settings.letter_service_address,
                tls.server_credentials(settings.state_dir, LETTER_SERVICE, require_client=True),
                services=SERVICES,
                register=register,
                authorize=check_certificate,
                deadline_s=PREVIEW_DEADLINE_S,
            ) as running,
            RenewingChannel(
                settings.approval_service_address, tls.service_files(settings.state_dir, LETTER_SERVICE)
            ) as channel,
        ):
            laying_out = asyncio.create_task(Runner(PrintServiceStub(channel), archive, workers, settings).run())
            stopped = asyncio.create_task(server.stop_signal())
            await running.set_ready(True)
            done, _ = await asyncio.wait({stopped, laying_out}, return_when=asyncio.FIRST_COMPLETED)
            await running.set_ready(False)
            stopped.cancel()
            laying_out.cancel()
            if laying_out in done:
                laying_out.result()
    finally:
        workers.close()


if __name__ == "__main__":
    server.run(main())
