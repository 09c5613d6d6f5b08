"""How template versions are shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType

from outreach.cli.output import details, findings_table, table
from outreach.cli.versions import SHORT, approval_pairs, placeholder_text, state_text
from outreach.domain.templating import signed
from outreach.v1.template_service_pb2 import Filing, Template, TemplateContent
from outreach.wording.formats import enum_name, when


def templates_table(templates: Sequence[Template]) -> RenderableType:
    rows = [
        (
            template.digest[:SHORT],
            template.content.name,
            state_text(template.state),
            signed(template.content.signature, template.content.text),
            when(template.content.effective_from),
            when(template.content.effective_until),
            when(template.approved_until),
        )
        for template in templates
    ]
    headings = (
        "版本 Digest",
        "名称 Name",
        "状态 State",
        "内容 Text",
        "生效 From",
        "失效 Until",
        "审批至 Approved until",
    )
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
                ("批准 Approved by", f"{template.approved_by}  {when(template.approve_time)}".strip()),
                *approval_pairs(template),
                ("暂停 Suspended by", template.suspended_by),
            ],
        )
    ]
    if template.findings:
        shown.append(findings_table("提示 Findings", template.findings))
    if template.filings:
        shown.append(_filings(template.filings))
    return shown


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
