"""How a ledger's signing key names the next one: a checkpoint with two more lines, which both keys sign.

    bank.example/ledger
    1024
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
    old-key bank.example/ledger+5a1f0c3e+AXn0...
    new-key bank.example/ledger+91b2d4a7+AZk8...

    — bank.example/ledger kbLUp...
    — bank.example/ledger Wh8MP...

Who trusts any one of a ledger's keys can so trust them all, each for the entries of its time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from outreach.ledger.checkpoint import Checkpoint, CheckpointError, Signer, Verifier, is_signed_by, parse_and_verify

_OLD, _NEW = "old-key ", "new-key "


@dataclass(frozen=True, slots=True)
class Handover:
    """One key named the next, over that many entries."""

    checkpoint: Checkpoint
    old: str
    """A verifier key."""
    new: str


def hand_over(origin: str, size: int, root: bytes, old: Signer, new: Signer) -> str:
    """The checkpoint with which `new` takes over from `old`, as a signed note."""
    return new.sign(origin, size, root, (_OLD + old.verifier_key, _NEW + new.verifier_key), also=(old,))


def is_handover(note: str) -> bool:
    """True for a checkpoint that names another key; whether it is a good one, read_handover says."""
    return f"\n{_NEW}" in note


def read_handover(note: str) -> Handover:
    """CheckpointError unless both keys that it names have signed it."""
    named = note.partition("\n\n")[0].split("\n")[3:]
    if len(named) != 2 or not named[0].startswith(_OLD) or not named[1].startswith(_NEW):
        raise CheckpointError("不是密钥交接 not a handover: a checkpoint with an old-key and a new-key is expected")
    old, new = named[0].removeprefix(_OLD), named[1].removeprefix(_NEW)
    parse_and_verify(note, Verifier.from_key(old))
    return Handover(parse_and_verify(note, Verifier.from_key(new)), old, new)


class KeyChain:
    """A ledger's keys, oldest first: the one that somebody trusts, and those that handovers lead to from it."""

    def __init__(self, vkey: str) -> None:
        """CheckpointError if the key is none."""
        Verifier.from_key(vkey)
        self.keys = [vkey.strip()]
        self.handovers: list[Handover] = []

    def follow(self, notes: Iterable[str]) -> None:
        """Takes handovers in, in whatever order. CheckpointError for one that is not good, or leads to none of the
        keys."""
        rest = [read_handover(note) for note in notes]
        while rest:
            left = [one for one in rest if not self._attach(one)]
            if len(left) == len(rest):
                raise CheckpointError(
                    f"密钥交接与已知公钥无关 a handover leads to no key that is known: {left[0].old} to {left[0].new}"
                )
            rest = left

    def _attach(self, one: Handover) -> bool:
        if one in self.handovers:
            return True
        if one.old == self.keys[-1] and one.new not in self.keys and self._is_after(one):
            self.keys.append(one.new)
            self.handovers.append(one)
        elif one.new == self.keys[0] and one.old not in self.keys and self._is_before(one):
            self.keys.insert(0, one.old)
            self.handovers.insert(0, one)
        else:
            return False
        return True

    def _is_after(self, one: Handover) -> bool:
        return not self.handovers or one.checkpoint.size > self.handovers[-1].checkpoint.size

    def _is_before(self, one: Handover) -> bool:
        return not self.handovers or one.checkpoint.size < self.handovers[0].checkpoint.size

    def open(self, note: str) -> Checkpoint:
        """The checkpoint in a note. CheckpointError unless one of the keys has signed it, in its own time."""
        verifiers = [Verifier.from_key(key) for key in self.keys]
        signers = [index for index, verifier in enumerate(verifiers) if is_signed_by(note, verifier)]
        index = signers[-1] if signers else len(verifiers) - 1
        checkpoint = parse_and_verify(note, verifiers[index])
        first = self.handovers[index - 1].checkpoint.size if index else 0
        last = self.handovers[index].checkpoint.size if index < len(self.handovers) else checkpoint.size
        if not first <= checkpoint.size <= last:
            raise CheckpointError(
                f"签名时此密钥不在任期内 {self.keys[index]} signed {checkpoint.size} entries, and its time was from "
                f"{first} to {last}"
            )
        return checkpoint
