"""Seals bytes that rest outside the authority's database, such as carriers' raw receipts in a stream (AES-256-GCM).

Form: version byte 1, key id (8 bytes), nonce (12 bytes), ciphertext with tag. The key file <state_dir>/secrets/sealing
holds one key a line as `<16 hex key id> <64 hex key>`; the first line seals, every line opens. To rotate, put a new
line first; remove the old one when nothing sealed with it is left.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from outreach.runtime.secret_files import ensure_private

_VERSION = b"\x01"
_ID_BYTES = 8
_NONCE_BYTES = 12
_HEADER_BYTES = 1 + _ID_BYTES + _NONCE_BYTES
SEALED_BYTES = _HEADER_BYTES + 16
"""How many bytes more the sealed form has."""


class UnsealError(Exception):
    """The bytes were not sealed here, were changed, or their key is gone."""


class Sealer:
    """Seals with the first key and opens with each."""

    def __init__(self, keys: Mapping[bytes, bytes]) -> None:
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._current = next(iter(keys))

    @classmethod
    def load(cls, state_dir: Path) -> Sealer:
        """Reads the installation's key file, made at first use."""
        fresh = f"{secrets.token_hex(_ID_BYTES)} {secrets.token_hex(32)}\n".encode()
        lines = ensure_private(state_dir / "secrets" / "sealing", fresh).decode().split("\n")
        pairs = (line.split() for line in lines if line.strip())
        return cls({bytes.fromhex(key_id): bytes.fromhex(key) for key_id, key in pairs})

    def seal(self, plain: bytes, context: bytes) -> bytes:
        """Encrypts and binds to a context, which opening must name again."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[self._current].encrypt(nonce, plain, context)
        return b"".join((_VERSION, self._current, nonce, sealed))

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """The plain bytes. Raises UnsealError."""
        key_id, nonce = sealed[1 : 1 + _ID_BYTES], sealed[1 + _ID_BYTES : _HEADER_BYTES]
        cipher = self._ciphers.get(key_id)
        if sealed[:1] != _VERSION or cipher is None or len(sealed) < _HEADER_BYTES:
            raise UnsealError("not sealed with a key of this installation")
        try:
            return cipher.decrypt(nonce, sealed[_HEADER_BYTES:], context)
        except InvalidTag:
            raise UnsealError("changed, or sealed for another context") from None
