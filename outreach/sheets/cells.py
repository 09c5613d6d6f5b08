"""Cells as the text that was meant. One whose text cannot be told for certain is refused, a formula among them: none is
evaluated.
"""

from __future__ import annotations

import math
import re
from datetime import date, datetime, time
from typing import Any

from openpyxl.utils import get_column_letter

from outreach.wording.formats import CHINA

MAX_CHARACTERS = 64 * 1024
_DIGITS = 15
"""As many as a spreadsheet keeps of a number; it makes the others zeros."""
_PADDED = re.compile(r"0+")


class CellError(ValueError):
    """Why a cell, or the line that it is in, cannot be used, without any of its content."""


def check_text(text: str) -> str:
    """The text, if it can go into a message. Raises CellError."""
    if len(text) > MAX_CHARACTERS:
        raise CellError(f"超过 {MAX_CHARACTERS} 个字符 longer than that")
    if "\0" in text:
        raise CellError("含 NUL 字符 holds a NUL character")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise CellError("含无法读取的字符，编码与全文不同 bytes of another encoding than the rest, or half a character")
    return text


def is_empty(cell: Any) -> bool:
    value = cell.value
    return value is None or (isinstance(value, str) and not value.strip())


def place(column: int, row: int) -> str:
    return f"{get_column_letter(column)}{row}"


def text_of(cell: Any, *, is_time: bool) -> str:
    """The cell's text as the person meant it. Raises CellError where a spreadsheet no longer knows it."""
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
            raise CellError("是公式，请选择性粘贴为数值 a formula: paste it as a value")
        case "b":
            raise CellError("是逻辑值，请设为文本 TRUE or FALSE: make it a text")
        case _:
            raise CellError("是错误值，请更正 an error such as #N/A: correct it")


def _time_text(value: object, *, is_time: bool) -> str:
    """A spreadsheet's times have no zone: they are the zone's in which this command shows them."""
    if not is_time:
        raise CellError("是日期，请将该列设为文本后重填 a date: format the column as text and fill it in again")
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if not isinstance(value, datetime):
        raise CellError("只有时刻，没有日期 a time of day without its date")
    return value.replace(tzinfo=CHINA).isoformat(timespec="seconds")


def _number_text(value: int | float, number_format: str) -> str:
    if not math.isfinite(value):
        raise CellError("数字过大 too large a number")
    if value != int(value):
        text = f"{value:.{_DIGITS}g}"
        if "e" in text:
            raise CellError("数字过小 too small a number")
        return text
    if abs(value) >= 10**_DIGITS:
        raise CellError(
            f"数字超过 {_DIGITS} 位，末位已失，请将该列设为文本后重填 more than {_DIGITS} digits, of which a sheet "
            "loses the last: format the column as text and fill it in again"
        )
    text = str(int(value))
    return text.zfill(len(number_format)) if _PADDED.fullmatch(number_format) else text
