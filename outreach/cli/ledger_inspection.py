"""outreach ledger search, sample: an inspector's look into an exported ledger, offline; nothing can be changed here."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from outreach.cli.command import command
from outreach.cli.failures import Failure
from outreach.cli.fields import time_option
from outreach.cli.messages import Limit
from outreach.cli.output import details, table
from outreach.cli.session import Session
from outreach.domain.clocks import iso
from outreach.ledger.export import ExportError, Reader
from outreach.sheets.writer import write_csv, write_xlsx
from outreach.wording.formats import code_text
from outreach.wording.ledger_words import KINDS, kind_text

MAX_SHEET_ROWS = 1_048_575
_OWN_COLUMNS = frozenset({"seq", "time", "kind", "bank", "by", "outreach", "account", "codes"})
_HEADINGS = {
    "序号 No.": 10,
    "时间 Time": 24,
    "种类 Kind": 24,
    "名称 Name": 16,
    "银行 Bank": 16,
    "谁 By": 24,
    "外联 Outreach": 28,
    "账户 Account": 28,
    "规则 Rules": 30,
    "其余 Rest": 60,
}

_File = Annotated[Path, typer.Argument(metavar="EXPORT", help="导出的账本 The exported ledger; verify it first.")]
_Kind = Annotated[list[str] | None, typer.Option("--kind", help="种类 Of this kind, such as blocked; repeatable.")]
_Bank = Annotated[str, typer.Option("--bank", help="银行 Of this bank.")]
_Since = Annotated[str, typer.Option(metavar="TIME", help="自 Not before.")]
_Until = Annotated[str, typer.Option(metavar="TIME", help="止 Before.")]
_Word = Annotated[str, typer.Option(metavar="TEXT", help="含 That hold this text: an id, a code, a reason.")]
_Csv = Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="存 CSV Write all of them as CSV.")]
_Xlsx = Annotated[Path | None, typer.Option("--xlsx", metavar="FILE", help="存 XLSX Write all of them as a sheet.")]


@dataclass(frozen=True, slots=True)
class _Filter:
    """What is looked for; empty for anything. Times are as entries have them, in UTC."""

    kinds: frozenset[str]
    bank: str
    since: str
    until: str
    word: bytes

    def includes(self, body: bytes, entry: dict[str, Any]) -> bool:
        return (
            self.word in body
            and (not self.kinds or entry["kind"] in self.kinds)
            and (not self.bank or entry["bank"] == self.bank)
            and (not self.since or entry["time"] >= self.since)
            and (not self.until or entry["time"] < self.until)
        )


async def search(
    session: Session,
    file: _File,
    kind: _Kind = None,
    bank: _Bank = "",
    since: _Since = "",
    until: _Until = "",
    word: _Word = "",
    limit: Limit = 50,
    csv: _Csv = None,
    xlsx: _Xlsx = None,
) -> None:
    """检索 Find entries of an exported ledger; shows the first ones, and writes all of them to a file."""
    found = list(_matching(file, _filter(kind, bank, since, until, word)))
    _write(found, csv, xlsx, f"账本检索 {len(found)} 条 entries")
    shown = found[:limit]
    document = {"entries": len(found), "shown": shown, "csv": _name(csv), "xlsx": _name(xlsx)}
    session.output.show(document, _table(f"找到 Found {len(found)}", shown))


async def sample(
    session: Session,
    file: _File,
    seed: Annotated[str, typer.Option(help="种子 Any text; the same seed draws the same entries.")],
    count: Annotated[int, typer.Option(min=1, max=MAX_SHEET_ROWS, help="条数 How many.")],
    kind: _Kind = None,
    bank: _Bank = "",
    since: _Since = "",
    until: _Until = "",
    word: _Word = "",
    csv: _Csv = None,
    xlsx: _Xlsx = None,
) -> None:
    """抽样 Draw entries at random, in a way that anybody can repeat: those with the lowest SHA-256 of SEED:NUMBER."""
    population = 0

    def counted() -> Iterator[dict[str, Any]]:
        nonlocal population
        for entry in _matching(file, _filter(kind, bank, since, until, word)):
            population += 1
            yield entry

    drawn = heapq.nsmallest(count, counted(), key=lambda entry: _rank(seed, entry["seq"]))
    drawn.sort(key=lambda entry: entry["seq"])
    _write(drawn, csv, xlsx, f"种子 seed {seed}, {len(drawn)} / {population}")
    document = {"seed": seed, "population": population, "entries": drawn, "csv": _name(csv), "xlsx": _name(xlsx)}
    session.output.show(
        document,
        details("抽样 Sample", [("种子 Seed", seed), ("抽中 Drawn", len(drawn)), ("总体 Out of", population)]),
        _table("", drawn),
    )


def register(app: typer.Typer) -> None:
    command(app, "search", offline=True)(search)
    command(app, "sample", offline=True)(sample)


def _filter(kind: Sequence[str] | None, bank: str, since: str, until: str, word: str) -> _Filter:
    return _Filter(
        frozenset(kind or ()),
        bank,
        iso(time_option("--since", since).ToMilliseconds()) if since else "",
        iso(time_option("--until", until).ToMilliseconds()) if until else "",
        word.encode(),
    )


def _matching(file: Path, wanted: _Filter) -> Iterator[dict[str, Any]]:
    """Entries in the ledger's order. Raises Failure for a file that is no whole export, OSError."""
    try:
        with file.open("rb") as source:
            for batch in Reader(source).batches():
                for body in batch:
                    entry = orjson.loads(body)
                    if wanted.includes(body, entry):
                        yield entry
    except ExportError as error:
        raise Failure(str(error), reason="NOT_AN_EXPORT") from None
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise Failure(
            "账本中有无法读取的条目，请先用 ledger verify 核对。An entry of it cannot be read: verify it first.",
            reason="NOT_AN_EXPORT",
        ) from None


def _rank(seed: str, seq: int) -> bytes:
    return hashlib.sha256(f"{seed}:{seq}".encode()).digest()


def _write(entries: Sequence[dict[str, Any]], csv: Path | None, xlsx: Path | None, footer: str) -> None:
    rows = [_row(entry) for entry in entries]
    if csv:
        write_csv(csv, tuple(_HEADINGS), rows)
    if xlsx and len(rows) > MAX_SHEET_ROWS:
        raise Failure(f"一张表最多 {MAX_SHEET_ROWS} 行，请缩小范围或存 CSV。Too many for a sheet: use CSV.")
    if xlsx:
        write_xlsx(xlsx, "账本 Ledger", _HEADINGS, rows, footer=footer)


def _row(entry: dict[str, Any]) -> tuple[str | int, ...]:
    rest = {name: value for name, value in entry.items() if name not in _OWN_COLUMNS}
    texts = (str(entry.get(name, "")) for name in ("bank", "by", "outreach", "account"))
    codes = ", ".join(map(code_text, entry.get("codes", ())))
    kind = entry["kind"]
    return entry["seq"], entry["time"], kind, KINDS.get(kind, ""), *texts, codes, orjson.dumps(rest).decode()


def _table(title: str, entries: Sequence[dict[str, Any]]) -> Any:
    rows = []
    for entry in entries:
        seq, time, kind, _, bank, by, _, _, codes, rest = _row(entry)
        rows.append((seq, time, kind_text(str(kind)), bank, by, codes, rest))
    headings = ("序号 No.", "时间 Time", "种类 Kind", "银行 Bank", "谁 By", "规则 Rules", "其余 Rest")
    return table(title, headings, rows, numeric=[0])


def _name(path: Path | None) -> str | None:
    return str(path) if path else None
