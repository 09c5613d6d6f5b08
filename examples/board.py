"""The live table: the business clock, what became of the messages, which rules stopped what, and what just happened."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from datetime import datetime

from rich import box
from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from outreach.cli import words
from outreach.v1.operations_service_pb2 import GetSummaryResponse

BEGIN_MINUTE, END_MINUTE = 7 * 60, 21 * 60 + 30
OPENS, CLOSES = 8 * 60, 21 * 60
DAY_WIDTH = 58
BAR_WIDTH = 14
LOG_LINES = 6
WEEKDAYS = "一二三四五六日"
BANK_NAMES = {"demo-bank": "示例银行", "sample-bank": "样本银行"}


class Board:
    """Shows the day on a terminal while it passes; on anything else only its end."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._log: deque[Text] = deque(maxlen=LOG_LINES)
        self._now: datetime | None = None
        self._summaries: Mapping[str, GetSummaryResponse] = {}
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> Board:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._live.stop()

    def tell(self, now: datetime, text: str) -> None:
        """Adds a line to what just happened."""
        self._log.append(Text.assemble((f" {now:%H:%M} ", "bold cyan"), text))
        self._refresh()

    def show(self, now: datetime, summaries: Mapping[str, GetSummaryResponse]) -> None:
        """Shows the clock and the counts as they are now."""
        self._now, self._summaries = now, summaries
        self._refresh()

    def close(self) -> None:
        """Ends the live table and leaves the last one standing."""
        self._live.stop()
        self._console.print(self._render(with_log=False))

    def _refresh(self) -> None:
        if self._live.is_started:
            self._live.update(self._render(with_log=True), refresh=True)

    def _render(self, *, with_log: bool) -> RenderableType:
        if self._now is None:
            return Text()
        parts: list[RenderableType] = [_clock(self._now), Columns([_states(self._summaries), *_codes(self._summaries)])]
        if with_log:
            parts.append(Group(*self._log))
        title = "外联网关示例 · a day of the outreach gateway"
        return Panel(Group(*parts), title=title, title_align="left", border_style="bright_black", expand=False)


def _clock(now: datetime) -> Text:
    minute = now.hour * 60 + now.minute
    day = Text()
    for cell in range(DAY_WIDTH):
        at = BEGIN_MINUTE + cell * (END_MINUTE - BEGIN_MINUTE) / DAY_WIDTH
        quiet = not OPENS <= at < CLOSES
        style = "yellow" if quiet else "green"
        day.append("━" if at <= minute else "─", style if at <= minute else "bright_black")
    allowed = OPENS <= minute < CLOSES
    window = ("可联系 contact allowed", "green") if allowed else ("免打扰 quiet hours", "yellow")
    date = f"{now:%Y-%m-%d} 周{WEEKDAYS[now.weekday()]}  "
    return Text.assemble(" ", (date, "bright_black"), (f"{now:%H:%M}", "bold"), "  ", day, "  ", window)


def _states(summaries: Mapping[str, GetSummaryResponse]) -> Table:
    table = _table("状态 State")
    for bank in summaries:
        table.add_column(BANK_NAMES[bank], justify="right", style="bright_black")
    table.add_column("合计 All", justify="right")
    table.add_column("")
    largest = max([1, *(count for summary in summaries.values() for count in summary.states.values())])
    for name, chinese in words.STATES.items():
        counts = [summary.states.get(name, 0) for summary in summaries.values()]
        total, style = sum(counts), words.STATE_STYLES[name]
        cells = [str(count or "") for count in counts]
        table.add_row(_label(chinese, name, style), *cells, Text(str(total or ""), style), _bar(total, largest, style))
    return table


def _codes(summaries: Mapping[str, GetSummaryResponse]) -> list[Table]:
    """Two tables, so that all rules fit on a screen."""
    totals: Counter[str] = Counter()
    for summary in summaries.values():
        totals.update(summary.codes)
    found = sorted(totals.items(), key=lambda entry: (-entry[1], entry[0]))
    half = max(9, -(-len(found) // 2))
    tables = [("规则 Rule", found[:half]), ("", found[half:])]
    return [_code_table(heading, rows) for heading, rows in tables if rows]


def _code_table(heading: str, rows: Sequence[tuple[str, int]]) -> Table:
    table = _table(heading)
    table.add_column("条 n", justify="right")
    for code, count in rows:
        table.add_row(_label(words.CODES.get(code, ""), code, "yellow"), Text(str(count), "yellow"))
    return table


def _table(heading: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bright_black")
    table.add_column(heading, no_wrap=True)
    return table


def _label(chinese: str, name: str, style: str) -> Text:
    return Text.assemble((chinese, style), " ", (name, "bright_black"))


def _bar(count: int, largest: int, style: str) -> Text:
    return Text("▇" * -(-count * BAR_WIDTH // largest) if count else "", style)
