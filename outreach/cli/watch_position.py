"""Where a watch goes on: the last position that was shown, in a file of the state directory."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Self

from outreach.cli.failures import Failure
from outreach.client import Identity

_WRITE_EVERY_S = 0.5


class WatchPosition:
    """The position of one identity's watch on a bank or a case. Written now and then, and when the block ends."""

    def __init__(self, state_dir: Path, identity: Identity, bank_id: str, case_id: str) -> None:
        name = "+".join(filter(None, (identity.caller_id, identity.employee, bank_id, case_id)))
        self._path = state_dir / "watch" / name.replace("/", "_")
        self._position = 0
        self._written = 0
        self._next_write = 0.0

    def __enter__(self) -> Self:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self

    def __exit__(self, *exception: object) -> None:
        self._write()

    def read(self) -> int:
        """The position of an earlier run; 0 if there was none. Raises Failure."""
        if not self._path.exists():
            return 0
        text = self._path.read_text(encoding="ascii", errors="replace").strip()
        if not text.isdecimal():
            raise Failure(
                f"{self._path} 不是位置：删除它，或用 --after 指定起点。"
                "It holds no position: remove it, or use --after."
            )
        return int(text)

    def note(self, position: int) -> None:
        """Remembers that everything up to the position was shown."""
        self._position = position
        if time.monotonic() >= self._next_write:
            self._write()
            self._next_write = time.monotonic() + _WRITE_EVERY_S

    def _write(self) -> None:
        if self._position == self._written:
            return
        part = self._path.with_name(self._path.name + ".part")
        part.write_text(f"{self._position}\n", encoding="ascii")
        part.replace(self._path)
        self._written = self._position
