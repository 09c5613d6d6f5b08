"""Sends a PDF to a printer: by IPP to ipp:// or ipps://, or to a queue of this machine's CUPS by `lp`."""

from __future__ import annotations

import asyncio
import mmap
import ssl
import struct
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import aiohttp

from outreach.cli.failures import Failure

_IPP_PORT = 631
_TIMEOUT_S = 300
_PRINT_JOB = 0x0002
_SUCCESSFUL = range(0x0100)
"""Status codes of RFC 8011 that begin with 00."""
_CHARSET, _LANGUAGE, _URI, _NAME, _MIME, _KEYWORD = 0x47, 0x48, 0x45, 0x42, 0x49, 0x44
_OPERATION_ATTRIBUTES, _JOB_ATTRIBUTES, _END = b"\x01", b"\x02", b"\x03"
_TWO_SIDED = b"/Duplex/DuplexFlipLongEdge"
"""In a run's catalog if no two letters may share a sheet only because backs are left blank."""


async def send(printer: str, pdf: Path, job: str) -> None:
    """Prints a PDF as a job of that name, on both sides if it is made for that. Raises Failure, OSError."""
    sides = "two-sided-long-edge" if _is_two_sided(pdf) else "one-sided"
    if printer.startswith(("ipp://", "ipps://")):
        await _print_by_ipp(printer, pdf, job, sides)
    else:
        await _print_by_lp(printer, pdf, job, sides)


def print_job(uri: str, job: str, sides: str) -> bytes:
    """The head of a Print-Job request (RFC 8010), before the document."""
    operation = [
        (_CHARSET, "attributes-charset", "utf-8"),
        (_LANGUAGE, "attributes-natural-language", "zh-cn"),
        (_URI, "printer-uri", uri),
        (_NAME, "requesting-user-name", "outreach"),
        (_NAME, "job-name", job),
        (_MIME, "document-format", "application/pdf"),
    ]
    return b"".join(
        (
            struct.pack(">BBHI", 2, 0, _PRINT_JOB, 1),
            _OPERATION_ATTRIBUTES,
            *(_attribute(*one) for one in operation),
            _JOB_ATTRIBUTES,
            _attribute(_KEYWORD, "sides", sides),
            _attribute(_KEYWORD, "print-scaling", "none"),
            _END,
        )
    )


async def _print_by_ipp(uri: str, pdf: Path, job: str, sides: str) -> None:
    parts = urlsplit(uri)
    scheme = "https" if parts.scheme == "ipps" else "http"
    address = f"{parts.hostname}:{parts.port or _IPP_PORT}"
    url = urlunsplit((scheme, address, parts.path or "/", "", ""))
    timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
    body = print_job(uri, job, sides) + await asyncio.to_thread(pdf.read_bytes)
    headers = {"Content-Type": "application/ipp"}
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(url, data=body, headers=headers, ssl=ssl.create_default_context()) as response,
        ):
            answer = await response.read()
    except (aiohttp.ClientError, TimeoutError) as error:
        raise Failure(
            f"--printer: 打印机 {address} 无应答（{type(error).__name__}），PDF 可用 --out 另存后打印。"
            "The printer does not answer: save the PDF by --out and print it by hand.",
            field="printer",
        ) from None
    status = struct.unpack(">H", answer[2:4])[0] if response.status == 200 and len(answer) >= 4 else -1
    if status not in _SUCCESSFUL:
        raise Failure(
            f"--printer: 打印机拒收（HTTP {response.status}, IPP {status:#06x}）。The printer refused the job.",
            field="printer",
        )


async def _print_by_lp(queue: str, pdf: Path, job: str, sides: str) -> None:
    try:
        process = await asyncio.create_subprocess_exec(
            *("lp", "-d", queue, "-t", job, "-o", f"sides={sides}", "-o", "print-scaling=none", "--", str(pdf)),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
    except FileNotFoundError:
        raise Failure(
            "--printer: 本机没有 lp（CUPS），请写 ipp:// 地址，或用 --out 另存。This machine has no `lp`: give an "
            "ipp:// address, or save the PDF by --out.",
            field="printer",
        ) from None
    _, errors = await process.communicate()
    if process.returncode:
        said = errors.decode(errors="replace").strip().splitlines()[-1:]
        raise Failure(f"--printer: lp 未接受 did not take it: {''.join(said)[:200]}", field="printer")


def _attribute(tag: int, name: str, value: str) -> bytes:
    raw_name, raw = name.encode(), value.encode()
    return struct.pack(">BH", tag, len(raw_name)) + raw_name + struct.pack(">H", len(raw)) + raw


def _is_two_sided(pdf: Path) -> bool:
    with pdf.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(_TWO_SIDED) >= 0
