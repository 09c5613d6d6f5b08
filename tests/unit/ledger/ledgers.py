"""A ledger of any size, its key, and its exported file, for tests that then tamper with it."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from outreach.ledger import export
from outreach.ledger.checkpoint import Signer
from outreach.ledger.entries import encode
from outreach.ledger.merkle import Frontier, leaf_hash
from outreach.ledger.verify import Report, verify_export

ORIGIN = "bank.example/ledger"


class Ledger:
    """Entries 0 to size-1, minute by minute."""

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self.signer = Signer(ORIGIN, Ed25519PrivateKey.generate())
        self.bodies = [body(seq) for seq in range(size)]

    def checkpoint(self, bodies: list[bytes] | None = None) -> str:
        """Signed over these bodies, by default over all."""
        frontier = Frontier()
        frontier.extend([leaf_hash(body) for body in (self.bodies if bodies is None else bodies)])
        return self.signer.sign(ORIGIN, frontier.size, frontier.root())

    def verify(self, bodies: list[bytes] | None = None, witness: str | None = None) -> Report:
        """Exports these bodies under the checkpoint of the true ones, and verifies the file."""
        with self.path.open("wb") as file:
            export.write(file, ORIGIN, self.bodies if bodies is None else bodies, self.checkpoint())
        return self.verify_file(witness)

    def verify_file(self, witness: str | None = None) -> Report:
        return verify_export(self.path, self.signer.verifier_key, witnessed=[witness] if witness else [])


def body(seq: int, kind: str = "admitted") -> bytes:
    return encode(
        {"seq": seq, "time": f"2026-11-24T{seq // 60:02d}:{seq % 60:02d}:00.000Z", "kind": kind, "note": "短信"}
    )
