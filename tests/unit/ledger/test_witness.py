"""What a witness keeps, and what alarms it."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from outreach.ledger.checkpoint import CheckpointError, Signer
from outreach.ledger.witness import Witness, line, read_notes

SIGNER = Signer("example.com/ledger", Ed25519PrivateKey.generate())
ROOTS = [bytes([number]) * 32 for number in range(3)]


def note(size: int, root: bytes = ROOTS[0], origin: str = "example.com/ledger") -> str:
    return SIGNER.sign(origin, size, root)


def witness() -> Witness:
    return Witness(SIGNER.verifier_key)


def test_only_growth_is_news() -> None:
    """The same one again and a late one are not."""
    one = witness()
    assert [one.see(note(size)) for size in (5, 5, 4, 6)] == [True, False, False, True]


def test_two_ledgers_alarm() -> None:
    """As many entries with another root, another ledger's name, another's signature."""
    one = witness()
    one.see(note(5))
    with pytest.raises(CheckpointError, match="two ledgers"):
        one.see(note(5, ROOTS[1]))
    with pytest.raises(CheckpointError, match="another ledger"):
        one.see(note(6, origin="example.com/other"))
    with pytest.raises(CheckpointError, match="not signed by"):
        one.see(Signer("other", Ed25519PrivateKey.generate()).sign("example.com/ledger", 6, ROOTS[0]))


def test_the_file_keeps_every_one() -> None:
    """All lines are read again; one that a crash cut off is left out; a damaged one is told."""
    kept = (line(note(1), "a") + line(note(2), "b")).decode()
    assert read_notes(kept) == [note(1), note(2)]
    assert read_notes(kept[:-5]) == [note(1)]
    assert read_notes(note(1)) == [note(1)]
    with pytest.raises(CheckpointError, match="line 1"):
        read_notes("{x\n" + kept)
