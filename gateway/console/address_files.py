"""Lists of addresses as people bring them (one a line, CSV, .xlsx) and take them away (CSV, .xlsx)."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Sequence
from itertools import islice
from typing import Any

from outreach.domain.errors import Kind, Refusal
from outreach.sheets.cells import CellError, place, text_of
from outreach.sheets.first_sheet import FirstSheet
from outreach.sheets.workbook import MIB, is_workbook
from outreach.sheets.writer import write_xlsx
from outreach.wording.formats import inert

MAX_ADDRESSES = 10_000
MAX_EXPANDED_BYTES = 64 * MIB
"""Ten thousand rows with many other columns stay under it."""
HEADINGS = {"address": 48, "codes": 28, "why": 72, "normal": 48}
"""Of what is taken away, with widths in characters. It can be mended and brought again."""
_COLUMNS = ("地址", "address")
_NAME = "file"
_workbooks = asyncio.Lock()
"""One at a time: what they expand to does not add up."""


async def read(upload: bytes) -> list[str]:
    """The addresses of an uploaded file; at most one more than MAX_ADDRESSES. Raises Refusal of the field `file`."""
    try:
        if is_workbook(_NAME, io.BytesIO(upload)):
            async with _workbooks:
                return await asyncio.to_thread(_of_sheet, upload)
        return of_text(decoded(upload))
    except Refusal as refusal:
        raise _refused(refusal.message) from None


def lines(written: str) -> list[str]:
    """Each line that is not empty."""
    return [line.strip() for line in written.splitlines() if line.strip()]


def of_text(written: str) -> list[str]:
    """Of a CSV with a column of addresses that column; of any other text each line. Raises Refusal."""
    rows = written.splitlines()
    try:
        column = _column(next(csv.reader(rows[:1]), []))
        if column is None:
            return lines(written)
        found = (row for row in csv.reader(rows[1:]) if len(row) > column)
        return list(islice((address for row in found if (address := row[column].strip())), MAX_ADDRESSES + 1))
    except csv.Error:
        raise _refused(f"{_NAME}: 不是完好的 CSV：请另存为 CSV 或 .xlsx。It is no sound CSV: save it again.") from None


def decoded(data: bytes) -> str:
    """The text of an uploaded list, UTF-8 or GBK."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("gb18030", "replace")


def csv_of(rows: Sequence[Sequence[str]]) -> bytes:
    """The rows under the headings; no cell becomes a formula."""
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(HEADINGS)
    writer.writerows([inert(cell) for cell in row] for row in rows)
    return written.getvalue().encode("utf-8-sig")


async def xlsx_of(title: str, rows: Sequence[Sequence[str]]) -> bytes:
    """Likewise."""
    written = io.BytesIO()
    async with _workbooks:
        await asyncio.to_thread(write_xlsx, written, title, HEADINGS, rows)
    return written.getvalue()


def _of_sheet(upload: bytes) -> list[str]:
    sheet = FirstSheet(_NAME, io.BytesIO(upload), MAX_EXPANDED_BYTES)
    try:
        column = _column(sheet.columns)
        if column is None and len(sheet.columns) > 1:
            raise _refused(f"{_NAME}: 第一行没有“地址”列，请写上列名。Name a column 地址 or address in the first row.")
        at, first = column or 0, sheet.header_at + (column is not None)
        cells = (_cell(sheet, number, at, row) for number, row in sheet.rows(first, at + 1))
        return list(islice(filter(None, cells), MAX_ADDRESSES + 1))
    finally:
        sheet.close()


def _cell(sheet: FirstSheet, number: int, at: int, row: Sequence[Any]) -> str:
    try:
        return text_of(row[at], is_time=False) if len(row) > at else ""
    except CellError as error:
        raise _refused(f"{_NAME}: {sheet.title} {place(at + 1, number)} {error}") from None


def _column(header: Sequence[str]) -> int | None:
    return next((at for at, name in enumerate(header) if name.strip().lower() in _COLUMNS), None)


def _refused(message: str) -> Refusal:
    return Refusal(Kind.INVALID, message, field="file")
