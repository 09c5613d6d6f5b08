"""outreach template: versions of texts, and the gates they pass."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.text import Text

from outreach.cli import version_commands
from outreach.cli.command import command
from outreach.cli.fields import choices, enum_option, read_yaml
from outreach.cli.messages import Bank
from outreach.cli.output import details, findings_table, plain
from outreach.cli.session import Session
from outreach.cli.template_view import differences, template_details, templates_table
from outreach.cli.version_commands import Comment
from outreach.cli.versions import Digest, Kind
from outreach.v1 import template_service_pb2
from outreach.v1.template_service_pb2 import (
    DraftTemplateRequest,
    Filing,
    LintTemplateRequest,
    RecordFilingRequest,
    TemplateContent,
)
from outreach.v1.template_service_pb2_grpc import TemplateServiceStub

TEMPLATE = Kind(
    group="template",
    contract=template_service_pb2,
    stub=TemplateServiceStub,
    rpcs={
        "list": "ListTemplates",
        "get": "GetTemplate",
        "review": "ReviewTemplate",
        "approve": "ApproveTemplate",
        "record": "RecordBankDocument",
        "verify": "VerifyBankDocument",
        "suspend": "SuspendTemplate",
        "resume": "ResumeTemplate",
        "retire": "RetireTemplate",
        "renew": "RenewTemplate",
    },
    field="template",
    details=template_details,
    table=templates_table,
    differences=differences,
)

_File = Annotated[Path, typer.Argument(metavar="FILE.yaml", help="模板文件 Keys as in TemplateContent.")]


async def draft(session: Session, file: _File) -> None:
    """起草 Store a new version; it then waits for the agency's review."""
    content = _content(file)
    async with session.client() as client:
        response = await client.call(
            TemplateServiceStub(client.channel).DraftTemplate, DraftTemplateRequest(content=content)
        )
    session.output.show(plain(response), *template_details(response.template))


async def lint(session: Session, file: _File) -> None:
    """检查 What a draft of the file would be told. Stores nothing; exit code 1 if it would be refused."""
    request = LintTemplateRequest(content=_content(file))
    async with session.client() as client:
        response = await client.call(TemplateServiceStub(client.channel).LintTemplate, request, repeatable=True)
    refused = any(not finding.waits for finding in response.findings)
    verdict = Text("不可提交 would be refused", "bold red") if refused else Text("可以提交 may be drafted", "green")
    shown: list[RenderableType] = [
        details(
            "检查结果 Lint",
            [
                ("结论 Verdict", verdict),
                ("版本 Digest", response.digest),
                ("最长字数 Longest", response.longest_characters),
                ("最多条数 Segments", response.longest_segments),
            ],
        )
    ]
    if response.findings:
        shown.append(findings_table("", response.findings))
    session.output.show(plain(response), *shown)
    if refused:
        raise typer.Exit(1)


async def review(session: Session, digest: Digest, comment: Comment = "", bank: Bank = "") -> None:
    """内审通过 Pass the agency's review; not by who drafted it."""
    await TEMPLATE.move(session, "review", digest, bank, **{"pass": True}, comment=comment)


async def show(session: Session, digest: Digest, bank: Bank = "") -> None:
    """显示 One version: who drafted, reviewed and approved it, and its filings."""
    async with session.client() as client:
        template = await TEMPLATE.find(session, client, bank, digest)
    session.output.show(plain(template), *template_details(template))


async def filing(
    session: Session,
    digest: Digest,
    carrier: Annotated[str, typer.Option(help="通道 The carrier.")],
    code: Annotated[str, typer.Option(help="报备编号 The carrier's code.")],
    state: Annotated[str, typer.Option(help=f"状态 {choices(Filing.State.DESCRIPTOR)}.")],
    text_file: Annotated[
        Path, typer.Option(metavar="FILE.txt", help="报备内容 The registered text, placeholders as ${name}.")
    ],
    bank: Bank = "",
) -> None:
    """登记报备 Record the copy of a version that a carrier has registered."""
    registered = Filing(
        carrier_id=carrier,
        template_code=code,
        registered_text=text_file.read_text(encoding="utf-8-sig").strip("\r\n"),
        state=Filing.State.ValueType(enum_option("--state", Filing.State.DESCRIPTOR, state)),
    )
    async with session.client() as client:
        request = RecordFilingRequest(
            digest=await TEMPLATE.full_digest(session, client, bank, digest), filing=registered
        )
        response = await client.call(TemplateServiceStub(client.channel).RecordFiling, request)
    usable = (
        Text("可用 usable", "green") if response.usable else Text("不可用：与批准内容不一致或未通过 not usable", "red")
    )
    session.output.show(plain(response), *template_details(response.template), usable)


def register(app: typer.Typer) -> None:
    template = typer.Typer(help="模板 Templates and their approval.", no_args_is_help=True)
    command(template, "lint")(lint)
    command(template, "draft")(draft)
    command(template, "review")(review)
    version_commands.register(template, TEMPLATE)
    command(template, "show")(show)
    command(template, "filing")(filing)
    app.add_typer(template, name="template")


def _content(path: Path) -> TemplateContent:
    content = TemplateContent()
    read_yaml(path, content)
    return content
