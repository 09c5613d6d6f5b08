"""Secrets of an installation: files under <state_dir>/secrets that only their owner can read."""

from __future__ import annotations

import os
import re
import secrets
import tempfile
from pathlib import Path

KEY_ID_BYTES = 8
_KEY_LINE = re.compile(r"([0-9a-f]{16})\s+([0-9a-f]{64})", re.IGNORECASE)


def write_private(path: Path, content: bytes) -> None:
    """Writes a file of mode 0600 at once: readers see the old content or the new, never a part."""
    temporary = _private_copy(path, content)
    temporary.replace(path)


def ensure_private(path: Path, content: bytes) -> bytes:
    """Creates the file unless it is there, and returns what it holds. Processes that race all get the first content."""
    if not path.exists():
        temporary = _private_copy(path, content)
        try:
            os.link(temporary, path)
        except FileExistsError:
            pass
        finally:
            temporary.unlink()
    return path.read_bytes()


def ensure_secret(state_dir: Path, name: str) -> str:
    """The secret of that name, made at first use: 43 URL-safe characters after a letter, 256 random bits."""
    content = "k" + secrets.token_urlsafe(32)
    return ensure_private(state_dir / "secrets" / name, content.encode()).decode().strip()


def new_key_line() -> bytes:
    """A fresh key as it stands in a file of several: `<16 hex id> <64 hex key>` and a newline."""
    return f"{secrets.token_hex(KEY_ID_BYTES)} {secrets.token_hex(32)}\n".encode()


def read_key_lines(text: str) -> dict[bytes, bytes]:
    """Keys of 256 bits by their ids, in the order of the lines; the first is the one in use. ValueError for a text that
    holds none, or a line of another form."""
    found = [_KEY_LINE.fullmatch(line.strip()) for line in text.splitlines() if line.strip()]
    keys = {bytes.fromhex(line[1]): bytes.fromhex(line[2]) for line in found if line}
    if not keys or None in found:
        raise ValueError("expected lines of `<16 hex id> <64 hex key>`")
    return keys


def _private_copy(path: Path, content: bytes) -> Path:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp gives mode 0600
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return Path(name)
