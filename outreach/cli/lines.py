"""Lines of a table that a person made, CSV or sheet: by number, as column to text, or as what is wrong with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from outreach.cli.failures import Failure


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the file, by its number from 1, as column to text, or as what is wrong with it."""

    number: int
    cells: dict[str, str]
    error: str = ""


def check_columns(
    where: str, columns: Sequence[str], required: Sequence[str], optional: Sequence[str] | None, prefix: str
) -> None:
    """Raises Failure unless the header has the required columns, and none but known ones or those of the prefix.

    Without `optional` columns, any others may be there.
    """
    known = {*required, *(optional or ())}
    doubled = sorted({name for name in columns if columns.count(name) > 1})
    missing = [name for name in required if name not in columns]
    others = columns if optional is not None else ()
    unknown = [n for n in others if n not in known and not (prefix and n.startswith(prefix))]
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


def _shown(names: Sequence[str]) -> str:
    return ", ".join(name[:40] if name.isprintable() and name else "(unreadable)" for name in names[:5])


def _expected(known: set[str], prefix: str) -> str:
    return f"可用的列 Columns: {', '.join(sorted(known))}" + (f", {prefix}NAME" if prefix else "")
