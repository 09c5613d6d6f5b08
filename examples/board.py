"""The live table: the business clock, what became of the messages, which rules stopped what, and what just happened."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from datetime import datetime

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from outreach.cli import styles
from outreach.v1.operations_service_pb2 import GetSummaryResponse
from outreach.wording import words

BEGIN_MINUTE, END_MINUTE = 7 * 60, 21 * 60 + 30
OPENS, CLOSES = 8 * 60, 21 * 60
WIDE = 116
"""Columns of a terminal that shows everything; a narrower one shows less."""
LEFT_WIDTH = 66
DAY_WIDTH, NARROW_DAY_WIDTH = 59, 24
BAR_WIDTH = 10
LOG_LINES, NARROW_LOG_LINES = 8, 3
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
        self._log.append(Text.assemble((f" {now:%H:%M} ", "cyan"), text, no_wrap=True, overflow="ellipsis"))
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
        wide = self._console.width >= WIDE
        log = list(self._log)[-LOG_LINES if wide else -NARROW_LOG_LINES :] if with_log else []
        body = Table.grid(padding=(0, 3))
        body.add_column(max_width=LEFT_WIDTH)
        body.add_column()
        body.add_row(Group(_states(self._summaries, wide=wide), *(log if wide else [])), _codes(self._summaries))
        clock = _clock(self._now, DAY_WIDTH if wide else NARROW_DAY_WIDTH)
        parts: list[RenderableType] = [clock, body, *([] if wide else log)]
        title = "外联网关示例 · a day of the outreach gateway"
        return Panel(Group(*parts), title=title, title_align="left", border_style="bright_black", expand=False)


def _clock(now: datetime, width: int) -> Text:
    minute = now.hour * 60 + now.minute
    day = Text()
    for cell in range(width):
        at = BEGIN_MINUTE + cell * (END_MINUTE - BEGIN_MINUTE) / width
        style = "green" if OPENS <= at < CLOSES else "yellow"
        day.append("━" if at <= minute else "─", style if at <= minute else "bright_black")
    allowed = OPENS <= minute < CLOSES
    window = ("可联系 contact allowed", "green") if allowed else ("免打扰 quiet hours", "yellow")
    date = f"{now:%Y-%m-%d} 周{WEEKDAYS[now.weekday()]}  "
    return Text.assemble(" ", (date, "bright_black"), (f"{now:%H:%M}", "bold"), "  ", day, "  ", window)


def _states(summaries: Mapping[str, GetSummaryResponse], *, wide: bool) -> Table:
    """By state: a narrow terminal shows the totals, a wide one each bank and a bar too."""
    table = _table("状态 State")
    for bank in summaries if wide else ():
        table.add_column(BANK_NAMES[bank], justify="right", style="bright_black")
    table.add_column("合计 n", justify="right")
    totals = {name: [summary.states.get(name, 0) for summary in summaries.values()] for name in words.STATES}
    largest = max([1, *map(sum, totals.values())])
    for name, chinese in words.STATES.items():
        style, total = styles.STATE_STYLES[name], sum(totals[name])
        cells: list[RenderableType] = [_label(chinese, name, style)]
        if wide:
            cells += [str(count or "") for count in totals[name]]
        cells.append(Text(str(total or ""), style))
        if wide:
            cells.append(Text("▇" * -(-total * BAR_WIDTH // largest) if total else "", style))
        table.add_row(*cells)
    return table


def _codes(summaries: Mapping[str, GetSummaryResponse]) -> Table:
    """By rule: what was blocked or cancelled by it, or waits because of it."""
    totals: Counter[str] = Counter()
    for summary in summaries.values():
        totals.update(summary.codes)
    table = _table("规则 Rule: 拦截、取消、等待")
    table.add_column("条 n", justify="right")
    for code in sorted(totals, key=lambda code: list(words.CODES).index(code) if code in words.CODES else len(totals)):
        table.add_row(_label(words.CODES.get(code, ""), code, "yellow"), Text(str(totals[code]), "yellow"))
    return table


def _table(heading: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bright_black")
    table.add_column(heading, no_wrap=True)
    return table


def _label(chinese: str, name: str, style: str) -> Text:
    return Text.assemble((chinese, style), " ", (name, "bright_black"))
