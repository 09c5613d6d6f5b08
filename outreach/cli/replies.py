"""outreach replies: what people wrote back."""

from __future__ import annotations

from typing import Annotated

import typer

from outreach.cli.command import command
from outreach.cli.messages import Bank
from outreach.cli.output import plain, table
from outreach.cli.session import Session
from outreach.v1.outreach_service_pb2 import Reply, ReplyKind
from outreach.wording import words
from outreach.wording.formats import enum_name, when

_MOST = 1000


async def list_replies(
    session: Session,
    bank: Bank = "",
    after: Annotated[str, typer.Option(metavar="ID", help="在此回复之后 Only those after this reply.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=_MOST, help="最多条数 At most this many.")] = 100,
) -> None:
    """列出 Replies in order of arrival, in clear; each look is in the ledger."""
    async with session.client() as client:
        replies = await client.list_replies(session.bank(bank), after_reply_id=after, page_size=limit)
    rows = [
        (
            reply.reply_id,
            when(reply.receive_time),
            _kind(reply),
            reply.text,
            reply.masked_phone_number,
            reply.outreach_id,
            reply.case_id,
        )
        for reply in replies
    ]
    headings = ("回复 Reply", "时间 Time", "理解为 Kind", "文字 Text", "手机 Phone", "短信 SMS", "案件 Case")
    session.output.show([plain(reply) for reply in replies], table(f"回复 Replies ({len(rows)})", headings, rows))
    if len(replies) == limit:
        session.output.note(f"其余 more: --after {replies[-1].reply_id}")


def register(app: typer.Typer) -> None:
    replies = typer.Typer(help="回复 What people wrote back.", no_args_is_help=True)
    replies.callback()(lambda: None)
    command(replies, "list")(list_replies)
    app.add_typer(replies, name="replies")


def _kind(reply: Reply) -> str:
    name = enum_name(ReplyKind.DESCRIPTOR, reply.kind)
    return f"{words.REPLY_KINDS.get(name, '')} {name}".strip()
