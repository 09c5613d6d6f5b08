"""The process itself: letter_service as its own process, an authority and the gateway's side by mutual TLS."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import psutil
import pytest

from letter_service.settings import LetterSettings
from outreach.runtime import tls, tokens
from outreach.runtime.client import open_channel
from outreach.runtime.config import variables
from outreach.runtime.errors import refusal_of
from outreach.v1 import print_service_pb2 as pb
from outreach.v1.common_pb2 import Principal
from outreach.v1.letter_service_pb2 import PreviewLetterRequest, PreviewValues
from outreach.v1.letter_service_pb2_grpc import LetterServiceStub
from tests.service.letter_service.parts import (
    ADDRESS,
    NAME,
    UNPRINTABLE,
    Authority,
    content,
    fetched,
    pages_of,
    permit,
    serving_authority,
    settings_for,
    text_of,
)

TIMEOUT_S = 40


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while not condition():  # noqa: ASYNC110 - what it looks at is another process's or a file
            await asyncio.sleep(0.02)


def free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


class Service:
    """A letter_service of its own process."""

    def __init__(self, settings: LetterSettings) -> None:
        self.settings = settings
        self.log = b""
        self._process: asyncio.subprocess.Process | None = None

    @property
    def process(self) -> asyncio.subprocess.Process:
        assert self._process is not None
        return self._process

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "letter_service.main",
            env={"PATH": os.environ["PATH"], **variables(self.settings)},
            stderr=asyncio.subprocess.PIPE,
        )

    async def stop(self, number: int = signal.SIGTERM) -> int:
        """The exit code. Its worker processes end with it."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(number)
        async with asyncio.timeout(TIMEOUT_S):
            _, log = await self.process.communicate()
        self.log += log
        await eventually(lambda: not any(child.is_running() for child in children))
        code = self.process.returncode
        assert code is not None
        return code

    async def fetched(self, sha256: str, *, mark_as_copy: bool = False) -> bytes:
        where = self.settings.letter_service_address, self.settings.state_dir
        pdf, announced = await fetched(*where, sha256, mark_as_copy=mark_as_copy)
        assert len(pdf) == announced
        return pdf


@asynccontextmanager
async def serving(tmp_path: Path) -> AsyncIterator[tuple[Authority, Service]]:
    async with serving_authority(tmp_path) as (authority, address):
        service = Service(settings_for(tmp_path, address, free_address()))
        await service.start()
        yield authority, service
        if service.process.returncode is None:
            await service.stop(signal.SIGKILL)


async def test_a_run_is_laid_out_kept_and_reported(tmp_path: Path) -> None:
    """A listed run is reported with a hash for the run and each letter, under which the gateway fetches the PDFs; a
    letter that cannot be set is refused with its field; neither log nor disk shows a person."""
    async with serving(tmp_path) as (authority, service):
        authority.runs["R1"] = [permit(1), permit(2, NAME + UNPRINTABLE), permit(3)]
        await eventually(lambda: "R1" in authority.reports)
        report = authority.reports["R1"]
        assert [letter.letter_number for letter in report.letters] == ["L26-00000001", "L26-00000002", "L26-00000003"]
        first, refused, third = report.letters
        assert refused.field in ("name", "recipient_name")
        assert (refused.sheets, refused.pdf_sha256) == (0, "")
        assert refused.refusal
        assert NAME not in refused.refusal

        run = await service.fetched(report.pdf_sha256)
        assert pages_of(run) == 2 * (first.sheets + third.sheets)
        copy = await service.fetched(third.pdf_sha256, mark_as_copy=True)
        assert "L26-00000003" in text_of(copy)
        assert "副本" in text_of(copy)
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await service.fetched("0" * 64)
        assert refusal_of(raised.value).kind == "NOT_FOUND"

        assert await service.stop() == 0
        kept = b"".join(path.read_bytes() for path in (tmp_path / "letters").rglob("*") if path.is_file())
        assert b"%PDF" not in kept
        for secret in (NAME, ADDRESS, "16,409.02"):
            assert secret.encode() not in service.log
        assert b'"event":"rendered"' in service.log


async def test_what_shows_an_erased_person_is_removed(tmp_path: Path) -> None:
    """Only that, and it is reported; what is not kept any more counts as removed."""
    async with serving(tmp_path) as (authority, service):
        authority.runs["R1"] = [permit(1), permit(2)]
        await eventually(lambda: "R1" in authority.reports)
        report = authority.reports["R1"]
        first, second = report.letters
        authority.erased = [report.pdf_sha256, first.pdf_sha256, "0" * 64]
        await eventually(lambda: not authority.erased)
        for sha256 in (report.pdf_sha256, first.pdf_sha256):
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await service.fetched(sha256)
            assert refusal_of(raised.value).kind == "NOT_FOUND"
        assert await service.fetched(second.pdf_sha256)


