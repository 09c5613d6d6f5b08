"""Signed checkpoints: c2sp.org/tlog-checkpoint in a c2sp.org/signed-note, with Ed25519."""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_ED25519 = b"\x01"
_KEY_ID_BYTES = 4
MAX_NOTE_CHARACTERS = 100_000


class CheckpointError(ValueError):
    """A checkpoint or a verifier key that cannot be trusted; the message says why."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log has signed: its identity, its number of entries, and the root hash of their tree."""

    origin: str
    size: int
    root: bytes


class Signer:
    """Signs checkpoints under a key name, by custom a URL without scheme such as example.com/ledger.

    ValueError for a name that is empty or holds a space or a plus sign.
    """

    def __init__(self, name: str, private_key: Ed25519PrivateKey) -> None:
        _check_name(name)
        public = private_key.public_key().public_bytes_raw()
        key_id = _key_id(name, public)
        self._private_key = private_key
        self._key_id = key_id
        self._name = name
        self.verifier_key = f"{name}+{key_id.hex()}+{b64encode(_ED25519 + public).decode()}"

    def sign(
        self, origin: str, size: int, root: bytes, extensions: Sequence[str] = (), also: Sequence[Signer] = ()
    ) -> str:
        """The checkpoint as a signed note, with further lines and others' signatures if some are given.

        ValueError for an origin or a line that is empty or holds a control character.
        """
        lines = (origin, str(size), b64encode(root).decode(), *extensions)
        if not all(lines) or any(map(_has_control, lines)):
            raise ValueError("a checkpoint's origin is one line of text, and so is each of what it adds")
        text = "".join(f"{line}\n" for line in lines)
        return "\n".join((text, *(signer._signature(text) for signer in (self, *also)), ""))

    def _signature(self, text: str) -> str:
        signature = self._key_id + self._private_key.sign(text.encode())
        return f"— {self._name} {b64encode(signature).decode()}"


class Verifier:
    """Knows one public key by its name and id."""

    def __init__(self, name: str, public_key: bytes) -> None:
        _check_name(name)
        self.name = name
        self.key_id = _key_id(name, public_key)
        self._public_key = Ed25519PublicKey.from_public_bytes(public_key)

    @classmethod
    def from_key(cls, vkey: str) -> Verifier:
        """Reads name+id+base64 as in signed-note. CheckpointError if it is not an Ed25519 key in that form."""
        try:
            name, key_id, encoded = vkey.strip().split("+", 2)
            material = b64decode(encoded, validate=True)
            verifier = cls(name, material[1:])
        except ValueError:
            raise CheckpointError(
                "不是公钥 not a verifier key: expected name+8 hex digits+base64 of an Ed25519 key"
            ) from None
        if material[:1] != _ED25519:
            raise CheckpointError("公钥类型不符 the verifier key is of another type than Ed25519 (type byte 0x01)")
        if verifier.key_id.hex() != key_id:
            raise CheckpointError(
                f"公钥有损 the verifier key is damaged: its id should be {verifier.key_id.hex()}, not {key_id}"
            )
        return verifier

    def own(self, signatures: Iterable[tuple[str, bytes]]) -> list[bytes]:
        """Those that claim to be this key's, of names and raw signatures."""
        return [raw for name, raw in signatures if name == self.name and raw[:_KEY_ID_BYTES] == self.key_id]

    def accepts(self, signature: bytes, text: bytes) -> bool:
        try:
            self._public_key.verify(signature, text)
        except InvalidSignature:
            return False
        return True


def open_note(note: str, verifier: Verifier) -> str:
    """The text of a signed note. CheckpointError unless the key has signed it; other keys' signatures are ignored."""
    text, signatures = _read_note(note)
    ours = verifier.own(signatures)
    if not ours:
        signers = ", ".join(f"{name}+{raw[:_KEY_ID_BYTES].hex()}" for name, raw in signatures)
        raise CheckpointError(
            f"并非由此公钥签名 not signed by {verifier.name}+{verifier.key_id.hex()}, but by {signers}"
        )
    if not all(verifier.accepts(raw[_KEY_ID_BYTES:], text.encode()) for raw in ours):
        raise CheckpointError(
            f"签名不符 the signature of {verifier.name} does not fit: the text or the signature was changed"
        )
    return text


def is_signed_by(note: str, verifier: Verifier) -> bool:
    """True if a signature claims to be the key's; open_note says whether it is. CheckpointError if it is no note."""
    return bool(verifier.own(_read_note(note)[1]))


def parse_and_verify(note: str, verifier: Verifier) -> Checkpoint:
    """The checkpoint in a note. CheckpointError unless the key has signed it and it has a checkpoint's form."""
    lines = open_note(note, verifier).split("\n")[:-1]
    if len(lines) < 3 or not all(lines):
        raise CheckpointError("不是检查点 not a checkpoint: origin, size and root hash are expected, a line each")
    origin, size, encoded = lines[:3]
    if not (size.isascii() and size.isdigit()) or (size[0] == "0" and size != "0"):
        raise CheckpointError("不是检查点 not a checkpoint: the second line is the number of entries")
    root = _b64(encoded)
    if len(root) != hashlib.sha256().digest_size:
        raise CheckpointError("不是检查点 not a checkpoint: the third line is the base64 of a SHA-256 root hash")
    return Checkpoint(origin, int(size), root)


def _key_id(name: str, public_key: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + public_key).digest()[:_KEY_ID_BYTES]


def _check_name(name: str) -> None:
    if not name or "+" in name or _has_control(name) or any(map(str.isspace, name)):
        raise ValueError("a key name is not empty and holds neither spaces nor a plus sign")


def _has_control(text: str) -> bool:
    return any(character < " " for character in text)


def _read_note(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """Text, and names and raw signatures under it."""
    if len(note) > MAX_NOTE_CHARACTERS or _has_control(note.replace("\n", "")):
        raise CheckpointError("不是签名文本 not a signed note: too long, or it holds control characters")
    text, separator, block = note.rpartition("\n\n")
    if not separator or not block.endswith("\n"):
        raise CheckpointError("不是签名文本 not a signed note: a text, an empty line and signature lines are expected")
    return text + "\n", [_read_signature(line) for line in block[:-1].split("\n")]


def _read_signature(line: str) -> tuple[str, bytes]:
    dash, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    raw = _b64(encoded)
    if dash != "—" or not name or len(raw) <= _KEY_ID_BYTES:
        raise CheckpointError("不是签名文本 not a signed note: a signature line is a dash, the key's name and base64")
    return name, raw


def _b64(text: str) -> bytes:
    """Decoded base64, or nothing if it is not in the one standard spelling."""
    try:
        raw = b64decode(text, validate=True)
    except ValueError:
        return b""
    return raw if b64encode(raw).decode() == text else b""
