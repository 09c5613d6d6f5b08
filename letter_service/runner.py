"""Lays out the runs that the authority lists, one after the other. A run stays listed until its rendering is taken, so
a crash at any point loses nothing: the same permits give the same bytes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

import grpc

from letter_service import work
from letter_service.archive import Archive
from letter_service.settings import LetterSettings
from letter_service.workers import Workers
from outreach.runtime.logs import EventLogger
from outreach.v1.print_service_pb2 import (
    ListErasedPdfsRequest,
    ListPermitsRequest,
    ListRenderingsRequest,
    Rendering,
    ReportErasedPdfsRequest,
    ReportRenderingRequest,
)

if TYPE_CHECKING:
    from outreach.v1.print_service_pb2_grpc import PrintServiceAsyncStub

LIST_TIMEOUT_S = 10.0
PERMITS_TIMEOUT_S = 120.0
REPORT_TIMEOUT_S = 60.0
LEAST_PAUSE_S = 0.05
"""Also where the authority says that more is waiting."""
PAUSE_S = 1.0
"""Before asking again when something failed; it grows."""
LONGEST_PAUSE_S = 30.0

_log = EventLogger("letter_service.runner")


class Runner:
    """Takes runs until cancelled."""

    def __init__(
        self, authority: PrintServiceAsyncStub, archive: Archive, workers: Workers, settings: LetterSettings
    ) -> None:
        self._authority = authority
        self._archive = archive
        self._workers = workers
        self._settings = settings

    async def run(self) -> None:
        failures = 0
        while True:
            try:
                await self._erase()
                wait_s, failed = await self._round()
            except grpc.aio.AioRpcError as error:
                _log.warning("renderings_not_listed", status=error.code().name)
                wait_s, failed = PAUSE_S, False
            failures = failures + 1 if failed else 0
            await asyncio.sleep(min(max(wait_s, PAUSE_S * 2**failures if failed else 0), LONGEST_PAUSE_S))

    async def _erase(self) -> None:
        """Removes the PDFs that show people who were erased. They are listed until they are reported as removed."""
        listed = await self._authority.ListErasedPdfs(ListErasedPdfsRequest(), timeout=LIST_TIMEOUT_S)
        if not listed.pdf_sha256:
            return
        try:
            await asyncio.to_thread(self._remove, listed.pdf_sha256)
        except OSError as error:
            _log.error("erased_pdfs_not_removed", error)
            return
        await self._authority.ReportErasedPdfs(
            ReportErasedPdfsRequest(pdf_sha256=listed.pdf_sha256), timeout=LIST_TIMEOUT_S
        )
        _log.info("erased_pdfs_removed", pdfs=len(listed.pdf_sha256))

    def _remove(self, hashes: Iterable[str]) -> None:
        for sha256 in hashes:
            self._archive.remove(sha256)
        self._archive.settle()

    async def _round(self) -> tuple[float, bool]:
        """Lays out what is listed. Returns the seconds to wait, and whether a run failed and is to be tried again."""
        listed = await self._authority.ListRenderings(ListRenderingsRequest(), timeout=LIST_TIMEOUT_S)
        failed = False
        for rendering in listed.renderings:
            try:
                await self._render(rendering)
            except Exception as error:  # noqa: BLE001 one run's failure must not hold up the others
                failed = True
                _log.error("rendering_failed", error, run_id=rendering.run_id)
        return max(listed.retry_after_ms / 1000, LEAST_PAUSE_S), failed

    async def _render(self, rendering: Rendering) -> None:
        began = time.monotonic()
        _log.info("rendering", run_id=rendering.run_id, letters=rendering.letters)
        permits = await self._permits(rendering.run_id)
        if not permits:
            _log.warning("run_without_permits", run_id=rendering.run_id)
            return
        report = ReportRenderingRequest.FromString(
            await self._workers.run(work.lay_out, self._settings, rendering.SerializeToString(), permits)
        )
        refused = sum(1 for letter in report.letters if letter.refusal)
        try:
            await self._authority.ReportRendering(report, timeout=REPORT_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.FAILED_PRECONDITION:
                raise
            _log.info("run_changed_meanwhile", run_id=rendering.run_id)  # it is listed again if it is still to be done
            # Refused, so this is not the PDF on record; it holds letters that may not be printed.
            if report.pdf_sha256:
                await asyncio.to_thread(self._archive.remove, report.pdf_sha256)
            return
        _log.info(
            "rendered",
            run_id=rendering.run_id,
            letters=len(report.letters) - refused,
            refused=refused,
            sheets=sum(letter.sheets for letter in report.letters),
            seconds=round(time.monotonic() - began, 1),
        )

    async def _permits(self, run_id: str) -> list[bytes]:
        call = self._authority.ListPermits(ListPermitsRequest(run_id=run_id), timeout=PERMITS_TIMEOUT_S)
        return [permit.SerializeToString() async for part in call for permit in part.permits]
