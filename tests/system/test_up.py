"""`outreach up`: starts again what ends, refuses in clear words, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.system.conftest import Installation


def _wait_for(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.1)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(tmp_path / "state")


def test_what_is_killed_is_started_again(installation: Installation) -> None:
    """Every part that ends gets a successor that is ready, and Ctrl-C still stops all."""
    with installation.running():
        before = installation.pids()
        for name, pid in before.items():
            if name != "supervisor":
                os.kill(pid, signal.SIGKILL)
        ready = len(before) - 1
        _wait_for(lambda: installation.output().count("✓") == 2 * ready, "the successors are not ready")
        after = installation.pids()
        assert {name for name in before if before[name] == after[name]} == {"supervisor"}
    assert not [name for name, pid in after.items() if _is_alive(pid)]


def test_a_killed_supervisor_takes_its_processes_along(installation: Installation) -> None:
    """After kill -9 of the supervisor nothing is left, and a new start works at once."""
    process = installation.start()
    installation.wait_until_ready(process)
    pids = installation.pids()
    process.kill()
    process.wait()
    _wait_for(lambda: not any(map(_is_alive, pids.values())), "processes were left behind")
    installation.state_dir.with_suffix(".log").unlink()
    with installation.running():
        assert installation.pids()["supervisor"] != pids["supervisor"]


def test_a_second_start_is_refused(installation: Installation) -> None:
    """It names the process that runs the folder already, and how to stop it."""
    with installation.running():
        second = installation.start()
        assert second.wait(30) == 1
        assert f"kill {installation.pids()['supervisor']}" in installation.output()


def test_a_taken_port_is_named(installation: Installation) -> None:
    """It names the port, what it is for, and the way out; nothing is started."""
    with socket.create_server(("127.0.0.1", installation.port + 51)):
        assert installation.start().wait(30) == 1
    assert f"Port {installation.port + 51} (approval_service) is taken" in installation.output()
    assert "make run PORT=" in installation.output()
    assert not (installation.state_dir / "processes.json").exists()


def test_a_play_empties_no_folder_but_its_own(installation: Installation) -> None:
    """A state directory that no play made is left as it is."""
    installation.state_dir.mkdir()
    (installation.state_dir / "outreach.db").write_text("precious")
    assert installation.start("--play", "examples.play", "--once").wait(30) == 1
    assert "was not made by an example run" in installation.output()
    assert (installation.state_dir / "outreach.db").read_text() == "precious"
