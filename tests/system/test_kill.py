"""Processes are killed (SIGKILL) while the example day runs; the three promises hold all the same.

`--kills 25` (make crash) plays so many days, three kills each, that 25 processes are killed.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import orjson
import pytest

from examples.generate import FOLDER
from tests.system.conftest import ROOT, Installation

VICTIMS = ("approval_service", "sms_service", "letter_service", "gateway", "nats-server")
KILLS_A_DAY = 3
DAY_SECONDS = "8"
FIRST_KILL_S, BETWEEN_KILLS_S = (0.5, 4.0), (1.0, 5.0)
PLAY_TIMEOUT_S = 240.0
FIRST_SEED = 2026


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    kills = metafunc.config.getoption("kills", KILLS_A_DAY)
    days = [min(KILLS_A_DAY, kills - start) for start in range(0, kills, KILLS_A_DAY)]
    metafunc.parametrize(("seed", "kills"), [(FIRST_SEED + n, count) for n, count in enumerate(days)])


@pytest.mark.timeout(600)
def test_the_promises_survive_kills(seed: int, kills: int, tmp_path: Path) -> None:
    """Nothing leaves without a permit, nothing twice, nothing that was cancelled; all acknowledged is accounted for."""
    installation = Installation(tmp_path / "state")
    with installation.running():
        killed = _play_and_kill(installation, random.Random(seed), kills)
        entries = installation.ledger(tmp_path / "ledger")
        rows = installation.outreach()
    assert len(killed) == kills
    messages = installation.messages()
    _nothing_without_a_permit(messages, entries)
    _nothing_twice(messages, entries)
    _nothing_cancelled_has_left(messages, rows)
    _everything_is_accounted_for(messages, rows)


def _play_and_kill(installation: Installation, chance: random.Random, kills: int) -> list[str]:
    """Plays the day; kills processes once the first messages have left. Returns who was killed."""
    environment = installation.environment | {"OUTREACH_ROUGH": "true", "OUTREACH_DAY_SECONDS": DAY_SECONDS}
    end = time.monotonic() + PLAY_TIMEOUT_S
    log = installation.state_dir / "play.log"
    killed: list[str] = []
    with log.open("wb") as output:
        play = subprocess.Popen(
            [sys.executable, "-m", "examples.play"], cwd=ROOT, env=environment, stdout=output, stderr=output
        )
    try:
        while not installation.messages():
            assert play.poll() is None, log.read_text()
            time.sleep(0.05)
        for pauses in [FIRST_KILL_S, *[BETWEEN_KILLS_S] * (kills - 1)]:
            time.sleep(chance.uniform(*pauses))
            killed.append(chance.choice(VICTIMS))
            os.kill(installation.pids()[killed[-1]], signal.SIGKILL)
        assert play.poll() is None, "the day was over before the last kill"
        code = play.wait(end - time.monotonic())
    finally:
        play.kill()
    assert code == 0, (killed, log.read_text())
    return killed


def _nothing_without_a_permit(messages: list[dict[str, Any]], entries: list[dict[str, Any]]) -> None:
    released = {entry["attempt"] for entry in entries if entry["kind"] == "released"}
    assert {message["out_id"] for message in messages} <= released


def _nothing_twice(messages: list[dict[str, Any]], entries: list[dict[str, Any]]) -> None:
    """No attempt reaches the carrier twice; of an outreach, the carrier takes one attempt at most."""
    assert [out_id for out_id, count in Counter(message["out_id"] for message in messages).items() if count > 1] == []
    outreach_of = {entry["attempt"]: entry["outreach"] for entry in entries if entry["kind"] == "released"}
    taken = Counter(outreach_of[message["out_id"]] for message in messages if message["taken"])
    assert [outreach for outreach, count in taken.items() if count > 1] == []
    same = Counter((message["phone"], orjson.dumps(message["content"])) for message in messages if message["taken"])
    assert set(same.values()) == {1}


def _nothing_cancelled_has_left(messages: list[dict[str, Any]], rows: list[dict[str, Any]]) -> None:
    taken = {message["out_id"] for message in messages if message["taken"]}
    left = [row["request_id"] for row in rows if _state(row) == "CANCELLED" and taken & _attempts(row)]
    assert left == []


def _everything_is_accounted_for(messages: list[dict[str, Any]], rows: list[dict[str, Any]]) -> None:
    """Every acknowledged request is there, and ended, waits for what it names, or is honestly unknown."""
    expected = orjson.loads((FOLDER / "expected.json").read_bytes())["cases"]
    assert {row["request_id"] for row in rows} == expected.keys()
    taken = {message["out_id"] for message in messages if message["taken"]}
    by_state: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        by_state[_state(row)].append(row)
    assert "RELEASED" not in by_state
    assert [row for row in by_state["ADMITTED"] if not row["waiting_for"] and not row["due_time"]] == []
    assert [row["request_id"] for row in by_state["SENT"] if not taken & _attempts(row)] == []
    unproven = [row for row in by_state["DELIVERED"] if not taken & _attempts(row)]
    assert {row["case_id"] for row in unproven} <= {"CASE-by-evidence"}
    assert [row for row in by_state["BLOCKED"] if row["attempts"]] == []


def _state(row: dict[str, Any]) -> str:
    return str(row["state"]).removeprefix("STATE_")


def _attempts(row: dict[str, Any]) -> set[str]:
    return {attempt["attempt_id"] for attempt in row["attempts"]}
