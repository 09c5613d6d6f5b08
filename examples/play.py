"""`python -m examples.play`: plays the example day against a running installation, as `outreach up --play` starts it.

Leaves <state_dir>/summary.json. With --stay, the clock is then set to the next morning and runs on in real time.
"""

from __future__ import annotations

import asyncio
import signal
import sys

from rich.console import Console

from examples.board import WIDE, Board
from examples.day import ACTS
from examples.morning import next_morning
from examples.office import PlaySettings, open_office
from examples.opening import open_the_day
from examples.outcome import differences, write_summary
from examples.stage import END, Stage
from outreach.runtime.config import load

AS_EXPECTED = "✓ 每条都与规则应有的结果一致 · every case ended as the rules demand (examples/expected.json)"
NOT_AS_EXPECTED = "✗ 与规则应有的结果不符 · not what the rules demand"


async def play(settings: PlaySettings, console: Console, *, stay: bool) -> bool:
    """True if the day ended as the rules demand."""
    async with open_office(settings) as office:
        with Board(console) as board:
            stage = Stage(office, board)
            await open_the_day(stage)
            for hhmm in sorted(stage.times() | ACTS.keys()):
                await _at(stage, hhmm)
            await stage.run_clock_to(END)
            await stage.settled(final=True)
            summary = await write_summary(stage)
            board.close()
        if not settings.rough:
            lines = await differences(stage, summary)
            if lines:
                console.print(NOT_AS_EXPECTED, *lines, sep="\n  ", style="bold red")
                return False
            console.print(AS_EXPECTED, style="green")
        if stay:
            await next_morning(stage, console)
    return True


async def _at(stage: Stage, hhmm: str) -> None:
    await stage.run_clock_to(hhmm)
    await stage.settled()
    if hhmm in ACTS:
        await ACTS[hhmm](stage)
    await stage.publish(hhmm)
    await stage.submit(hhmm)
    await stage.submit_letters(hhmm)
    await stage.settled()


def main() -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)
        sys.exit(0 if asyncio.run(play(load(PlaySettings), console, stay="--stay" in sys.argv)) else 1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
