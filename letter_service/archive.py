"""Keeps PDFs by their SHA-256, sealed: in a folder, or in a bucket of an S3-compatible store.

Form of a kept file: a random id of 16 bytes, then pieces of 256 KiB (the last one shorter, it may be empty), each
sealed by itself and bound to the file's id, to its place and to whether it is the last. So a run is neither written
nor read as a whole in memory, and a file that was cut, reordered or put under another's name is found out: the last
piece is given out only when the hash is right.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, BinaryIO, Protocol

from outreach.runtime.sealing import SEALED_BYTES, Sealer, UnsealError

PIECE_BYTES = 256 * 1024
_ID_BYTES = 16
_STEP_BYTES = PIECE_BYTES + SEALED_BYTES
_CONTEXT = b"letter_service.archive"


class NotKept(Exception):
    """No PDF of that hash is kept."""


class Damaged(Exception):
    """A kept file was changed or cut, or is not what its name says."""


class Store(Protocol):
    """Where sealed files lie, by name. Each method may block; a failing store raises OSError."""

    def put(self, name: str, file: Path) -> None:
        """Takes the file, which is gone afterwards. From now on all of it can be opened, before that nothing."""

    def settle(self) -> None:
        """Returns once all that was put is there for good, whatever happens to the machine."""

    def open(self, name: str) -> tuple[BinaryIO, int]:
        """The content to read and close, and its length. Raises NotKept."""

    def remove(self, name: str) -> None:
        """Removes it if it is there."""


class Archive:
    """PDFs by hash. Its methods block: call them where that does not matter."""

    def __init__(self, store: Store, sealer: Sealer, spool: Path) -> None:
        """`spool`: a local folder for what is being written; nothing lies in it unsealed."""
        self._store = store
        self._sealer = sealer
        self._spool = spool
        spool.mkdir(mode=0o700, parents=True, exist_ok=True)

    def create(self) -> PdfWriter:
        """A writer for one PDF, in a `with` block; its `keep` makes it stay."""
        return PdfWriter(self._store, self._sealer, self._spool)

    def keep(self, pdf: bytes) -> str:
        """Keeps a PDF and returns its hash; `settle` makes it safe. OSError."""
        with self.create() as writer:
            writer.write(pdf)
            return writer.keep()

    def settle(self) -> None:
        """Returns once all that was kept survives a power failure: once for a run, since each wait costs as much.

        OSError.
        """
        self._store.settle()

    def read(self, sha256: str) -> tuple[Iterator[bytes], int]:
        """The pieces of a PDF and its length in bytes. Raises NotKept, OSError; the iterator also Damaged."""
        file, length = self._store.open(sha256)
        return self._pieces(sha256, file), _plain_length(length)

    def remove(self, sha256: str) -> None:
        """Forgets a PDF."""
        self._store.remove(sha256)

    def _pieces(self, sha256: str, file: BinaryIO) -> Iterator[bytes]:
        digest = hashlib.sha256()
        with file:
            file_id, step, place = _read(file, _ID_BYTES), _read(file, _STEP_BYTES), 0
            while True:
                following = _read(file, _STEP_BYTES)
                try:
                    piece = self._sealer.open(step, _context(file_id, place, is_last=not following))
                except UnsealError:
                    raise Damaged from None
                digest.update(piece)
                if not following and digest.hexdigest() != sha256:
                    raise Damaged
                yield piece
                if not following:
                    return
                step, place = following, place + 1


class PdfWriter:
    """Seals what is written, piece by piece. What is not kept at the end of the `with` block is gone."""

    def __init__(self, store: Store, sealer: Sealer, spool: Path) -> None:
        self._store = store
        self._sealer = sealer
        handle, name = tempfile.mkstemp(dir=spool)
        self._file = os.fdopen(handle, "wb")
        self._path = Path(name)
        self._id = os.urandom(_ID_BYTES)
        self._file.write(self._id)
        self._digest = hashlib.sha256()
        self._rest = bytearray()
        self._place = 0

    def __enter__(self) -> PdfWriter:
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)

    def write(self, data: bytes) -> int:
        self._digest.update(data)
        self._rest += data
        while len(self._rest) > PIECE_BYTES:
            self._seal(bytes(self._rest[:PIECE_BYTES]), is_last=False)
            del self._rest[:PIECE_BYTES]
        return len(data)

    def flush(self) -> None:
        """What is written is safe once the archive has settled, not before."""

    def keep(self) -> str:
        """Ends the PDF and hands it to the store; returns its SHA-256, in lower hex. OSError."""
        self._seal(bytes(self._rest), is_last=True)
        self._file.close()
        self._store.put(self._digest.hexdigest(), self._path)
        return self._digest.hexdigest()

    def _seal(self, piece: bytes, *, is_last: bool) -> None:
        self._file.write(self._sealer.seal(piece, _context(self._id, self._place, is_last=is_last)))
        self._place += 1


class Folder:
    """A store in a folder of this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def put(self, name: str, file: Path) -> None:
        path = self._path(name)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        file.replace(path)

    def settle(self) -> None:
        """Waits for the file system as a whole: for each of a run's files by itself would take minutes."""
        if sys.platform != "linux":
            os.sync()
            return
        handle = os.open(self._folder, os.O_RDONLY)
        try:
            if ctypes.CDLL(None, use_errno=True).syncfs(handle):
                raise OSError(ctypes.get_errno(), "syncfs")
        finally:
            os.close(handle)

    def open(self, name: str) -> tuple[BinaryIO, int]:
        try:
            file = self._path(name).open("rb")
        except FileNotFoundError:
            raise NotKept from None
        return file, os.fstat(file.fileno()).st_size

    def remove(self, name: str) -> None:
        with suppress(FileNotFoundError):
            self._path(name).unlink()

    def _path(self, name: str) -> Path:
        """In one of 256 folders, so that none of them grows without end."""
        return self._folder / name[:2] / name


def _context(file_id: bytes, place: int, *, is_last: bool) -> bytes:
    return b"".join((_CONTEXT, file_id, place.to_bytes(8, "big"), b"\x01" if is_last else b"\x00"))


def _plain_length(sealed: int) -> int:
    pieces = -(-(sealed - _ID_BYTES) // _STEP_BYTES)
    return sealed - _ID_BYTES - pieces * SEALED_BYTES


def _read(file: IO[bytes], size: int) -> bytes:
    """That many bytes, fewer at the end only: a response of a server gives what has come by then."""
    parts, left = [], size
    while left and (part := file.read(left)):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)
