"""The first sheet of an .xlsx file, read row by row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import IO, Any

from outreach.domain.errors import Kind, Refusal
from outreach.sheets.cells import CellError, is_empty, text_of
from outreach.sheets.workbook import MAX_EXPANDED_BYTES, open_workbook, unreadable

_MAX_ROWS = 1_048_576
_MAX_COLUMNS = 256


class FirstSheet:
    """An opened one; its header is the first row that is not empty. Raises Refusal, OSError."""

    def __init__(self, name: str, source: IO[bytes], max_expanded_bytes: int = MAX_EXPANDED_BYTES) -> None:
        """`name` is what messages call the file. The source is closed with the sheet, also if it cannot be opened."""
        self._name = name
        self._open = ExitStack()
        self._open.enter_context(source)
        try:
            workbook = open_workbook(name, source, max_expanded_bytes)
            self._open.callback(workbook.close)
            if not workbook.worksheets:
                raise unreadable(name)
            self._sheet: Any = workbook.worksheets[0]
            self.title: str = self._sheet.title
            self.others = [sheet.title for sheet in workbook.worksheets[1:]]
            self.header_at, self.columns = self._header()
        except BaseException:
            self.close()
            raise

    @property
    def row_count(self) -> int:
        """Rows as the file claims them; 0 if it does not say."""
        return self._sheet.max_row or 0

    def close(self) -> None:
        self._open.close()

    def rows(self, first: int, width: int) -> Iterator[tuple[int, Sequence[Any]]]:
        """Each row from that number on, from 1: its number and its cells."""
        number = first - 1
        rows = self._sheet.iter_rows(min_row=first, max_row=_MAX_ROWS, max_col=width)
        try:
            for number, row in enumerate(rows, first):
                yield number, row
        except Exception:  # noqa: BLE001 openpyxl raises whatever a damaged file leads it to
            raise unreadable(self._name, f", {self.title} {number + 1}") from None

    def _header(self) -> tuple[int, list[str]]:
        for number, row in self.rows(1, _MAX_COLUMNS):
            if all(is_empty(cell) for cell in row):
                continue
            try:
                names = [text_of(cell, is_time=False) for cell in row]
            except CellError as error:
                words = f"{self._name}, {self.title} {number}: 表头 the header: {error}"
                raise Refusal(Kind.INVALID, words) from None
            while not names[-1]:
                names.pop()
            return number, names
        raise Refusal(
            Kind.INVALID,
            f"{self._name}: 第一张表是空的，第一行须是列名。The first sheet is empty: its first row must "
            "name the columns.",
        )
