"""How a process reads its settings: from variables named OUTREACH_<FIELD>. Nothing else reads the environment."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from ipaddress import ip_address
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

PREFIX = "OUTREACH_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What all processes share. A service that needs more subclasses it; field `x` is read from OUTREACH_X."""

    state_dir: Path = Path(".run")
    """Where secrets, certificates, the embedded database and the callers' registry lie."""
    database_url: str = ""
    """SQLAlchemy URL of the authority's database; empty for SQLite in the state directory."""
    gateway_address: str = "127.0.0.1:17443"
    """host:port of the public gRPC edge."""
    webhook_address: str = "127.0.0.1:17480"
    """host:port of the carriers' webhooks."""
    console_address: str = "127.0.0.1:17444"
    """host:port of the web console. Plain HTTP on a loopback address, TLS on any other."""
    approval_service_address: str = "127.0.0.1:17451"
    """host:port of the authority."""
    sms_service_address: str = "127.0.0.1:17452"
    """host:port of sms_service's health service."""
    letter_service_address: str = "127.0.0.1:17453"
    """host:port of letter_service: previews and kept PDFs."""
    nats_url: str = "nats://127.0.0.1:17422"
    """URL of the NATS server, without credentials; tls:// where its certificate is of this installation's authority."""
    log_level: str = "INFO"
    """DEBUG, INFO, WARNING or ERROR."""


class SettingError(Exception):
    """A setting that is missing or cannot be read; the message names the variable and the way out."""


T = TypeVar("T", bound=Settings)


def load(kind: type[T], environ: Mapping[str, str] | None = None) -> T:
    """The settings of one process. Unset and empty variables take the default. Raises SettingError."""
    environ = os.environ if environ is None else environ
    types = get_type_hints(kind)
    values: dict[str, Any] = {}
    for field in fields(kind):
        variable = PREFIX + field.name.upper()
        text = environ.get(variable, "")
        if text:
            values[field.name] = _parse(variable, text, types[field.name])
        elif field.default is MISSING and field.default_factory is MISSING:
            raise SettingError(f"{variable} is not set: export {variable}=<{_word(types[field.name])}>")
    return kind(**values)


def variables(settings: Settings) -> dict[str, str]:
    """The environment that `load` reads these settings from again, for a child process."""
    return {PREFIX + field.name.upper(): _text(getattr(settings, field.name)) for field in fields(settings)}


def host_and_port(address: str) -> tuple[str, int]:
    """Splits host:port. Raises SettingError."""
    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise SettingError(f"{address!r} is no address: write host:port, such as 127.0.0.1:17443")
    return host.strip("[]"), int(port)


def is_loopback(address: str) -> bool:
    """True if host:port can be reached from this machine only."""
    host, _ = host_and_port(address)
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _flag(text: str) -> bool:
    return {"true": True, "1": True, "false": False, "0": False}[text.lower()]


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


_PARSERS: dict[Any, tuple[Callable[[str], Any], str]] = {
    str: (str, "text"),
    int: (int, "whole number"),
    float: (float, "number"),
    bool: (_flag, "true or false"),
    Path: (Path, "path"),
    Path | None: (Path, "path"),
    tuple[str, ...]: (_list, "values separated by commas"),
}


def _word(kind: Any) -> str:
    return _PARSERS[kind][1]


def _parse(variable: str, text: str, kind: Any) -> Any:
    try:
        return _PARSERS[kind][0](text)
    except (ValueError, KeyError):
        raise SettingError(
            f"{variable}={text!r} is no {_word(kind)}: correct it, or unset it for the default"
        ) from None


def _text(value: Any) -> str:
    if value is None:
        return ""
    return ",".join(value) if isinstance(value, tuple) else str(value)
