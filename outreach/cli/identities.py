"""outreach identity: a passphrase on the file of an identity, asked for whenever somebody acts in its name."""

from __future__ import annotations

import typer
from rich.text import Text

from outreach.cli.command import command
from outreach.cli.failures import Failure
from outreach.cli.session import Session, at_terminal
from outreach.client import write_identity

_SHORTEST = 12


async def lock(session: Session) -> None:
    """上锁 Encrypt an identity's key under a passphrase; each command in its name asks for it."""
    identity = session.identity()
    if not at_terminal():
        raise Failure(
            "须在终端输入新口令。Run this at a terminal, which asks for the passphrase.", reason="NO_TERMINAL"
        )
    chosen: str = typer.prompt("新口令 new passphrase", hide_input=True, confirmation_prompt="再输一次 again", err=True)
    if len(chosen) < _SHORTEST:
        raise Failure(
            f"口令至少 {_SHORTEST} 个字符。A passphrase has at least {_SHORTEST} characters.", field="passphrase"
        )
    path = write_identity(session.state_dir, session.identity_name(), identity, chosen)
    session.output.show({"locked": str(path)}, Text(f"已上锁 locked: {path}"))


async def unlock(session: Session) -> None:
    """去锁 Store an identity's key unencrypted again."""
    path = write_identity(session.state_dir, session.identity_name(), session.identity())
    session.output.show({"unlocked": str(path)}, Text(f"已去锁 unlocked: {path}"))


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="身份文件 Identity files.", no_args_is_help=True)
    command(group, "lock")(lock)
    command(group, "unlock")(unlock)
    app.add_typer(group, name="identity")
