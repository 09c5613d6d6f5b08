"""`outreach up`: the whole installation on one machine, under one supervisor."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from outreach.cli import parts as table
from outreach.cli.failures import EXPECTED, Failure, tell
from outreach.cli.installation import prepare, read_installation, renew_certificates
from outreach.cli.output import Output
from outreach.cli.supervisor import Part, Supervisor, only_one
from outreach.runtime import logs
from outreach.runtime.config import Settings, variables

MARKER = "PLAYED"
"""Marks a state directory as made by --play, which the next one may empty."""
RENEWAL_S = 3600.0
_log = logs.EventLogger("supervisor")
_MARKS = {"ready": "✓", "ended": "↻", "stopped": "■"}
_STYLES = {"ready": "green", "ended": "yellow", "stopped": "bright_black"}


def up(
    installation: Annotated[
        Path, typer.Option(metavar="FILE", help="安装说明 What to run: banks, callers, people, carriers.")
    ] = Path("examples/installation.yaml"),
    state_dir: Annotated[Path, typer.Option(metavar="DIR", help="安装目录 Where state, secrets and logs lie.")] = Path(
        ".run"
    ),
    port: Annotated[
        int, typer.Option(min=1024, max=65400, help="端口自此起的一百个之内 Listens within a hundred ports from here.")
    ] = table.DEFAULT_PORT,
    play: Annotated[
        str, typer.Option(metavar="MODULE", help="启动后演示，先清空上次演示 Play this module, in an emptied folder.")
    ] = "",
    once: Annotated[bool, typer.Option("--once", help="演示后退出 End after the play.")] = False,
) -> None:
    """启动 nats-server、各服务与通道模拟器；Ctrl-C 依次停止。Starts nats-server, the services and the simulator; Ctrl-C
    stops them in order."""
    try:
        code = asyncio.run(_up(installation, table.settings_at(state_dir, port), port, play, once=once))
    except EXPECTED as error:
        tell(error, Output(as_json=False))
        raise typer.Exit(1) from None
    raise typer.Exit(code)


async def _up(installation_file: Path, settings: Settings, port: int, play: str, *, once: bool) -> int:
    terminal = _Terminal()
    state_dir, far_end = settings.state_dir, table.far_end(port)
    installation = read_installation(installation_file)
    stopped = _stop_signal()
    with only_one(state_dir) as lock:
        table.require_free(settings, far_end)
        if play:
            _empty(state_dir)
        prepare(installation, settings, far_end)
        parts = table.parts(settings, far_end.http, simulated_clock=installation.simulated_clock)
        supervisor = Supervisor(parts, state_dir, lock, terminal.say)
        with supervisor.log_file() as log:
            logs.set_up("supervisor", stream=log)
            renewing = asyncio.create_task(_renew_certificates(state_dir))
            try:
                if not await _first(supervisor.start(), stopped):
                    return 0
                terminal.is_quiet = bool(play)
                code = await _play(play, settings, far_end.http, stopped, once=once) if play else 0
                terminal.is_quiet = False
                if not (code or once or stopped.done()):
                    terminal.explain(settings, port)
                    await stopped
                return code
            finally:
                renewing.cancel()
                await supervisor.stop()


async def _renew_certificates(state_dir: Path) -> None:
    while True:
        await asyncio.sleep(RENEWAL_S)
        try:
            await asyncio.to_thread(renew_certificates, state_dir)
        except OSError as error:
            _log.error("certificates_not_renewed", error)


def _empty(state_dir: Path) -> None:
    """Removes an earlier play. Anything else than one is left alone. Raises Failure."""
    content = [path for path in state_dir.iterdir() if path.name != "supervisor.lock"]
    if content and not (state_dir / MARKER).exists():
        raise Failure(
            f"{state_dir} 不是演示留下的，不会清空：请移走它，或用 --state-dir 另选。It was not made by an example run "
            "and is not emptied: move it away, or choose another folder by --state-dir.",
            reason="NOT_AN_EXAMPLE",
        )
    for path in content:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    (state_dir / MARKER).write_text("An example run made this folder; the next one empties it.\n")


async def _play(module: str, settings: Settings, simulator: str, stopped: asyncio.Future[None], *, once: bool) -> int:
    """Runs the play to its end and returns its exit code; ends it when told to stop."""
    player = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *([] if once else ["--stay"]),
        env={**os.environ, **variables(settings), "OUTREACH_SIMULATOR_URL": f"http://{simulator}"},
    )
    playing = asyncio.create_task(player.wait())
    await asyncio.wait((playing, stopped), return_when=asyncio.FIRST_COMPLETED)
    if not playing.done():
        player.send_signal(signal.SIGTERM)
    code = await playing
    return 0 if stopped.done() else code


def _stop_signal() -> asyncio.Future[None]:
    loop = asyncio.get_running_loop()
    stopped: asyncio.Future[None] = loop.create_future()

    def stop() -> None:
        if not stopped.done():
            stopped.set_result(None)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    return stopped


async def _first(work: Coroutine[Any, Any, None], stopped: asyncio.Future[None]) -> bool:
    """Does the work, unless told to stop before it is done: then False."""
    task = asyncio.ensure_future(work)
    await asyncio.wait((task, stopped), return_when=asyncio.FIRST_COMPLETED)
    if not task.done():
        task.cancel()
        return False
    task.result()
    return True


class _Terminal:
    """What the person who started it sees. Quiet while a play has the terminal."""

    def __init__(self) -> None:
        self.is_quiet = False
        self._console = Console(highlight=False)

    def say(self, part: Part, mark: str, text: str) -> None:
        if not self.is_quiet:
            style = _STYLES[mark]
            line = Text.assemble((f" {_MARKS[mark]} ", style), (f"{part.name:<18}", "bold"), (text, "bright_black"))
            self._console.print(line)

    def explain(self, settings: Settings, port: int) -> None:
        if port != table.DEFAULT_PORT:
            export = f"export OUTREACH_GATEWAY_ADDRESS={settings.gateway_address} OUTREACH_NATS_URL={settings.nats_url}"
            self._console.print(f"其他终端先执行 · first, in other terminals: {export}", soft_wrap=True)
        console = f"http://{settings.console_address}"
        self._console.print(f"控制台 · console: {console}    账号 · accounts: outreach user list --as operator-1")
        self._console.print(f"日志 · logs: {settings.state_dir}/logs/    停止 · stop: Ctrl-C", style="bright_black")
