"""What must hold once the campaign is over: the services are well, nothing was let out, the ledger is whole."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import nats
import orjson
import psutil
from rich.console import Console
from rich.table import Table

from outreach.runtime import bus, nats_server
from tests.fuzz.wire import ATTACKED
from tests.system.conftest import Installation

if TYPE_CHECKING:
    from tests.fuzz.campaign import Results

DRAIN_S = 180.0
PROBES = 10
"""The stream always holds some of our own."""
GROWTH, SLACK_MIB = 1.15, 16
"""A leak of 100 bytes an input shows in a million."""
KEEPS_ALL = ("carrier_simulator",)
"""The far end remembers every message on purpose."""
ENOUGH = 100
"""Inputs an rpc on average, after which one that was never tried is no accident."""
_ALARMS = ("incident", "event_failed", "Traceback", "process_ended")


def examine(installation: Installation, results: Results) -> None:
    """Adds what does not hold to the findings."""
    checks: tuple[Callable[[Installation, Results], str], ...] = (
        _drained,
        _alive,
        _quiet_logs,
        _permits,
        _ledger,
        _flat_memory,
        _every_rpc,
    )
    for check in checks:
        try:
            wrong = check(installation, results)
        except Exception as error:  # noqa: BLE001  # a check that cannot be made does not hold either
            wrong = f"{type(error).__name__}: {str(error)[:500]}"
        results.outcomes.setdefault("aftermath", Counter())[f"{check.__name__[1:]}: {wrong or 'holds'}"] += 1
        if wrong:
            results.found.append({"target": "aftermath", "case": 0, "error": f"{check.__name__[1:]}: {wrong}"})


def _drained(installation: Installation, _results: Results) -> str:
    """Every event was applied or set aside with its reason, none is stuck and none stops those behind it."""
    held = asyncio.run(_held(installation))
    return f"{held} events are still waiting" if held > PROBES else ""


async def _held(installation: Installation) -> int:
    user = nats_server.APPROVAL_SERVICE
    password = (installation.state_dir / "secrets" / f"nats-{user}").read_text().strip()
    url = installation.environment["OUTREACH_NATS_URL"]
    connection = await nats.connect(url, user=user, password=password, inbox_prefix=bus.inbox_prefix(user).encode())
    end = time.monotonic() + DRAIN_S
    while (held := (await connection.jetstream().stream_info(bus.OUTREACH_IN)).state.messages) > PROBES:
        if time.monotonic() > end:
            break
        await asyncio.sleep(1)
    await connection.close()
    return int(held)


def _alive(installation: Installation, _results: Results) -> str:
    """Every process still runs."""
    return ", ".join(name for name, pid in installation.pids().items() if not psutil.pid_exists(pid))


def _quiet_logs(installation: Installation, _results: Results) -> str:
    """No process met what it did not expect, or was started again."""
    found: Counter[str] = Counter()
    for path in sorted((installation.state_dir / "logs").glob("*.log")):
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            if any(alarm in line for alarm in _ALARMS):
                found[f"{path.stem} {_where(line)}"] += 1
    return "; ".join(f"{count} x {what}" for what, count in found.most_common(20))


def _where(line: str) -> str:
    """The event and the place of a line of a log, without what changes from one to the next."""
    try:
        entry: dict[str, Any] = orjson.loads(line)
    except orjson.JSONDecodeError:
        return line[:120]
    return " ".join(str(entry[name])[-160:] for name in ("event", "error", "at", "exception") if name in entry)


def _permits(installation: Installation, _results: Results) -> str:
    """Nothing reached a carrier without a permit, and no attempt twice."""
    with tempfile.TemporaryDirectory() as folder:
        entries = installation.ledger(Path(folder) / "ledger.jsonl")
    released = {entry["attempt"] for entry in entries if entry["kind"] == "released"}
    sent = Counter(message["out_id"] for message in installation.messages())
    without = len(sent.keys() - released)
    twice = sum(count > 1 for count in sent.values())
    return f"{without} without a permit, {twice} twice" if without or twice else ""


def _ledger(installation: Installation, _results: Results) -> str:
    """The exported ledger verifies."""
    with tempfile.TemporaryDirectory() as folder:
        return "" if installation.ledger(Path(folder) / "ledger.jsonl") else "it is empty"


def _flat_memory(_installation: Installation, results: Results) -> str:
    """Once warm, no process goes on growing: from the third to the last fifth of the run by no more than GROWTH."""
    grown = []
    for name, samples in results.rss_mib.items():
        fifth = len(samples) // 5
        if not fifth or name in KEEPS_ALL:
            continue
        before, after = median(samples[2 * fifth : 3 * fifth]), median(samples[-fifth:])
        if after > before * GROWTH + SLACK_MIB:
            grown.append(f"{name} grew from {before:.0f} to {after:.0f} MiB")
    return ", ".join(grown)


def _every_rpc(_installation: Installation, results: Results) -> str:
    """Each rpc of the edge was met by both kinds of malformed requests, in a run that is long enough."""
    untried = []
    for target in ("messages", "damaged"):
        tried = {outcome.partition(" ")[0] for outcome in results.outcomes.get(target, ())}
        if results.inputs[target] > len(ATTACKED) * ENOUGH:
            untried += sorted(f"{target} {name}" for name in set(ATTACKED) - tried)
    return ", ".join(untried)


def show(results: Results) -> None:
    """What was tried and what came of it, as tables."""
    console = Console(stderr=True)
    tried = Table(
        "目标 target",
        "份数 inputs",
        "结果 outcomes",
        title=f"{sum(results.inputs.values()):,} / {results.seconds:,.0f} s",
    )
    for target, inputs in results.inputs.most_common():
        statuses: Counter[str] = Counter()
        for outcome, count in results.outcomes[target].items():
            statuses[outcome.rpartition(" ")[2]] += count
        tried.add_row(target, f"{inputs:,}", ", ".join(f"{what} {count:,}" for what, count in statuses.most_common(8)))
    memory = Table("进程 process", "内存 MiB: 开始 first", "最多 most", "最后 last")
    for name, samples in results.rss_mib.items():
        memory.add_row(name, *map(str, (samples[0], max(samples), samples[-1])))
    console.print(tried, memory)
    for what in results.outcomes.get("aftermath", ()):
        console.print(what)
