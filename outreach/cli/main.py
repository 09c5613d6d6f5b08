"""The `outreach` command: every group of commands is registered here."""

from __future__ import annotations

import typer

app = typer.Typer(
    name="outreach",
    help="外联网关 The outreach gateway.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    app()
