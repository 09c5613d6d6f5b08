"""Seals bytes that rest outside the authority's database, such as carriers' raw receipts in a stream (AES-256-GCM).

Form: version byte 1, key id (8 bytes), nonce (12 bytes), ciphertext with tag. The key file <state_dir>/secrets/sealing
holds one key a line as `<16 hex key id> <64 hex key>`; the first line seals, every line opens. To rotate, add a new
line at the end; once every process can have read it, move it to the front; remove the old one when nothing sealed with
it is left (docs/keys.md).
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from outreach.runtime.file_stamps import Stamps, stamps
from outreach.runtime.logs import EventLogger
from outreach.runtime.secret_files import KEY_ID_BYTES, ensure_private, new_key_line, read_key_lines

LOOK_S = 5.0
"""How often who seals looks for another first key."""
_VERSION = b"\x01"
_NONCE_BYTES = 12
_HEADER_BYTES = 1 + KEY_ID_BYTES + _NONCE_BYTES
_log = EventLogger("sealing")
SEALED_BYTES = _HEADER_BYTES + 16
"""How many bytes more the sealed form has."""


class UnsealError(Exception):
    """The bytes were not sealed here, were changed, or their key is gone."""


class Sealer:
    """Seals with the file's first key and opens with each. A file that changes is read again, without a restart."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: Stamps = ()
        self._look_after = 0.0
        self._read()

    @classmethod
    def load(cls, state_dir: Path) -> Sealer:
        """Of the installation's key file, made at first use. ValueError if it holds something else."""
        path = state_dir / "secrets" / "sealing"
        ensure_private(path, new_key_line())
        return cls(path)

    def _read(self) -> None:
        seen = stamps([self._path])
        keys = read_key_lines(self._path.read_text(encoding="ascii"))
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._current = next(iter(keys))
        self._seen = seen

    def _follow(self) -> None:
        """Reads the file if it is another one than before; one that cannot be read changes nothing."""
        self._look_after = time.monotonic() + LOOK_S
        try:
            if stamps([self._path]) != self._seen:
                self._read()
        except (OSError, ValueError) as error:
            _log.error("sealing_keys_unreadable", error)

    def seal(self, plain: bytes, context: bytes) -> bytes:
        """Encrypts and binds to a context, which opening must name again."""
        if time.monotonic() > self._look_after:
            self._follow()
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[self._current].encrypt(nonce, plain, context)
        return b"".join((_VERSION, self._current, nonce, sealed))

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """The plain bytes. Raises UnsealError."""
        key_id, nonce = sealed[1 : 1 + KEY_ID_BYTES], sealed[1 + KEY_ID_BYTES : _HEADER_BYTES]
        if key_id not in self._ciphers:
            self._follow()
        cipher = self._ciphers.get(key_id)
        if sealed[:1] != _VERSION or cipher is None or len(sealed) < _HEADER_BYTES:
            raise UnsealError("not sealed with a key of this installation")
        try:
            return cipher.decrypt(nonce, sealed[_HEADER_BYTES:], context)
        except InvalidTag:
            raise UnsealError("changed, or sealed for another context") from None
