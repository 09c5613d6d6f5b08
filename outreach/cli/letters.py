"""outreach letters: from the request to the post and back. The commands lie in modules of their own."""

from __future__ import annotations

import typer

from outreach.cli import letter_files, letter_lists, letter_post, letter_runs, letter_submit, mailroom

_COMMANDS = (letter_submit, letter_runs, letter_files, letter_lists, mailroom, letter_post)


def register(app: typer.Typer) -> None:
    letters = typer.Typer(help="信函 Letters: submit, runs, print, post, returns.", no_args_is_help=True)
    for commands in _COMMANDS:
        commands.register(letters)
    app.add_typer(letters, name="letters")
