"""Master keys: what wraps the installation's own keys. From a file, from the environment, or from a key service.

A source gives its masters anew each time it is called, so that a new one takes no restart: the first one wraps, each of
them unwraps what it once wrapped.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Protocol, TypeAlias

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from outreach.runtime.config import SettingError
from outreach.runtime.secret_files import ensure_private, new_key_line, read_key_lines

_NONCE_BYTES = 12


class MasterError(SettingError):
    """No master key can do what is needed; the message says which one is wanted, and the way out."""


class Master(Protocol):
    """One master key, wherever it is kept. MasterError from both methods if it cannot."""

    @property
    def key_id(self) -> str:
        """Its name for ever: it stands, in clear, beside what it wrapped. At most 128 characters."""
        ...

    def wrap(self, key: bytes) -> bytes: ...

    def unwrap(self, wrapped: bytes) -> bytes: ...


Source: TypeAlias = Callable[[], Sequence[Master]]
"""Masters as they are now, at least one. Raises MasterError."""


class LocalMaster:
    """A key of 256 bits in this process's memory (AES-256-GCM)."""

    def __init__(self, key_id: str, key: bytes) -> None:
        self.key_id = key_id
        self._aead = AESGCM(key)

    def wrap(self, key: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, key, None)

    def unwrap(self, wrapped: bytes) -> bytes:
        try:
            return self._aead.decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], None)
        except InvalidTag:
            raise MasterError(
                f"主密钥 {self.key_id} 的内容不对，请用备份恢复。"
                "The master key of that id is not the one that wrapped this: restore it from its backup."
            ) from None


def source(path: Path, text: str, factory: str) -> Source:
    """Where the settings say: `factory` (module:function) of a key service, `text` with keys, else the file at `path`.

    SettingError if both are set, or the factory is none.
    """
    if text and factory:
        raise SettingError("OUTREACH_MASTER_KEYS and OUTREACH_KEY_SERVICE are both set: unset one of them")
    if factory:
        return _plug_in(factory)
    if text:
        return lambda: _local(text.replace(",", "\n"), "OUTREACH_MASTER_KEYS")
    return lambda: _local(_read(path), str(path))


def ensure_file(path: Path) -> None:
    """Makes the file with a first key, unless it is there. Only for an installation that has no keys yet."""
    try:
        ensure_private(path, new_key_line())
    except OSError as error:
        raise MasterError(
            f"没有主密钥 {path}，也无法创建（{error.strerror}）。"
            "It is not there and cannot be made: put the master key there."
        ) from None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except FileNotFoundError:
        raise MasterError(
            f"没有主密钥 {path}：请从备份恢复，数据库离不开它。"
            "The master key is not there: restore it from its backup; the database cannot be read without it."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise MasterError(f"无法读取主密钥 {path} cannot be read ({type(error).__name__}): docs/keys.md") from None


def _local(text: str, where: str) -> Sequence[Master]:
    try:
        keys = read_key_lines(text)
    except ValueError as error:
        raise MasterError(f"{where} 格式不对 is of another form: {error} (docs/keys.md)") from None
    return [LocalMaster(key_id.hex(), key) for key_id, key in keys.items()]


def _plug_in(factory: str) -> Source:
    module, _, function = factory.partition(":")
    try:
        made: Source = getattr(import_module(module), function)()
    except (ImportError, AttributeError, ValueError, TypeError, OSError) as error:
        raise SettingError(
            f"OUTREACH_KEY_SERVICE={factory!r} cannot be used ({error}): write module:function of an installed plug-in"
        ) from None
    return made
