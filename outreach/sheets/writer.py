"""Writes tables as offices open them: CSV as UTF-8 with its mark, and .xlsx that can be printed. No cell becomes a
formula, whatever it begins with.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, cast

from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.header_footer import HeaderFooterItem
from openpyxl.worksheet.properties import PageSetupProperties

from outreach.wording.formats import inert

Row = Sequence[str | int]


def write_csv(path: Path, headings: Sequence[str], rows: Iterable[Row]) -> None:
    """OSError."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(headings)
        writer.writerows([inert(value) if isinstance(value, str) else value for value in row] for row in rows)


def write_xlsx(
    to: Path | IO[bytes], title: str, headings: Mapping[str, int], rows: Iterable[Row], *, footer: str = ""
) -> None:
    """One sheet: `headings` with their columns' widths in characters; printed on A4, as wide as the page, with the
    headings on each page and the `footer` under it. OSError.
    """
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = title
    for number, row in enumerate((tuple(headings), *rows), 1):
        for column, value in enumerate(row, 1):
            if isinstance(value, str):
                cell = sheet.cell(number, column, ILLEGAL_CHARACTERS_RE.sub("\ufffd", value))
                cell.data_type = "s"  # a text, also where it looks like a formula
            else:
                sheet.cell(number, column, value).number_format = "#,##0"
    for column, width in enumerate(headings.values(), 1):
        heading = sheet.cell(1, column)
        heading.font = Font(bold=True)
        heading.fill = PatternFill("solid", fgColor="DDE6F0")
        heading.alignment = Alignment(horizontal="center")
        sheet.column_dimensions[get_column_letter(column)].width = width
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = sheet.dimensions
    sheet.page_setup.paperSize = sheet.PAPERSIZE_A4
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.print_title_rows = "1:1"
    above, below = cast(HeaderFooterItem, sheet.oddHeader), cast(HeaderFooterItem, sheet.oddFooter)
    above.center.text, below.left.text, below.right.text = title, footer, "&P / &N"
    book.save(to)
