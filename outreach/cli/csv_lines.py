"""Reads CSV files as offices write them: UTF-8 with or without BOM, or GBK; a broken line spoils no other.

No field of ours holds a line break, so every line is parsed by itself: an unclosed quote ends with its line.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from outreach.cli.failures import Failure

MAX_LINE_CHARACTERS = 64 * 1024
_GBK = "gb18030"  # contains all of GBK and GB 2312


class LineError(ValueError):
    """Why a line cannot be used, without any of its content."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the file, by its number from 1, as column to text, or as what is wrong with it."""

    number: int
    cells: dict[str, str]
    error: str = ""


class CsvFile:
    """An opened file: its columns are known to be the expected ones. Raises Failure, OSError."""

    def __init__(self, path: Path, required: Sequence[str], optional: Sequence[str], prefix: str = "") -> None:
        """`prefix`: columns that begin so are taken, too."""
        self._lines = _read_lines(path)
        self._header_at, self.columns = self._header(path)
        self._check_columns(path, required, optional, prefix)

    @property
    def line_count(self) -> int:
        """Lines after the header, empty ones included: a bound for a progress bar."""
        return len(self._lines) - self._header_at - 1

    def lines(self) -> Iterator[Line]:
        """The lines after the header; empty ones are left out."""
        for number, text in enumerate(self._lines[self._header_at + 1 :], self._header_at + 2):
            if not text.strip(" \r,"):
                continue
            try:
                yield Line(number, self._cells(text))
            except LineError as error:
                yield Line(number, {}, str(error))

    def _cells(self, text: str) -> dict[str, str]:
        cells = _split(text)
        if len(cells) != len(self.columns):
            raise LineError(
                f"有 {len(cells)} 列，表头有 {len(self.columns)} 列 another number of columns than the header"
            )
        return {column: value.strip() for column, value in zip(self.columns, cells, strict=True)}

    def _header(self, path: Path) -> tuple[int, list[str]]:
        for index, text in enumerate(self._lines):
            if text.strip():
                try:
                    return index, [name.strip() for name in _split(text)]
                except LineError as error:
                    raise Failure(f"{path}, line {index + 1}: 表头 the header: {error}") from None
        raise Failure(f"{path} 是空文件：第一行须是列名。It is empty: the first line must name the columns.")

    def _check_columns(self, path: Path, required: Sequence[str], optional: Sequence[str], prefix: str) -> None:
        known = {*required, *optional}
        doubled = sorted({name for name in self.columns if self.columns.count(name) > 1})
        missing = [name for name in required if name not in self.columns]
        unknown = [n for n in self.columns if n not in known and not (prefix and n.startswith(prefix))]
        where = f"{path}, line {self._header_at + 1}:"
        if doubled:
            raise Failure(
                f"{where} 列 {_shown(doubled)} 重复，请留一个。The column is there twice: keep one.", field=doubled[0]
            )
        if missing:
            raise Failure(
                f"{where} 缺少列 {_shown(missing)}。The column is missing. {_expected(known, prefix)}", field=missing[0]
            )
        if unknown:
            raise Failure(f"{where} 没有列 {_shown(unknown)}。There is no such column. {_expected(known, prefix)}")


def _read_lines(path: Path) -> list[str]:
    data = path.read_bytes()
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise Failure(f"{path} 是 UTF-16，请另存为 CSV UTF-8。It is UTF-16: save it as CSV UTF-8.")
    raw = data.removeprefix(codecs.BOM_UTF8).split(b"\n")
    if not raw[-1]:
        raw.pop()
    encoding = _encoding(raw)
    lines = [line.decode(encoding, "surrogateescape") for line in raw]
    if lines:
        lines[0] = lines[0].removeprefix("\ufeff")
    return lines


def _encoding(raw: Sequence[bytes]) -> str:
    """UTF-8 if at least half of the lines that could tell are UTF-8: a line of GBK hardly ever is."""
    telling = [line for line in raw if not line.isascii()]
    return "utf-8" if sum(map(_is_utf8, telling)) * 2 >= len(telling) else _GBK


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _split(text: str) -> list[str]:
    text = text.removesuffix("\r")
    if len(text) > MAX_LINE_CHARACTERS:
        raise LineError(f"超过 {MAX_LINE_CHARACTERS} 个字符 longer than that")
    if "\0" in text:
        raise LineError("含 NUL 字符 holds a NUL character")
    if not text.isascii() and any("\udc80" <= character <= "\udcff" for character in text):
        raise LineError("编码与全文不同 bytes of another encoding than the rest of the file")
    try:
        return next(csv.reader([text], strict=True))
    except csv.Error as error:
        raise LineError(f"不是 CSV no CSV: {error}") from None


def _shown(names: Sequence[str]) -> str:
    return ", ".join(name[:40] if name.isprintable() and name else "(unreadable)" for name in names[:5])


def _expected(known: set[str], prefix: str) -> str:
    return f"可用的列 Columns: {', '.join(sorted(known))}" + (f", {prefix}NAME" if prefix else "")
