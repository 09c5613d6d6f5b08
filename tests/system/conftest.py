from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

ROOT = Path(__file__).parent.parent.parent
OUTREACH = Path(sysconfig.get_path("scripts")) / "outreach"
READY_TIMEOUT_S = 60.0
DAY_TIMEOUT_S = 180.0


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kills", type=int, default=3, help="how many processes test_kill.py kills in all")


class Installation:
    """An installation of its own: state directory, hundred ports, and `outreach up` over it."""

    def __init__(self, state_dir: Path) -> None:
        self.state_dir = state_dir
        self.port = _free_hundred()
        self.environment = {
            **os.environ,
            "OUTREACH_STATE_DIR": str(state_dir),
            "OUTREACH_GATEWAY_ADDRESS": f"127.0.0.1:{self.port + 43}",
            "OUTREACH_APPROVAL_SERVICE_ADDRESS": f"127.0.0.1:{self.port + 51}",
            "OUTREACH_SMS_SERVICE_ADDRESS": f"127.0.0.1:{self.port + 52}",
            "OUTREACH_LETTER_SERVICE_ADDRESS": f"127.0.0.1:{self.port + 53}",
            "OUTREACH_NATS_URL": f"nats://127.0.0.1:{self.port + 22}",
            "OUTREACH_SIMULATOR_URL": f"http://127.0.0.1:{self.port + 90}",
            "OUTREACH_DAY_SECONDS": "0",
        }

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        """`outreach up`, its output in <state_dir>.log."""
        command = [str(OUTREACH), "up", "--state-dir", str(self.state_dir), "--port", str(self.port), *arguments]
        with self.state_dir.with_suffix(".log").open("ab") as log:
            return subprocess.Popen(command, cwd=ROOT, env=self.environment | environment, stdout=log, stderr=log)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Up and ready until the block ends; then stopped as by Ctrl-C, which must end well."""
        written = len(self.output())
        process = self.start()
        try:
            self.wait_until_ready(process, written)
            yield
        finally:
            process.send_signal(signal.SIGINT)
            code = process.wait(60)
        assert code == 0, self.output()

    def wait_until_ready(self, process: subprocess.Popen[bytes], written: int = 0) -> None:
        """Until the process says so; `written` is the length of what earlier ones put out."""
        end = time.monotonic() + READY_TIMEOUT_S
        while "Ctrl-C" not in self.output()[written:]:
            assert process.poll() is None, self.output()
            assert time.monotonic() < end, self.output()
            time.sleep(0.1)

    def output(self) -> str:
        log = self.state_dir.with_suffix(".log")
        return log.read_text() if log.exists() else ""

    def cli(self, *arguments: str) -> Any:
        """Runs a command and returns the JSON that it prints."""
        command = [str(OUTREACH), *arguments, "--json"]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return orjson.loads(done.stdout)

    def pids(self) -> dict[str, int]:
        pids: dict[str, int] = orjson.loads((self.state_dir / "processes.json").read_bytes())
        return pids

    def messages(self) -> list[dict[str, Any]]:
        """What reached the carriers' far end, in order."""
        path = self.state_dir / "carriers" / "messages.jsonl"
        return [orjson.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []

    def ledger(self, file: Path) -> list[dict[str, Any]]:
        """The entries of the exported and verified ledger."""
        exported = self.cli("ledger", "export", str(file), "--as", "inspector-1")
        self.cli("ledger", "verify", str(file), "--key", exported["verifier_key"])
        lines = file.read_bytes().split(b"\n")
        return [orjson.loads(line) for line in lines[1 : lines.index(b"")]]

    def outreach(self) -> list[dict[str, Any]]:
        """Every outreach of both banks."""
        banks = ("demo-bank", "sample-bank")
        listed = (self.cli("status", "--bank", bank, "--as", "supervisor-1", "--limit", "1000") for bank in banks)
        return [one for page in listed for one in page]


def _free_hundred() -> int:
    """A port from which a hundred on are likely free: those that the parts need are, now."""
    for port in range(24_000, 60_000, 100):
        try:
            for offset in (22, 43, 44, 51, 52, 53, 80, 90, 91):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port + offset))
        except OSError:
            continue
        return port
    raise RuntimeError("no free ports")


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """An installation in which the example day was played to its end, as `make run ONCE=1` does it."""
    installation = Installation(tmp_path_factory.mktemp("played") / "state")
    process = installation.start("--play", "examples.play", "--once")
    code = process.wait(DAY_TIMEOUT_S)
    assert code == 0, installation.output()
    return installation


@pytest.fixture
def installation(played: Installation, tmp_path: Path) -> Installation:
    """A copy of the installation in which the example day was played."""
    shutil.copytree(played.state_dir, tmp_path / "state")
    return Installation(tmp_path / "state")
