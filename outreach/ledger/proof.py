"""One entry with its proof in a file of its own: c2sp.org/tlog-proof.

The form proves an entry that one has elsewhere. Its extra data, which it leaves to us, is a JSON object with the entry
and the handovers of keys, so that the file alone tells all; nothing of it is believed before it is checked.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from outreach.ledger.checkpoint import Checkpoint, CheckpointError
from outreach.ledger.entries import decode
from outreach.ledger.handover import KeyChain
from outreach.ledger.merkle import leaf_hash, verify_inclusion
from outreach.v1.ledger_service_pb2 import GetProofResponse

SUFFIX = ".tlog-proof"
MAX_BYTES = 1_000_000
_FORM = "c2sp.org/tlog-proof@v1"


@dataclass(frozen=True, slots=True)
class Proof:
    """What a proof claims: the entry's canonical JSON, where it stands, and what leads from it to the checkpoint."""

    index: int
    body: bytes
    path: Sequence[bytes]
    checkpoint: str
    handovers: Sequence[str]


def of(answer: GetProofResponse) -> Proof:
    return Proof(answer.entry.index, answer.entry.body, answer.path, answer.checkpoint, answer.handovers)


def write(proof: Proof) -> str:
    extra = orjson.dumps({"entry": proof.body.decode(), "handovers": list(proof.handovers)})
    lines = [_FORM, f"extra {b64encode(extra).decode()}", f"index {proof.index}"]
    lines += [b64encode(node).decode() for node in proof.path]
    return "\n".join((*lines, "", proof.checkpoint))


def read(text: str) -> Proof:
    """What `write` gave, or another's proof without our extra data, whose body is then empty. CheckpointError if it is
    not in this form."""
    head, _, checkpoint = text.partition("\n\n")
    form, *lines = head.split("\n")
    try:
        extra = _extra(lines.pop(0)) if lines[0].startswith("extra ") else {}
        word, _, number = lines.pop(0).partition(" ")
        index = int(number)
        if form != _FORM or word != "index" or str(index) != number or index < 0:
            raise ValueError
        path = [b64decode(line, validate=True) for line in lines]
        handovers = tuple(map(str, extra.get("handovers", ())))
        return Proof(index, str(extra.get("entry", "")).encode(), path, checkpoint, handovers)
    except (ValueError, IndexError, TypeError):
        raise CheckpointError(
            f"不是账目证明 not a proof of an entry: {_FORM}, an index, hashes and a checkpoint are expected"
        ) from None


def verify(proof: Proof, vkey: str) -> tuple[Checkpoint, dict[str, object]]:
    """The checkpoint and the entry, proven by any key that the ledger ever had. CheckpointError says what is wrong."""
    chain = KeyChain(vkey)
    chain.follow(proof.handovers)
    signed = chain.open(proof.checkpoint)
    if not verify_inclusion(leaf_hash(proof.body), proof.index, signed.size, proof.path, signed.root):
        raise CheckpointError(
            f"条目 {proof.index} 未得证：被改动，或证明不符 entry {proof.index} is not in the signed ledger as it "
            "stands here: it or its proof was changed"
        )
    try:
        entry = decode(proof.body)
    except ValueError as error:
        raise CheckpointError(f"条目 {proof.index} entry {proof.index}: {error}") from None
    if entry.get("seq") != proof.index:
        raise CheckpointError(f"条目 {proof.index} 序号不符 entry {proof.index} has another number")
    return signed, entry


def _extra(line: str) -> dict[str, Any]:
    found = orjson.loads(b64decode(line.removeprefix("extra "), validate=True))
    if not isinstance(found, dict):
        raise ValueError("not ours")
    return found