async def test_a_run_that_changed_is_laid_out_anew(tmp_path: Path) -> None:
    """A letter withdrawn meanwhile: the refused report is followed by one without it, the others as they were. The
    first PDF, which shows the withdrawn letter, is gone."""
    async with serving(tmp_path) as (authority, service):
        authority.withdraw = {"L26-00000002"}
        authority.refusals.append(grpc.StatusCode.FAILED_PRECONDITION)
        authority.runs["R1"] = [permit(number) for number in (1, 2, 3)]
        await eventually(lambda: "R1" in authority.reports)
        before = {letter.letter_number: letter for letter in authority.refused[0].letters}
        after = authority.reports["R1"]
        assert [letter.letter_number for letter in after.letters] == ["L26-00000001", "L26-00000003"]
        assert all(letter == before[letter.letter_number] for letter in after.letters)
        assert after.pdf_sha256 != authority.refused[0].pdf_sha256
        assert pages_of(await service.fetched(after.pdf_sha256)) == 4
        with pytest.raises(grpc.aio.AioRpcError):
            await service.fetched(authority.refused[0].pdf_sha256)


@pytest.mark.parametrize("moment", ["while it lays out", "once it has reported in vain"])
async def test_a_killed_process_loses_nothing(tmp_path: Path, moment: str) -> None:
    """After kill -9 at either moment another process reports the same run with the same hashes, no worker is left
    behind, and nothing half written stays."""
    async with serving(tmp_path) as (authority, service):
        authority.runs["R0"] = [permit(number) for number in range(40)]
        await eventually(lambda: "R0" in authority.reports)
        known = authority.reports.pop("R0")
        if moment == "while it lays out":
            before = len(list((tmp_path / "letters").rglob("*")))
            authority.runs["R0"] = [permit(number) for number in range(40, 400)]
            await eventually(lambda: len(list((tmp_path / "letters").rglob("*"))) > before)
        else:
            authority.refusals.append(grpc.StatusCode.UNAVAILABLE)
            authority.runs["R0"] = [permit(number) for number in range(40)]
            await eventually(lambda: bool(authority.refused))
        await service.stop(signal.SIGKILL)
        assert "R0" not in authority.reports

        authority.runs["R0"] = [permit(number) for number in range(40)]
        await service.start()
        await eventually(lambda: "R0" in authority.reports)
        assert authority.reports["R0"] == known
        assert pages_of(await service.fetched(known.pdf_sha256)) == 2 * sum(one.sheets for one in known.letters)
        assert list((tmp_path / "letters" / "spool").iterdir()) == []


async def test_it_stops_at_once_and_the_run_stays_listed(tmp_path: Path) -> None:
    """Told to stop while it lays out, it ends with code 0, its worker processes too; nothing is reported."""
    async with serving(tmp_path) as (authority, service):
        authority.runs["R1"] = [permit(number) for number in range(2_000)]
        await eventually(lambda: any((tmp_path / "letters").glob("??/*")))
        assert await service.stop() == 0
        assert authority.reports == {}


async def test_a_run_outlives_its_worker_process(tmp_path: Path) -> None:
    """A worker process that is killed, as for want of memory, costs the run time, no more."""
    async with serving(tmp_path) as (authority, service):
        authority.runs["R1"] = [permit(number) for number in range(300)]
        await eventually(lambda: any((tmp_path / "letters").glob("??/*")))
        for child in psutil.Process(service.process.pid).children(recursive=True):
            child.kill()
        await eventually(lambda: "R1" in authority.reports)
        assert len(authority.reports["R1"].letters) == 300


async def test_one_run_s_failure_does_not_hold_up_the_others(tmp_path: Path) -> None:
    """A run whose version cannot be read any more is reported refused, letter by letter; one that the authority takes
    not yet is tried again; a third is done meanwhile."""
    async with serving(tmp_path) as (authority, _):
        authority.sources["R1"] = b"no letter"
        authority.refusals.append(grpc.StatusCode.INTERNAL)
        for run_id in ("R1", "R2", "R3"):
            authority.runs[run_id] = [permit(1)]
        await eventually(lambda: len(authority.reports) == 3)
        assert list(authority.reports) == ["R2", "R3", "R1"]
        broken = authority.reports["R1"]
        assert broken.pdf_sha256 == ""
        assert broken.letters[0].refusal
        assert isinstance(broken, pb.ReportRenderingRequest)


async def test_previews_are_answered_while_a_run_is_laid_out(tmp_path: Path) -> None:
    """The gateway gets a preview within seconds while a long run is under way."""
    async with serving(tmp_path) as (authority, service):
        authority.runs["R1"] = [permit(number) for number in range(300)]
        credentials = tls.channel_credentials(tmp_path, "gateway")
        async with open_channel(service.settings.letter_service_address, credentials) as channel:
            request = PreviewLetterRequest(content=content(), values=PreviewValues.PREVIEW_VALUES_SAMPLE)
            metadata = tokens.principal_metadata(Principal(caller_id="people", roles=["mailroom"], bank_ids=["*"]))
            stub = LetterServiceStub(channel)
            response = await stub.PreviewLetter(request, timeout=TIMEOUT_S, metadata=metadata)
            assert pages_of(response.pdf) == 2
        assert "R1" not in authority.reports


async def test_only_the_gateway_may_fetch(tmp_path: Path) -> None:
    """Another service's certificate is turned away."""
    async with serving(tmp_path) as (_, service):
        credentials = tls.channel_credentials(tmp_path, "approval_service")
        async with open_channel(service.settings.letter_service_address, credentials) as channel:
            request = PreviewLetterRequest(content=content(), values=PreviewValues.PREVIEW_VALUES_SAMPLE)
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await LetterServiceStub(channel).PreviewLetter(request, timeout=TIMEOUT_S)
        assert refusal_of(raised.value).reason == "CERTIFICATE_NOT_ALLOWED"
