"""Two texts beside each other, with what differs marked: by colour on a terminal, by brackets elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import SequenceMatcher

from rich.console import RenderableType
from rich.text import Text

from outreach.cli.output import cell, table

_WORDS = re.compile(r"\{\w+\}|[A-Za-z0-9_.:-]+|.", re.DOTALL)
_REMOVED = "bold white on red"
_ADDED = "bold black on green"


def compare(
    title: str, old_name: str, new_name: str, rows: Iterable[tuple[str, str, str]], *, colour: bool
) -> RenderableType | None:
    """A table of (name, old, new) rows that differ, marked word by word, Chinese by character; None if none does."""
    changed = [(name, *_marked(old, new, colour=colour)) for name, old, new in rows if old != new]
    if not changed:
        return None
    return table(title, ("", f"旧 {old_name}", f"新 {new_name}"), changed)


def _marked(old: str, new: str, *, colour: bool) -> tuple[Text, Text]:
    left, right = Text(), Text()
    olds, news = _WORDS.findall(old), _WORDS.findall(new)
    for kind, old_from, old_to, new_from, new_to in SequenceMatcher(None, olds, news, autojunk=False).get_opcodes():
        removed, added = "".join(olds[old_from:old_to]), "".join(news[new_from:new_to])
        _append(left, removed, "" if kind == "equal" else _REMOVED, colour=colour, brackets="[--]")
        _append(right, added, "" if kind == "equal" else _ADDED, colour=colour, brackets="{++}")
    return left, right


def _append(text: Text, part: str, style: str, *, colour: bool, brackets: str) -> None:
    if not part:
        return
    shown = cell(part).plain
    if style and not colour:
        text.append(f"{brackets[:2]}{shown}{brackets[2:]}")
    else:
        text.append(shown, style or None)
