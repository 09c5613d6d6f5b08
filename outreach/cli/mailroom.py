"""outreach letters confirm, spoil, seal, mail, pull, return: what the mailroom does with printed letters.

Every scan may be repeated and gets the first answer, so that each command may be run again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from outreach.cli.command import command
from outreach.cli.failures import Failure
from outreach.cli.fields import choices, enum_option
from outreach.cli.letter_lists import letter_state_text
from outreach.cli.letter_scans import (
    SCANNER,
    Except,
    First,
    Last,
    Letters,
    Run,
    Scans,
    Tally,
    a_range,
    scanned,
    selections,
)
from outreach.cli.output import Cell, details, plain
from outreach.cli.session import Session
from outreach.domain.letter_numbers import number_in_code
from outreach.v1.mailroom_service_pb2 import (
    ConfirmPrintedRequest,
    MailRequest,
    MailScan,
    PullRequest,
    ReturnReason,
    ReturnRequest,
    ScanResult,
    SealRequest,
    SpoilRequest,
)
from outreach.v1.mailroom_service_pb2_grpc import MailroomServiceStub
from outreach.wording import words
from outreach.wording.formats import enum_name

_TOO_MANY_TO_COUNT = (
    "--scans: 有计数器时一次至多 1,000 封，其余未盖章，请分批。With a counter at most 1,000 letters at once: the "
    "others are not sealed, take them in parts."
)
_Letter = Annotated[str, typer.Argument(metavar="LETTER", help="信函编号 The letter's number, as scanned.")]


async def confirm(
    session: Session,
    run_id: Run = "",
    first: First = 1,
    last: Last = 0,
    but: Except = None,
    letters: Letters = None,
    scans: Scans = None,
) -> None:
    """确认打印 Letters came out of the printer as they should: a run, a range of it, or scanned ones."""
    tally = Tally(session.output, live=scans == SCANNER)
    async with session.client() as client:
        stub = MailroomServiceStub(client.channel)
        async for selection in selections(client, run_id, letters or (), scans, first, last, but or ()):
            request = ConfirmPrintedRequest(letters=selection)
            tally.add((await client.call(stub.ConfirmPrinted, request, repeatable=True)).results)
    tally.show("已打印 Printed")


async def seal(
    session: Session,
    run_id: Run = "",
    first: First = 1,
    last: Last = 0,
    but: Except = None,
    letters: Letters = None,
    scans: Scans = None,
    before: Annotated[int, typer.Option("--counter-before", min=0, help="印章计数，盖前 The stamp's counter.")] = 0,
    after: Annotated[int, typer.Option("--counter-after", min=0, help="印章计数，盖后 And after it.")] = 0,
) -> None:
    """确认盖章 Letters were sealed, counted by the stamp's counter if it has one."""
    counted = bool(before or after)
    if counted and scans == SCANNER:
        raise typer.BadParameter("计数器不能与 --scans - 同用 a counter counts a file or a range, not scan by scan")
    tally = Tally(session.output, live=scans == SCANNER)
    async with session.client() as client:
        stub = MailroomServiceStub(client.channel)
        async for selection in selections(client, run_id, letters or (), scans, first, last, but or ()):
            if counted and tally.results:
                raise Failure(_TOO_MANY_TO_COUNT, field="scans")
            request = SealRequest(letters=selection, counter_before=before, counter_after=after)
            tally.add((await client.call(stub.Seal, request, repeatable=True)).results)
    tally.show("已盖章 Sealed")


async def mail(
    session: Session,
    run_id: Run = "",
    first: First = 1,
    last: Last = 0,
    but: Except = None,
    letter: Annotated[str, typer.Option(help="信函编号 One letter.")] = "",
    item: Annotated[str, typer.Option(help="邮件号 Its item number; needed for registered mail.")] = "",
    scans: Scans = None,
    items: Annotated[
        bool, typer.Option("--items", help="每封信后接邮件号 Each scanned letter is followed by its item number.")
    ] = False,
) -> None:
    """交寄 Hand letters to the post: the second permit, for which every rule runs again. What is refused stays here."""
    if sum(map(bool, (run_id, letter, scans))) != 1:
        raise typer.BadParameter("RUN、--letter、--scans 三者取一 name one of them")
    if (item and not letter) or (items and not scans):
        raise typer.BadParameter(
            "--item 须与 --letter、--items 须与 --scans 同用 --item needs --letter, --items --scans"
        )
    tally = Tally(session.output, live=scans == SCANNER)
    async with session.client() as client:
        stub = MailroomServiceStub(client.channel)
        if run_id:
            request = MailRequest(range=await a_range(client, run_id, first, last, but or ()))
            tally.add((await client.call(stub.Mail, request, repeatable=True)).results)
        elif letter:
            request = MailRequest(scans=[MailScan(letter_number=number_in_code(letter), item_number=item.upper())])
            tally.add((await client.call(stub.Mail, request, repeatable=True)).results)
        elif scans:
            async for codes in scanned(scans, per_letter=2 if items else 1):
                request = MailRequest(scans=_scans(codes, items=items))
                tally.add((await client.call(stub.Mail, request, repeatable=True)).results)
    tally.show("已交寄 Mailed")


