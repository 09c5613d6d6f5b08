"""docs/cli.md keeps up with the commands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from outreach.cli.main import app


def commands(group: Any, path: str = "") -> Iterator[str]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{path}{name} ")
        else:
            yield path + name


def test_every_command_is_documented() -> None:
    """Each command stands in docs/cli.md, with its group, as it is typed."""
    text = (Path(__file__).parents[3] / "docs" / "cli.md").read_text(encoding="utf-8")
    missing = [name for name in commands(typer.main.get_command(app)) if f"`{name}" not in text]
    assert missing == []
