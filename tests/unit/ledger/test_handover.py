"""One key names the next: who trusts any of them can verify all, and nobody else's key gets in."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from outreach.ledger import export
from outreach.ledger.checkpoint import CheckpointError, Signer, Verifier, parse_and_verify
from outreach.ledger.entries import encode
from outreach.ledger.handover import KeyChain, hand_over, is_handover, read_handover
from outreach.ledger.merkle import Frontier, leaf_hash
from outreach.ledger.verify import KEY_CHANGED, Report, verify_export
from outreach.ledger.witness import Witness, headers, line, read_headers, read_notes
from tests.unit.ledger.ledgers import ORIGIN, body
from tests.unit.ledger.test_verify import DOCUMENT


def key() -> Signer:
    return Signer(ORIGIN, Ed25519PrivateKey.generate())


STRANGER = key()


class Rotated:
    """A ledger of 90 entries, whose key changed after 30 and after 60 of them."""

    SIZES = (30, 60)

    def __init__(self, path: Path) -> None:
        self.path = path
        self.signers = [key(), key(), key()]
        self.bodies = [body(seq) for seq in range(90)]
        for size, signer in zip(self.SIZES, self.signers[1:], strict=True):
            self.bodies[size - 1] = self.change(size - 1, signer)
        self.handovers = [self.handover(number) for number in range(2)]

    @staticmethod
    def change(seq: int, signer: Signer) -> bytes:
        return encode({"seq": seq, "time": "2026", "kind": KEY_CHANGED, "new_key": signer.verifier_key})

    @property
    def keys(self) -> list[str]:
        return [signer.verifier_key for signer in self.signers]

    def root(self, size: int) -> bytes:
        frontier = Frontier()
        frontier.extend([leaf_hash(one) for one in self.bodies[:size]])
        return frontier.root()

    def handover(self, number: int) -> str:
        size = self.SIZES[number]
        return hand_over(ORIGIN, size, self.root(size), self.signers[number], self.signers[number + 1])

    def note(self, size: int, signer: Signer) -> str:
        return signer.sign(ORIGIN, size, self.root(size))

    def write(self, signer: Signer | None = None) -> None:
        with self.path.open("wb") as file:
            newest = self.note(len(self.bodies), signer or self.signers[-1])
            export.write(file, ORIGIN, self.bodies, newest, self.handovers)

    def verify(self, vkey: str, *more: str, witnessed: tuple[str, ...] = ()) -> Report:
        return verify_export(self.path, vkey, witnessed=witnessed, more_keys=more)


@pytest.fixture
def rotated(tmp_path: Path) -> Rotated:
    made = Rotated(tmp_path / "ledger.txt")
    made.write()
    return made


def test_both_have_signed_and_each_can_be_checked(rotated: Rotated) -> None:
    """Other programs see a checkpoint with two signatures and two more lines."""
    note = rotated.handovers[0]
    read = read_handover(note)
    assert (read.old, read.new, read.checkpoint.size) == (*rotated.keys[:2], 30)
    assert [parse_and_verify(note, Verifier.from_key(one)).size for one in rotated.keys[:2]] == [30, 30]
    assert is_handover(note)
    assert not is_handover(rotated.note(30, rotated.signers[0]))


def test_each_of_the_keys_proves_all_of_it(rotated: Rotated) -> None:
    """The oldest forward, the newest back, one in the middle, and several at once."""
    for vkey in rotated.keys:
        report = rotated.verify(vkey)
        assert (report.problems, report.keys, report.entries) == ([], rotated.keys, 90)
    assert rotated.verify(rotated.keys[2], rotated.keys[0]).ok


def test_a_stranger_is_refused(rotated: Rotated) -> None:
    """As the key that somebody holds, as one more key, and as the one that signed the newest checkpoint."""
    assert "leads to no key that is known" in rotated.verify(STRANGER.verifier_key).problems[0]
    assert (
        f"not signed by {STRANGER.verifier_key}" in rotated.verify(rotated.keys[0], STRANGER.verifier_key).problems[0]
    )
    rotated.write(STRANGER)
    for vkey in rotated.keys:
        (problem,) = rotated.verify(vkey).problems
        assert "not signed by" in problem


def test_a_strangers_handover_is_refused(rotated: Rotated) -> None:
    """Signed by the stranger alone under the old key's name; by the old key alone; by both over other entries."""
    size, old = 60, rotated.signers[1]
    good = hand_over(ORIGIN, size, rotated.root(size), old, STRANGER)
    text, _, signatures = good.rpartition("\n\n")
    new_line, old_line = signatures.splitlines()
    spoilt = old_line[:-9] + ("B" if old_line[-9] == "A" else "A") + old_line[-8:]
    for lines in ([new_line], [old_line], [new_line, spoilt]):
        rotated.handovers[1] = f"{text}\n\n" + "".join(f"{one}\n" for one in lines)
        rotated.write(STRANGER)
        assert "a handover of keys" in rotated.verify(rotated.keys[0]).problems[0]
    forged = hand_over(ORIGIN, size, rotated.root(size), STRANGER, rotated.signers[2])
    rotated.handovers[1] = forged
    rotated.write()
    assert "leads to no key that is known" in rotated.verify(rotated.keys[0]).problems[0]


