"""Keys in use: one per person, wrapped by the installation's; keyed hashes to search by; the ledger's signature."""

from __future__ import annotations

import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from outreach.domain.masking import mask_name
from outreach.ledger.checkpoint import Signer

ORIGIN = "outreach-gateway"
"""The ledger's name in its checkpoints, and its signing key's."""

NUMBER_BYTES = 2
_NONCE_BYTES = 12
_CACHED_PERSONS = 1_000


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


@dataclass(frozen=True, slots=True)
class InstallationKeys:
    """The installation's own keys, unwrapped: by number where there may be several, of which the highest is in use."""

    version: int
    """Of the table that they come from: head.keys_version."""
    wrapping: Mapping[int, bytes]
    """Wrap people's keys."""
    notes: Mapping[int, bytes]
    hashing: bytes
    ledger: bytes
    """An Ed25519 seed."""


class _Numbered:
    """Keys that stand, by number, before what they sealed."""

    __slots__ = ("_aeads", "_current", "prefix")

    def __init__(self, keys: Mapping[int, bytes]) -> None:
        self._aeads = {prefix(number): AESGCM(key) for number, key in keys.items()}
        self.prefix = prefix(max(keys))
        self._current = self._aeads[self.prefix]

    def seal(self, data: bytes) -> bytes:
        return self.prefix + _seal(self._current, data)

    def knows(self, sealed: bytes) -> bool:
        return sealed[:NUMBER_BYTES] in self._aeads

    def unseal(self, sealed: bytes) -> bytes:
        aead = self._aeads.get(sealed[:NUMBER_BYTES])
        if aead is None:
            raise InvalidTag
        return _unseal(aead, sealed[NUMBER_BYTES:])


def ledger_signer(seed: bytes) -> Signer:
    return Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(seed))


def prefix(number: int) -> bytes:
    """What begins everything that the key of that number sealed."""
    return number.to_bytes(NUMBER_BYTES)


class KeyRing:
    """Wraps people's keys, seals notes, hashes what must be found again, and has the ledger's signer.

    `load` gives the installation's keys as they are now. They are loaded again when the database says that they
    changed, or something comes that another replica sealed with a newer one.
    """

    def __init__(self, load: Callable[[], InstallationKeys]) -> None:
        self._load = load
        self._taking = threading.Lock()
        self._hashers: dict[str, Any] = {}
        self.version = -1
        self._reload()

    def _reload(self) -> None:
        keys = self._load()
        with self._taking:
            if keys.version < self.version:  # another thread was quicker, and looked later
                return
            self._wrapping, self._notes = _Numbered(keys.wrapping), _Numbered(keys.notes)
            self._hashing = keys.hashing
            self.signer = ledger_signer(keys.ledger)
            # After a rotation nothing is found by its old wrapping any more.
            self._cache: OrderedDict[bytes, PersonKey] = OrderedDict()
            self.version = keys.version

    def follow(self, version: int) -> None:
        """Takes the keys of that version, if they are others. Raises MasterError, and what a database raises."""
        if version != self.version:
            self._reload()

    def new_person(self) -> tuple[bytes, PersonKey]:
        """A new person's key: wrapped for storing, and ready for use."""
        key = AESGCM.generate_key(256)
        return self._wrapping.seal(key), PersonKey(key)

    def person(self, wrapped: bytes) -> PersonKey:
        """Raises cryptography's InvalidTag if it was changed, or destroyed."""
        cache = self._cache
        found = cache.get(wrapped)
        if found is None:
            found = cache[wrapped] = PersonKey(self._known(wrapped).unseal(wrapped))
            if len(cache) > _CACHED_PERSONS:
                cache.popitem(last=False)
        return found

    def forget(self, wrapped: bytes) -> None:
        """Drops a key from memory whose wrapping is destroyed."""
        self._cache.pop(wrapped, None)

    def _known(self, wrapped: bytes) -> _Numbered:
        if not self._wrapping.knows(wrapped):
            self._reload()
        return self._wrapping

    @property
    def wrapping_prefix(self) -> bytes:
        """What begins all that the key in use wraps."""
        return self._wrapping.prefix

    def rewrap(self, wrapped: bytes) -> bytes:
        """The same person's key, wrapped by the key in use. Raises cryptography's InvalidTag."""
        return self._wrapping.seal(self._known(wrapped).unseal(wrapped))

    def seal_note(self, text: str) -> bytes:
        """Seals what somebody wrote: it may hold personal data, whatever was asked for, and belongs to nobody alone."""
        return self._notes.seal(text.encode())

    def unseal_note(self, sealed: bytes) -> str:
        """Raises cryptography's InvalidTag if it was changed."""
        if not self._notes.knows(sealed):
            self._reload()
        return self._notes.unseal(sealed).decode()

    def hash(self, kind: str, value: str | bytes) -> str:
        """A keyed hash of a value of a kind (phone, account, customer, identity, request, masked name): 32 hex."""
        if kind not in self._hashers:
            self._hashers[kind] = hashlib.blake2b(key=self._hashing, digest_size=16, person=kind.encode())
        hasher = self._hashers[kind].copy()
        hasher.update(value.encode() if isinstance(value, str) else value)
        digest: str = hasher.hexdigest()
        return digest


def masked_name_hash(keys: KeyRing, name: str) -> str:
    """By which people are found whose name is shown like this one, which may be masked already."""
    return keys.hash("masked name", mask_name(name))
