"""Whether files that are replaced while a process runs are still the ones that it read."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

Stamps = tuple[tuple[int, int], ...]


def stamps(paths: Iterable[Path]) -> Stamps:
    """Of each file its inode and the time of its last change; another after it was written or replaced. OSError if one
    is missing."""
    statuses = [path.stat() for path in paths]
    return tuple((status.st_ino, status.st_mtime_ns) for status in statuses)
