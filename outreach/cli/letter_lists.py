"""outreach letters manifest, pull-list, hand-over: letters of runs to look at, or as files for desk and counter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from outreach.cli.command import command
from outreach.cli.letter_runs import RunId
from outreach.cli.messages import Bank
from outreach.cli.output import plain, table
from outreach.cli.session import Session
from outreach.client import Client
from outreach.sheets.writer import write_csv, write_xlsx
from outreach.v1.mailroom_service_pb2 import Letter, LetterState, ListLettersRequest
from outreach.v1.mailroom_service_pb2_grpc import MailroomServiceStub
from outreach.wording import words
from outreach.wording.formats import code_text, enum_name

_PAGE = 1_000
_Csv = Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="另存 CSV Also write it as CSV.")]
_Xlsx = Annotated[Path | None, typer.Option("--xlsx", metavar="FILE", help="另存 XLSX Also write it as a sheet.")]


@dataclass(frozen=True, slots=True)
class _Column:
    """`name` heads it in CSV, `heading` in sheets and tables; `width` is in characters."""

    name: str
    heading: str
    width: int
    value: Callable[[Letter], str | int]


def letter_state(letter: Letter) -> str:
    return letter_state_text(letter.state)


def letter_state_text(state: LetterState.ValueType) -> str:
    """The state's names, such as 已交寄 MAILED."""
    name = enum_name(LetterState.DESCRIPTOR, state)
    return f"{words.LETTER_STATES.get(name, '')} {name}".strip()


_POSITION = _Column("position", "序号 No.", 9, lambda letter: letter.position)
_NUMBER = _Column("letter_number", "信函编号 Letter", 22, lambda letter: letter.letter_number)
_ITEM = _Column("item_number", "邮件号 Item", 18, lambda letter: letter.item_number)
_SHEETS = _Column("sheets", "张数 Sheets", 12, lambda letter: letter.sheets)
_STATE = _Column("state", "状态 State", 20, letter_state)
_NAME = _Column("masked_name", "收件人 Recipient", 16, lambda letter: letter.masked_name)
_ADDRESS = _Column("masked_address", "寄达地 Destination", 30, lambda letter: letter.masked_address)
_HASH = _Column("pdf_sha256", "SHA-256", 66, lambda letter: letter.pdf_sha256)
_RUN = _Column("run_id", "批次 Run", 30, lambda letter: letter.run_id)
_CAUSE = _Column("cause", "原因 Cause", 28, lambda letter: code_text(letter.cause))

_MANIFEST = (_POSITION, _NUMBER, _SHEETS, _HASH, _ITEM, _STATE)
_PULL_LIST = (_NUMBER, _RUN, _POSITION, _NAME, _CAUSE)
_HAND_OVER = (_POSITION, _NUMBER, _ITEM, _NAME, _ADDRESS, _SHEETS)
_SHEET_TITLE = 31
"""As many characters as a sheet's name may have."""
_SIGNATURES = "交寄人 Handed over by ____________   收寄人 Accepted by ____________   日期 Date ____________"


async def manifest(
    session: Session, run_id: RunId, bank: Bank = "", csv_file: _Csv = None, xlsx_file: _Xlsx = None
) -> None:
    """批次清单 Every letter of a run: number, sheets, hash, item number, state."""
    letters = await _listed(session, bank, run_id=run_id)
    _show(session, f"批次清单 Manifest {run_id}", letters, _MANIFEST, csv_file, xlsx_file)


async def pull_list(
    session: Session,
    run_id: Annotated[str, typer.Argument(metavar="[RUN]", help="打印批次 Only this run.")] = "",
    bank: Bank = "",
    csv_file: _Csv = None,
    xlsx_file: _Xlsx = None,
) -> None:
    """抽信清单 Letters that must be taken out of the pile, with the cause."""
    letters = await _listed(session, bank, run_id=run_id, state=LetterState.LETTER_STATE_TO_PULL)
    _show(session, f"抽信清单 Pull list ({len(letters)})", letters, _PULL_LIST, csv_file, xlsx_file)


async def hand_over(
    session: Session, run_id: RunId, bank: Bank = "", csv_file: _Csv = None, xlsx_file: _Xlsx = None
) -> None:
    """交寄清单 The list for the post: the mailed letters of a run. The sheet is made to be printed and signed."""
    letters = await _listed(session, bank, run_id=run_id, state=LetterState.LETTER_STATE_MAILED)
    title = f"交寄清单 Hand-over list {run_id} ({len(letters)})"
    _show(session, title, letters, _HAND_OVER, csv_file, xlsx_file, footer=_SIGNATURES)


def register(app: typer.Typer) -> None:
    command(app, "manifest")(manifest)
    command(app, "pull-list")(pull_list)
    command(app, "hand-over")(hand_over)


async def list_letters(
    client: Client, bank: str, *, run_id: str = "", state: LetterState.ValueType = LetterState.LETTER_STATE_UNSPECIFIED
) -> list[Letter]:
    """Letters of a bank by run and position, of one run or state if named."""
    request = ListLettersRequest(bank_id=bank, run_id=run_id, state=state, page_size=_PAGE)
    letters: list[Letter] = []
    while True:
        response = await client.call(MailroomServiceStub(client.channel).ListLetters, request, repeatable=True)
        letters += response.letters
        request.page_token = response.next_page_token
        if not request.page_token:
            return letters


async def _listed(
    session: Session,
    bank: str,
    *,
    run_id: str = "",
    state: LetterState.ValueType = LetterState.LETTER_STATE_UNSPECIFIED,
) -> list[Letter]:
    async with session.client() as client:
        return await list_letters(client, session.bank(bank), run_id=run_id, state=state)


def _show(
    session: Session,
    title: str,
    letters: Sequence[Letter],
    columns: Sequence[_Column],
    csv_file: Path | None,
    xlsx_file: Path | None,
    *,
    footer: str = "",
) -> None:
    rows = [[column.value(letter) for column in columns] for letter in letters]
    if csv_file:
        write_csv(csv_file, [column.name for column in columns], rows)
        session.output.note(f"已写入 written: {csv_file}")
    if xlsx_file:
        widths = {column.heading: column.width for column in columns}
        write_xlsx(xlsx_file, title[:_SHEET_TITLE], widths, rows, footer=footer)
        session.output.note(f"已写入 written: {xlsx_file}")
    shown = table(title, [column.heading for column in columns], rows)
    session.output.show([plain(letter) for letter in letters], shown)
