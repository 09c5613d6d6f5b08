"""Where an installation of this machine listens: <state_dir>/addresses.env, written by `outreach up`, so that commands
and a shell (`. DIR/addresses.env`) find it on whatever port it runs.
"""

from __future__ import annotations

from pathlib import Path

from outreach.runtime.config import PREFIX, Settings, variables
from outreach.runtime.secret_files import write_private

_FIELDS = (
    "gateway_address",
    "webhook_address",
    "console_address",
    "approval_service_address",
    "sms_service_address",
    "letter_service_address",
    "nats_url",
)
_NAMES = frozenset(PREFIX + field.upper() for field in _FIELDS)


def write_addresses(settings: Settings) -> None:
    lines = [f"export {name}={value}\n" for name, value in variables(settings).items() if name in _NAMES]
    write_private(_path(settings.state_dir), "".join(lines).encode())


def read_addresses(state_dir: Path) -> dict[str, str]:
    """The variables that the file sets, and no others; none if there is no such file."""
    try:
        lines = _path(state_dir).read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return {}
    pairs = (line.removeprefix("export ").partition("=") for line in lines)
    return {name: value for name, _, value in pairs if name in _NAMES}


def _path(state_dir: Path) -> Path:
    return state_dir / "addresses.env"
