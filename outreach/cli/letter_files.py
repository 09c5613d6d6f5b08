"""outreach letters print, copy, preview: PDFs of runs and letters, on disk or on paper."""

from __future__ import annotations

import hashlib
import os
import socket
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from outreach.cli import printers
from outreach.cli.command import command
from outreach.cli.failures import Failure
from outreach.cli.letter_runs import RunId, get_run
from outreach.cli.messages import Bank
from outreach.cli.output import Output, details, findings_table
from outreach.cli.session import Session
from outreach.domain.letter_numbers import number_in_code
from outreach.v1.letter_service_pb2 import PreviewLetterRequest, PreviewValues
from outreach.v1.letter_service_pb2_grpc import LetterServiceStub
from outreach.v1.letter_version_service_pb2 import LetterContent
from outreach.v1.mailroom_service_pb2 import (
    FetchLetterPdfRequest,
    FetchLetterPdfResponse,
    FetchRunPdfRequest,
    FetchRunPdfResponse,
)
from outreach.v1.mailroom_service_pb2_grpc import MailroomServiceStub

_PREVIEW_TIMEOUT_S = 60.0
_Out = Annotated[Path | None, typer.Option("--out", metavar="FILE.pdf", help="存为 The file; kept from others.")]


async def print_run(
    session: Session,
    run_id: RunId,
    out: _Out = None,
    printer: Annotated[
        str, typer.Option(metavar="ipp://...|QUEUE", help="打印机 Print it there: an IPP address or a CUPS queue.")
    ] = "",
    station: Annotated[str, typer.Option(help="工位 The station it is released to.")] = "",
    reason: Annotated[str, typer.Option(help="再次打印的原因 Why again; needed after the first release.")] = "",
) -> None:
    """打印 Fetch a run's PDF, to RUN.pdf or to a printer. It is released once; again only with a reason."""
    async with session.client() as client:
        run = await get_run(client, run_id)
        request = FetchRunPdfRequest(run_id=run_id, station=station or socket.gethostname()[:64], reason=reason)
        path = out or (None if printer else Path(f"{run_id}.pdf"))
        with tempfile.TemporaryDirectory(prefix="outreach-") as folder:
            target = path or Path(folder) / "run.pdf"
            pieces = client.stream(MailroomServiceStub(client.channel).FetchRunPdf, request)
            await _save(session.output, pieces, target, run.pdf_sha256)
            if printer:
                await printers.send(printer, target, run_id)
    shown = details(
        f"已取得 Fetched {run_id}",
        [
            ("文件 File", str(path) if path else ""),
            ("打印机 Printer", printer),
            ("封 Letters", run.letters - run.withdrawn),
            ("张 Sheets", run.sheets),
        ],
    )
    document = {"run_id": run_id, "file": str(path) if path else None, "printer": printer or None}
    session.output.show({**document, "pdf_sha256": run.pdf_sha256}, shown)


async def copy(
    session: Session,
    letter: Annotated[str, typer.Argument(metavar="LETTER", help="信函编号 The letter's number.")],
    reason: Annotated[str, typer.Option(help="原因 Why, for the ledger; no personal data.")],
    out: _Out = None,
) -> None:
    """存档副本 Fetch the archive copy of one letter, marked as a copy. Each look is recorded."""
    number = number_in_code(letter)
    path = out or Path(f"{number}.pdf")
    request = FetchLetterPdfRequest(letter_number=number, reason=reason)
    async with session.client() as client:
        await _save(session.output, client.stream(MailroomServiceStub(client.channel).FetchLetterPdf, request), path)
    session.output.show(
        {"letter_number": number, "file": str(path)}, details(f"存档副本 Copy {number}", [("文件 File", str(path))])
    )


async def preview(
    session: Session,
    source: Annotated[Path, typer.Argument(metavar="VERSION.md", help="信函版本 The version's source text.")],
    out: _Out = None,
    letterhead: Annotated[Path | None, typer.Option(metavar="IMAGE", help="信头 PNG or JPEG.")] = None,
    official: Annotated[Path | None, typer.Option(metavar="FORM.pdf", help="银行官方 PDF The bank's own.")] = None,
    worst: Annotated[
        bool, typer.Option("--worst", help="最长内容 The longest values instead of ordinary ones.")
    ] = False,
    window: Annotated[bool, typer.Option("--window", help="画出信封窗口 Show the envelope's window.")] = False,
    bank: Bank = "",
) -> None:
    """预览 Lay out a version with sample values, before anybody is asked. Exit code 1 if the layout refuses it."""
    content = LetterContent(
        bank_id=session.bank(bank),
        name="preview",
        source=source.read_bytes(),
        letterhead_image=letterhead.read_bytes() if letterhead else b"",
        official_pdf=official.read_bytes() if official else b"",
    )
    values = PreviewValues.PREVIEW_VALUES_WORST_CASE if worst else PreviewValues.PREVIEW_VALUES_SAMPLE
    request = PreviewLetterRequest(content=content, values=values, show_window=window)
    async with session.client() as client:
        stub = LetterServiceStub(client.channel)
        response = await client.call(stub.PreviewLetter, request, repeatable=True, timeout_s=_PREVIEW_TIMEOUT_S)
    path = out or source.with_suffix(".preview.pdf")
    shown: list[RenderableType] = []
    if response.pdf:
        path.write_bytes(response.pdf)
        shown.append(details("预览 Preview", [("文件 File", str(path))]))
    if response.findings:
        shown.append(findings_table("无法排版 The layout refuses it", response.findings))
    findings = [{"code": one.code, "field": one.field, "reason": one.reason} for one in response.findings]
    session.output.show({"file": str(path) if response.pdf else None, "findings": findings}, *shown)
    if not response.pdf:
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    command(app, "print")(print_run)
    command(app, "copy")(copy)
    command(app, "preview")(preview)


async def _save(
    output: Output,
    pieces: AsyncIterator[FetchRunPdfResponse] | AsyncIterator[FetchLetterPdfResponse],
    path: Path,
    sha256: str = "",
) -> None:
    """Writes a PDF as it arrives, and puts it in place once it is whole. Raises Failure if it is another one."""
    digest = hashlib.sha256()
    part = path.with_name(path.name + ".part")
    try:
        with os.fdopen(_private(part), "wb") as file, _progress(output) as progress:
            task = progress.add_task("下载 fetching", total=None)
            async for piece in pieces:
                if piece.total_bytes:
                    progress.update(task, total=piece.total_bytes)
                file.write(piece.chunk)
                digest.update(piece.chunk)
                progress.advance(task, len(piece.chunk))
        if sha256 and digest.hexdigest() != sha256:
            raise Failure(
                f"{path}: 收到的 PDF 与登记的摘要不符，未保存，请告知运维。The PDF is not the one on record and was "
                "not kept: tell the operator.",
                reason="HASH_DIFFERS",
            )
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _private(path: Path) -> int:
    """An empty file that only its owner can read: it shows persons and their debts. OSError."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)


def _progress(output: Output) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    quiet = output.as_json or not output.errors.is_terminal
    return Progress(*columns, console=output.errors, transient=True, disable=quiet)
