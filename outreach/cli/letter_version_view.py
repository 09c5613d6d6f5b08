"""How letter versions are shown."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from rich.console import RenderableType

from outreach.cli.output import details, findings_table, table
from outreach.cli.versions import SHORT, approval_pairs, placeholder_text, state_text
from outreach.v1.letter_version_service_pb2 import LetterContent, LetterVersion
from outreach.wording.formats import when


def versions_table(versions: Sequence[LetterVersion]) -> RenderableType:
    rows = [
        (
            version.digest[:SHORT],
            version.content.name,
            state_text(version.state),
            version.title,
            version.envelope,
            version.filing_number or version.bank_document.reference,
            when(version.content.effective_from),
            when(version.content.effective_until),
            when(version.approved_until),
        )
        for version in versions
    ]
    headings = (
        "版本 Digest",
        "名称 Name",
        "状态 State",
        "标题 Title",
        "信封 Envelope",
        "备案号或批文 Filed as",
        "生效 From",
        "失效 Until",
        "审批至 Approved until",
    )
    return table(f"信函版本 Letter versions ({len(rows)})", headings, rows)


def version_details(version: LetterVersion) -> list[RenderableType]:
    content, document = version.content, version.bank_document
    shown: list[RenderableType] = [
        details(
            f"信函版本 Letter version {content.name}",
            [
                ("版本 Digest", version.digest),
                ("状态 State", state_text(version.state)),
                ("银行 Bank", content.bank_id),
                ("标题 Title", version.title),
                ("信封 Envelope", version.envelope),
                ("附件 Files", "、".join(file_names(content))),
                ("变量 Placeholders", "\n".join(map(placeholder_text, version.placeholders))),
                ("生效 From", when(content.effective_from)),
                ("失效 Until", when(content.effective_until)),
                ("起草 Drafted by", f"{version.drafted_by}  {when(version.create_time)}"),
                ("总部评审 Reviewed by", version.reviewed_by),
                ("备案号 Filing number", version.filing_number),
                ("批文登记 Document by", version.documented_by),
                ("批文 Document", f"{document.reference} {document.date} {document.scan_sha256}".strip()),
                ("批准 Approved by", f"{version.approved_by}  {when(version.approve_time)}".strip()),
                *approval_pairs(version),
                ("暂停 Suspended by", version.suspended_by),
            ],
        )
    ]
    if version.findings:
        shown.append(findings_table("提示 Findings", version.findings))
    return shown


def files(content: LetterContent) -> Iterator[tuple[str, bytes]]:
    """What a content consists of, as (name, bytes)."""
    yield "source.md", content.source
    if content.letterhead_image:
        is_png = content.letterhead_image.startswith(b"\x89PNG")
        yield f"letterhead.{'png' if is_png else 'jpg'}", content.letterhead_image
    if content.official_pdf:
        yield "official.pdf", content.official_pdf


def file_names(content: LetterContent) -> list[str]:
    return [f"{name} ({len(data)} bytes)" for name, data in files(content)]


def differences(old: LetterContent, new: LetterContent) -> Iterator[tuple[str, str, str]]:
    """What can differ between two contents, as (name, old, new): of the source only the lines that do."""
    yield "银行 Bank", old.bank_id, new.bank_id
    yield "名称 Name", old.name, new.name
    olds, news = (content.source.decode(errors="replace").splitlines() for content in (old, new))
    matched = SequenceMatcher(None, olds, news, autojunk=False)
    for kind, old_from, old_to, new_from, new_to in matched.get_opcodes():
        if kind != "equal":
            yield f"第 {old_from + 1} 行 line", "\n".join(olds[old_from:old_to]), "\n".join(news[new_from:new_to])
    yield "信头图 Letterhead", _hash(old.letterhead_image), _hash(new.letterhead_image)
    yield "官方 PDF Official PDF", _hash(old.official_pdf), _hash(new.official_pdf)
    yield "生效 From", when(old.effective_from), when(new.effective_from)
    yield "失效 Until", when(old.effective_until), when(new.effective_until)


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:SHORT] if data else ""
