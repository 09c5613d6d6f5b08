"""How a function becomes a command: common options, one event loop, and errors told in a line."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Concatenate, ParamSpec, get_type_hints

import typer
import uvloop

from outreach.cli.addresses import read_addresses
from outreach.cli.failures import EXPECTED, record_incident, tell
from outreach.cli.output import Output
from outreach.cli.session import CliSettings, Session
from outreach.runtime import config

P = ParamSpec("P")
_INTERRUPTED = 130
_PANEL = "通用 Common"

_Json = Annotated[bool, typer.Option("--json", help="输出 JSON JSON for programs.", rich_help_panel=_PANEL)]
_As = Annotated[
    str,
    typer.Option("--as", metavar="NAME", help="以谁的身份 In whose name (callers/NAME.json).", rich_help_panel=_PANEL),
]
_StateDir = Annotated[
    Path | None,
    typer.Option("--state-dir", metavar="DIR", help="安装目录 The installation's folder.", rich_help_panel=_PANEL),
]
_Address = Annotated[
    str, typer.Option("--address", metavar="HOST:PORT", help="网关地址 The gateway.", rich_help_panel=_PANEL)
]
_COMMON = {"as_json": (_Json, False), "identity": (_As, ""), "state_dir": (_StateDir, None), "address": (_Address, "")}
_OFFLINE = {"as_json": _COMMON["as_json"]}


def command(
    app: typer.Typer, name: str, *, offline: bool = False
) -> Callable[
    [Callable[Concatenate[Session, P], Coroutine[Any, Any, None]]], Callable[Concatenate[Session, P], Awaitable[None]]
]:
    """Registers an async function whose first argument is the session. An offline one needs no installation."""
    common = _OFFLINE if offline else _COMMON

    def register(function: Callable[Concatenate[Session, P], Coroutine[Any, Any, None]]) -> Any:
        def run(**arguments: Any) -> None:
            given = {key: arguments.pop(key) for key in common}
            _run(name, function, given, arguments)

        own = list(inspect.signature(function).parameters.values())[1:]
        hints = get_type_hints(function, include_extras=True)
        keyword = inspect.Parameter.KEYWORD_ONLY
        parameters = [parameter.replace(annotation=hints[parameter.name], kind=keyword) for parameter in own]
        parameters += [
            inspect.Parameter(key, keyword, annotation=annotation, default=default)
            for key, (annotation, default) in common.items()
        ]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # as inspect.signature reads it
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        run.__doc__ = function.__doc__
        app.command(name)(run)
        return function

    return register


def _run(
    name: str, function: Callable[..., Coroutine[Any, Any, None]], given: dict[str, Any], arguments: dict[str, Any]
) -> None:
    output = Output(as_json=given["as_json"])
    state_dir = given.get("state_dir") or Path(".run")
    try:
        settings = _settings(given)
        state_dir = settings.state_dir
        uvloop.run(function(Session(settings, output), **arguments))
    except BrokenPipeError:  # the reader of our output has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(1) from None
    except EXPECTED as error:
        tell(error, output)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        output.note("已中断 interrupted")
        raise typer.Exit(_INTERRUPTED) from None
    except (typer.Exit, typer.Abort, typer.BadParameter):
        raise
    except Exception as error:  # noqa: BLE001 a crash is told in a line, too
        path = record_incident(error, name, state_dir)
        output.errors.print(f"错误 Error the command failed; report {path}", style="bold red", soft_wrap=True)
        raise typer.Exit(1) from None


def _settings(given: dict[str, Any]) -> CliSettings:
    environ = {name: value for name, value in os.environ.items() if value}
    state_dir = given.get("state_dir") or config.load(CliSettings, environ).state_dir
    settings = config.load(CliSettings, {**read_addresses(state_dir), **environ})
    changes = {
        "identity": given.get("identity"),
        "state_dir": given.get("state_dir"),
        "gateway_address": given.get("address"),
    }
    return replace(settings, **{key: value for key, value in changes.items() if value})
