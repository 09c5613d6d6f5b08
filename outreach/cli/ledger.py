"""outreach ledger: tail, export, and verify, which needs nothing but the file and a public key."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, BinaryIO

import orjson
import typer
from rich.console import RenderableType
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.text import Text

from outreach.cli import ledger_inspection, ledger_proof, ledger_witness
from outreach.cli.command import command
from outreach.cli.failures import Failure
from outreach.cli.messages import Limit
from outreach.cli.output import Cell, Output, cell, details
from outreach.cli.session import Session
from outreach.client import Client
from outreach.ledger import export as ledger_export
from outreach.ledger.verify import Report, verify_export
from outreach.ledger.witness import read_notes
from outreach.v1.ledger_service_pb2 import (
    ExportRequest,
    ExportResponse,
    GetCheckpointRequest,
    GetCheckpointResponse,
    LedgerEntry,
    ListEntriesRequest,
)
from outreach.v1.ledger_service_pb2_grpc import LedgerServiceStub

_PAGE = 1000


async def tail(session: Session, limit: Limit = 20) -> None:
    """最近条目 The newest entries, as they are hashed."""
    entries: list[LedgerEntry] = []
    async with session.client() as client:
        stub = LedgerServiceStub(client.channel)
        request = ListEntriesRequest(start_index=-limit, page_size=min(limit, _PAGE))
        while len(entries) < limit:
            response = await client.call(stub.ListEntries, request, repeatable=True)
            if not response.entries:
                break
            entries += response.entries
            request.start_index = entries[-1].index + 1
    for entry in entries[:limit]:
        body = orjson.loads(entry.body)
        session.output.show_line({"index": entry.index, "entry": body}, _entry(entry.index, body))


async def checkpoint(session: Session) -> None:
    """检查点 The newest signed checkpoint and the key that verifies it; keep both elsewhere, as a witness."""
    async with session.client() as client:
        response = await _checkpoint(client)
    document = {"checkpoint": response.checkpoint, "verifier_key": response.verifier_key}
    session.output.show(
        document, Text(response.checkpoint), details("", [("公钥 Verifier key", response.verifier_key)])
    )


async def export(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="输出文件 The file to write.")],
) -> None:
    """导出 Write the whole ledger with its newest checkpoint to a file that anybody can verify."""
    part = file.with_name(file.name + ".part")
    try:
        async with session.client() as client:
            key = (await _checkpoint(client)).verifier_key
            with part.open("w+b") as bodies, _progress(session.output) as progress:
                task = progress.add_task("导出 exporting", total=None)
                count, sealed = await _download(client, bodies, lambda n: progress.update(task, completed=n))
                _write(file, bodies, sealed)
    finally:
        part.unlink(missing_ok=True)
    document = {"file": str(file), "entries": count, "verifier_key": key}
    hint = f"outreach ledger verify {file} --key '{key}'"
    session.output.show(
        document, details("已导出 Exported", [("文件 File", str(file)), ("条目 Entries", count), ("验证 Verify", hint)])
    )


async def verify(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="导出文件 The exported ledger.")],
    key: Annotated[
        list[str],
        typer.Option(
            metavar="PUB", help="公钥，可重复 The verifier key, or a file that holds it; repeatable after a change."
        ),
    ],
    witness: Annotated[
        Path | None, typer.Option(metavar="FILE", help="见证 What `ledger witness` kept, or one older checkpoint.")
    ] = None,
) -> None:
    """验证 Check an exported ledger offline: every entry, their order, the tree, and the signature."""
    first, *others = (one if "+" in one else _read(Path(one)) for one in key)
    notes = read_notes(_read(witness)) if witness else []
    with _progress(session.output) as progress:
        task = progress.add_task("验证 verifying", total=None)
        found = verify_export(file, first, lambda count: progress.update(task, completed=count), notes, others)
    session.output.show(_report_document(found), *_report(found))
    if not found.ok:
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    ledger = typer.Typer(help="账本 The ledger and its proof.", no_args_is_help=True)
    command(ledger, "tail")(tail)
    command(ledger, "checkpoint")(checkpoint)
    command(ledger, "export")(export)
    command(ledger, "verify", offline=True)(verify)
    ledger_proof.register(ledger)
    ledger_witness.register(ledger)
    ledger_inspection.register(ledger)
    app.add_typer(ledger, name="ledger")


async def _checkpoint(client: Client) -> GetCheckpointResponse:
    stub = LedgerServiceStub(client.channel)
    return await client.call(stub.GetCheckpoint, GetCheckpointRequest(), repeatable=True)


async def _download(client: Client, bodies: BinaryIO, progress: Callable[[int], None]) -> tuple[int, ExportResponse]:
    """Writes the entries' bodies, a line each, and returns their number and the part with the checkpoint over them."""
    count = 0
    async for response in client.stream(LedgerServiceStub(client.channel).Export, ExportRequest()):
        if response.WhichOneof("part") == "checkpoint":
            return count, response
        bodies.writelines(entry.body + b"\n" for entry in response.entries.entries)
        count += len(response.entries.entries)
        progress(count)
    raise Failure("导出未到检查点即中断，请重新导出。The export ended before its checkpoint: export again.")


