"""Reads the first sheet of an .xlsx file, row by row. A cell whose text cannot be told for certain spoils its line, and
is named.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from openpyxl.utils import get_column_letter

from outreach.cli.failures import Failure
from outreach.cli.lines import Line, LineError, check_columns, check_text
from outreach.cli.workbook import open_workbook, unreadable
from outreach.wording.formats import CHINA

_MAX_ROWS = 1_048_576
_MAX_COLUMNS = 256
_DIGITS = 15
"""As many as a spreadsheet keeps of a number; it makes the others zeros."""
_PADDED = re.compile(r"0+")
_SHOWN = 3


class SheetFile:
    """An opened sheet: its columns are known to be the expected ones. Raises Failure, OSError."""

    def __init__(
        self, path: Path, required: Sequence[str], optional: Sequence[str] | None, prefix: str, times: frozenset[str]
    ) -> None:
        """`prefix`: columns that begin so are taken, too; `optional` None: all others are. `times`: columns in which a
        cell may be a date.
        """
        self._path, self._times = path, times
        self._open = ExitStack()
        try:
            self._workbook = open_workbook(path, self._open.enter_context(path.open("rb")))
            self._open.callback(self._workbook.close)
            self._sheet = self._first_sheet()
            self._header_at, self.columns = self._header()
            where = f"{path}, {self._sheet.title} {self._header_at}:"
            check_columns(where, self.columns, required, optional, prefix)
        except BaseException:
            self.close()
            raise

    @property
    def line_count(self) -> int | None:
        """Rows after the header as the file claims it: for a progress bar. None if it does not say."""
        rows = self._sheet.max_row
        return max(0, rows - self._header_at) if rows else None

    @property
    def note(self) -> str:
        """What a person should know of how the file is read, or empty."""
        others = [sheet.title for sheet in self._workbook.worksheets[1:]]
        if not others:
            return ""
        return f"只读第一张表 only the first sheet is read: {self._sheet.title}（未读 not read: {', '.join(others)}）"

    def close(self) -> None:
        self._open.close()

    def lines(self) -> Iterator[Line]:
        """The rows after the header; empty ones are left out."""
        width = len(self.columns)
        for number, row in self._rows(self._header_at + 1, width + 1):
            if all(_is_empty(cell) for cell in row):
                continue
            try:
                yield Line(number, self._cells(number, row))
            except LineError as error:
                yield Line(number, {}, str(error))

    def _cells(self, number: int, row: Sequence[Any]) -> dict[str, str]:
        cells, wrong = {}, []
        for index, (column, cell) in enumerate(zip([*self.columns, ""], row, strict=False), 1):
            try:
                text = _text(cell, is_time=column in self._times)
                if column:
                    cells[column] = text
                elif text:
                    wrong.append(f"{_place(index, number)} 在表头之外 beyond the header")
            except LineError as error:
                wrong.append(f"{_place(index, number)} {column}: {error}")
        if wrong:
            raise LineError("; ".join(wrong[:_SHOWN]))
        return cells

    def _header(self) -> tuple[int, list[str]]:
        for number, row in self._rows(1, _MAX_COLUMNS):
            if all(_is_empty(cell) for cell in row):
                continue
            try:
                names = [_text(cell, is_time=False) for cell in row]
            except LineError as error:
                raise Failure(f"{self._path}, {self._sheet.title} {number}: 表头 the header: {error}") from None
            while not names[-1]:
                names.pop()
            return number, names
        raise Failure(
            f"{self._path}: 第一张表是空的，第一行须是列名。The first sheet is empty: its first row must "
            "name the columns."
        )

    def _rows(self, first: int, width: int) -> Iterator[tuple[int, Sequence[Any]]]:
        number = first - 1
        rows = self._sheet.iter_rows(min_row=first, max_row=_MAX_ROWS, max_col=width)
        try:
            for number, row in enumerate(rows, first):
                yield number, row
        except Exception:  # noqa: BLE001 openpyxl raises whatever a damaged file leads it to
            raise unreadable(self._path, f", {self._sheet.title} {number + 1}") from None

    def _first_sheet(self) -> Any:
        if not self._workbook.worksheets:
            raise unreadable(self._path)
        return self._workbook.worksheets[0]


def _is_empty(cell: Any) -> bool:
    value = cell.value
    return value is None or (isinstance(value, str) and not value.strip())


def _place(column: int, row: int) -> str:
    return f"{get_column_letter(column)}{row}"


def _text(cell: Any, *, is_time: bool) -> str:
    """The cell's text as the person meant it. Raises LineError where a spreadsheet no longer knows it."""
    value = cell.value
    if value is None:
        return ""
    match cell.data_type:
        case "s":
            return check_text(str(value)).strip()
        case "d":
            return _time_text(value, is_time=is_time)
        case "n":
            return _number_text(value, cell.number_format)
        case "f":
            raise LineError("是公式，请选择性粘贴为数值 a formula: paste it as a value")
        case "b":
            raise LineError("是逻辑值，请设为文本 TRUE or FALSE: make it a text")
        case _:
            raise LineError("是错误值，请更正 an error such as #N/A: correct it")


def _time_text(value: object, *, is_time: bool) -> str:
    """A spreadsheet's times have no zone: they are the zone's in which this command shows them."""
    if not is_time:
        raise LineError("是日期，请将该列设为文本后重填 a date: format the column as text and fill it in again")
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if not isinstance(value, datetime):
        raise LineError("只有时刻，没有日期 a time of day without its date")
    return value.replace(tzinfo=CHINA).isoformat(timespec="seconds")


def _number_text(value: int | float, number_format: str) -> str:
    if not math.isfinite(value):
        raise LineError("数字过大 too large a number")
    if value != int(value):
        text = f"{value:.{_DIGITS}g}"
        if "e" in text:
            raise LineError("数字过小 too small a number")
        return text
    if abs(value) >= 10**_DIGITS:
        raise LineError(
            f"数字超过 {_DIGITS} 位，末位已失，请将该列设为文本后重填 more than {_DIGITS} digits, of which a sheet "
            "loses the last: format the column as text and fill it in again"
        )
    text = str(int(value))
    return text.zfill(len(number_format)) if _PADDED.fullmatch(number_format) else text
