"""An append-only file of JSON lines. A line is on the disk before `append` returns; waiting lines share one fsync."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import orjson


class Journal:
    """One file. Opened again after a kill, it continues behind the last whole line."""

    def __init__(self, path: Path) -> None:
        self.records = _whole_lines(path)
        self._file = path.open("ab")
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def append(self, record: dict[str, Any]) -> None:
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE), done))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())
        await done

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            await asyncio.to_thread(self._sync, b"".join(line for line, _ in batch))
            for _, done in batch:
                done.set_result(None)
        self._writer = None

    def _sync(self, lines: bytes) -> None:
        self._file.write(lines)
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


def _whole_lines(path: Path) -> list[dict[str, Any]]:
    """The records so far; a line that a kill cut off was never answered for, and is cut away."""
    if not path.exists():
        return []
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        os.truncate(path, len(whole))
    return [orjson.loads(line) for line in whole.splitlines()]