async def pull(
    session: Session,
    run_id: Run = "",
    first: First = 1,
    last: Last = 0,
    but: Except = None,
    letters: Letters = None,
    scans: Scans = None,
    never_printed: Annotated[
        bool, typer.Option("--never-printed", help="从未打印 They never came out of the printer.")
    ] = False,
) -> None:
    """抽出 Letters of the pull list were taken out of the pile and destroyed, or were never printed."""
    tally = Tally(session.output, live=scans == SCANNER)
    async with session.client() as client:
        stub = MailroomServiceStub(client.channel)
        async for selection in selections(client, run_id, letters or (), scans, first, last, but or ()):
            request = PullRequest(letters=selection, never_printed=never_printed)
            tally.add((await client.call(stub.Pull, request, repeatable=True)).results)
    tally.show("已抽出 Pulled")


async def spoil(
    session: Session,
    letter: _Letter,
    reason: Annotated[str, typer.Option(help="原因 What happened to it; no personal data.")],
) -> None:
    """作废 A letter was spoiled and destroyed; it is printed again under a new number if the rules allow it."""
    request = SpoilRequest(letter_number=number_in_code(letter), reason=reason)
    async with session.client() as client:
        response = await client.call(MailroomServiceStub(client.channel).Spoil, request, repeatable=True)
    again = response.waiting_outreach_id or "不再打印 not printed any more"
    pairs: list[tuple[str, Cell]] = [*_outcome(response.result), ("等待重打 Waits to be printed again", again)]
    session.output.show(plain(response), details(f"作废 Spoiled {request.letter_number}", pairs))
    _exit(response.result)


async def take_back(
    session: Session,
    letter: _Letter,
    reason: Annotated[str, typer.Option(help=f"退信原因 {choices(ReturnReason.DESCRIPTOR)}.")],
    scan: Annotated[
        Path | None, typer.Option(metavar="IMAGE", help="批条扫描件 The scanned slip, JPEG or PNG; kept sealed.")
    ] = None,
) -> None:
    """退信 A letter came back. Its address is closed where the reason says so; a death puts the account on hold."""
    kind = ReturnReason.ValueType(enum_option("--reason", ReturnReason.DESCRIPTOR, reason))
    request = ReturnRequest(
        letter_number=number_in_code(letter),
        reason=kind,
        scan_image=scan.read_bytes() if scan else b"",
    )
    async with session.client() as client:
        response = await client.call(MailroomServiceStub(client.channel).Return, request, repeatable=True)
    name = enum_name(ReturnReason.DESCRIPTOR, kind)
    pairs: list[tuple[str, Cell]] = [
        ("原因 Reason", f"{words.RETURN_REASONS.get(name, '')} {name}".strip()),
        *_outcome(response.result),
        ("地址 Address", "已关闭 closed" if response.address_closed else ""),
        ("账户暂停 Hold", response.hold_id),
    ]
    session.output.show(plain(response), details(f"退信 Returned {request.letter_number}", pairs))
    _exit(response.result)


def register(app: typer.Typer) -> None:
    command(app, "confirm")(confirm)
    command(app, "spoil")(spoil)
    command(app, "seal")(seal)
    command(app, "mail")(mail)
    command(app, "pull")(pull)
    command(app, "return")(take_back)


def _scans(codes: list[str], *, items: bool) -> list[MailScan]:
    if not items:
        return [MailScan(letter_number=code) for code in codes]
    return [MailScan(letter_number=n, item_number=i) for n, i in zip(codes[::2], codes[1::2], strict=True)]


def _outcome(result: ScanResult) -> list[tuple[str, Cell]]:
    return [
        ("结果 Result", "完成 done" if result.ok else "未完成 not done"),
        ("状态 State", letter_state_text(result.state)),
        ("说明 Note", result.message),
        ("注意 Warning", result.warning),
    ]


def _exit(result: ScanResult) -> None:
    if not result.ok:
        raise typer.Exit(1)
