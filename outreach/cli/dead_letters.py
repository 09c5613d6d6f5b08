"""outreach dead-letters: messages on NATS that could not be read; listed, shown, and published again."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from email.header import Header, decode_header
from typing import Annotated, Any

import orjson
import typer
from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError
from rich.text import Text

from outreach.cli.command import command
from outreach.cli.failures import Failure
from outreach.cli.messages import Limit
from outreach.cli.output import cell, details, table
from outreach.cli.session import Session
from outreach.runtime import bus, nats_server

_OWN_HEADERS = ("Outreach-Reason", "Outreach-Subject", "Outreach-Sequence", bus.MESSAGE_ID)
_DIGIT = re.compile(r"[0-9]")
_CHINESE = re.compile(r"[㐀-鿿]")

_Sequence = Annotated[int, typer.Argument(metavar="SEQUENCE", min=1, help="序号 As `list` shows it.")]


async def list_letters(session: Session, limit: Limit = 100) -> None:
    """列出 What could not be read, oldest first, with the reason."""
    async with session.nats(nats_server.OPERATOR) as client:
        letters = [letter async for letter in _letters(client.jetstream(), limit)]
    rows = [(letter["sequence"], letter["subject"], letter["bytes"], letter["reason"]) for letter in letters]
    headings = ("序号 Sequence", "主题 Subject", "字节 Bytes", "原因 Reason")
    session.output.show(letters, table(f"死信 Dead letters ({len(rows)})", headings, rows, numeric=[0, 2]))


async def show(session: Session, sequence: _Sequence) -> None:
    """显示 One dead letter; in its content every digit is shown as 0 and every Chinese character as 某."""
    async with session.nats(nats_server.OPERATOR) as client:
        message = await _get(client.jetstream(), sequence)
    letter = {**_described(message), "masked_content": _masked(message.data or b"")}
    pairs = [
        ("主题 Subject", letter["subject"]),
        ("原因 Reason", letter["reason"]),
        ("字节 Bytes", letter["bytes"]),
    ]
    shown = details(f"死信 Dead letter {sequence}", pairs)
    session.output.show(letter, shown, cell(letter["masked_content"]))


async def replay(
    session: Session,
    sequences: Annotated[
        list[int] | None, typer.Argument(metavar="SEQUENCE...", help="序号 As `list` shows them.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="全部 All of them.")] = False,
) -> None:
    """重放 Publish dead letters again to where they came from, and remove them here."""
    if bool(sequences) == everything:
        raise typer.BadParameter("给出序号，或 --all；name sequences, or --all")
    async with session.nats(nats_server.OPERATOR) as client:
        stream = client.jetstream()
        if everything:
            sequences = [letter["sequence"] async for letter in _letters(stream, 1 << 31)]
        for sequence in sequences or ():
            await _replay(stream, sequence)
    session.output.show({"replayed": sequences}, Text(f"已重放 replayed: {len(sequences or ())}"))


def register(app: typer.Typer) -> None:
    letters = typer.Typer(help="死信 Messages that could not be read.", no_args_is_help=True)
    command(letters, "list")(list_letters)
    command(letters, "show")(show)
    command(letters, "replay")(replay)
    app.add_typer(letters, name="dead-letters")


async def _letters(stream: JetStreamContext, limit: int) -> AsyncIterator[dict[str, Any]]:
    sequence = 1
    for _ in range(limit):
        try:
            message = await stream.get_msg(bus.OUTREACH_DEAD, sequence, subject="outreach.dead.>", next=True)
        except NotFoundError:
            return
        letter = _described(message)
        sequence = letter["sequence"] + 1
        yield letter


async def _get(stream: JetStreamContext, sequence: int) -> RawStreamMsg:
    try:
        return await stream.get_msg(bus.OUTREACH_DEAD, sequence)
    except NotFoundError:
        raise Failure(
            f"没有死信 {sequence}：见 `outreach dead-letters list`。There is no such dead letter; `list` shows them.",
            reason="NOT_FOUND",
        ) from None


async def _replay(stream: JetStreamContext, sequence: int) -> None:
    """Publishes, then deletes. Its message id makes that safe to repeat if it is interrupted in between."""
    message = await _get(stream, sequence)
    headers = {name: value for name, value in (message.headers or {}).items() if name not in _OWN_HEADERS}
    headers[bus.MESSAGE_ID] = f"replay-{sequence}"
    await stream.publish(_described(message)["subject"], message.data or b"", headers=headers)
    await stream.delete_msg(bus.OUTREACH_DEAD, sequence)


def _described(message: RawStreamMsg) -> dict[str, Any]:
    headers = message.headers or {}
    return {
        "sequence": message.seq,
        "subject": headers.get("Outreach-Subject", ""),
        "reason": _text(headers.get("Outreach-Reason", "")),
        "bytes": len(message.data or b""),
    }


def _text(value: str | Header) -> str:
    """A header's text; the client hands out one that is not ASCII in the form of e-mail."""
    parts = (part for part, _ in decode_header(value))
    raw = b"".join(part if isinstance(part, bytes) else part.encode("ascii", "surrogateescape") for part in parts)
    return raw.decode(errors="replace")


def _masked(content: bytes) -> str:
    """The content's form without what it says of a person."""
    text = _CHINESE.sub("某", _DIGIT.sub("0", content.decode(errors="replace")))
    try:
        return orjson.dumps(orjson.loads(text), option=orjson.OPT_INDENT_2).decode()
    except orjson.JSONDecodeError:
        return text
