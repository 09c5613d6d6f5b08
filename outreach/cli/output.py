"""What the command line shows: tables for people, JSON for programs."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from rich import box
from rich.console import Console, Group, JustifyMethod, RenderableType
from rich.table import Table
from rich.text import Text

from outreach.cli import styles
from outreach.domain import states
from outreach.v1.common_pb2 import Finding
from outreach.wording.formats import code_text, state_words

_PIPE_WIDTH = 200
Cell = str | int | Text


class Output:
    """Standard output, as one JSON document a call or as tables; and the console of errors and progress."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.console = Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH, highlight=False, soft_wrap=False)
        self.errors = Console(stderr=True, width=None if sys.stderr.isatty() else _PIPE_WIDTH, highlight=False)

    def show(self, document: Any, *renderables: RenderableType) -> None:
        """Shows the document to a program, or what is made of it to a person."""
        if self.as_json:
            write_line(orjson.dumps(document, option=orjson.OPT_INDENT_2))
            return
        for renderable in renderables:
            if renderable:  # an empty text has nothing to say
                self.console.print(renderable, soft_wrap=isinstance(renderable, Text))

    def show_line(self, document: Any, line: Text) -> None:
        """Shows one of a stream, at once: a JSON line or a line of text."""
        if self.as_json:
            write_line(orjson.dumps(document))
        else:
            self.console.print(line, soft_wrap=True)
            self.console.file.flush()

    def note(self, text: str, style: str = "bright_black") -> None:
        """Tells a person something beside the answer."""
        if text and not self.as_json:
            self.errors.print(Text(text, style=style), soft_wrap=True)


def write_line(line: bytes) -> None:
    sys.stdout.write(line.decode() + "\n")
    sys.stdout.flush()


def plain(message: Message) -> dict[str, Any]:
    """ProtoJSON with the contract's field names. The keys are always the same: what is unset is null."""
    document: dict[str, Any] = MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    _add_unset(message, document)
    return document


def _add_unset(message: Message, document: dict[str, Any]) -> None:
    for field in message.DESCRIPTOR.fields:
        shown = document.setdefault(field.name, None)
        if isinstance(shown, dict) and not field.is_repeated:
            _add_unset(getattr(message, field.name), shown)
        elif isinstance(shown, list) and field.message_type:
            for part, part_shown in zip(getattr(message, field.name), shown, strict=True):
                _add_unset(part, part_shown)


def table(
    title: str, headings: Sequence[str], rows: Iterable[Sequence[Cell]], *, numeric: Sequence[int] = ()
) -> RenderableType:
    """A table under its title; `numeric` are the columns that are aligned to the right."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)  # the first column is an id or a name, which stays whole
    for index, heading in enumerate(headings):
        justify: JustifyMethod = "right" if index in numeric else "left"
        made.add_column(heading, justify=justify, overflow="fold", no_wrap=index == 0)
    for row in rows:
        made.add_row(*map(cell, row))
    if not made.row_count:
        return Text(f"{title}：无 none")
    return Group(Text(title, style="bold"), made) if title else made


def details(title: str, pairs: Iterable[tuple[str, Cell]]) -> RenderableType:
    """Names and values, a pair a line; empty values are left out."""
    made = Table(box=None, show_header=False, pad_edge=False)
    made.add_column(style="bright_black", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in pairs:
        shown = cell(value)
        if shown.plain:
            made.add_row(name, shown)
    return Group(Text(title, style="bold"), made) if title else made


def cell(value: Cell) -> Text:
    """Text as it is: neither markup nor a control character takes effect on the terminal."""
    if isinstance(value, Text):
        return value
    return Text("".join(c if c.isprintable() or c == "\n" else "�" for c in str(value)))


def state_text(state: int) -> Text:
    return Text(state_words(state), style=styles.STATE_STYLES.get(states.name(state), ""))


def findings_table(title: str, findings: Iterable[Finding]) -> RenderableType:
    rows = [
        (
            Text("等待 waits", style="blue") if finding.waits else Text("拒绝 refused", style="yellow"),
            code_text(finding.code),
            finding.field,
            finding.reason,
        )
        for finding in findings
    ]
    return table(title, ("结论 Verdict", "规则 Rule", "字段 Field", "原因 Reason"), rows)


def code_tables(counts: Mapping[str, Mapping[str, int]]) -> list[RenderableType]:
    """A table of counts by rule code under each title, if there are any."""
    return [
        table(
            title, ("规则 Rule", "数量 Count"), [(code_text(code), codes[code]) for code in sorted(codes)], numeric=[1]
        )
        for title, codes in counts.items()
        if codes
    ]
