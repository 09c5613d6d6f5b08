"""What a witness keeps: the signed checkpoints that it has seen, a JSON line each, oldest first.

{"checkpoint":"outreach-gateway\\n17\\n...","seen":"2026-11-24T08:00:00Z"}

All of them, and not only the newest: a ledger that was rewritten has a newest checkpoint too.
"""

from __future__ import annotations

import orjson

from outreach.ledger.checkpoint import Checkpoint, CheckpointError, Verifier, parse_and_verify


class Witness:
    """Looks at checkpoints as they come, from the last one that was kept on."""

    def __init__(self, verifier: Verifier, last: Checkpoint | None = None) -> None:
        self._verifier = verifier
        self.last = last

    def see(self, note: str) -> bool:
        """True if the checkpoint is news. CheckpointError if it is not the key's, is of another ledger, or is another
        one of as many entries: then there are two ledgers. One of fewer entries was merely late.
        """
        seen = parse_and_verify(note, self._verifier)
        last = self.last
        if last is not None and seen.origin != last.origin:
            raise CheckpointError(f"另一账本的检查点 a checkpoint of another ledger: {seen.origin}, not {last.origin}")
        if last is not None and seen.size == last.size and seen.root != last.root:
            raise CheckpointError(
                f"账本分叉，同条数而根不同 two ledgers: both have {seen.size} entries, with different roots"
            )
        if last is not None and seen.size <= last.size:
            return False
        self.last = seen
        return True


def line(note: str, seen: str) -> bytes:
    """A line of the file."""
    return orjson.dumps({"checkpoint": note, "seen": seen}) + b"\n"


def read_notes(text: str) -> list[str]:
    """The checkpoints in such a file, or the one in a file that has only it. A last line that was cut off is left out.

    CheckpointError for a line that is none.
    """
    if not text.startswith("{"):
        return [text]
    notes = []
    for number, one in enumerate(text.split("\n")[:-1], 1):
        try:
            notes.append(str(orjson.loads(one)["checkpoint"]))
        except (orjson.JSONDecodeError, KeyError, TypeError):
            raise CheckpointError(f"见证文件有损 line {number} of the witness's file is damaged") from None
    return notes
