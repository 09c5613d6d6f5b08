"""Who a program or a person is towards the gateway: files <state_dir>/callers/<name>.json of mode 0600.

    {"caller_id": "case-system-1", "employee": "clerk-7", "team": "north", "roles": ["case_system"],
     "banks": ["demo-bank"], "private_key": "-----BEGIN PRIVATE KEY-----..."}

The key is an Ed25519 key as PEM (PKCS #8), which may be encrypted: a locked identity. It signs the tokens of
outreach.runtime.tokens; its public half stands in the gateway's registry under `caller_id`, which also bounds roles and
banks. `*` stands for all banks.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from outreach.runtime.secret_files import write_private

_LOCKED = "BEGIN ENCRYPTED PRIVATE KEY"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class IdentityError(Exception):
    """An identity that is missing or cannot be read; the message names the file and the way out."""


class IdentityLocked(IdentityError):
    """The private key is encrypted, and nobody gave its passphrase."""


def _nobody() -> str:
    raise IdentityLocked("已上锁，须在终端输入其口令 it is locked: its passphrase must be typed at a terminal")


@dataclass(frozen=True, slots=True)
class Identity:
    """A caller, the employee it speaks for, and the key that proves it."""

    caller_id: str
    employee: str
    roles: tuple[str, ...]
    banks: tuple[str, ...]
    private_key: Ed25519PrivateKey = field(repr=False)
    team: str = ""


def identity_path(state_dir: Path, name: str) -> Path:
    """Where the identity of that name lies. Raises IdentityError for a name that is no plain file name."""
    if not _NAME.fullmatch(name):
        raise IdentityError(
            "身份名只含字母、数字、. - _ an identity's name is made of letters, digits, dots, hyphens, underscores"
        )
    return state_dir / "callers" / f"{name}.json"


def identity_names(state_dir: Path) -> list[str]:
    """The names that `read_identity` knows, sorted."""
    return sorted(path.stem for path in (state_dir / "callers").glob("*.json"))


def read_identity(state_dir: Path, name: str, passphrase: Callable[[], str] = _nobody) -> Identity:
    """`passphrase` is asked for that of a locked identity. Raises IdentityError."""
    path = identity_path(state_dir, name)
    try:
        entry = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        known = ", ".join(identity_names(state_dir)) or "none"
        raise IdentityError(
            f"{path} 不存在；此安装的身份：{known}。It is not there; the identities are listed."
        ) from None
    except OSError as error:
        raise IdentityError(f"{path} 无法读取 cannot be read: {error.strerror}") from None
    except orjson.JSONDecodeError:
        raise IdentityError(f"{path} 不是 JSON，请重写。It is no JSON: write it again.") from None
    return _identity(path, entry, passphrase)


def is_locked(state_dir: Path, name: str) -> bool:
    """Whether the file is there and asks for a passphrase. Raises IdentityError."""
    path = identity_path(state_dir, name)
    return path.exists() and _LOCKED.encode() in path.read_bytes()


def write_identity(state_dir: Path, name: str, identity: Identity, passphrase: str | None = None) -> Path:
    """Writes the file, readable by its owner only, and returns its path; locked if there is a passphrase. Raises
    IdentityError."""
    path = identity_path(state_dir, name)
    pem = identity.private_key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption(),
    )
    entry = {
        "caller_id": identity.caller_id,
        "employee": identity.employee,
        "team": identity.team,
        "roles": identity.roles,
        "banks": identity.banks,
        "private_key": pem.decode(),
    }
    write_private(path, orjson.dumps(entry, option=orjson.OPT_INDENT_2))
    return path


def _identity(path: Path, entry: Any, passphrase: Callable[[], str]) -> Identity:
    try:
        return Identity(
            caller_id=_text(entry, "caller_id"),
            employee=_text(entry, "employee"),
            team=_text(entry, "team"),
            roles=_texts(entry, "roles"),
            banks=_texts(entry, "banks"),
            private_key=_key(_text(entry, "private_key"), passphrase),
        )
    except IdentityLocked as locked:
        raise IdentityLocked(f"{path}: {locked}") from None
    except ValueError as error:
        raise IdentityError(f"{path}: {error}") from None


def _key(pem: str, passphrase: Callable[[], str]) -> Ed25519PrivateKey:
    given = passphrase() if _LOCKED in pem else None
    try:
        key = serialization.load_pem_private_key(pem.encode(), given.encode() if given is not None else None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(
            "口令不对，或 private_key 不是 Ed25519 私钥 wrong passphrase, or private_key is no Ed25519 key"
            if given is not None
            else "private_key 须为 Ed25519 私钥 must be an Ed25519 key as PEM (PKCS #8)"
        )
    return key


def _text(entry: Any, key: str) -> str:
    value = entry.get(key) if isinstance(entry, dict) else None
    if not isinstance(value, str):
        raise ValueError(f"{key} 须为字符串 must be a string")
    return value


def _texts(entry: dict[str, Any], key: str) -> tuple[str, ...]:
    value = entry.get(key)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError(f"{key} 须为字符串列表 must be a list of strings")
    return tuple(value)
