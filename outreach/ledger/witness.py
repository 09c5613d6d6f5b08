"""What a witness keeps: the signed checkpoints that it has seen, a JSON line each, oldest first.

{"checkpoint":"outreach-gateway\\n17\\n...","seen":"2026-11-24T08:00:00Z"}

All of them, and not only the newest: a ledger that was rewritten has a newest checkpoint too.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence

import orjson

from outreach.ledger.checkpoint import Checkpoint, CheckpointError
from outreach.ledger.handover import KeyChain, is_handover

HEADER = "Outreach-Handovers"
"""Of the message with a checkpoint: base64 of a JSON list of signed notes."""


class Witness:
    """Looks at checkpoints as they come, from what was kept on. When the ledger's key changes, it learns the next."""

    def __init__(self, vkey: str, kept: Sequence[str] = ()) -> None:
        """`kept`: the notes of the file, oldest first. CheckpointError if the last one is not the ledger's."""
        self._chain = KeyChain(vkey)
        self._handovers: set[str] = set()
        self.last: Checkpoint | None = None
        self.learn(filter(is_handover, kept))
        self.last = self._chain.open(kept[-1]) if kept else None

    def learn(self, handovers: Iterable[str]) -> list[str]:
        """Those that are news, to be kept. CheckpointError for one that leads to no known key, or as `see` raises."""
        news = [note for note in handovers if note not in self._handovers]
        self._chain.follow(news)
        self._handovers.update(news)
        for note in news:
            self.see(note)
        return news

    def see(self, note: str) -> bool:
        """True if the checkpoint is news. CheckpointError if it is not the key's, is of another ledger, or is another
        one of as many entries: then there are two ledgers. One of fewer entries was merely late.
        """
        seen = self._chain.open(note)
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


def headers(handovers: Sequence[str]) -> dict[str, str]:
    """What goes with a checkpoint on its way: the handovers of the ledger's keys so far, if there are any."""
    return {HEADER: b64encode(orjson.dumps(handovers)).decode()} if handovers else {}


def read_headers(told: Mapping[str, str] | None) -> list[str]:
    """The handovers that came with a checkpoint. CheckpointError if they cannot be read."""
    try:
        return list(map(str, orjson.loads(b64decode((told or {}).get(HEADER, "W10=")))))
    except (ValueError, TypeError):
        raise CheckpointError("无法读取随检查点而来的密钥交接 the handovers that came with it cannot be read") from None


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
