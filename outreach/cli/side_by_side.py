"""Two texts beside each other, with what differs marked: by colour on a terminal, by brackets elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher

from rich.table import Table
from rich.text import Text

from outreach.cli.output import cell, table

_REMOVED = "bold white on red"
_ADDED = "bold black on green"


def compare(
    title: str, old_name: str, new_name: str, rows: Iterable[tuple[str, str, str]], *, colour: bool
) -> Table | None:
    """A table of (name, old, new) rows that differ, marked character by character; None if none does."""
    changed = [(name, *_marked(old, new, colour=colour)) for name, old, new in rows if old != new]
    if not changed:
        return None
    return table(title, ("", f"旧 {old_name}", f"新 {new_name}"), changed)


def _marked(old: str, new: str, *, colour: bool) -> tuple[Text, Text]:
    left, right = Text(), Text()
    for kind, old_from, old_to, new_from, new_to in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        _append(left, old[old_from:old_to], "" if kind == "equal" else _REMOVED, colour=colour, brackets="[--]")
        _append(right, new[new_from:new_to], "" if kind == "equal" else _ADDED, colour=colour, brackets="{++}")
    return left, right


def _append(text: Text, part: str, style: str, *, colour: bool, brackets: str) -> None:
    if not part:
        return
    shown = cell(part).plain
    if style and not colour:
        text.append(f"{brackets[:2]}{shown}{brackets[2:]}")
    else:
        text.append(shown, style or None)
