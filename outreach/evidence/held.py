"""What is held of a person, as a ZIP to hand over: held.json, and held.xlsx, the same to read.

The content is the JSON that the authority gives out (its entry person_export_fetched has the hash of held.json).
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import orjson
from openpyxl import Workbook
from openpyxl.styles import Font

JSON, SHEET = "held.json", "held.xlsx"
_MAX_CELL = 32_000
_TITLES = {
    "person": "本人 Person",
    "phone_numbers": "号码 Numbers",
    "addresses": "地址 Addresses",
    "accounts": "账户 Accounts",
    "holds": "暂停 Holds",
    "no_contact_marks": "禁止联系 Marks",
    "messages_and_letters": "短信与信函 Sent",
}


def archive(content: bytes) -> bytes:
    """The ZIP of an export's content. ValueError if that is no JSON object."""
    held = orjson.loads(content)
    if not isinstance(held, dict):
        raise ValueError("an export is a JSON object")
    file = BytesIO()
    with ZipFile(file, "w", ZIP_DEFLATED) as files:
        files.writestr(JSON, content)
        files.writestr(SHEET, _workbook(held))
    return file.getvalue()


def _workbook(held: dict[str, Any]) -> bytes:
    """A sheet for each list; what is nested in a row gets columns of its own. No cell is a formula."""
    book = Workbook()
    book.remove(book.worksheets[0])
    for name, title in _TITLES.items():
        part = held.get(name) or []
        rows = [dict(_flat(row)) for row in (part if isinstance(part, list) else [part])]
        headings = list(dict.fromkeys(heading for row in rows for heading in row))
        sheet = book.create_sheet(title)
        for column, heading in enumerate(headings, 1):
            sheet.cell(1, column, heading).font = Font(bold=True)
        for line, row in enumerate(rows, 2):
            for column, heading in enumerate(headings, 1):
                cell = sheet.cell(line, column, row.get(heading, "")[:_MAX_CELL])
                cell.data_type = "s"
    file = BytesIO()
    book.save(file)
    return file.getvalue()


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    match value:
        case dict():
            for key, one in value.items():
                yield from _flat(one, f"{name}.{key}" if name else key)
        case list():
            for index, one in enumerate(value, 1):
                yield from _flat(one, f"{name}.{index}")
        case _:
            yield name, str(value)
