"""outreach content check: what the rules say of texts, before anybody drafts a template."""

from __future__ import annotations

import sys
from typing import Annotated

import orjson
import typer

from outreach.cli.command import command
from outreach.cli.output import write_line
from outreach.cli.session import Session

app = typer.Typer(help="文案筛查，离线 Content screening, offline.", no_args_is_help=True)

_Jsonl = Annotated[bool, typer.Option("--jsonl", help='从标准输入读 From standard input: {"id", "text"} a line.')]


async def check(_session: Session, jsonl: _Jsonl = False) -> None:
    """文案里不得出现的内容 What texts must not say: {"id", "findings"} a line."""
    from approval_service.screening.content import check_lines  # noqa: PLC0415 other commands need not wait for it

    if not jsonl:
        raise typer.BadParameter("目前只读 --jsonl; give --jsonl and the texts on standard input")
    for document in check_lines(sys.stdin):
        write_line(orjson.dumps(document))


command(app, "check", offline=True)(check)
