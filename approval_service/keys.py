"""Keys: one per person, wrapped by the master key; keyed hashes to search by."""

from __future__ import annotations

import hashlib
import os
from collections import OrderedDict
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

_NONCE_BYTES = 12
_CACHED_PERSONS = 50_000


def _derive(master: bytes, purpose: bytes) -> bytes:
    return HKDFExpand(SHA256(), 32, b"outreach/" + purpose).derive(master)


def _seal(aead: AESGCM, data: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + aead.encrypt(nonce, data, None)


def _unseal(aead: AESGCM, sealed: bytes) -> bytes:
    return aead.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None)


class PersonKey:
    """One person's key: seals data and makes commitments to it. Destroying the wrapped key destroys both."""

    __slots__ = ("_aead", "_key")

    def __init__(self, key: bytes) -> None:
        self._aead = AESGCM(key)
        self._key = key

    def seal(self, data: bytes) -> bytes:
        return _seal(self._aead, data)

    def unseal(self, sealed: bytes) -> bytes:
        """Raises cryptography's InvalidTag if it was sealed by another key or changed."""
        return _unseal(self._aead, sealed)

    def commit(self, data: bytes) -> str:
        """A commitment for the ledger: tells nothing of the data once the key is gone. 32 hex characters."""
        return hashlib.blake2b(data, key=self._key, digest_size=16, person=b"commitment").hexdigest()


class KeyRing:
    """The master key's uses: wraps person keys, seals notes, and hashes what must be found again."""

    def __init__(self, master: bytes) -> None:
        self._wrapping = AESGCM(_derive(master, b"wrapping"))
        self._notes = AESGCM(_derive(master, b"notes"))
        self._hashing = _derive(master, b"hashing")
        self._hashers: dict[str, Any] = {}
        self._cache: OrderedDict[bytes, PersonKey] = OrderedDict()

    def new_person(self) -> tuple[bytes, PersonKey]:
        """A new person's key: wrapped for storing, and ready for use."""
        key = AESGCM.generate_key(256)
        return _seal(self._wrapping, key), PersonKey(key)

    def person(self, wrapped: bytes) -> PersonKey:
        found = self._cache.get(wrapped)
        if found is None:
            key = _unseal(self._wrapping, wrapped)
            found = self._cache[wrapped] = PersonKey(key)
            if len(self._cache) > _CACHED_PERSONS:
                self._cache.popitem(last=False)
        return found

    def forget(self, wrapped: bytes) -> None:
        """Drops a key from memory whose wrapping is destroyed."""
        self._cache.pop(wrapped, None)

    def seal_note(self, text: str) -> bytes:
        """Seals what somebody wrote: it may hold personal data, whatever was asked for, and belongs to nobody alone."""
        return _seal(self._notes, text.encode())

    def unseal_note(self, sealed: bytes) -> str:
        """Raises cryptography's InvalidTag if it was changed."""
        return _unseal(self._notes, sealed).decode()

    def hash(self, kind: str, value: str | bytes) -> str:
        """A keyed hash of a value of a kind (phone, account, customer, identity, request). 32 hex characters."""
        if kind not in self._hashers:
            self._hashers[kind] = hashlib.blake2b(key=self._hashing, digest_size=16, person=kind.encode())
        hasher = self._hashers[kind].copy()
        hasher.update(value.encode() if isinstance(value, str) else value)
        digest: str = hasher.hexdigest()
        return digest
