"""What must hold once the campaign is over: the services are well, nothing was let out, the ledger is whole."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nats
import orjson
import psutil

from outreach.runtime import bus, nats_server
from tests.system.conftest import Installation

if TYPE_CHECKING:
    from tests.fuzz.campaign import Results

DRAIN_S = 180.0
PROBES = 10
"""The stream always holds some of our own."""
_ALARMS = ("incident", "event_failed", "Traceback", "process_ended")


def examine(installation: Installation, results: Results) -> None:
    """Adds what does not hold to the findings."""
    checks: tuple[Callable[[Installation], str], ...] = (_drained, _alive, _quiet_logs, _permits, _ledger)
    for check in checks:
        try:
            wrong = check(installation)
        except Exception as error:  # noqa: BLE001  # a check that cannot be made does not hold either
            wrong = f"{type(error).__name__}: {str(error)[:500]}"
        results.outcomes.setdefault("aftermath", Counter())[f"{check.__name__[1:]}: {wrong or 'holds'}"] += 1
        if wrong:
            results.found.append({"target": "aftermath", "case": 0, "error": f"{check.__name__[1:]}: {wrong}"})


def _drained(installation: Installation) -> str:
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


def _alive(installation: Installation) -> str:
    """Every process still runs."""
    return ", ".join(name for name, pid in installation.pids().items() if not psutil.pid_exists(pid))


def _quiet_logs(installation: Installation) -> str:
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


def _permits(installation: Installation) -> str:
    """Nothing reached a carrier without a permit, and no attempt twice."""
    with tempfile.TemporaryDirectory() as folder:
        entries = installation.ledger(Path(folder) / "ledger.jsonl")
    released = {entry["attempt"] for entry in entries if entry["kind"] == "released"}
    sent = Counter(message["out_id"] for message in installation.messages())
    without = len(sent.keys() - released)
    twice = sum(count > 1 for count in sent.values())
    return f"{without} without a permit, {twice} twice" if without or twice else ""


def _ledger(installation: Installation) -> str:
    """The exported ledger verifies."""
    with tempfile.TemporaryDirectory() as folder:
        return "" if installation.ledger(Path(folder) / "ledger.jsonl") else "it is empty"
