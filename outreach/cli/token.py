"""outreach token: for callers that are no Python, such as grpcurl."""

from __future__ import annotations

import time

import typer
from rich.text import Text

from outreach.cli.command import command
from outreach.cli.session import Session
from outreach.runtime.tokens import MAX_LIFE_S, Issuer


async def token(session: Session) -> None:
    """令牌 Print a signed token, good for ten minutes: metadata `authorization: Bearer TOKEN`."""
    who = session.identity()
    issuer = Issuer(who.caller_id, who.private_key)
    text = issuer.token(who.employee, who.team, who.roles, who.banks, time.time())
    session.output.show({"token": text, "expires_in_s": MAX_LIFE_S}, Text(text))


def register(app: typer.Typer) -> None:
    command(app, "token")(token)
