"""Lines of the first sheet of an .xlsx file. A cell whose text cannot be told for certain spoils its line, and is
named.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from outreach.cli.lines import Line, check_columns
from outreach.sheets.cells import CellError, is_empty, place, text_of
from outreach.sheets.first_sheet import FirstSheet
from outreach.sheets.workbook import is_workbook

_SHOWN = 3


def is_sheet(path: Path) -> bool:
    """True if the content, whatever the name, is that of .xlsx. Refusal for the older or encrypted form. OSError."""
    with path.open("rb") as file:
        return is_workbook(str(path), file)


class SheetFile:
    """An opened sheet: its columns are known to be the expected ones. Raises Failure, Refusal, OSError."""

    def __init__(
        self, path: Path, required: Sequence[str], optional: Sequence[str] | None, prefix: str, times: frozenset[str]
    ) -> None:
        """`prefix`: columns that begin so are taken, too; `optional` None: all others are. `times`: columns in which a
        cell may be a date.
        """
        self._times = times
        self._sheet = FirstSheet(str(path), path.open("rb"))
        self.columns = self._sheet.columns
        try:
            where = f"{path}, {self._sheet.title} {self._sheet.header_at}:"
            check_columns(where, self.columns, required, optional, prefix)
        except BaseException:
            self.close()
            raise

    @property
    def line_count(self) -> int | None:
        """Rows after the header as the file claims it: for a progress bar. None if it does not say."""
        rows = self._sheet.row_count
        return max(0, rows - self._sheet.header_at) if rows else None

    @property
    def note(self) -> str:
        """What a person should know of how the file is read, or empty."""
        others = self._sheet.others
        if not others:
            return ""
        return f"只读第一张表 only the first sheet is read: {self._sheet.title}（未读 not read: {', '.join(others)}）"

    def close(self) -> None:
        self._sheet.close()

    def lines(self) -> Iterator[Line]:
        """The rows after the header; empty ones are left out."""
        for number, row in self._sheet.rows(self._sheet.header_at + 1, len(self.columns) + 1):
            if all(is_empty(cell) for cell in row):
                continue
            try:
                yield Line(number, self._cells(number, row))
            except CellError as error:
                yield Line(number, {}, str(error))

    def _cells(self, number: int, row: Sequence[Any]) -> dict[str, str]:
        cells, wrong = {}, []
        for index, (column, cell) in enumerate(zip([*self.columns, ""], row, strict=False), 1):
            try:
                text = text_of(cell, is_time=column in self._times)
                if column:
                    cells[column] = text
                elif text:
                    wrong.append(f"{place(index, number)} 在表头之外 beyond the header")
            except CellError as error:
                wrong.append(f"{place(index, number)} {column}: {error}")
        if wrong:
            raise CellError("; ".join(wrong[:_SHOWN]))
        return cells
