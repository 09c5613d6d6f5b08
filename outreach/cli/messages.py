"""outreach status, watch and cancel."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import RenderableType
from rich.text import Text

from outreach.cli.command import command
from outreach.cli.fields import choices, enum_option
from outreach.cli.output import Cell, details, findings_table, plain, state_text, table
from outreach.cli.session import Session
from outreach.cli.watch_position import WatchPosition
from outreach.v1.common_pb2 import State
from outreach.v1.outreach_service_pb2 import CancelResponse, Channel, Outreach, StatusChange
from outreach.wording.formats import code_text, when

Bank = Annotated[str, typer.Option("--bank", help="银行 The bank; may be left out if there is only one.")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="最多条数 At most this many.")]


async def status(
    session: Session,
    outreach_id: Annotated[str, typer.Argument(metavar="[ID]", help="编号 The gateway's id.")] = "",
    request: Annotated[str, typer.Option(help="请求号 The caller's own id.")] = "",
    bank: Bank = "",
    case: Annotated[str, typer.Option(help="案件号 All of a case.")] = "",
    account: Annotated[str, typer.Option(help="账号 All of an account.")] = "",
    name: Annotated[
        str, typer.Option(help="遮盖的姓名，如 王** A masked name; one in full is masked before it is asked for.")
    ] = "",
    state: Annotated[str, typer.Option(help=f"状态 Only this state: {choices(State.DESCRIPTOR)}.")] = "",
    limit: Limit = 50,
) -> None:
    """查询状态 Where an SMS or a letter stands, or those of a case, an account or a bank, newest first."""
    async with session.client() as client:
        if outreach_id or request:
            found = await client.get(outreach_id=outreach_id, request_id=request)
            session.output.show(plain(found), *_details(found))
            return
        wanted = State.ValueType(enum_option("--state", State.DESCRIPTOR, state) if state else 0)
        listed = []
        named = {"case_id": case, "account_number": account, "masked_name": name}
        async for entry in client.list(session.bank(bank), **named, state=wanted):
            listed.append(entry)
            if len(listed) == limit:
                break
    session.output.show([plain(entry) for entry in listed], _list(listed))
    if len(listed) == limit:
        session.output.note(f"只列出最近 {limit} 条 only the newest {limit}; more by --limit")


async def watch(
    session: Session,
    bank: Bank = "",
    case: Annotated[str, typer.Option(help="案件号 Only this case.")] = "",
    after: Annotated[int | None, typer.Option(help="从此位置之后 After this position; 0 for all.", min=0)] = None,
    once: Annotated[bool, typer.Option("--once", help="只看已有变化 End after the past changes.")] = False,
) -> None:
    """跟踪状态变化 Follow status changes; goes on where the last run stopped.

    The position is kept in DIR/watch, per identity, bank and case. After a crash the last second may be told again.
    """
    bank = session.bank(bank)
    position = WatchPosition(session.state_dir, session.identity(), bank, case)
    after_position = position.read() if after is None else after
    async with session.client() as client:
        with position:
            changes = client.watch(bank, after_position=after_position, case_id=case, only_past=once)
            async for change in changes:
                session.output.show_line(plain(change), _change(change))
                position.note(change.position)


async def cancel(
    session: Session,
    reason: Annotated[str, typer.Option(help="原因 Why, for the ledger; no personal data.")],
    outreach_id: Annotated[
        list[str] | None, typer.Option("--id", help="短信编号 The gateway's id; repeatable.")
    ] = None,
    bank: Bank = "",
    case: Annotated[str, typer.Option(help="案件号 All of a case.")] = "",
    account: Annotated[str, typer.Option(help="账号 All of an account.")] = "",
) -> None:
    """撤回 Withdraw what has not left, by ids, by case or by account; names what may be leaving."""
    if sum(map(bool, (outreach_id, case, account))) != 1:
        raise typer.BadParameter("--id、--case、--account 三者取一 name one of them")
    async with session.client() as client:
        response = await client.cancel(
            session.bank(bank), reason, outreach_ids=outreach_id or (), case_id=case, account_number=account
        )
    session.output.show(plain(response), *_cancelled(response))


def register(app: typer.Typer) -> None:
    command(app, "status")(status)
    command(app, "watch")(watch)
    command(app, "cancel")(cancel)


def possibly_leaving(attempt_ids: list[str]) -> Text:
    """The warning that a stop came too late for some attempts; empty if for none."""
    if not attempt_ids:
        return Text()
    text = f"可能已在途 Possibly leaving: {len(attempt_ids)} 条，停止前已获放行 held a permit already"
    return Text("\n  ".join([text, *attempt_ids]), style="bold yellow")


def _list(listed: list[Outreach]) -> RenderableType:
    rows = [
        (
            entry.outreach_id,
            entry.request_id,
            state_text(entry.state),
            _why(entry),
            entry.masked_phone_number or entry.masked_address,
            entry.masked_account_number,
            entry.case_id,
            when(entry.due_time),
        )
        for entry in listed
    ]
    headings = (
        "编号 ID",
        "请求号 Request",
        "状态 State",
        "原因 Why",
        "手机或地址 To",
        "账号 Account",
        "案件 Case",
        "应发 Due",
    )
    return table(f"短信与信函 SMS and letters ({len(listed)})", headings, rows)


def _why(entry: Outreach) -> str:
    return entry.cause or entry.waiting_for or " ".join(finding.code for finding in entry.findings)


def _details(entry: Outreach) -> list[RenderableType]:
    pairs: list[tuple[str, Cell]] = [
        ("请求号 Request", entry.request_id),
        ("状态 State", state_text(entry.state)),
        ("等待 Waiting for", code_text(entry.waiting_for)),
        ("取消原因 Cause", code_text(entry.cause)),
        ("银行 Bank", entry.bank_id),
        ("账号 Account", entry.masked_account_number),
        ("手机或地址 To", entry.masked_phone_number or entry.masked_address),
        ("案件 Case", entry.case_id),
        ("经办 Asked by", f"{entry.employee_id} ({entry.caller_id})"),
        ("提交时间 Submitted", when(entry.create_time)),
        ("应发时间 Due", when(entry.due_time)),
        ("过期时间 Expires", when(entry.not_after)),
        ("版本 Version", entry.template_digest),
    ]
    kind = "信函 Letter" if entry.channel == Channel.CHANNEL_LETTER else "短信 SMS"
    shown = [details(f"{kind} {entry.outreach_id}", pairs)]
    if entry.findings:
        shown.append(findings_table("规则 Findings", entry.findings))
    if entry.attempts:
        shown.append(_attempts(entry))
    if entry.letters:
        shown.append(_letters(entry))
    return shown


def _attempts(entry: Outreach) -> RenderableType:
    rows = [
        (
            attempt.attempt_id,
            attempt.carrier_id,
            state_text(attempt.state),
            attempt.carrier_code,
            attempt.carrier_message_id,
            attempt.segments or "",
            when(attempt.release_time),
        )
        for attempt in entry.attempts
    ]
    headings = (
        "发送 Attempt",
        "通道 Carrier",
        "状态 State",
        "回执码 Code",
        "通道编号 Carrier id",
        "条 Seg.",
        "放行 Released",
    )
    return table("发送记录 Attempts", headings, rows)


def _letters(entry: Outreach) -> RenderableType:
    rows = [
        (letter.letter_number, letter.run_id, state_text(letter.state), letter.item_number, when(letter.release_time))
        for letter in entry.letters
    ]
    headings = ("函号 Letter", "批次 Run", "状态 State", "邮件号 Item", "放行 Released")
    return table("打印记录 Letters", headings, rows)


def _change(change: StatusChange) -> Text:
    line = Text.assemble(
        (f"{change.position:>8} ", "bright_black"),
        f"{when(change.change_time)}  ",
        state_text(change.state),
        f"  {change.request_id}  {change.outreach_id}",
    )
    if change.codes:
        line.append("  " + " ".join(map(code_text, change.codes)), "yellow")
    if change.notice:
        line.append("  通知 notice", "bold magenta")
    return line


def _cancelled(response: CancelResponse) -> list[RenderableType]:
    counts: list[tuple[str, Cell]] = [
        ("已撤回 Cancelled", len(response.cancelled_ids)),
        ("可能已在途 Possibly leaving", len(response.possibly_leaving)),
        ("早已结束 Ended before", len(response.ended_ids)),
        ("查无此编号 Unknown", ", ".join(response.unknown_ids)),
    ]
    shown: list[RenderableType] = [details("撤回结果 Cancellation", counts)]
    if response.possibly_leaving:
        rows = [(entry.outreach_id, entry.attempt_id, state_text(entry.state)) for entry in response.possibly_leaving]
        headings = ("编号 ID", "发送 Attempt", "状态 State")
        shown.append(table("可能已在途 Possibly leaving", headings, rows))
    return shown
