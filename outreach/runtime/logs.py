"""Logs of one line an event: a name and fields, JSON for programs, short and coloured on a terminal.

No request data can slip in: exceptions show their type and the lines they passed, never their arguments, and what
libraries log shows where it was logged, and its text only if that is a constant template.
"""

from __future__ import annotations

import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Any, TextIO

import orjson

_COLOURS = {"DEBUG": "\x1b[2m", "INFO": "\x1b[36m", "WARNING": "\x1b[33m", "ERROR": "\x1b[31m"}
_RESET = "\x1b[0m"
_OWN = "outreach."


class EventLogger:
    """Logs events of one part of the program. Fields must hold no personal data."""

    def __init__(self, part: str) -> None:
        self._logger = logging.getLogger(_OWN + part)

    def debug(self, event: str, **fields: Any) -> None:
        self._log(logging.DEBUG, event, None, fields)

    def info(self, event: str, **fields: Any) -> None:
        self._log(logging.INFO, event, None, fields)

    def warning(self, event: str, error: BaseException | None = None, **fields: Any) -> None:
        self._log(logging.WARNING, event, error, fields)

    def error(self, event: str, error: BaseException | None = None, **fields: Any) -> None:
        self._log(logging.ERROR, event, error, fields)

    def _log(self, level: int, event: str, error: BaseException | None, fields: dict[str, Any]) -> None:
        if self._logger.isEnabledFor(level):
            info = (type(error), error, error.__traceback__) if error else None
            self._logger.log(level, event, exc_info=info, extra={"fields": fields})


def set_up(service: str, level: str = "INFO", stream: TextIO | None = None) -> None:
    """Sends all logs of the process to stderr, or to another stream. Libraries are heard from WARNING on."""
    target = stream or sys.stderr
    handler = logging.StreamHandler(target)
    handler.setFormatter(_TerminalFormatter(service) if target.isatty() else _JsonFormatter(service))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger(_OWN.rstrip(".")).setLevel(level)


class _Formatter(logging.Formatter):
    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def _event(self, record: logging.LogRecord) -> dict[str, Any]:
        if record.name.startswith(_OWN):
            event = {"event": record.msg, **record.__dict__["fields"]}
        else:
            event = {"event": "library", "logger": record.name, "at": f"{record.module}:{record.lineno}"}
            if record.args:
                event["template"] = record.msg
        if record.exc_info and record.exc_info[1]:
            event.update(describe(record.exc_info[1]))
        return event


class _JsonFormatter(_Formatter):
    def format(self, record: logging.LogRecord) -> str:
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {"time": when, "level": record.levelname, "service": self._service, **self._event(record)}
        return orjson.dumps(line, default=str).decode()


class _TerminalFormatter(_Formatter):
    def format(self, record: logging.LogRecord) -> str:
        event = self._event(record)
        name = event.pop("event")
        when = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")
        fields = " ".join(f"{key}={value}" for key, value in event.items())
        return f"{when} {_COLOURS.get(record.levelname, '')}{self._service} {name}{_RESET} {fields}".rstrip()


def describe(error: BaseException) -> dict[str, Any]:
    """An exception without its arguments: its type, what caused it, and the lines it passed."""
    stack = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    chain: list[str] = []
    cause = error.__cause__ or error.__context__
    while cause is not None and len(chain) < 5:
        chain.append(type(cause).__qualname__)
        cause = cause.__cause__ or cause.__context__
    described: dict[str, Any] = {"error": type(error).__qualname__, "stack": stack}
    return {**described, "caused_by": chain} if chain else described
