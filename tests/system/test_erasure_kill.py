"""The authority is killed (SIGKILL) while people are erased, and while a restored backup's erasures are replayed."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest

from outreach.v1.person_service_pb2 import PersonRequestState
from tests.system.conftest import OUTREACH, ROOT, Installation
from tests.system.test_personal_data import BANK, CLOCK, sealed

PEOPLE = 3
DONE = PersonRequestState.PERSON_REQUEST_STATE_DONE
WAIT_S = 120.0


@contextmanager
def _opened(installation: Installation) -> Iterator[sqlite3.Connection]:
    database = sqlite3.connect(installation.state_dir / "outreach.db", timeout=60, isolation_level=None)
    try:
        yield database
    finally:
        database.close()


def _held(installation: Installation, persons: list[str]) -> dict[str, list[bytes]]:
    """All that is sealed for each of them now."""
    with _opened(installation) as database:
        return {person: list(sealed(database, person)) for person in persons}


def _people(installation: Installation) -> list[str]:
    """Some who got letters, all of whose runs are closed."""
    with _opened(installation) as database:
        found = database.execute(
            "SELECT l.person_id FROM letter l JOIN person p USING (person_id) JOIN print_run r USING (run_id)"
            " WHERE p.bank_id = 'demo-bank' GROUP BY l.person_id HAVING max(r.state) = 3 AND min(r.state) = 3"
            " ORDER BY l.person_id LIMIT ?",
            (PEOPLE,),
        ).fetchall()
    assert len(found) == PEOPLE
    return [person for (person,) in found]


def _until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def _approve(installation: Installation, person: str) -> None:
    named = ("--person", person, *BANK, "--reason", "来函 LTR-1")
    asked = installation.cli("person", "erase", *named, "--as", "supervisor-1")["request"]["request_id"]
    installation.cli("person", "decide", asked, "--accept-unconfirmed-loss", "--as", "operator-1")


def _kill_the_authority(installation: Installation) -> None:
    killed = installation.pids()["approval_service"]
    os.kill(killed, signal.SIGKILL)
    _until(lambda: installation.pids().get("approval_service", killed) != killed)


def _all_done(installation: Installation) -> bool:
    with _opened(installation) as database:
        states = database.execute("SELECT state FROM person_request").fetchall()
    return [state for (state,) in states] == [DONE] * PEOPLE


def _erased_once_each(installation: Installation, file: Path) -> list[str]:
    """Whom the exported and verified ledger says to be erased."""
    return sorted(one["person"] for one in installation.ledger(file) if one["kind"] == "person_erased")


@pytest.mark.timeout(600)
def test_erasures_and_their_replay_survive_a_kill(installation: Installation, tmp_path: Path) -> None:
    """Each is whole or gone, at the kill and after it; what was approved goes on by itself; nothing of them is left in
    the files, although the kill came before the database's log was emptied; and the ledger verifies."""
    persons = _people(installation)
    before = _held(installation, persons)
    shutil.copyfile(installation.state_dir / "outreach.db", tmp_path / "backup.db")
    with installation.running():
        installation.cli("clock", "set", CLOCK, "--as", "operator-1")
        _erase_and_kill(installation, persons, before)
        assert _erased_once_each(installation, tmp_path / "ledger") == persons
    contents = [path.read_bytes() for path in installation.state_dir.rglob("*") if path.is_file()]
    secrets = [secret for of_one in before.values() for secret in of_one]
    assert not [secret for secret in secrets if any(secret in content for content in contents)]

    for leftover in installation.state_dir.glob("outreach.db*"):
        leftover.unlink()
    shutil.copyfile(tmp_path / "backup.db", installation.state_dir / "outreach.db")
    with installation.running():
        _replay_and_kill(installation, tmp_path / "ledger", before)
        assert _held(installation, persons) == {person: [] for person in persons}
        assert _erased_once_each(installation, tmp_path / "again") == persons


def _erase_and_kill(installation: Installation, persons: list[str], before: dict[str, list[bytes]]) -> None:
    """A reader keeps what is overwritten in the database's log, so that the kill comes between an erasure's commit and
    the emptying of the log."""
    with _opened(installation) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM person").fetchall()
        for person in persons:
            _approve(installation, person)
        _until(lambda: _held(installation, persons)[persons[0]] == [])
        _kill_the_authority(installation)
        now = _held(installation, persons)
        assert all(now[person] in ([], before[person]) for person in persons)
        reader.execute("ROLLBACK")
    _until(lambda: _all_done(installation))


def _replay_and_kill(installation: Installation, ledger: Path, before: dict[str, list[bytes]]) -> None:
    """Another writer holds the lock, so that the kill comes before the replay's commit."""
    command = [str(OUTREACH), "person", "replay-erasures", str(ledger), "--as", "operator-1", "--json"]
    with _opened(installation) as other:
        other.execute("BEGIN IMMEDIATE")
        replay = subprocess.Popen(command, cwd=ROOT, env=installation.environment, stdout=subprocess.PIPE)
        time.sleep(2)
        assert replay.poll() is None
        _kill_the_authority(installation)
        assert _held(installation, list(before)) == before
        other.execute("ROLLBACK")
    told, _ = replay.communicate(timeout=WAIT_S)
    answer = orjson.loads(told) if replay.returncode == 0 else installation.cli(*command[1:-1])
    assert (answer["erased"], answer["absent"]) == (PEOPLE, 0)
