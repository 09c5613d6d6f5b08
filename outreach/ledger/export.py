"""The exported ledger, a text file that a person can read, grep and diff:

    {"format":"outreach-ledger/1","origin":"example.com/ledger"}  where keys changed, "handovers":["...", ...], too
    {"bank":"...","kind":"admitted","seq":0,"time":"..."}         one line per entry: its canonical body
    ...
                                                                  one empty line
    example.com/ledger                                            the checkpoint, a signed note, to the end
    2
    W6Cx...=

    — example.com/ledger c2ln...

A body begins with { and holds no newline, so none can pass for the empty line that ends the entries.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO

import orjson

FORMAT = "outreach-ledger/1"
_BLOCK_BYTES = 1 << 20
MAX_LINE_BYTES = 1 << 20
MAX_CHECKPOINT_BYTES = 1 << 17


class ExportError(ValueError):
    """A file that is no export, or not a whole one; the message says what a person can do."""


def write(file: BinaryIO, origin: str, bodies: Iterable[bytes], checkpoint: str, handovers: Sequence[str] = ()) -> None:
    """Writes an export of canonical bodies, the checkpoint over them, and the handovers of its keys (ledger.handover).

    ValueError for a body that would break the frame: no object, a newline in it, more than 1 MiB.
    """
    file.write(header(origin, handovers))
    file.writelines(_line(body) for body in bodies)
    file.write(b"\n" + checkpoint.encode())


def header(origin: str, handovers: Sequence[str] = ()) -> bytes:
    """The first line."""
    told = {"format": FORMAT, "origin": origin}
    return orjson.dumps(told | {"handovers": list(handovers)} if handovers else told) + b"\n"


def _line(body: bytes) -> bytes:
    if body[:1] != b"{" or b"\n" in body or len(body) > MAX_LINE_BYTES:
        raise ValueError("an entry's body is one line of JSON, an object, of at most 1 MiB")
    return body + b"\n"


class Reader:
    """Reads an export as a stream: the header at once, then `batches`, and `checkpoint` when these are exhausted.

    ExportError, also from `batches`, if the file is not a whole export.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.origin, self.handovers = _read_header(file.readline(MAX_LINE_BYTES))
        self.checkpoint = ""

    def batches(self) -> Iterator[list[bytes]]:
        """The entries' bodies as they are in the file, about 1 MiB at a time."""
        rest = b""
        while block := self._file.read(_BLOCK_BYTES):
            lines = (rest + block).split(b"\n")
            if b"" in lines[:-1]:
                end = lines.index(b"")
                yield lines[:end]
                self._read_checkpoint(b"\n".join(lines[end + 1 :]))
                return
            rest = lines.pop()
            if len(rest) > MAX_LINE_BYTES:
                raise ExportError("行过长 a line is longer than 1 MiB: this is no entry that we wrote")
            yield lines
        raise ExportError("文件不完整 the file ends before its checkpoint: it was cut off; export or copy it again")

    def _read_checkpoint(self, begun: bytes) -> None:
        note = begun + self._file.read(MAX_CHECKPOINT_BYTES)
        try:
            self.checkpoint = note.decode()
        except UnicodeDecodeError:
            raise ExportError("条目之后不是检查点 what follows the entries is no text, so no checkpoint") from None


def _read_header(line: bytes) -> tuple[str, list[str]]:
    try:
        first = orjson.loads(line)
    except orjson.JSONDecodeError:
        first = None
    if not isinstance(first, dict) or first.get("format") != FORMAT or not isinstance(first.get("origin"), str):
        raise ExportError(
            f'不是导出的账本 not an exported ledger: the first line should say "format":"{FORMAT}" and the origin'
        )
    if line.endswith(b"\r\n"):
        raise ExportError(
            "行尾被改为 CRLF the line ends were changed to CRLF on the way; copy the file again as binary"
        )
    handovers = first.get("handovers", [])
    if not isinstance(handovers, list) or not all(isinstance(note, str) for note in handovers):
        raise ExportError("密钥交接有损 the first line's handovers should be a list of signed notes")
    return str(first["origin"]), handovers
