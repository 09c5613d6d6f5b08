"""outreach ledger witness: keeps the ledger's checkpoints where its owner cannot reach them."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from outreach.cli.command import command
from outreach.cli.failures import Failure
from outreach.cli.session import Session
from outreach.ledger.checkpoint import CheckpointError
from outreach.ledger.witness import Witness, line, read_headers, read_notes
from outreach.runtime import nats_server
from outreach.runtime.bus import CHECKPOINTS


async def witness(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="见证文件，续写 The file, which grows.")],
    key: Annotated[str, typer.Option(metavar="PUB", help="公钥 The ledger's verifier key, or a file that holds it.")],
    bank: Annotated[str, typer.Option(help="以该银行的 NATS 用户 As that bank's NATS user; else as operator.")] = "",
    every: Annotated[int, typer.Option(min=1, metavar="SECONDS", help="最多多久记一条 Keep one so often.")] = 60,
    count: Annotated[int, typer.Option(min=0, help="记下几条后结束 End after so many; 0 for never.")] = 0,
) -> None:
    """见证 Follow the ledger's checkpoints into a file. A ledger that was rewritten is found by it later."""
    notes = read_notes(_read(file)) if file.exists() else []
    seen = Witness(key if "+" in key else _read(Path(key)), notes)
    user = nats_server.bank_user(bank) if bank else nats_server.OPERATOR
    kept, due, newest = 0, datetime.min.replace(tzinfo=UTC), ""
    async with session.nats(user) as client:
        subscription = await client.subscribe(CHECKPOINTS)
        async for message in subscription.messages:
            now, note = datetime.now(UTC), message.data.decode(errors="replace")
            try:
                for handover in seen.learn(read_headers(message.headers)):
                    _append(file, handover, now)
                newest = note if seen.see(note) else newest
            except CheckpointError as error:
                _append(file, note, now)
                raise Failure(f"见证告警 WITNESS ALARM: {error}", reason="LEDGER_FORKED") from None
            if newest and now >= due:
                _append(file, newest, now)
                _show(session, newest, now)
                due, kept, newest = now + timedelta(seconds=every), kept + 1, ""
            if kept == count > 0:
                return


def _show(session: Session, note: str, now: datetime) -> None:
    entries = int(note.split("\n")[1])
    session.output.show_line({"entries": entries}, Text(f"{now:%F %T}  {entries} entries"))


def register(app: typer.Typer) -> None:
    command(app, "witness")(witness)


def _append(file: Path, note: str, now: datetime) -> None:
    with file.open("ab") as kept:
        kept.write(line(note, now.isoformat(timespec="seconds")))
        kept.flush()
        os.fsync(kept.fileno())


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")
