"""Runs an installation's processes: starts them, starts again what ends, and stops all in order."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import orjson

from outreach.cli import leash
from outreach.cli.failures import Failure
from outreach.runtime.logs import EventLogger
from outreach.runtime.secret_files import write_private

READY_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 15.0
LEFTOVER_TIMEOUT_S = 5.0
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
STEADY_S = 10.0
"""What ran for so long before it ended is started again without a longer pause."""
MAX_FALSE_STARTS = 3
_POLL_S = 0.05
_LOG_TAIL = 5
_log = EventLogger("supervisor")


@dataclass(frozen=True, slots=True)
class Part:
    """One process: its command, where it listens, and how to ask whether it can do its work."""

    name: str
    address: str
    command: Sequence[str]
    environment: Mapping[str, str]
    is_ready: Callable[[], Awaitable[bool]]


@dataclass(slots=True)
class _Running:
    part: Part
    log: Path
    process: asyncio.subprocess.Process | None = None
    starts: int = 0
    was_ready: bool = False
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    given_up: asyncio.Event = field(default_factory=asyncio.Event)


@contextmanager
def only_one(state_dir: Path) -> Iterator[int]:
    """Makes sure that nobody else runs this state directory, nor left a process behind. Raises Failure.

    Yields the descriptor of the lock. The processes inherit it, so that the lock is free only once all have ended.
    """
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (state_dir / "supervisor.lock").open("a") as lock:
        if not _locked(lock.fileno()):
            raise _in_use(state_dir)
        yield lock.fileno()


def _locked(descriptor: int) -> bool:
    """Waits a little: the processes of a supervisor that was killed end with it, but not in the same instant."""
    end = time.monotonic() + LEFTOVER_TIMEOUT_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                return False
            time.sleep(_POLL_S)
        else:
            return True


def _in_use(state_dir: Path) -> Failure:
    alive = {name: pid for name, pid in read_pids(state_dir).items() if _is_alive(pid)}
    pids = " ".join(str(pid) for pid in alive.values())
    if "supervisor" in alive:
        return Failure(
            f"{state_dir} 正由进程 {alive['supervisor']} 运行：在其终端按 Ctrl-C，或 kill {alive['supervisor']}；"
            f"也可用 --state-dir 和 --port 另起一套。It is running already (process {alive['supervisor']}): press "
            f"Ctrl-C there, or `kill {alive['supervisor']}`; or run another one with --state-dir and --port.",
            reason="ALREADY_RUNNING",
        )
    return Failure(
        f"上一次运行留下的进程仍占用 {state_dir}（{', '.join(alive) or '?'}）：请 kill {pids}，再重新启动。"
        f"Processes of an earlier run still hold it ({', '.join(alive) or '?'}): `kill {pids}`, then start again.",
        reason="LEFTOVER",
    )


def read_pids(state_dir: Path) -> dict[str, int]:
    """Process ids by name, `supervisor` among them, as they were last started; none if nothing ever ran."""
    try:
        pids: dict[str, int] = orjson.loads((state_dir / "processes.json").read_bytes())
    except (FileNotFoundError, orjson.JSONDecodeError):
        return {}
    return pids


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


class Supervisor:
    """The running parts. `say(part, mark, text)` tells a person what happens; everything goes to the log."""

    def __init__(
        self, parts: Sequence[Part], state_dir: Path, lock: int, say: Callable[[Part, str, str], None]
    ) -> None:
        self._state_dir = state_dir
        self._lock = lock
        self._say = say
        self._logs = state_dir / "logs"
        self._logs.mkdir(mode=0o700, exist_ok=True)
        self._running = [_Running(part, self._logs / f"{part.name}.log") for part in parts]
        self._keepers: list[asyncio.Task[None]] = []
        self._stopping = False

    def log_file(self) -> TextIO:
        """The supervisor's own log, beside those of the parts."""
        return (self._logs / "supervisor.log").open("a", encoding="utf-8")

    async def start(self) -> None:
        """Starts all parts and returns once each is ready. Raises Failure naming the one that is not, with its log."""
        self._keepers = [asyncio.create_task(self._keep(one)) for one in self._running]
        await asyncio.gather(*(self._first_ready(one) for one in self._running))

    async def stop(self) -> None:
        """Ends the parts one by one, the last one first: SIGTERM, and SIGKILL for what does not end in time."""
        self._stopping = True
        for one, keeper in reversed(list(zip(self._running, self._keepers, strict=True))):
            if one.process is not None and one.process.returncode is None:
                one.process.send_signal(signal.SIGTERM)
                try:
                    await asyncio.wait_for(one.process.wait(), STOP_TIMEOUT_S)
                except TimeoutError:
                    one.process.kill()
                    await one.process.wait()
            keeper.cancel()
            with suppress(asyncio.CancelledError):
                await keeper
            self._say(one.part, "stopped", "已停止 stopped")

    async def _keep(self, one: _Running) -> None:
        """Starts the part again whenever it ends, after a pause that grows while it keeps ending soon."""
        pause_s = FIRST_PAUSE_S
        while not self._stopping:
            began = time.monotonic()
            await self._spawn(one)
            watching = asyncio.create_task(self._tell_when_ready(one))
            code = await self._process(one).wait()
            watching.cancel()
            if self._stopping:
                return
            if not one.was_ready and one.starts >= MAX_FALSE_STARTS:
                one.given_up.set()
                return
            _log.warning("process_ended", part=one.part.name, code=code)
            self._say(one.part, "ended", f"已退出（{_ending(code)}），重新启动 ended ({_ending(code)}), starting again")
            pause_s = FIRST_PAUSE_S if time.monotonic() - began > STEADY_S else min(pause_s * 2, LONGEST_PAUSE_S)
            await asyncio.sleep(pause_s)

    async def _spawn(self, one: _Running) -> None:
        command = [sys.executable, "-I", "-S", leash.__file__, str(os.getpid()), *one.part.command]
        with one.log.open("ab") as log:
            one.process = await asyncio.create_subprocess_exec(
                *command,
                env={**os.environ, **one.part.environment},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(self._lock,),
                start_new_session=True,  # Ctrl-C on the terminal is the supervisor's to answer, in order
            )
        one.starts += 1
        pids = {one.part.name: one.process.pid for one in self._running if one.process is not None}
        write_private(self._state_dir / "processes.json", orjson.dumps({"supervisor": os.getpid(), **pids}))
        _log.info("process_started", part=one.part.name, pid=one.process.pid)

    async def _tell_when_ready(self, one: _Running) -> None:
        while True:
            if await one.part.is_ready():
                break
            await asyncio.sleep(_POLL_S)
        one.was_ready = True
        one.ready.set()
        _log.info("process_ready", part=one.part.name)
        self._say(one.part, "ready", f"就绪 ready   {one.part.address:<21} pid {self._process(one).pid}")

    async def _first_ready(self, one: _Running) -> None:
        ready, given_up = asyncio.create_task(one.ready.wait()), asyncio.create_task(one.given_up.wait())
        done, _ = await asyncio.wait({ready, given_up}, timeout=READY_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED)
        for task in (ready, given_up):
            task.cancel()
        if ready not in done:
            what = "反复退出 keeps ending" if given_up in done else f"{READY_TIMEOUT_S:.0f} 秒内未就绪 is not ready"
            raise Failure(f"{one.part.name} {what}; {one.log}:\n{_tail(one.log)}", reason="NOT_READY")

    @staticmethod
    def _process(one: _Running) -> asyncio.subprocess.Process:
        if one.process is None:
            raise RuntimeError(f"{one.part.name} was never started")
        return one.process


def _ending(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit {code}"


def _tail(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(f"    {line[:300]}" for line in lines[-_LOG_TAIL:])
