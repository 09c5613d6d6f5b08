"""The `outreach` command: every group of commands is registered here."""

from __future__ import annotations

import logging
from importlib.metadata import entry_points

import typer

from outreach.cli import (
    bank,
    callers,
    dead_letters,
    doctor,
    evidence,
    holds,
    identities,
    keys,
    ledger,
    letter_versions,
    letters,
    messages,
    operations,
    person,
    policies,
    quantities,
    replies,
    report,
    submit,
    templates,
    token,
    users,
)
from outreach.cli.up import up

app = typer.Typer(
    name="outreach",
    help="外联网关 The outreach gateway.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("up")(up)
_GROUPS = (
    submit,
    messages,
    replies,
    bank,
    holds,
    letters,
    templates,
    letter_versions,
    quantities,
    policies,
    operations,
    report,
    dead_letters,
    ledger,
    evidence,
    person,
    token,
    identities,
    users,
    callers,
    keys,
    doctor,
)
for group in _GROUPS:
    group.register(app)
for commands in entry_points(group="outreach.commands"):  # what services bring along; outreach/ imports none of them
    app.add_typer(commands.load(), name=commands.name)


def main() -> None:
    logging.getLogger().addHandler(logging.NullHandler())  # a command tells of errors itself; `up` sets logs up
    app()
