"""Direct printing: an IPP printer, and a queue of CUPS by `lp`. Both are stand-ins; no real printer was asked."""

from __future__ import annotations

import asyncio
import os
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from outreach.cli import printers
from outreach.cli.failures import Failure

ONE_SIDED, TWO_SIDED = b"%PDF-1.7 /Duplex/Simplex", b"%PDF-1.7 /Duplex/DuplexFlipLongEdge"
_HEADER = struct.Struct(">BBHI")


@asynccontextmanager
async def ipp_printer(jobs: list[bytes], *, status: int = 0, http: int = 200) -> AsyncIterator[str]:
    async def take(request: web.Request) -> web.Response:
        assert request.content_type == "application/ipp"
        jobs.append(await request.read())
        return web.Response(body=struct.pack(">BBHI", 2, 0, status, 1) + b"\x03", status=http)

    app = web.Application()
    app.router.add_post("/printers/letters", take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"ipp://127.0.0.1:{runner.addresses[0][1]}/printers/letters"
    finally:
        await runner.cleanup()


def attributes(job: bytes) -> tuple[dict[str, str], bytes]:
    """The attributes of a request as RFC 8010 encodes them, and the document after them."""
    found: dict[str, str] = {}
    at = _HEADER.size
    while job[at] != 3:
        if job[at] < 0x10:  # a delimiter opens a group
            at += 1
            continue
        (length,) = struct.unpack_from(">H", job, at + 1)
        name = job[at + 3 : at + 3 + length].decode()
        at += 3 + length
        (length,) = struct.unpack_from(">H", job, at)
        found[name] = job[at + 2 : at + 2 + length].decode()
        at += 2 + length
    return found, job[at + 1 :]


@pytest.mark.parametrize(("pdf", "sides"), [(ONE_SIDED, "one-sided"), (TWO_SIDED, "two-sided-long-edge")])
async def test_a_job_goes_to_an_ipp_printer(tmp_path: Path, pdf: bytes, sides: str) -> None:
    """Print-Job of IPP 2.0 with the document after it, on both sides only if the run is made for that, unscaled."""
    path = tmp_path / "run.pdf"
    path.write_bytes(pdf)
    jobs: list[bytes] = []
    async with ipp_printer(jobs) as uri:
        await printers.send(uri, path, "R1")
    assert _HEADER.unpack_from(jobs[0]) == (2, 0, 0x0002, 1)
    said, document = attributes(jobs[0])
    assert document == pdf
    assert list(said)[:2] == ["attributes-charset", "attributes-natural-language"]
    assert (said["printer-uri"], said["job-name"]) == (uri, "R1")
    assert (said["document-format"], said["sides"], said["print-scaling"]) == ("application/pdf", sides, "none")


@pytest.mark.parametrize(("status", "http", "word"), [(0x0507, 200, "0x0507"), (0, 401, "HTTP 401")])
async def test_a_printer_that_refuses_is_told(tmp_path: Path, status: int, http: int, word: str) -> None:
    """The failure names the option and what the printer said."""
    path = tmp_path / "run.pdf"
    path.write_bytes(ONE_SIDED)
    async with ipp_printer([], status=status, http=http) as uri:
        with pytest.raises(Failure, match=word) as raised:
            await printers.send(uri, path, "R1")
    assert raised.value.field == "printer"


async def test_a_printer_that_is_off_is_told(tmp_path: Path) -> None:
    """Nobody listens: the way out is the file."""
    path = tmp_path / "run.pdf"
    path.write_bytes(ONE_SIDED)
    async with ipp_printer([]) as uri:
        pass
    with pytest.raises(Failure, match="--out"):
        await printers.send(uri, path, "R1")


@pytest.fixture
def lp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An `lp` that writes its arguments down, and fails for the queue `broken`."""
    script = tmp_path / "bin" / "lp"
    script.parent.mkdir()
    script.write_text(
        '#!/bin/sh\nprintf "%s\\n" "$@" > "$(dirname "$0")/arguments"\n'
        '[ "$2" != broken ] || { echo "lp: no" >&2; exit 1; }\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}:{os.environ['PATH']}")
    return script.parent / "arguments"


async def test_a_queue_gets_the_file_by_lp(tmp_path: Path, lp: Path) -> None:
    """`lp` is given the queue, the job's name and the sides; what it says is told if it fails."""
    path = tmp_path / "run.pdf"
    path.write_bytes(TWO_SIDED)
    await printers.send("mailroom", path, "R1")
    said = (await asyncio.to_thread(lp.read_text)).splitlines()
    assert said[:4] == ["-d", "mailroom", "-t", "R1"]
    assert "sides=two-sided-long-edge" in said
    assert said[-1] == str(path)
    with pytest.raises(Failure, match="lp: no"):
        await printers.send("broken", path, "R1")


async def test_a_machine_without_lp_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ways out are an ipp:// address and the file."""
    path = tmp_path / "run.pdf"
    path.write_bytes(ONE_SIDED)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Failure, match="ipp://"):
        await printers.send("mailroom", path, "R1")
