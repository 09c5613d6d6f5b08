"""Identities as files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from outreach.client import Identity, IdentityError, IdentityLocked, identity_names, read_identity, write_identity
from outreach.client.identity import is_locked


def identity() -> Identity:
    return Identity("case-system", "clerk-1", ("case_system",), ("demo-bank",), Ed25519PrivateKey.generate(), "north")


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """An identity comes back from its file as it was, readable by its owner only."""
    written = identity()
    path = write_identity(tmp_path, "clerk-1", written)
    read = read_identity(tmp_path, "clerk-1")
    assert (read.caller_id, read.employee, read.team) == ("case-system", "clerk-1", "north")
    assert (read.roles, read.banks) == (("case_system",), ("demo-bank",))
    assert read.private_key.private_bytes_raw() == written.private_key.private_bytes_raw()
    assert path.stat().st_mode & 0o777 == 0o600
    assert identity_names(tmp_path) == ["clerk-1"]
    assert "private_key" not in repr(read)


def test_a_locked_one_wants_its_passphrase(tmp_path: Path) -> None:
    """The key of a locked identity is read with its passphrase alone, and the file holds it in no other form."""
    written = identity()
    path = write_identity(tmp_path, "clerk-1", written, "four words in a row")
    assert is_locked(tmp_path, "clerk-1")
    read = read_identity(tmp_path, "clerk-1", lambda: "four words in a row")
    assert read.private_key.private_bytes_raw() == written.private_key.private_bytes_raw()
    with pytest.raises(IdentityLocked, match="clerk-1"):
        read_identity(tmp_path, "clerk-1")
    with pytest.raises(IdentityError, match="passphrase"):
        read_identity(tmp_path, "clerk-1", lambda: "another four words")
    write_identity(tmp_path, "clerk-1", read)
    assert not is_locked(tmp_path, "clerk-1")
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_missing_one_names_those_there_are(tmp_path: Path) -> None:
    """A mistyped name is answered with the names that exist."""
    write_identity(tmp_path, "clerk-1", identity())
    with pytest.raises(IdentityError, match="clerk-1"):
        read_identity(tmp_path, "clerk-2")


@pytest.mark.parametrize("name", ["../secrets/x", "", ".hidden", "a/b", "a\0b"])
def test_a_name_is_no_path(tmp_path: Path, name: str) -> None:
    """Nothing outside the folder can be read under the name of an identity."""
    with pytest.raises(IdentityError, match="letters"):
        read_identity(tmp_path, name)


def test_a_spoiled_file_is_told_by_field(tmp_path: Path) -> None:
    """Each wrong field is named, with the file, and the key never shown."""
    path = write_identity(tmp_path, "x", identity())
    good = json.loads(path.read_text())
    other_key = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for key, value, word in (
        ("caller_id", 7, "caller_id"),
        ("roles", "case_system", "roles"),
        ("banks", [1], "banks"),
        ("private_key", other_key.decode(), "Ed25519"),
        ("private_key", "secret-words", "private_key"),
    ):
        path.write_text(json.dumps({**good, key: value}))
        with pytest.raises(IdentityError, match=word) as raised:
            read_identity(tmp_path, "x")
        assert "x.json" in str(raised.value)
        assert "secret-words" not in str(raised.value)
    path.write_text("{")
    with pytest.raises(IdentityError, match="no JSON"):
        read_identity(tmp_path, "x")
