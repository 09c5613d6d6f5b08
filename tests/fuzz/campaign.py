"""`python -m tests.fuzz.campaign`: a long run of malformed input against an installation of its own.

An example day is played first, so that there is something to ask about. Every case is made from the seed, the target's
name and its number: a run that was stopped goes on where it was (--resume), and one case can be tried again (--only
TARGET --first N --count 1). What was found and measured is in <folder>/results.json.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import time
from collections import Counter
from collections.abc import Container, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any

import orjson
import psutil

from tests.fuzz import wire
from tests.fuzz.aftermath import examine, show
from tests.fuzz.mutating import Mutator
from tests.fuzz.office import Office, open_office
from tests.fuzz.reading import READERS, Wrong
from tests.system.conftest import Installation

SHARES = {
    "messages": 140,
    "damaged": 200,
    "tokens": 100,
    "webhooks": 35,
    "events": 50,
    "pages": 25,
    "csv_lines": 265,
    "events_file": 100,
    "sheet": 30,
    "letter_source": 8,
    "letterhead": 5,
    "official_pdf": 10,
    "addresses": 12,
    "wording": 8,
    "carrier_bodies": 6,
    "cmpp_frames": 6,
}
"""Of a thousand inputs, how many go to each target."""
ROUNDS = 50
WIDTH = 16
CASE_S = 30.0
CHUNK = 20
PLAY_S = 900.0


@dataclass
class Results:
    """What came of a campaign so far."""

    seed: int
    count: int
    seconds: float = 0.0
    cases: Counter[str] = field(default_factory=Counter)
    inputs: Counter[str] = field(default_factory=Counter)
    outcomes: dict[str, Counter[str]] = field(default_factory=dict)
    target_seconds: dict[str, float] = field(default_factory=dict)
    found: list[dict[str, Any]] = field(default_factory=list)
    rss_mib: dict[str, list[int]] = field(default_factory=dict)
    """Of each process since the last start, after each round."""

    def took(self, target: str, inputs: int, outcome: str) -> None:
        self.cases[target] += 1
        self.inputs[target] += inputs
        self.outcomes.setdefault(target, Counter())[outcome] += inputs

    def broke(self, target: str, number: int, error: str) -> None:
        """A finding; its case counts among those that ran."""
        self.took(target, 1, "FOUND")
        if len(self.found) < 500:
            self.found.append({"target": target, "case": number, "error": error})

    def measure(self, pids: dict[str, int]) -> None:
        for name, pid in pids.items():
            if psutil.pid_exists(pid):
                self.rss_mib.setdefault(name, []).append(psutil.Process(pid).memory_info().rss >> 20)

    def save(self, path: Path) -> None:
        path.write_bytes(orjson.dumps(vars(self), option=orjson.OPT_INDENT_2))

    @classmethod
    def read(cls, path: Path) -> Results:
        stored = orjson.loads(path.read_bytes())
        for name in ("cases", "inputs"):
            stored[name] = Counter(stored[name])
        stored["outcomes"] = {target: Counter(found) for target, found in stored["outcomes"].items()}
        return cls(**stored)


@dataclass(frozen=True)
class Round:
    """A part of one target's cases."""

    target: str
    first: int
    count: int


def rounds(count: int, shares: dict[str, int], done: Counter[str]) -> Iterator[Round]:
    """Every target a little at a time, so that a run that is stopped has tried all of them."""
    begun = Counter(done)
    for number in range(1, ROUNDS + 1):
        for target, share in shares.items():
            each = _INPUTS.get(target, 1)
            until = round(count * share / sum(shares.values()) / each * number / ROUNDS)
            if until > begun[target]:
                yield Round(target, begun[target], until - begun[target])
                begun[target] = until


_INPUTS = {"csv_lines": 40, "events_file": 40, "sheet": 40}
"""Lines of one case."""


async def attack(office: Office, results: Results, part: Round, attacks: dict[str, wire.Attack]) -> None:
    """One round of a target behind a socket."""
    numbers = iter(range(part.first, part.first + part.count))

    async def worker() -> None:
        for number in numbers:
            mutator = Mutator(Random(f"{results.seed}/{part.target}/{number}"), office.pool)
            try:
                async with asyncio.timeout(CASE_S):
                    results.took(part.target, 1, await attacks[part.target](mutator))
            except Exception as error:  # noqa: BLE001  # whatever it is, it is a finding
                results.broke(part.target, number, f"{type(error).__name__}: {str(error)[:300]}")

    await asyncio.gather(*(worker() for _ in range(WIDTH)))


