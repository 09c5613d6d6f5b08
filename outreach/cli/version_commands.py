"""The commands that versions of both kinds have: their gates and stops, and how they are listed and compared."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from outreach.cli.command import command
from outreach.cli.messages import Bank, Limit
from outreach.cli.output import plain
from outreach.cli.session import Session
from outreach.cli.side_by_side import compare
from outreach.cli.versions import SHORT, Digest, Kind
from outreach.v1.template_service_pb2 import BankDocument, TemplateState

Comment = Annotated[str, typer.Option("--comment", help="意见 A comment.")]
_Why = Annotated[str, typer.Option("--comment", help="理由 Why it is rejected.")]
_Reason = Annotated[str, typer.Option("--reason", help="原因 Why.")]
_Reference = Annotated[str, typer.Option("--reference", help="批文编号 The document's reference at the bank.")]
_Date = Annotated[str, typer.Option("--date", metavar="YYYY-MM-DD", help="批文日期 Its date.")]
_Scan = Annotated[Path | None, typer.Option("--scan", metavar="FILE", help="扫描件 Its scan; only the hash is sent.")]
_Hash = Annotated[str, typer.Option("--sha256", help="扫描件哈希 The scan's SHA-256, instead of --scan.")]

_Name = Annotated[str, typer.Option("--name", help="名称 Only versions of this name.")]
_Old = Annotated[str, typer.Argument(metavar="OLD", help="旧版本 The older version's digest.")]
_New = Annotated[str, typer.Argument(metavar="NEW", help="新版本 The newer version's digest.")]


def register(app: typer.Typer, kind: Kind) -> None:
    """Adds the commands of a kind of version."""
    _register_approval(app, kind)
    _register_document(app, kind)
    _register_stops(app, kind)
    _register_reads(app, kind)


def _register_approval(app: typer.Typer, kind: Kind) -> None:
    async def approve(session: Session, digest: Digest, comment: Comment = "", bank: Bank = "") -> None:
        """银行批准 The bank's own approver approves a reviewed version."""
        await kind.move(session, "approve", digest, bank, approve=True, comment=comment)

    async def reject(session: Session, digest: Digest, comment: _Why, bank: Bank = "") -> None:
        """驳回 Reject a version at the gate where it stands: the review, or the bank's approval."""
        async with session.client() as client:
            version = await kind.find(session, client, bank, digest)
            step = version.renewal if version.HasField("renewal") else version
            deed = "review" if step.state == TemplateState.TEMPLATE_STATE_DRAFT else "approve"
            response = await kind.call(client, deed, digest=version.digest, comment=comment)
        kind.show(session, response)

    command(app, "approve")(approve)
    command(app, "reject")(reject)


def _register_document(app: typer.Typer, kind: Kind) -> None:
    async def record(
        session: Session,
        digest: Digest,
        reference: _Reference,
        date: _Date,
        scan: _Scan = None,
        sha256: _Hash = "",
        bank: Bank = "",
    ) -> None:
        """登记批文 Enter the bank's written approval of a reviewed version."""
        await kind.move(session, "record", digest, bank, document=_document(reference, date, scan, sha256))

    async def verify(
        session: Session,
        digest: Digest,
        reference: _Reference,
        date: _Date,
        scan: _Scan = None,
        sha256: _Hash = "",
        bank: Bank = "",
    ) -> None:
        """复核批文 Verify the entered document as you read it yourself, which approves the version."""
        await kind.move(session, "verify", digest, bank, document=_document(reference, date, scan, sha256))

    document = typer.Typer(help="银行批文 The bank's written approval.", no_args_is_help=True)
    command(document, "record")(record)
    command(document, "verify")(verify)
    app.add_typer(document, name="document")


def _register_stops(app: typer.Typer, kind: Kind) -> None:
    async def suspend(session: Session, digest: Digest, reason: _Reason, bank: Bank = "") -> None:
        """暂停 Stop a version at once; what is pending with it waits. Names what may be leaving or printed."""
        await kind.move(session, "suspend", digest, bank, reason=reason)

    async def resume(session: Session, digest: Digest, reason: _Reason, bank: Bank = "") -> None:
        """恢复 Lift a suspension; not by who suspended it. What waited is due again."""
        await kind.move(session, "resume", digest, bank, reason=reason)

    async def retire(session: Session, digest: Digest, reason: _Reason, bank: Bank = "") -> None:
        """停用 End a version for good and cancel what is pending with it. Names what may be leaving or printed."""
        await kind.move(session, "retire", digest, bank, reason=reason)

    async def renew(session: Session, digest: Digest, bank: Bank = "") -> None:
        """续批 Send an approved version through its gates again; it stays in force as long as its last approval."""
        await kind.move(session, "renew", digest, bank)

    command(app, "renew")(renew)
    command(app, "suspend")(suspend)
    command(app, "resume")(resume)
    command(app, "retire")(retire)


def _register_reads(app: typer.Typer, kind: Kind) -> None:
    async def list_versions(session: Session, bank: Bank = "", name: _Name = "", limit: Limit = 100) -> None:
        """列出 The versions of a bank, newest first."""
        async with session.client() as client:
            found = await kind.list(client, session.bank(bank), name, limit)
        session.output.show([plain(version) for version in found], kind.table(found))

    async def diff(session: Session, old: _Old, new: _New, bank: Bank = "") -> None:
        """对比 Two versions side by side, with what changed marked."""
        async with session.client() as client:
            first, second = [await kind.find(session, client, bank, text) for text in (old, new)]
        rows = list(kind.differences(first.content, second.content))
        colour = session.output.console.is_terminal
        shown = compare("版本对比 Versions", first.digest[:SHORT], second.digest[:SHORT], rows, colour=colour)
        document = {"old": plain(first), "new": plain(second), "same": shown is None}
        session.output.show(document, shown or Text("两个版本内容相同 the versions are the same"))

    command(app, "list")(list_versions)
    command(app, "diff")(diff)


def _document(reference: str, date: str, scan: Path | None, sha256: str) -> BankDocument:
    if (scan is None) == (not sha256):
        raise typer.BadParameter(
            "用 --scan 给出扫描件，或用 --sha256 给出其哈希 give the scan by --scan, or its hash by --sha256"
        )
    if scan is not None:
        with scan.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return BankDocument(reference=reference, date=date, scan_sha256=sha256.lower())