def _write(file: Path, bodies: BinaryIO, sealed: ExportResponse) -> None:
    """The export proper. Its first line tells what only the end of the stream does: the origin, and changes of keys."""
    note = sealed.checkpoint
    bodies.seek(0)
    lines: Iterator[bytes] = (line[:-1] for line in bodies)
    complete = file.with_name(file.name + ".new")
    with complete.open("wb") as made:
        ledger_export.write(made, note.partition("\n")[0], lines, note, sealed.handovers)
        made.flush()
        os.fsync(made.fileno())
    complete.replace(file)


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _progress(output: Output) -> Progress:
    columns = (SpinnerColumn(), TextColumn("{task.description} {task.completed}"))
    quiet = output.as_json or not output.errors.is_terminal
    return Progress(*columns, console=output.errors, transient=True, disable=quiet)


def _entry(index: int, body: dict[str, object]) -> Text:
    rest = {key: value for key, value in body.items() if key not in ("seq", "time", "kind")}
    shown = " ".join(
        f"{key}={value if isinstance(value, str) else orjson.dumps(value).decode()}" for key, value in rest.items()
    )
    return Text.assemble(
        (f"{index:>8} ", "bright_black"),
        f"{body.get('time', '')}  ",
        (f"{body.get('kind', '')}  ", "cyan"),
        cell(shown),
    )


def _report_document(found: Report) -> dict[str, object]:
    return {
        "ok": found.ok,
        "entries": found.entries,
        "signed_entries": found.checkpoint.size if found.checkpoint else None,
        "origin": found.checkpoint.origin if found.checkpoint else None,
        "witnessed_entries": found.witness.size if found.witness else None,
        "keys": found.keys,
        "first_time": found.first_time,
        "last_time": found.last_time,
        "problems": found.problems,
    }


def _report(found: Report) -> list[RenderableType]:
    verdict = (
        Text("账本完整无误 the ledger is proven", "bold green") if found.ok else Text("账本有误 NOT PROVEN", "bold red")
    )
    signed = found.checkpoint
    pairs: list[tuple[str, Cell]] = [
        ("结论 Verdict", verdict),
        ("条目 Entries", found.entries),
        ("时间 From, to", f"{found.first_time}  {found.last_time}".strip()),
        ("签名 Signed", f"{signed.size} entries of {signed.origin}" if signed else "无有效签名 no good signature"),
        ("见证 Witness", f"{found.witness.size} entries" if found.witness else ""),
        ("密钥更换 Keys", "\n".join(found.keys) if len(found.keys) > 1 else ""),
    ]
    problems = [Text(f"  - {cell(problem).plain}", "red") for problem in found.problems]
    return [details("", pairs), *problems]
