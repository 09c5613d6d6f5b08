"""How template versions are shown and found."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.text import Text

from outreach.cli import words
from outreach.cli.failures import Failure
from outreach.cli.output import details, enum_name, findings_table, table, when
from outreach.cli.session import Session
from outreach.client import Client
from outreach.domain.templating import signed
from outreach.v1.template_service_pb2 import (
    Filing,
    GetTemplateRequest,
    ListTemplatesRequest,
    Placeholder,
    PlaceholderType,
    RecordField,
    Template,
    TemplateContent,
    TemplateState,
)
from outreach.v1.template_service_pb2_grpc import TemplateServiceStub

_DIGEST = re.compile(r"[0-9a-f]{64}")
_SHORT = 12

Digest = Annotated[str, typer.Argument(metavar="DIGEST", help="版本 The version: its digest, or how it begins.")]


async def list_templates(client: Client, bank_id: str, name: str = "", limit: int = 10_000) -> list[Template]:
    """Versions of a bank, newest first."""
    request = ListTemplatesRequest(bank_id=bank_id, name=name, page_size=min(limit, 1000))
    found: list[Template] = []
    stub = TemplateServiceStub(client.channel)
    while len(found) < limit:
        response = await client.call(stub.ListTemplates, request, repeatable=True)
        found += response.templates
        request.page_token = response.next_page_token
        if not request.page_token:
            break
    return found[:limit]


async def full_digest(session: Session, client: Client, bank: str, digest: str) -> str:
    """The digest that the text begins, among the bank's versions. Raises Failure unless it is exactly one."""
    digest = digest.lower()
    if _DIGEST.fullmatch(digest):
        return digest
    found = [t.digest for t in await list_templates(client, session.bank(bank)) if t.digest.startswith(digest)]
    if not found:
        raise Failure(
            "没有以此开头的版本，见 `template list`。No version begins so; `template list` shows them.", field="digest"
        )
    if len(found) > 1:
        raise Failure("多个版本以此开头，请写长一些。Several versions begin so: give more of it.", field="digest")
    return found[0]


async def get_template(client: Client, digest: str) -> Template:
    stub = TemplateServiceStub(client.channel)
    return (await client.call(stub.GetTemplate, GetTemplateRequest(digest=digest), repeatable=True)).template


def state_text(state: int) -> Text:
    name = enum_name(TemplateState.DESCRIPTOR, state)
    return Text(f"{words.TEMPLATE_STATES.get(name, '')} {name}", style=words.TEMPLATE_STATE_STYLES.get(name, ""))


def templates_table(templates: Sequence[Template]) -> RenderableType:
    rows = [
        (
            template.digest[:_SHORT],
            template.content.name,
            state_text(template.state),
            signed(template.content.signature, template.content.text),
            when(template.content.effective_from),
            when(template.content.effective_until),
        )
        for template in templates
    ]
    headings = ("版本 Digest", "名称 Name", "状态 State", "内容 Text", "生效 From", "失效 Until")
    return table(f"模板 Templates ({len(rows)})", headings, rows)


def template_details(template: Template) -> list[RenderableType]:
    content, document = template.content, template.bank_document
    shown: list[RenderableType] = [
        details(
            f"模板 Template {content.name}",
            [
                ("版本 Digest", template.digest),
                ("状态 State", state_text(template.state)),
                ("银行 Bank", content.bank_id),
                ("内容 Text", signed(content.signature, content.text)),
                ("变量 Placeholders", "\n".join(map(placeholder_text, content.placeholders))),
                ("生效 From", when(content.effective_from)),
                ("失效 Until", when(content.effective_until)),
                ("起草 Drafted by", f"{template.drafted_by}  {when(template.create_time)}"),
                ("内审 Reviewed by", template.reviewed_by),
                ("批文登记 Document by", template.documented_by),
                ("批文 Document", f"{document.reference} {document.date} {document.scan_sha256}".strip()),
                ("批准 Approved by", template.approved_by),
                ("暂停 Suspended by", template.suspended_by),
            ],
        )
    ]
    if template.findings:
        shown.append(findings_table("提示 Findings", template.findings))
    if template.filings:
        shown.append(_filings(template.filings))
    return shown


def placeholder_text(placeholder: Placeholder) -> str:
    kind = enum_name(PlaceholderType.DESCRIPTOR, placeholder.type)
    source = enum_name(RecordField.DESCRIPTOR, placeholder.record_field) or "caller"
    return f"{{{placeholder.name}}} {kind} <- {source}"


def differences(old: TemplateContent, new: TemplateContent) -> Iterator[tuple[str, str, str]]:
    """What can differ between two versions, as (name, old, new)."""
    yield "银行 Bank", old.bank_id, new.bank_id
    yield "名称 Name", old.name, new.name
    yield "内容 Text", signed(old.signature, old.text), signed(new.signature, new.text)
    old_placeholders, new_placeholders = ("\n".join(map(placeholder_text, c.placeholders)) for c in (old, new))
    yield "变量 Placeholders", old_placeholders, new_placeholders
    yield "生效 From", when(old.effective_from), when(new.effective_from)
    yield "失效 Until", when(old.effective_until), when(new.effective_until)


def _filings(filings: Sequence[Filing]) -> RenderableType:
    rows = [
        (
            filing.carrier_id,
            filing.template_code,
            enum_name(Filing.State.DESCRIPTOR, filing.state),
            filing.registered_text,
        )
        for filing in filings
    ]
    return table("报备 Filings", ("通道 Carrier", "编号 Code", "状态 State", "报备内容 Registered text"), rows)
