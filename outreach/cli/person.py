"""outreach person: what is held of a person; erasing, restricting and giving it out, each decided by two."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import RenderableType
from rich.text import Text

from outreach.cli import person_replay, person_retention, styles
from outreach.cli.command import command
from outreach.cli.failures import Failure
from outreach.cli.fields import choices, enum_option
from outreach.cli.messages import Bank, Limit
from outreach.cli.output import Cell, details, plain, table
from outreach.cli.session import Session
from outreach.evidence.held import archive
from outreach.v1.person_service_pb2 import (
    AskForPersonRequest,
    DecideForPersonRequest,
    FetchPersonExportRequest,
    GetPersonRequest,
    GetPersonResponse,
    ListPersonRequestsRequest,
    PersonRequest,
    PersonRequestKind,
    PersonRequestState,
    PersonState,
    RestrictPersonRequest,
)
from outreach.v1.person_service_pb2_grpc import PersonServiceStub
from outreach.wording import words
from outreach.wording.formats import enum_name, when

_STATE_STYLES = styles.PERSON_STATE_STYLES
_Customer = Annotated[str, typer.Option("--customer", help="客户号 The bank's customer number.")]
_Account = Annotated[str, typer.Option("--account", help="账号 The debtor of this account.")]
_Person = Annotated[str, typer.Option("--person", help="编号 The gateway's own id.")]
_Reason = Annotated[str, typer.Option(help="理由，如来函编号 Why; without personal data.")]


async def show(
    session: Session, customer: _Customer = "", account: _Account = "", person: _Person = "", bank: Bank = ""
) -> None:
    """查询 What is held of a person, masked, and what stands in the way of an erasure."""
    request = GetPersonRequest(bank_id=session.bank(bank), **_subject(customer, account, person))
    async with session.client() as client:
        found = await client.call(PersonServiceStub(client.channel).GetPerson, request, repeatable=True)
    session.output.show(plain(found), *_found(found))


async def erase(
    session: Session,
    reason: _Reason,
    customer: _Customer = "",
    account: _Account = "",
    person: _Person = "",
    bank: Bank = "",
) -> None:
    """申请删除 Ask for an erasure; another person decides. Refused while a retention period or a hold runs."""
    kind = PersonRequestKind.PERSON_REQUEST_KIND_ERASURE
    await _ask(session, kind, reason, bank, _subject(customer, account, person))


async def lift(
    session: Session,
    reason: _Reason,
    customer: _Customer = "",
    account: _Account = "",
    person: _Person = "",
    bank: Bank = "",
) -> None:
    """申请解除限制 Ask that a restriction be lifted; another person decides."""
    kind = PersonRequestKind.PERSON_REQUEST_KIND_LIFT
    await _ask(session, kind, reason, bank, _subject(customer, account, person))


async def export(
    session: Session,
    reason: _Reason,
    customer: _Customer = "",
    account: _Account = "",
    person: _Person = "",
    bank: Bank = "",
) -> None:
    """申请导出 Ask for all that is held of a person, with a purpose; another person decides, then `fetch`."""
    kind = PersonRequestKind.PERSON_REQUEST_KIND_EXPORT
    await _ask(session, kind, reason, bank, _subject(customer, account, person))


async def restrict(
    session: Session,
    reason: _Reason,
    customer: _Customer = "",
    account: _Account = "",
    person: _Person = "",
    bank: Bank = "",
) -> None:
    """限制处理 Keep the data for the law alone, at once: nothing more is sent, and lists show it no more."""
    request = RestrictPersonRequest(bank_id=session.bank(bank), reason=reason, **_subject(customer, account, person))
    async with session.client() as client:
        response = await client.call(PersonServiceStub(client.channel).RestrictPerson, request)
    session.output.show(
        plain(response),
        details(
            "已限制处理 Restricted",
            [
                ("编号 Person", response.person_id),
                ("已取消 Cancelled", "\n".join(response.cancelled_ids) or "-"),
                ("或已发出 Possibly leaving", "\n".join(response.possibly_leaving_attempt_ids) or "-"),
            ],
        ),
    )


async def decide(
    session: Session,
    request_id: Annotated[str, typer.Argument(metavar="ID", help="申请或批次编号 A request, or a retention's batch.")],
    refuse: Annotated[bool, typer.Option("--refuse", help="驳回 Refuse it.")] = False,
    accept: Annotated[
        bool,
        typer.Option("--accept-unconfirmed-loss", help="接受未知结果不再可查 What is UNCONFIRMED stays so."),
    ] = False,
    batch: Annotated[bool, typer.Option("--batch", help="ID 是批次 The id is a retention's batch.")] = False,
) -> None:
    """审批 Approve, or refuse, what another person asked for."""
    request = DecideForPersonRequest(approve=not refuse, accept_unconfirmed_loss=accept)
    if batch:
        request.batch_id = request_id
    else:
        request.request_id = request_id
    async with session.client() as client:
        response = await client.call(PersonServiceStub(client.channel).DecideForPerson, request)
    shown: list[tuple[str, Cell]] = [
        ("已处理 Decided", response.decided),
        ("已取消 Cancelled", "\n".join(response.cancelled_ids) or "-"),
        ("或已发出 Possibly leaving", "\n".join(response.possibly_leaving_attempt_ids) or "-"),
    ]
    session.output.show(plain(response), _requests([response.request] if not batch else []), details("", shown))


async def requests(
    session: Session,
    state: Annotated[str, typer.Option(help=f"状态 Only {choices(PersonRequestState.DESCRIPTOR)}.")] = "",
    bank: Bank = "",
    limit: Limit = 100,
) -> None:
    """申请列表 What was asked for, newest first; the register of erasures."""
    wanted = enum_option("--state", PersonRequestState.DESCRIPTOR, state) if state else 0
    request = ListPersonRequestsRequest(
        bank_id=session.bank(bank), state=PersonRequestState.ValueType(wanted), page_size=min(limit, 1000)
    )
    found: list[PersonRequest] = []
    async with session.client() as client:
        while len(found) < limit:
            page = await client.call(PersonServiceStub(client.channel).ListPersonRequests, request, repeatable=True)
            found += page.requests
            request.page_token = page.next_page_token
            if not request.page_token:
                break
    session.output.show([plain(one) for one in found[:limit]], _requests(found[:limit]))


async def fetch(
    session: Session,
    request_id: Annotated[str, typer.Argument(metavar="ID", help="已批准的导出 The approved export.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="存为 The ZIP to write; it must not exist.")],
) -> None:
    """领取导出 Fetch an approved export, once, within a day: a ZIP of JSON and XLSX."""
    if out.exists():
        raise Failure(f"{out} 已存在，请另取名。It exists already: choose another name.", field="out")
    async with session.client() as client:
        stub = PersonServiceStub(client.channel)
        request = FetchPersonExportRequest(request_id=request_id)
        content = b"".join([part.content async for part in client.stream(stub.FetchPersonExport, request)])
    out.touch(mode=0o600, exist_ok=False)
    out.write_bytes(archive(content))
    session.output.show({"file": str(out)}, details("导出 Export", [("文件 File", str(out))]))
    session.output.note("文件含个人信息，交付后请删除。It holds personal data: delete it once handed over.", "yellow")


def register(app: typer.Typer) -> None:
    person = typer.Typer(help="个人信息 A person's data: erase, restrict, export, retention.", no_args_is_help=True)
    for name, function in (
        ("show", show),
        ("erase", erase),
        ("restrict", restrict),
        ("lift", lift),
        ("export", export),
        ("decide", decide),
        ("requests", requests),
        ("fetch", fetch),
        ("retention", person_retention.retention),
        ("erase-due", person_retention.erase_due),
        ("replay-erasures", person_replay.replay_erasures),
    ):
        command(person, name)(function)
    app.add_typer(person, name="person")


def _subject(customer: str, account: str, person: str) -> dict[str, Any]:
    """The one way in which the person is named."""
    named = {"customer_id": customer, "account_number": account, "person_id": person}
    given = {name: value for name, value in named.items() if value}
    if len(given) != 1:
        raise Failure(
            "请用 --customer、--account、--person 之一指明是谁。Say who by one of these options.", field="customer"
        )
    return given


async def _ask(
    session: Session, kind: PersonRequestKind.ValueType, reason: str, bank: str, subject: dict[str, Any]
) -> None:
    request = AskForPersonRequest(bank_id=session.bank(bank), kind=kind, reason=reason, **subject)
    async with session.client() as client:
        response = await client.call(PersonServiceStub(client.channel).AskForPerson, request)
    session.output.show(plain(response), _requests([response.request]))
    session.output.note(
        f"另一人处理：outreach person decide {response.request.request_id}。Another person decides it so."
    )


def _found(found: GetPersonResponse) -> list[RenderableType]:
    state = enum_name(PersonState.DESCRIPTOR, found.state)
    pairs: list[tuple[str, Cell]] = [
        ("编号 Person", found.person_id),
        (
            "状态 State",
            Text(f"{words.PERSON_STATES.get(state, '')} {state}", _STATE_STYLES.get(state, "")),
        ),
        ("姓名 Name", found.masked_name or "-"),
        ("账户 Accounts", " ".join(found.masked_accounts) or "-"),
        ("短信与信函 Outreach", found.outreach),
        ("待发 Pending", found.pending),
        ("结果未知 Unconfirmed", "\n".join(found.unconfirmed_attempt_ids) or "-"),
        ("保存期限至 Kept until", when(found.retained_until) or "-"),
        ("不能删除 In the way", "\n".join(bar.message for bar in found.bars) or "-"),
    ]
    return [details("个人信息 Person", pairs), _requests(found.requests)]


def _requests(found: Sequence[PersonRequest]) -> RenderableType:
    rows = [
        (
            one.request_id,
            one.person_id,
            _kind(one),
            _state(one),
            one.reason,
            f"{one.asked_by}\n{when(one.ask_time)}",
            f"{one.decided_by}\n{when(one.decide_time)}".strip(),
            when(one.done_time),
            one.note,
        )
        for one in found
    ]
    headings = (
        "申请 Request",
        "编号 Person",
        "事项 What",
        "状态 State",
        "理由 Why",
        "申请人 Asked by",
        "审批人 Decided by",
        "完成 Done",
        "备注 Note",
    )
    return table(f"申请 Requests ({len(rows)})", headings, rows)


def _kind(one: PersonRequest) -> str:
    name = enum_name(PersonRequestKind.DESCRIPTOR, one.kind)
    return f"{words.PERSON_REQUEST_KINDS.get(name, '')} {name}"


def _state(one: PersonRequest) -> Text:
    name = enum_name(PersonRequestState.DESCRIPTOR, one.state)
    return Text(
        f"{words.PERSON_REQUEST_STATES.get(name, '')} {name}", style=styles.PERSON_REQUEST_STATE_STYLES.get(name, "")
    )
