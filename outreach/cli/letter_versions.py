"""outreach letter-version: versions of letters, and how one is authorized."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from outreach.cli import letter_version_lint, version_commands
from outreach.cli.command import command
from outreach.cli.fields import time_option
from outreach.cli.letter_version_lint import File, Image, Pdf
from outreach.cli.letter_version_view import differences, files, version_details, versions_table
from outreach.cli.messages import Bank
from outreach.cli.output import plain
from outreach.cli.session import Session
from outreach.cli.version_commands import Comment
from outreach.cli.versions import Digest, Kind
from outreach.v1 import letter_version_service_pb2
from outreach.v1.letter_version_service_pb2 import DraftLetterVersionRequest, LetterContent
from outreach.v1.letter_version_service_pb2_grpc import LetterVersionServiceStub

LETTER_VERSION = Kind(
    group="letter-version",
    contract=letter_version_service_pb2,
    stub=LetterVersionServiceStub,
    rpcs={
        "list": "ListLetterVersions",
        "get": "GetLetterVersion",
        "review": "ReviewLetterVersion",
        "approve": "ApproveLetterVersion",
        "record": "RecordLetterDocument",
        "verify": "VerifyLetterDocument",
        "suspend": "SuspendLetterVersion",
        "resume": "ResumeLetterVersion",
        "retire": "RetireLetterVersion",
        "renew": "RenewLetterVersion",
    },
    field="version",
    details=version_details,
    table=versions_table,
    differences=differences,
)


async def draft(
    session: Session,
    file: File,
    name: Annotated[str, typer.Option(help="名称 Its name within the bank, such as payment-notice.")],
    letterhead: Image = None,
    pdf: Pdf = None,
    bank: Bank = "",
    effective_from: Annotated[str, typer.Option(metavar="TIME", help="生效时间 First moment it may be used.")] = "",
    effective_until: Annotated[str, typer.Option(metavar="TIME", help="失效时间 First moment it may no more.")] = "",
) -> None:
    """起草 Store a new version; it then waits for headquarters' review."""
    image, form = (path.read_bytes() if path else b"" for path in (letterhead, pdf))
    content = LetterContent(
        bank_id=session.bank(bank), name=name, source=file.read_bytes(), letterhead_image=image, official_pdf=form
    )
    for field, text in (("effective_from", effective_from), ("effective_until", effective_until)):
        if text:
            getattr(content, field).CopyFrom(time_option(f"--{field.replace('_', '-')}", text))
    async with session.client() as client:
        stub = LetterVersionServiceStub(client.channel)
        response = await client.call(stub.DraftLetterVersion, DraftLetterVersionRequest(content=content))
    LETTER_VERSION.show(session, response)


async def review(
    session: Session,
    digest: Digest,
    filing_number: Annotated[
        str, typer.Option("--filing-number", help="备案号 Headquarters' filing number, which authorizes the version.")
    ] = "",
    comment: Comment = "",
    bank: Bank = "",
) -> None:
    """总部评审通过 Pass headquarters' review; not by who drafted it. Without a filing number the bank authorizes it."""
    passed = {"pass": True, "filing_number": filing_number, "comment": comment}
    await LETTER_VERSION.move(session, "review", digest, bank, **passed)


async def show(
    session: Session,
    digest: Digest,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="另存目录 Saves source, letterhead and PDF there.")
    ] = None,
    bank: Bank = "",
) -> None:
    """显示 One version: its text, and who drafted, reviewed and authorized it."""
    async with session.client() as client:
        version = await LETTER_VERSION.find(session, client, bank, digest)
    if out:
        out.mkdir(parents=True, exist_ok=True)
        for name, data in files(version.content):
            (out / name).write_bytes(data)
    source = Text(version.content.source.decode(errors="replace"))
    session.output.show(plain(version), *version_details(version), source)


def register(app: typer.Typer) -> None:
    letter_version = typer.Typer(help="信函版本 Letter versions and their authorization.", no_args_is_help=True)
    command(letter_version, "lint", offline=True)(letter_version_lint.lint)
    command(letter_version, "draft")(draft)
    command(letter_version, "review")(review)
    version_commands.register(letter_version, LETTER_VERSION)
    command(letter_version, "show")(show)
    app.add_typer(letter_version, name="letter-version")