def test_a_key_that_was_replaced_signs_nothing_more(rotated: Rotated) -> None:
    """Whoever stole the old key may sign a longer ledger: its time was over. Without the handovers the file does not
    fit its own entries."""
    rotated.write(rotated.signers[0])
    assert any("its time was from 0 to 30" in problem for problem in rotated.verify(rotated.keys[0]).problems)
    rotated.handovers = []
    rotated.write(rotated.signers[0])
    assert "tell of 2 new keys, the file's handovers of 0" in rotated.verify(rotated.keys[0]).problems[0]
    assert "not signed by" in rotated.verify(rotated.keys[0], rotated.keys[2]).problems[0]


def test_a_past_rewritten_under_the_new_key(rotated: Rotated) -> None:
    """The holder of the newest key rewrites what the older one signed: its handover shows it, without any witness."""
    rotated.bodies[10] = body(10, "released")
    rotated.write()
    problems = rotated.verify(rotated.keys[2]).problems
    assert len(problems) == 2
    assert all("the past was changed" in problem for problem in problems)


def test_a_cut_back_ledger(rotated: Rotated) -> None:
    del rotated.bodies[50:]
    rotated.write(rotated.signers[1])
    assert any("the first 60 entries are not those" in problem for problem in rotated.verify(rotated.keys[0]).problems)


def test_a_witness_of_any_time_agrees(rotated: Rotated) -> None:
    """Checkpoints that the older keys signed in their time prove the same; one of another time is refused."""
    early, late = rotated.note(20, rotated.signers[0]), rotated.note(70, rotated.signers[2])
    for vkey in rotated.keys:
        report = rotated.verify(vkey, witnessed=(early, rotated.handovers[0], late))
        assert report.ok, report.problems
        assert report.witness is not None
        assert report.witness.size == 70
    overdue = rotated.note(70, rotated.signers[0])
    assert "its time was from 0 to 30" in rotated.verify(rotated.keys[0], witnessed=(overdue,)).problems[0]


def test_the_witness_learns_the_next_key(rotated: Rotated) -> None:
    """With the oldest key alone, also one that sleeps over both changes; its own file goes on with any of them."""
    witness = Witness(rotated.keys[0])
    kept = [rotated.note(10, rotated.signers[0])]
    assert witness.see(kept[0])
    with pytest.raises(CheckpointError, match="not signed by"):
        witness.see(rotated.note(70, rotated.signers[2]))
    news = witness.learn(read_headers(headers(rotated.handovers)))
    assert news == rotated.handovers
    assert witness.learn(rotated.handovers) == []
    assert witness.see(rotated.note(70, rotated.signers[2]))
    text = b"".join(line(note, "t") for note in [*kept, *news, rotated.note(70, rotated.signers[2])]).decode()
    for vkey in rotated.keys:
        again = Witness(vkey, read_notes(text))
        assert again.last is not None
        assert again.last.size == 70
        assert again.see(rotated.note(80, rotated.signers[2]))
    with pytest.raises(CheckpointError, match="leads to no key that is known"):
        Witness(STRANGER.verifier_key, read_notes(text))


def test_a_fork_at_a_handover_alarms(rotated: Rotated) -> None:
    """The witness has seen other entries than those over which the key was handed on."""
    witness = Witness(rotated.keys[0])
    witness.see(rotated.signers[0].sign(ORIGIN, 30, bytes(32)))
    with pytest.raises(CheckpointError, match="two ledgers"):
        witness.learn(rotated.handovers)


@pytest.mark.parametrize("told", ["", "!", "e30=", "WzFd"])
def test_headers_that_say_nothing(told: str) -> None:
    """What is no list of handovers is refused, at once or when it is learned."""
    with pytest.raises(CheckpointError):
        Witness(STRANGER.verifier_key).learn(read_headers({"Outreach-Handovers": told}) or [""])
    assert read_headers(None) == read_headers(headers([])) == []


def test_a_chain_does_not_turn(rotated: Rotated) -> None:
    """A key comes once, and entries only grow from one to the next."""
    first, second, _ = rotated.signers
    chain = KeyChain(rotated.keys[0])
    chain.follow(rotated.handovers)
    for note in (
        hand_over(ORIGIN, 70, rotated.root(70), rotated.signers[2], first),
        hand_over(ORIGIN, 60, rotated.root(60), rotated.signers[2], STRANGER),
        hand_over(ORIGIN, 70, rotated.root(70), second, STRANGER),
    ):
        with pytest.raises(CheckpointError, match="leads to no key that is known"):
            chain.follow([note])
    assert chain.keys == rotated.keys


def test_the_recipe_without_our_code_takes_the_newest_key(rotated: Rotated) -> None:
    """docs/ledger.md's script, which knows nothing of handovers."""
    script = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)[0]
    command = [sys.executable, "-I", "-c", script, str(rotated.path), rotated.keys[2]]
    proven = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (proven.returncode, proven.stdout) == (0, f"{ORIGIN}: 90 entries, proven\n")


@pytest.mark.parametrize("spoilt", ["{}", '"x"', "[1]"])
def test_a_first_line_that_is_damaged(rotated: Rotated, spoilt: str) -> None:
    first = f'{{"format":"outreach-ledger/1","origin":"o","handovers":{spoilt}}}\n'
    rotated.path.write_bytes(first.encode() + rotated.path.read_bytes().partition(b"\n")[2])
    assert "handovers should be a list" in rotated.verify(rotated.keys[0]).problems[0]