def read_chunk(target: str, seed: int, first: int, count: int) -> tuple[list[tuple[int, int, str]], int]:
    """Cases of a reader, in its own process: (number, inputs, outcome), and the process's memory in MiB."""
    signal.signal(signal.SIGALRM, _too_long)
    done = []
    for number in range(first, first + count):
        signal.setitimer(signal.ITIMER_REAL, CASE_S)
        try:
            inputs, outcome = READERS[target](Mutator(Random(f"{seed}/{target}/{number}"), {}))
        except Exception as error:  # noqa: BLE001  # whatever it is, it is a finding
            inputs, outcome = 1, f"FOUND {type(error).__name__}: {str(error)[:300]}"
        signal.setitimer(signal.ITIMER_REAL, 0)
        done.append((number, inputs, outcome))
    return done, psutil.Process().memory_info().rss >> 20


def _too_long(_signal: int, _frame: FrameType | None) -> None:
    raise Wrong(f"it took longer than {CASE_S:g} s")


async def read(results: Results, part: Round, pool: ProcessPoolExecutor) -> None:
    """One round of a target that reads."""
    loop = asyncio.get_running_loop()
    for first in range(part.first, part.first + part.count, CHUNK):
        count = min(CHUNK, part.first + part.count - first)
        done, rss = await loop.run_in_executor(pool, read_chunk, part.target, results.seed, first, count)
        for number, inputs, outcome in done:
            if outcome.startswith("FOUND "):
                results.broke(part.target, number, outcome.removeprefix("FOUND "))
            else:
                results.took(part.target, inputs, outcome)
        if first + count == part.first + part.count:
            results.rss_mib.setdefault("readers", []).append(rss)


@contextmanager
def readers() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        yield pool


async def run(installation: Installation, results: Results, shares: dict[str, int], path: Path) -> None:
    """All rounds, with progress on stderr."""
    started, before = time.monotonic(), results.seconds
    async with open_office(installation.state_dir) as office:
        await office.sign_in()
        edge = wire.Edge(office)
        attacks: dict[str, wire.Attack] = {
            "messages": edge.messages,
            "damaged": edge.damaged,
            "tokens": wire.Tokens(office).tokens,
            "webhooks": wire.Pushes(office).webhooks,
            "events": (await wire.Events.open(office)).events,
            "pages": wire.Pages(office).pages,
        }
        with readers() as pool:
            results.measure(installation.pids())
            parts = list(rounds(results.count, shares, results.cases))

            async def work(targets: Container[str]) -> None:
                for part in (one for one in parts if one.target in targets):
                    begun = time.monotonic()
                    if part.target in attacks:
                        await attack(office, results, part, attacks)
                    else:
                        await read(results, part, pool)
                    spent = results.target_seconds.get(part.target, 0.0)
                    results.target_seconds[part.target] = spent + time.monotonic() - begun
                    results.seconds = before + time.monotonic() - started
                    results.measure(installation.pids())
                    results.save(path)
                    _show(results, part)
                    if part.target == "messages":
                        await office.harvest()

            await asyncio.gather(work(attacks), work(READERS))


def _show(results: Results, part: Round) -> None:
    total = sum(results.inputs.values())
    line = (
        f"{total:>9,} / {results.count:,}  {results.seconds:6.0f} s  {part.target:<14} 发现 found {len(results.found)}"
    )
    print(line, file=sys.stderr, flush=True)  # noqa: T201  # it is the progress


def play(installation: Installation) -> None:
    """Has the example day played, unless it was; what an earlier start told is not to be taken for the next one's."""
    if not (installation.state_dir / "summary.json").exists():
        code = installation.start("--play", "examples.play", "--once").wait(PLAY_S)
        if code:
            sys.exit(installation.output())
    installation.state_dir.with_suffix(".log").unlink(missing_ok=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path(".fuzz"))
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--only", choices=list(SHARES))
    parser.add_argument("--first", type=int, default=0)
    asked = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs are born without it
    asked.folder.mkdir(exist_ok=True)
    path = asked.folder / "results.json"
    results = Results.read(path) if asked.resume else Results(asked.seed, asked.count)
    results.rss_mib = {}
    shares = {asked.only: 1} if asked.only else SHARES
    if asked.first:
        results.cases[asked.only] = asked.first
        results.count = asked.first + asked.count
    installation = Installation((asked.folder / "state").resolve())
    play(installation)
    with installation.running():
        with suppress(KeyboardInterrupt):  # what was done by then is examined
            asyncio.run(run(installation, results, shares, path))
        examine(installation, results)
    results.save(path)
    show(results)
    sys.exit(bool(results.found))


if __name__ == "__main__":
    main()
