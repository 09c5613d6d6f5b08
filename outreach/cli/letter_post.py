"""outreach letters accept and deliver: what the post says, from the lists that it gives, CSV or .xlsx."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.text import Text

from outreach.cli.command import command
from outreach.cli.csv_lines import CsvFile
from outreach.cli.failures import Failure
from outreach.cli.letter_runs import RunId
from outreach.cli.lines import Line
from outreach.cli.messages import Bank
from outreach.cli.output import details, plain
from outreach.cli.session import Session
from outreach.cli.sheet_lines import SheetFile, is_sheet
from outreach.v1.mailroom_service_pb2 import (
    AcceptedItem,
    RecordAcceptanceRequest,
    RecordDeliveryRequest,
    RecordDeliveryResponse,
)
from outreach.v1.mailroom_service_pb2_grpc import MailroomServiceStub

_LETTER_COLUMNS = ("letter_number", "信函编号", "信函编号 Letter")
_ITEM_COLUMNS = ("item_number", "邮件号", "邮件号码", "邮件编号", "挂号号码", "邮件号 Item")
_MAX_DELIVERED = 1_000
_MAX_NUMBER = 40

_File = Annotated[Path, typer.Argument(metavar="FILE.csv|FILE.xlsx", help="邮局清单 The post's list.")]
_Reference = Annotated[str, typer.Option(help="邮局单号 The list's reference at the post.")]
_LetterColumn = Annotated[
    str, typer.Option("--letter-column", metavar="NAME", help="信函编号列 The column of letter numbers.")
]
_ItemColumn = Annotated[str, typer.Option("--item-column", metavar="NAME", help="邮件号列 The column of item numbers.")]


async def accept(
    session: Session,
    run_id: RunId,
    file: _File,
    reference: _Reference,
    letter_column: _LetterColumn = "",
    item_column: _ItemColumn = "",
) -> None:
    """收寄清单 Import the post's acceptance list of a run, and name what differs. Exit code 1 if anything does."""
    items = _items(file, letter_column, item_column)
    request = RecordAcceptanceRequest(run_id=run_id, reference=reference, items=items)
    async with session.client() as client:
        response = await client.call(MailroomServiceStub(client.channel).RecordAcceptance, request, repeatable=True)
    missing, unknown = response.missing_letter_numbers, response.unknown_items
    shown: list[RenderableType] = [
        details(
            f"收寄核对 Acceptance {run_id}",
            [("已收寄 Accepted", response.accepted), ("清单行数 Lines", len(items))],
        ),
        _named("已交寄而清单没有 Mailed, and not on the list", missing),
        _named("清单有而未交寄 On the list, and not mailed", unknown),
    ]
    session.output.show(plain(response), *shown)
    if missing or unknown:
        raise typer.Exit(1)


async def deliver(
    session: Session,
    file: _File,
    reference: _Reference,
    bank: Bank = "",
    letter_column: _LetterColumn = "",
    item_column: _ItemColumn = "",
) -> None:
    """妥投清单 Import a list of letters that the post has delivered. Exit code 1 if it names others."""
    items = _items(file, letter_column, item_column)
    total = RecordDeliveryResponse()
    bank = session.bank(bank)
    async with session.client() as client:
        stub = MailroomServiceStub(client.channel)
        for start in range(0, len(items), _MAX_DELIVERED):
            part = items[start : start + _MAX_DELIVERED]
            request = RecordDeliveryRequest(bank_id=bank, reference=reference, items=part)
            response = await client.call(stub.RecordDelivery, request, repeatable=True)
            total.delivered += response.delivered
            total.unknown_items.extend(response.unknown_items)
    counts = details("妥投 Delivered", [("已妥投 Delivered", total.delivered), ("清单行数 Lines", len(items))])
    session.output.show(plain(total), counts, _named("清单有而未交寄 On the list, and not mailed", total.unknown_items))
    if total.unknown_items:
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    command(app, "accept")(accept)
    command(app, "deliver")(deliver)


def _items(path: Path, letter_column: str, item_column: str) -> list[AcceptedItem]:
    """The numbers on the list. Raises Failure naming the file and line, OSError."""
    lines, columns = _lines(path)
    letter = _column(path, columns, letter_column, _LETTER_COLUMNS, "--letter-column")
    item = _column(path, columns, item_column, _ITEM_COLUMNS, "--item-column")
    if not (letter or item):
        raise Failure(
            f"{path}: 没有信函编号或邮件号的列：请用 --letter-column 或 --item-column 指明。表头 columns: "
            f"{', '.join(name for name in columns if name)}。No column of letter or item numbers: name one.",
            field="item_column",
        )
    return [found for line in lines if (found := _item(path, line, letter, item)) is not None]


def _lines(path: Path) -> tuple[list[Line], list[str]]:
    if not is_sheet(path):
        file = CsvFile(path, (), None)
        return list(file.lines()), file.columns
    probe = SheetFile(path, (), None, "", frozenset())
    columns = probe.columns
    probe.close()
    sheet = SheetFile(path, (), None, "", frozenset(columns))  # a cell of a column that we pass over may be a date
    try:
        return list(sheet.lines()), columns
    finally:
        sheet.close()


def _column(path: Path, columns: Sequence[str], wanted: str, known: Sequence[str], option: str) -> str:
    if wanted and wanted not in columns:
        raise Failure(f"{path}: 没有列 {wanted}（{option}）。There is no such column.", field=option)
    return wanted or next((name for name in known if name in columns), "")


def _item(path: Path, line: Line, letter: str, item: str) -> AcceptedItem | None:
    """What a line names; None if it names nothing, as below a list's end."""
    if line.error:
        raise Failure(f"{path}, line {line.number}: {line.error}")
    found = AcceptedItem(
        letter_number=line.cells.get(letter, "").upper(), item_number=line.cells.get(item, "").replace(" ", "").upper()
    )
    if max(len(found.letter_number), len(found.item_number)) > _MAX_NUMBER:
        raise Failure(f"{path}, line {line.number}: 不是编号 it is no number")
    return found if found.letter_number or found.item_number else None


def _named(title: str, numbers: Sequence[str]) -> Text:
    if not numbers:
        return Text()
    return Text("\n  ".join([f"{title}: {len(numbers)}", *numbers]), style="yellow")
