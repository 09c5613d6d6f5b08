"""Logs hold events and fields, and no request data."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from outreach.runtime import logs

SECRET = "13800138000"


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_an_event_is_one_json_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Time, level, service, event and fields, for programs to read."""
    logs.set_up("gateway")
    logs.EventLogger("test").info("started", port=17443)
    logs.EventLogger("test").debug("unheard")
    (line,) = lines(capsys)
    assert (line["level"], line["service"], line["event"], line["port"]) == ("INFO", "gateway", "started", 17443)


def test_an_exception_shows_where_but_not_what(capsys: pytest.CaptureFixture[str]) -> None:
    """Type, causes and lines of an exception are logged, its arguments are not."""
    logs.set_up("gateway")
    try:
        try:
            raise KeyError(SECRET)
        except KeyError as error:
            raise ValueError(SECRET) from error
    except ValueError as error:
        logs.EventLogger("test").error("incident", error)
    (line,) = lines(capsys)
    assert line["error"] == "ValueError"
    assert line["caused_by"] == ["KeyError"]
    assert "test_logs.py" in str(line["stack"])
    assert SECRET not in str(line)


def test_a_library_s_values_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    """A library's record shows where it was logged and its template, never the values."""
    logs.set_up("gateway")
    library = logging.getLogger("some.library")
    library.warning("request %s failed", SECRET)
    library.error(f"task failed: {SECRET}")
    try:
        raise ValueError(SECRET)
    except ValueError:
        library.exception("failed")
    written = lines(capsys)
    assert [line["event"] for line in written] == ["library"] * 3
    assert written[0]["template"] == "request %s failed"
    assert SECRET not in str(written)
