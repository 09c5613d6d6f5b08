"""`python -m examples.play`: plays the example day against a running installation, as `outreach up --play` starts it.

Leaves <state_dir>/summary.json. With --stay, the clock is then set to the next morning and runs on in real time.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections import Counter

import orjson
from rich.console import Console

from examples.board import Board
from examples.day import ACTS
from examples.morning import next_morning
from examples.office import PlaySettings, open_office
from examples.opening import open_the_day
from examples.stage import END, Stage
from outreach.runtime.config import load


async def play(settings: PlaySettings, console: Console, *, stay: bool) -> None:
    async with open_office(settings) as office:
        with Board(console) as board:
            stage = Stage(office, board)
            await open_the_day(stage)
            for hhmm in sorted(stage.times() | ACTS.keys()):
                await _at(stage, hhmm)
            await stage.run_clock_to("20:05")  # what may not leave after 20:00 expires in passing
            await stage.run_clock_to(END)
            await stage.settled(final=True)
            await _write_summary(stage)
            board.close()
        if stay:
            await next_morning(stage, console)


async def _at(stage: Stage, hhmm: str) -> None:
    await stage.run_clock_to(hhmm)
    await stage.settled()
    if hhmm in ACTS:
        await ACTS[hhmm](stage)
    await stage.publish(hhmm)
    await stage.submit(hhmm)
    await stage.settled()


async def _write_summary(stage: Stage) -> None:
    states: Counter[str] = Counter()
    codes: Counter[str] = Counter()
    for summary in (await stage.summaries()).values():
        states.update(summary.states)
        codes.update(summary.codes)
    document = {"sms": {"states": dict(states), "codes": dict(codes)}}
    path = stage.office.settings.state_dir / "summary.json"
    path.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n")


def main() -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        asyncio.run(play(load(PlaySettings), Console(highlight=False), stay="--stay" in sys.argv))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
