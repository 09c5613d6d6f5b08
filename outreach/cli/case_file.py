"""A file of cases to submit, CSV or .xlsx, whose columns are the fields of SmsItem; variables are columns
`var.<name>`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from google.protobuf.timestamp_pb2 import Timestamp

from outreach.cli.csv_lines import CsvFile
from outreach.cli.fields import FieldError, set_text
from outreach.cli.sheet_lines import SheetFile
from outreach.cli.workbook import is_workbook
from outreach.v1.outreach_service_pb2 import SmsItem

_REQUIRED = ("request_id", "bank_id", "account_number", "phone_number", "template_name")
_OPTIONAL = ("customer_id", "template_digest", "case_id", "not_before", "not_after")
_VARIABLE = "var."
_TIMES = frozenset(f.name for f in SmsItem.DESCRIPTOR.fields if f.message_type is Timestamp.DESCRIPTOR)


@dataclass(frozen=True, slots=True)
class Case:
    """A line of the file: what to submit, or why it cannot be."""

    line: int
    request_id: str
    item: SmsItem | None = None
    error: str = ""


class CaseFile:
    """An opened file with the right columns, whatever its name ends in. Raises Failure, OSError."""

    def __init__(self, path: Path) -> None:
        self._file: CsvFile | SheetFile = (
            SheetFile(path, _REQUIRED, _OPTIONAL, _VARIABLE, _TIMES)
            if is_workbook(path)
            else CsvFile(path, _REQUIRED, _OPTIONAL, _VARIABLE)
        )
        self.line_count = self._file.line_count
        self.note = self._file.note

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()

    def cases(self) -> Iterator[Case]:
        """Every line that is not empty, in order."""
        for line in self._file.lines():
            request_id = line.cells.get("request_id", "")
            if line.error:
                yield Case(line.number, "", error=line.error)
                continue
            try:
                yield Case(line.number, request_id, _item(line.cells))
            except FieldError as error:
                yield Case(line.number, request_id, error=str(error))


def _item(cells: dict[str, str]) -> SmsItem:
    item = SmsItem()
    for column, text in cells.items():
        if not column.startswith(_VARIABLE):
            set_text(item, column, text)
        elif text:
            item.variables[column.removeprefix(_VARIABLE)] = text
    return item
