"""Files to submit, CSV or .xlsx, whose columns are the fields of SmsItem or of LetterItem; variables are columns
`var.<name>`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Self, TypeVar

from outreach.cli.csv_lines import CsvFile
from outreach.cli.fields import FieldError, set_text
from outreach.cli.sheet_lines import SheetFile, is_sheet
from outreach.v1.outreach_service_pb2 import LetterItem, PriorCall, SmsItem

Item = TypeVar("Item", SmsItem, LetterItem)

_VARIABLE = "var."
_TIMES = frozenset({"not_before", "not_after", "call_time"})
_CALL = frozenset({"call_time", "call_outcome", "recording_reference"})
"""Columns of a letter's prior call."""
_SMS = (
    ("request_id", "bank_id", "account_number", "phone_number", "template_name"),
    ("customer_id", "template_digest", "case_id", "not_before", "not_after"),
)
_LETTER = (
    ("request_id", "bank_id", "account_number", "address", "letter_name", "postal_class"),
    (
        "customer_id",
        "postcode",
        "version_digest",
        "address_evidence",
        "case_id",
        "not_before",
        "not_after",
        *sorted(_CALL),
    ),
)


@dataclass(frozen=True, slots=True)
class Case(Generic[Item]):
    """A line of the file: what to submit, or why it cannot be."""

    line: int
    request_id: str
    item: Item | None = None
    error: str = ""


class ItemFile(Generic[Item]):
    """An opened file with the right columns, whatever its name ends in. Raises Failure, OSError."""

    def __init__(self, path: Path, kind: type[Item], required: tuple[str, ...], optional: tuple[str, ...]) -> None:
        self._kind: type[Item] = kind
        self._file: CsvFile | SheetFile = (
            SheetFile(path, required, optional, _VARIABLE, _TIMES)
            if is_sheet(path)
            else CsvFile(path, required, optional, _VARIABLE)
        )
        self.line_count = self._file.line_count
        self.note = self._file.note

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()

    def cases(self) -> Iterator[Case[Item]]:
        """Every line that is not empty, in order."""
        for line in self._file.lines():
            request_id = line.cells.get("request_id", "")
            if line.error:
                yield Case(line.number, "", error=line.error)
                continue
            try:
                yield Case(line.number, request_id, self._item(line.cells))
            except FieldError as error:
                yield Case(line.number, request_id, error=str(error))

    def _item(self, cells: dict[str, str]) -> Item:
        item: Item = self._kind()
        for column, text in cells.items():
            if not column.startswith(_VARIABLE):
                set_cell(item, column, text)
            elif text:
                item.variables[column.removeprefix(_VARIABLE)] = text
        return item


class CaseFile(ItemFile[SmsItem]):
    """A file of SMS."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, SmsItem, *_SMS)


class LetterFile(ItemFile[LetterItem]):
    """A file of letters."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, LetterItem, *_LETTER)


def set_cell(item: SmsItem | LetterItem, column: str, text: str) -> None:
    """Sets a field from its column; an empty text leaves it unset. Raises FieldError."""
    if column not in _CALL or isinstance(item, SmsItem):
        set_text(item, column, text)
    elif text:
        call: PriorCall = item.prior_call
        name = column.removeprefix("call_") if column == "call_outcome" else column
        set_text(call, name, text)
