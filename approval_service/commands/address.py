"""outreach address check: what the rules say of addresses, before anybody submits them."""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.text import Text

from outreach.cli.command import command
from outreach.cli.failures import Failure
from outreach.cli.output import write_line
from outreach.cli.session import Session

app = typer.Typer(help="地址筛查，离线 Address screening, offline.", no_args_is_help=True)

_Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="一个地址 One address.", show_default=False)]
_Csv = Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="CSV 文件，首行为列名 With a header line.")]
_Column = Annotated[
    str, typer.Option(metavar="N", help="地址列，序号或列名 The address column: number from 1, or name.")
]
_Jsonl = Annotated[bool, typer.Option("--jsonl", help='从标准输入读 From standard input: {"id", "address"} a line.')]


async def check(
    session: Session, address: _Address = "", csv_file: _Csv = None, column: _Column = "", jsonl: _Jsonl = False
) -> None:
    """地址能否寄信，缺什么 Whether a letter may go there, and what to repair. Exit code 1 if not."""
    if sum((bool(address), csv_file is not None, jsonl)) != 1:
        raise typer.BadParameter("给一个地址、--csv 或 --jsonl 之一 give one of ADDRESS, --csv and --jsonl")
    if csv_file is not None:
        _check_csv(session, csv_file, column)
    elif jsonl:
        _check_jsonl()
    else:
        _check_one(session, address)


command(app, "check", offline=True)(check)


def _check_one(session: Session, address: str) -> None:
    document = _report().check(address)
    session.output.show(document, *_shown(document))
    if document["codes"]:
        raise typer.Exit(1)


def _shown(document: dict[str, Any]) -> Iterator[Text]:
    if not document["codes"]:
        yield Text("可用 This address can be used", "bold green")
    for found in document["why"]:
        yield Text.assemble((f"{found['code']}  ", "bold red"), (f"「{found['span']}」 ", "bold"), found["reason"])
    for warning in document.get("warnings", ()):
        yield Text(warning, "yellow")
    yield Text("  ".join(f"{name}={value}" for name, value in document["parts"].items()), "bright_black")


def _check_jsonl() -> None:
    for document in _report().check_lines(sys.stdin):
        write_line(orjson.dumps(document))


def _check_csv(session: Session, path: Path, column: str) -> None:
    """Writes the file again with the columns codes and why; the counts go to standard error."""
    check_address = _report().check
    rows = csv.reader(_decode(path).splitlines(keepends=True))
    header = next(rows, None)
    if header is None:
        raise Failure(f"{path} 是空文件 It is empty: the first line must name the columns.")
    place = _place(header, column)
    written = csv.writer(sys.stdout, lineterminator="\n")
    written.writerow([*header, "codes", "why"])
    counts: Counter[str] = Counter()
    for row in rows:
        if not row:
            continue
        document: dict[str, Any] = check_address(row[place] if place < len(row) else "")
        counts.update(document["codes"] or ["OK"])
        reasons = "; ".join(f"{found['span']}: {found['reason']}" for found in document["why"])
        written.writerow([*row, " ".join(document["codes"]), reasons])
    session.output.note("  ".join(f"{code} {count}" for code, count in sorted(counts.items())))


def _decode(path: Path) -> str:
    data = path.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("gb18030", "replace")  # contains all of GBK; what is lost shows as a bad character


def _place(header: Sequence[str], column: str) -> int:
    if column in header:
        return header.index(column)
    if column.isdecimal() and 1 <= int(column) <= len(header):
        return int(column) - 1
    raise Failure(
        f"没有列 There is no column {column!r}: --column 1..{len(header)} or {', '.join(header)}", field="column"
    )


def _report() -> Any:
    from approval_service.screening.address import report  # noqa: PLC0415 other commands need not wait for it

    return report
