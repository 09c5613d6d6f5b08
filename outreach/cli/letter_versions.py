"""outreach letter-version: versions of letters, and how one is authorized."""

from __future__ import annotations

import typer

from outreach.cli import letter_version_lint
from outreach.cli.command import command

letter_version = typer.Typer(help="信函版本 Letter versions and their authorization.", no_args_is_help=True)
command(letter_version, "lint", offline=True)(letter_version_lint.lint)


def register(app: typer.Typer) -> None:
    app.add_typer(letter_version, name="letter-version")
