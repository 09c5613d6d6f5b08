"""outreach evidence: everything that was sent to a person, with proof, in one file; and its check."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text
from typer.core import TyperGroup

from outreach.cli.command import command
from outreach.cli.failures import Failure
from outreach.cli.messages import Bank
from outreach.cli.output import Cell, Output, cell, details
from outreach.cli.session import Session
from outreach.client import Client
from outreach.evidence.assembly import Made, Step, Tell, assemble
from outreach.evidence.check import Report, check
from outreach.evidence.pack import read
from outreach.runtime.secret_files import write_private
from outreach.v1.evidence_service_pb2 import ExportEvidenceRequest
from outreach.v1.evidence_service_pb2_grpc import EvidenceServiceStub
from outreach.v1.mailroom_service_pb2 import FetchLetterPdfRequest, FetchReturnScanRequest
from outreach.v1.mailroom_service_pb2_grpc import MailroomServiceStub

_STEPS = {
    Step.COLLECTING: "查找账目 looking through the ledger",
    Step.ORIGINALS: "取原件 fetching originals",
    Step.WRITING: "写汇总 writing the summary",
}


class _MakeByDefault(TyperGroup):
    """`evidence --account A` is `evidence make --account A`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0].startswith("--") and args[0] not in ctx.help_option_names:
            args = ["make", *args]
        return super().parse_args(ctx, args)


async def make(
    session: Session,
    out: Annotated[Path, typer.Option("--out", metavar="FILE.zip", help="存为 The file; kept from others.")],
    purpose: Annotated[str, typer.Option(help="用途，入账 What for, such as a complaint's number; no personal data.")],
    account: Annotated[str, typer.Option(metavar="NUMBER", help="账号 Everything of an account.")] = "",
    letter: Annotated[str, typer.Option(metavar="NUMBER", help="函号 One letter.")] = "",
    outreach: Annotated[str, typer.Option(metavar="ID", help="编号 One SMS or letter by its id.")] = "",
    bank: Bank = "",
) -> None:
    """制作证据包 Write all evidence of an account, letter or message to a ZIP, with the ledger's proof."""
    if sum(map(bool, (account, letter, outreach))) != 1:
        raise Failure(
            "请用 --account、--letter、--outreach 之一指明对象。Name one of them.", field="account", reason="INVALID"
        )
    request = ExportEvidenceRequest(bank_id=session.bank(bank), purpose=purpose)
    if account:
        request.account_number = account
    elif letter:
        request.letter_number = letter
    else:
        request.outreach_id = outreach
    async with session.client() as client:
        with _progress(session.output) as progress:
            made = await _assemble(client, request, _told(progress))
    write_private(out, made.file)
    document = {
        "file": str(out),
        "evidence_id": made.evidence.evidence_id,
        **made.counts,
        "entries": made.entries,
        "originals_missing": made.missing,
        "verifier_key": made.verifier_key,
    }
    pairs: list[tuple[str, Cell]] = [
        ("文件 File", str(out)),
        ("请求 Outreach", made.counts["outreach"]),
        ("短信 Messages", made.counts["messages"]),
        ("信函 Letters", made.counts["letters"]),
        ("未取得的原件 Missing originals", str(made.missing or "")),
        ("账目 Entries", made.entries),
        ("验证 Verify", f"outreach evidence verify {out} --key '{made.verifier_key}'"),
    ]
    session.output.show(document, details(f"证据包 Evidence {made.evidence.evidence_id}", pairs))


async def verify(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE.zip", help="证据包 The evidence pack.")],
    key: Annotated[str, typer.Option(metavar="PUB", help="公钥 The ledger's verifier key, or a file that holds it.")],
) -> None:
    """验证 Check an evidence pack offline: signature, proofs, hash of the content, commitments, texts."""
    known = key if "+" in key else _read_key(Path(key))
    pack, files = read(file)
    found = check(pack, files, known.strip())
    session.output.show(_document(found), *_shown(found))
    if not found.ok:
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    evidence = typer.Typer(cls=_MakeByDefault, help="证据包 Evidence for a complaint.", no_args_is_help=True)
    command(evidence, "make")(make)
    command(evidence, "verify", offline=True)(verify)
    app.add_typer(evidence, name="evidence")


def _read_key(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _progress(output: Output) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    quiet = output.as_json or not output.errors.is_terminal
    return Progress(*columns, console=output.errors, transient=True, disable=quiet)


def _told(progress: Progress) -> Tell:
    def tell(step: Step, done: int, total: int) -> None:
        for shown in progress.task_ids:
            progress.remove_task(shown)
        progress.add_task(_STEPS[step], completed=done, total=total or None)

    tell(Step.COLLECTING, 0, 0)
    return tell


async def _assemble(client: Client, request: ExportEvidenceRequest, tell: Tell) -> Made:
    """The pack, with the originals that this identity may have."""
    evidence, mailroom = EvidenceServiceStub(client.channel), MailroomServiceStub(client.channel)

    async def letter_pdf(number: str) -> AsyncIterator[bytes]:
        asked = FetchLetterPdfRequest(letter_number=number, reason=request.purpose)
        async for piece in client.stream(mailroom.FetchLetterPdf, asked):
            yield piece.chunk

    async def return_scan(number: str) -> AsyncIterator[bytes]:
        asked = FetchReturnScanRequest(letter_number=number, reason=request.purpose)
        yield (await client.call(mailroom.FetchReturnScan, asked)).image

    parts = client.stream(evidence.ExportEvidence, request)
    return await assemble(parts, letter_pdf, return_scan, tell)


def _document(found: Report) -> dict[str, object]:
    return {
        "ok": found.ok,
        "evidence_id": found.evidence.evidence_id,
        "made_by": found.evidence.made_by,
        "purpose": found.evidence.purpose,
        "origin": found.checkpoint.origin if found.checkpoint else None,
        "signed_entries": found.checkpoint.size if found.checkpoint else None,
        "entries": found.entries,
        "messages": found.messages,
        "letters": found.letters,
        "problems": found.problems,
        "unproven_files": found.unproven,
    }


def _shown(found: Report) -> list[RenderableType]:
    verdict = Text("证据得证 PROVEN", "bold green") if found.ok else Text("未得证 NOT PROVEN", "bold red")
    signed = found.checkpoint
    pairs: list[tuple[str, Cell]] = [
        ("结论 Verdict", verdict),
        ("证据编号 Evidence", found.evidence.evidence_id),
        ("制作 Made by", found.evidence.made_by),
        ("用途 Purpose", found.evidence.purpose),
        ("账目 Entries", found.entries),
        ("短信 Messages", found.messages),
        ("信函 Letters", found.letters),
        ("签名 Signed", f"{signed.size} entries of {signed.origin}" if signed else "无有效签名 no good signature"),
        ("账本未载 Not in the ledger", "，".join(found.unproven)),
    ]
    return [details("", pairs), *(Text(f"  - {cell(problem).plain}", "red") for problem in found.problems)]
