"""How a command ends that cannot do what it was asked: one line with the way out, exit code 1, never a traceback."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from rich.text import Text

from outreach.cli.output import Output
from outreach.client.identity import IdentityError
from outreach.domain.errors import Refusal
from outreach.domain.ids import new_id
from outreach.ledger.checkpoint import CheckpointError
from outreach.runtime.config import SettingError
from outreach.runtime.logs import describe
from outreach.runtime.secret_files import write_private


class Failure(Exception):
    """What the command line itself finds wrong. The message names it and the way out, without personal data."""

    def __init__(self, message: str, *, field: str = "", reason: str = "FAILED") -> None:
        super().__init__(message)
        self.field = field
        self.reason = reason


EXPECTED = (Failure, Refusal, IdentityError, SettingError, CheckpointError, OSError)
"""What is told in a line; everything else is an incident."""


def tell(error: Exception, output: Output) -> None:
    """Tells of an expected error on stderr, as a line or as JSON."""
    document = _document(error)
    if output.as_json:
        output.errors.print(orjson.dumps({"error": document}).decode(), soft_wrap=True, markup=False)
        return
    line = Text.assemble(("错误 Error ", "bold red"), document["message"])
    if document["retry_after_s"]:
        line.append(f"（{document['retry_after_s']:g} 秒后可重试 try again after that many seconds）", "bright_black")
    output.errors.print(line, soft_wrap=True)
    for violation in document["violations"][1:]:
        output.errors.print(Text(f"  {violation['field']}: {violation['message']}"), soft_wrap=True)


def record_incident(error: Exception, command: str, state_dir: Path) -> Path:
    """Writes what failed and where, without any argument or value, and returns the file."""
    incident = new_id()
    document = {
        "incident": incident,
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "command": command,
        "python": platform.python_version(),
        "system": platform.platform(),
        **describe(error),
    }
    path = state_dir / "incidents" / f"{incident}.json"
    write_private(path, orjson.dumps(document, option=orjson.OPT_INDENT_2))
    return path


def _document(error: Exception) -> dict[str, Any]:
    found: dict[str, Any] = {"reason": "FAILED", "field": "", "message": str(error), "retry_after_s": 0}
    found["violations"] = []
    if isinstance(error, Refusal):
        violations = [{"field": field, "message": message} for field, message in error.violations]
        found.update(reason=error.reason, message=error.message, retry_after_s=error.retry_after_s)
        found["violations"] = violations
        if violations:
            found["field"] = violations[0]["field"]
            found["message"] = _with_field(error.message, violations[0]["field"])
    elif isinstance(error, Failure):
        found.update(reason=error.reason, field=error.field)
    elif isinstance(error, OSError):
        found["message"] = f"{error.filename}: {error.strerror}" if error.filename else str(error) or "took too long"
    return found


def _with_field(message: str, field: str) -> str:
    return message if not field or field in message else f"{field}: {message}"
