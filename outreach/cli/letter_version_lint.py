"""outreach letter-version lint: what stands against a letter version, before anybody is asked. Works offline."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from outreach.cli.fields import read_yaml
from outreach.cli.output import Cell, details, findings_table, plain
from outreach.cli.session import Session
from outreach.v1.policy_service_pb2 import Policy

File = Annotated[Path, typer.Argument(metavar="FILE.md", help="信函源文件 The source; docs/letter_format.md.")]
Image = Annotated[Path | None, typer.Option("--letterhead", metavar="FILE", help="信头图 Letterhead, PNG or JPEG.")]
Pdf = Annotated[Path | None, typer.Option("--pdf", metavar="FILE", help="银行官方 PDF The bank's own official PDF.")]
_Policy = Annotated[
    Path | None,
    typer.Option("--policy", metavar="FILE.yaml", help="银行规则，核对名称和热线 To check names and hotlines against."),
]


async def lint(session: Session, file: File, letterhead: Image = None, pdf: Pdf = None, policy: _Policy = None) -> None:
    """检查信函版本，离线 What a draft of the version would be told, offline. Exit code 1 if it would be refused."""
    from outreach.letters import lint as rules  # noqa: PLC0415 other commands need no PDF library
    from outreach.letters.source import read  # noqa: PLC0415

    identity = None
    if policy:
        found = Policy()
        read_yaml(policy, found)
        identity = rules.Identity(found.bank_name, found.agency_name, tuple(found.hotlines))
    image, form = (path.read_bytes() if path else b"" for path in (letterhead, pdf))
    letter = read(file.read_bytes(), image, form)
    findings = rules.lint(letter, _screen, identity)
    refused = any(not finding.waits for finding in findings)
    verdict = Text("不可提交 would be refused", "bold red") if refused else Text("可以提交 may be drafted", "green")
    head = letter.head
    kind = "银行官方 PDF the bank's own" if pdf else "由我们排版 laid out by us"
    shown: list[tuple[str, Cell]] = [
        ("结论 Verdict", verdict),
        ("标题 Title", head.title),
        ("银行 Bank", head.bank_name),
        ("受托机构 Agency", head.agency_name),
        ("信封 Envelope", head.envelope),
        ("种类 Kind", kind),
        ("变量 Placeholders", " ".join(placeholder.name for placeholder in head.placeholders)),
    ]
    document = {
        "title": head.title,
        "bank_name": head.bank_name,
        "agency_name": head.agency_name,
        "envelope": head.envelope,
        "is_official_pdf": bool(pdf),
        "placeholders": [plain(placeholder) for placeholder in head.placeholders],
        "refused": refused,
        "findings": [plain(finding) for finding in findings],
    }
    table = findings_table("发现 Findings", findings) if findings else Text("")
    session.output.show(document, details("信函检查 Letter version", shown), table)
    if not list(_screens()):
        session.output.note(
            "内容筛查未安装，未检查禁用内容。The screening of contents is not installed here.", "yellow"
        )
    if refused:
        raise typer.Exit(1)


def _screens() -> Iterator[Any]:
    """The screening is a service's; outreach/ imports none of them."""
    return (screen.load() for screen in entry_points(group="outreach.screens"))


def _screen(text: str) -> list[Any]:
    return [finding for screen in _screens() for finding in screen(text)]
