"""Reads CSV files as offices write them: UTF-8 with or without BOM, or GBK; a broken line spoils no other.

No field of ours holds a line break, so every line is parsed by itself: an unclosed quote ends with its line. The file
is read twice, once to learn its encoding and length, and never held.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from outreach.cli.failures import Failure
from outreach.cli.lines import Line, check_columns
from outreach.sheets.cells import MAX_CHARACTERS, CellError, check_text

_GBK = "gb18030"  # contains all of GBK and GB 2312
_MAX_LINE_BYTES = 4 * (MAX_CHARACTERS + 2)
"""No shorter line can have more characters than allowed; what is beyond is not kept."""


class CsvFile:
    """An opened file: its columns are known to be the expected ones. Raises Failure, OSError."""

    note = ""

    def __init__(self, path: Path, required: Sequence[str], optional: Sequence[str] | None, prefix: str = "") -> None:
        """`prefix`: columns that begin so are taken, too; `optional` None: all others are."""
        self._path = path
        self._encoding, count = _survey(path)
        self._header_at, self.columns = self._header()
        self.line_count = count - self._header_at - 1
        """Lines after the header, empty ones included: a bound for a progress bar."""
        check_columns(f"{path}, line {self._header_at + 1}:", self.columns, required, optional, prefix)

    def close(self) -> None:
        """Nothing is open between two lines."""

    def lines(self) -> Iterator[Line]:
        """The lines after the header; empty ones are left out."""
        for number, text in enumerate(islice(self._texts(), self._header_at + 1, None), self._header_at + 2):
            if not text.strip(" \r,"):
                continue
            try:
                yield Line(number, self._cells(text))
            except CellError as error:
                yield Line(number, {}, str(error))

    def _cells(self, text: str) -> dict[str, str]:
        cells = _split(text)
        if len(cells) != len(self.columns):
            raise CellError(
                f"有 {len(cells)} 列，表头有 {len(self.columns)} 列 another number of columns than the header"
            )
        return {column: value.strip() for column, value in zip(self.columns, cells, strict=True)}

    def _header(self) -> tuple[int, list[str]]:
        for index, text in enumerate(self._texts()):
            if text.strip():
                try:
                    return index, [name.strip() for name in _split(text)]
                except CellError as error:
                    raise Failure(f"{self._path}, line {index + 1}: 表头 the header: {error}") from None
        raise Failure(f"{self._path} 是空文件：第一行须是列名。It is empty: the first line must name the columns.")

    def _texts(self) -> Iterator[str]:
        for index, line in enumerate(_raw_lines(self._path)):
            text = line.decode(self._encoding, "surrogateescape")
            yield text if index else text.removeprefix("\ufeff")


def _raw_lines(path: Path) -> Iterator[bytes]:
    """The lines without line feed and without UTF-8's byte order mark; of one that is too long, the beginning."""
    with path.open("rb") as file:
        if file.read(len(codecs.BOM_UTF8)) != codecs.BOM_UTF8:
            file.seek(0)
        while line := file.readline(_MAX_LINE_BYTES):
            rest = line
            while rest and not rest.endswith(b"\n"):
                rest = file.readline(_MAX_LINE_BYTES)
            yield line.removesuffix(b"\n")


def _survey(path: Path) -> tuple[str, int]:
    """The encoding and the number of lines. It is UTF-8 if at least half of the lines that could tell are: a line of
    GBK hardly ever is.
    """
    with path.open("rb") as file:
        if file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            raise Failure(f"{path} 是 UTF-16，请另存为 CSV UTF-8。It is UTF-16: save it as CSV UTF-8.")
    count = telling = utf8 = 0
    for line in _raw_lines(path):
        count += 1
        if not line.isascii():
            telling += 1
            utf8 += _is_utf8(line)
    return ("utf-8" if utf8 * 2 >= telling else _GBK), count


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _split(text: str) -> list[str]:
    try:
        return next(csv.reader([check_text(text.removesuffix("\r"))], strict=True))
    except csv.Error as error:
        raise CellError(f"不是 CSV no CSV: {error}") from None
