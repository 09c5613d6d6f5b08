"""Which letters a command means, from a range, from options or from a scanner; and how what came of them is shown."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.text import Text

from outreach.cli.failures import Failure
from outreach.cli.letter_lists import letter_state_text
from outreach.cli.letter_runs import get_run
from outreach.cli.output import Output, details, plain, table
from outreach.client import Client
from outreach.domain.letter_numbers import number_in_code
from outreach.v1.mailroom_service_pb2 import LetterSelection, ScanResult
from outreach.wording.formats import code_text

MAX_SCANS = 1_000
SCANNER = Path("-")
_SEPARATORS = re.compile(r"[\s,;]+")
_SHOWN = 20

Run = Annotated[str, typer.Argument(metavar="[RUN]", help="打印批次 The run, for a range of it.")]
First = Annotated[int, typer.Option("--first", min=1, help="起始序号 First position of the range.")]
Last = Annotated[int, typer.Option("--last", min=0, help="终止序号 Last position; 0 for the run's last.")]
Except = Annotated[
    list[str] | None, typer.Option("--except", metavar="LETTER", help="除外 A letter that is not in it; repeatable.")
]
Letters = Annotated[list[str] | None, typer.Option("--letter", help="信函编号 A letter's number; repeatable.")]
Scans = Annotated[
    Path | None,
    typer.Option(
        "--scans", metavar="FILE", help="扫描文件，- 为扫描枪 Scanned codes; - for a scanner at this terminal."
    ),
]


async def selections(
    client: Client,
    run_id: str,
    letters: Sequence[str],
    scans: Path | None,
    first: int,
    last: int,
    but: Sequence[str],
) -> AsyncIterator[LetterSelection]:
    """What is meant, as often as the contract's limits or the scanner want it. Raises a usage error."""
    if sum(map(bool, (run_id, letters, scans))) != 1:
        raise typer.BadParameter("RUN、--letter、--scans 三者取一 name one of them")
    if run_id:
        yield await a_range(client, run_id, first, last, but)
        return
    if but or first != 1 or last:
        raise typer.BadParameter("--first、--last、--except 须与 RUN 同用 belong to a RUN")
    async for numbers in scanned(scans) if scans else _listed(letters):
        yield LetterSelection(letter_numbers=numbers)


async def a_range(client: Client, run_id: str, first: int, last: int, but: Sequence[str]) -> LetterSelection:
    """Positions of a run without the exceptions; the whole of it if nothing else is said."""
    return LetterSelection(
        run_id=run_id,
        first_position=first,
        last_position=last or (await get_run(client, run_id)).letters,
        except_letter_numbers=[number_in_code(code) for code in but],
    )


async def scanned(path: Path, *, per_letter: int = 1) -> AsyncIterator[list[str]]:
    """Codes as they are scanned, `per_letter` of them to a letter: from a file many letters at once, from a scanner
    one letter after the other. Raises Failure for an unreadable file or an odd code at the end, OSError.
    """
    if path == SCANNER:
        pending: list[str] = []
        while line := await asyncio.to_thread(sys.stdin.readline):
            pending += _codes(line)
            while len(pending) >= per_letter:
                yield pending[:per_letter]
                del pending[:per_letter]
        codes = iter(pending)
    else:
        codes = iter(_codes(_read(path)))
        while len(batch := list(islice(codes, MAX_SCANS * per_letter))) == MAX_SCANS * per_letter:
            yield batch
        whole = len(batch) - len(batch) % per_letter
        if whole:
            yield batch[:whole]
        codes = iter(batch[whole:])
    if next(codes, None) is not None:
        raise Failure("最后一封信缺少邮件号，请补扫。The last letter has no item number: scan it.", field="scans")


class Tally:
    """What came of scans, told at once at a scanner, and together at the end."""

    def __init__(self, output: Output, *, live: bool) -> None:
        self._output = output
        self._live = live
        self.results: list[ScanResult] = []

    def add(self, results: Sequence[ScanResult]) -> None:
        self.results += results
        if self._live:
            for result in results:
                self._output.show_line(plain(result), _line(result))
                if not result.ok:
                    self._output.errors.bell()

    def show(self, title: str) -> None:
        """The summary; ends the command with exit code 1 if anything was not done."""
        failed = [result for result in self.results if not result.ok]
        if not (self._live and self._output.as_json):
            document = {
                "done": len(self.results) - len(failed),
                "not_done": len(failed),
                "results": [plain(result) for result in self.results],
            }
            self._output.show(document, *self._summary(title, failed))
        if failed:
            raise typer.Exit(1)

    def _summary(self, title: str, failed: list[ScanResult]) -> Iterator[RenderableType]:
        done = len(self.results) - len(failed)
        yield details(title, [("完成 Done", done), ("未完成 Not done", len(failed))])
        odd = [*failed, *(result for result in self.results if result.ok and result.warning)]
        if odd and not self._live:
            rows = [(r.letter_number, letter_state_text(r.state), _why(r)) for r in odd[:_SHOWN]]
            yield table("请处理 To look at", ("信函 Letter", "状态 State", "原因 Why"), rows)
        if len(odd) > _SHOWN and not self._live:
            yield Text(f"另有 {len(odd) - _SHOWN} 封，见 --json and so many more", style="bright_black")


def _why(result: ScanResult) -> str:
    return "；".join(filter(None, (result.message, " ".join(map(code_text, result.codes)), result.warning)))


def _line(result: ScanResult) -> Text:
    mark, style = ("✓", "green") if result.ok and not result.warning else ("!", "yellow")
    if not result.ok:
        mark, style = "✗", "bold red"
    return Text.assemble(
        (f"{mark} ", style), f"{result.letter_number}  {letter_state_text(result.state)}  ", (_why(result), style)
    )


async def _listed(letters: Sequence[str]) -> AsyncIterator[list[str]]:
    numbers = [number_in_code(code) for code in letters]
    for start in range(0, len(numbers), MAX_SCANS):
        yield numbers[start : start + MAX_SCANS]


def _codes(text: str) -> list[str]:
    return [number_in_code(code) for code in _SEPARATORS.split(text) if code]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise Failure(f"{path}: 不是文本文件 it is no text file", field="scans") from None
