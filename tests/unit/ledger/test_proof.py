"""The proof of one entry in a file: c2sp.org/tlog-proof."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from outreach.ledger import proof as ledger_proof
from outreach.ledger.checkpoint import CheckpointError, Signer
from outreach.ledger.entries import encode
from outreach.ledger.handover import hand_over
from outreach.ledger.merkle import Frontier, inclusion_proof, leaf_hash
from outreach.ledger.proof import Proof

ORIGIN = "bank.example/ledger"
SIGNER, NEXT = (Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)) for number in (1, 2))
BODIES = [encode({"seq": seq, "kind": "released", "reason": "核对"}) for seq in range(7)]
LEAVES = [leaf_hash(body) for body in BODIES]


def root(size: int) -> bytes:
    frontier = Frontier()
    frontier.extend(LEAVES[:size])
    return frontier.root()


def proof(index: int, signer: Signer = SIGNER, handovers: tuple[str, ...] = ()) -> Proof:
    note = signer.sign(ORIGIN, 7, root(7))
    return Proof(index, BODIES[index], inclusion_proof(LEAVES, index), note, handovers)


@pytest.mark.parametrize("index", range(7))
def test_every_entry_is_proven_by_its_file(index: int) -> None:
    """What is written has the form's lines in their order, is read back alike, and verifies."""
    written = ledger_proof.write(proof(index))
    first, extra, number, *path = written.partition("\n\n")[0].split("\n")
    assert (first, extra[:6], number) == ("c2sp.org/tlog-proof@v1", "extra ", f"index {index}")
    assert [b64decode(line) for line in path] == inclusion_proof(LEAVES, index)
    assert written.endswith("\n\n" + SIGNER.sign(ORIGIN, 7, root(7)))
    signed, entry = ledger_proof.verify(ledger_proof.read(written), SIGNER.verifier_key)
    assert (signed.size, entry["seq"]) == (7, index)


def test_a_tree_of_one_entry_needs_no_path() -> None:
    """The index is followed by the empty line at once."""
    alone = Proof(0, BODIES[0], [], SIGNER.sign(ORIGIN, 1, root(1)), ())
    assert "\nindex 0\n\nbank.example" in ledger_proof.write(alone)
    assert ledger_proof.verify(ledger_proof.read(ledger_proof.write(alone)), SIGNER.verifier_key)[0].size == 1


def test_what_was_changed_is_proven_no_more() -> None:
    """Another entry, place, path, checkpoint or key: each is found out."""
    good = proof(3)
    for bad in (
        replace(good, body=BODIES[3].replace(b"released", b"approved")),
        replace(good, body=BODIES[4]),
        replace(good, index=2),
        replace(good, path=good.path[:-1]),
        replace(good, path=[*good.path, bytes(32)]),
        replace(good, checkpoint=SIGNER.sign(ORIGIN, 6, root(6))),
        replace(good, checkpoint=good.checkpoint.replace("\n7\n", "\n8\n")),
        proof(3, NEXT),
    ):
        with pytest.raises(CheckpointError):
            ledger_proof.verify(ledger_proof.read(ledger_proof.write(bad)), SIGNER.verifier_key)


def test_an_entry_under_another_s_number_is_no_proof() -> None:
    """A signed leaf whose own number is not its place is told."""
    body = encode({"seq": 5, "kind": "released"})
    wrong = Proof(0, body, [], SIGNER.sign(ORIGIN, 1, leaf_hash(body)), ())
    with pytest.raises(CheckpointError, match="another number"):
        ledger_proof.verify(wrong, SIGNER.verifier_key)


@pytest.mark.parametrize("vkey", [SIGNER.verifier_key, NEXT.verifier_key])
def test_any_key_that_the_ledger_had_verifies(vkey: str) -> None:
    """The handovers in the file lead from the key one has to the one that signed."""
    handover = hand_over(ORIGIN, 4, root(4), SIGNER, NEXT)
    found = ledger_proof.read(ledger_proof.write(proof(2, NEXT, (handover,))))
    assert ledger_proof.verify(found, vkey)[0].size == 7


def test_a_proof_without_our_extra_brings_no_entry() -> None:
    """Another program's proof is read; its entry is given apart."""
    lines = ledger_proof.write(proof(3)).split("\n")
    found = ledger_proof.read("\n".join((lines[0], *lines[2:])))
    assert found == replace(proof(3), body=b"")
    assert ledger_proof.verify(replace(found, body=BODIES[3]), SIGNER.verifier_key)[1]["seq"] == 3


@pytest.mark.parametrize(
    "text",
    [
        "",
        "c2sp.org/tlog-proof@v1",
        "c2sp.org/tlog-proof@v2\nindex 0\n\nx",
        "c2sp.org/tlog-proof@v1\nindex 00\n\nx",
        "c2sp.org/tlog-proof@v1\nindex -1\n\nx",
        "c2sp.org/tlog-proof@v1\nindex 1\nno base64!\n\nx",
        "c2sp.org/tlog-proof@v1\nextra !\nindex 1\n\nx",
        *(
            f"c2sp.org/tlog-proof@v1\nextra {b64encode(extra).decode()}\nindex 1\n\nx"
            for extra in (b"[]", b'{"handovers":1}')
        ),
        "c2sp.org/tlog-proof@v1\nextra \nindex " + "9" * 5000,
    ],
)
def test_what_is_no_proof_is_told(text: str) -> None:
    """Whatever is given, the answer is one line."""
    with pytest.raises(CheckpointError, match="not a proof"):
        ledger_proof.read(text)
