"""outreach hold, contact and mark: the stops of accounts, persons and numbers."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import RenderableType

from outreach.cli import contact_addresses
from outreach.cli.command import command
from outreach.cli.fields import choices, enum_option
from outreach.cli.messages import Bank, Limit, possibly_leaving
from outreach.cli.output import details, plain, table
from outreach.cli.session import Session
from outreach.v1.hold_service_pb2 import (
    ApproveLiftRequest,
    CloseContactRequest,
    ConfirmContactRequest,
    Hold,
    HoldKind,
    ListHoldsRequest,
    MarkNoContactRequest,
    NoContactReason,
    PlaceHoldRequest,
    RequestLiftRequest,
)
from outreach.v1.hold_service_pb2_grpc import HoldServiceStub
from outreach.wording.formats import enum_name, when

_FINDING = CloseContactRequest.Finding

_Account = Annotated[str, typer.Option("--account", help="账号 The account.")]
_Customer = Annotated[str, typer.Option("--customer", help="客户号 The bank's customer number.")]
_Phone = Annotated[str, typer.Option("--phone", help="手机号 The number.")]
_Reason = Annotated[str, typer.Option("--reason", help="原因 Why; no personal data.")]
_Evidence = Annotated[str, typer.Option("--evidence", help="凭证编号 Reference of the evidence, such as a recording.")]
_HoldId = Annotated[str, typer.Argument(metavar="HOLD_ID", help="暂停编号 The hold.")]


async def place(
    session: Session,
    account: _Account,
    kind: Annotated[str, typer.Option(help=f"类型 {choices(HoldKind.DESCRIPTOR)}.")],
    reason: _Reason,
    bank: Bank = "",
) -> None:
    """暂停账户 Put an account on hold; cancels what is pending and names what may be leaving."""
    request = PlaceHoldRequest(
        bank_id=session.bank(bank),
        account_number=account,
        kind=HoldKind.ValueType(enum_option("--kind", HoldKind.DESCRIPTOR, kind)),
        reason=reason,
    )
    async with session.client() as client:
        response = await client.call(HoldServiceStub(client.channel).PlaceHold, request)
    leaving = possibly_leaving(list(response.possibly_leaving_attempt_ids))
    session.output.show(plain(response), _hold(response.hold, len(response.cancelled_ids)), leaving)


async def request_lift(session: Session, hold_id: _HoldId, reason: _Reason) -> None:
    """申请解除 Ask for a hold to be lifted; somebody else must approve it."""
    async with session.client() as client:
        stub = HoldServiceStub(client.channel)
        response = await client.call(stub.RequestLift, RequestLiftRequest(hold_id=hold_id, reason=reason))
    session.output.show(plain(response), _hold(response.hold))


async def approve_lift(session: Session, hold_id: _HoldId) -> None:
    """批准解除 Lift a hold that somebody else asked to lift. What was cancelled stays cancelled."""
    async with session.client() as client:
        stub = HoldServiceStub(client.channel)
        response = await client.call(stub.ApproveLift, ApproveLiftRequest(hold_id=hold_id))
    session.output.show(plain(response), _hold(response.hold))


async def list_holds(
    session: Session,
    bank: Bank = "",
    lifted: Annotated[bool, typer.Option("--lifted", help="含已解除 Also those lifted.")] = False,
    limit: Limit = 100,
) -> None:
    """列出暂停 The holds of a bank, newest first."""
    request = ListHoldsRequest(bank_id=session.bank(bank), include_lifted=lifted, page_size=min(limit, 1000))
    holds: list[Hold] = []
    async with session.client() as client:
        while len(holds) < limit:
            response = await client.call(HoldServiceStub(client.channel).ListHolds, request, repeatable=True)
            holds += response.holds
            request.page_token = response.next_page_token
            if not request.page_token:
                break
    del holds[limit:]
    headings = ("编号 Hold", "账号 Account", "类型 Kind", "原因 Reason", "设置 Set by", "时间 Time", "解除 Lift")
    session.output.show(
        [plain(hold) for hold in holds], table(f"暂停 Holds ({len(holds)})", headings, map(_row, holds))
    )


async def mark(
    session: Session,
    reason: Annotated[str, typer.Option(help=f"原因 {choices(NoContactReason.DESCRIPTOR)}.")],
    evidence: _Evidence,
    customer: _Customer = "",
    phone: _Phone = "",
    account: _Account = "",
    bank: Bank = "",
) -> None:
    """禁止联系 Mark a person, a number or an account as not to be contacted."""
    subject = {"customer_id": customer, "phone_number": phone, "account_number": account}
    named = {name: value for name, value in subject.items() if value}
    if len(named) != 1:
        raise typer.BadParameter("--customer、--phone、--account 三者取一 name one of them")
    request = MarkNoContactRequest(
        bank_id=session.bank(bank),
        reason=NoContactReason.ValueType(enum_option("--reason", NoContactReason.DESCRIPTOR, reason)),
        evidence_reference=evidence,
        **named,
    )
    async with session.client() as client:
        response = await client.call(HoldServiceStub(client.channel).MarkNoContact, request)
    leaving = possibly_leaving(list(response.possibly_leaving_attempt_ids))
    session.output.show(plain(response), _stopped("已禁止联系 Marked", len(response.cancelled_ids)), leaving)


async def confirm(session: Session, customer: _Customer, phone: _Phone, evidence: _Evidence, bank: Bank = "") -> None:
    """确认号码 Record that a number is the person's own, and release what waited for that."""
    request = ConfirmContactRequest(
        bank_id=session.bank(bank), customer_id=customer, phone_number=phone, evidence_reference=evidence
    )
    async with session.client() as client:
        response = await client.call(HoldServiceStub(client.channel).ConfirmContact, request)
    shown = details("号码已确认 Confirmed", [("恢复待发 Due again", response.resumed)])
    session.output.show(plain(response), shown)


async def close(
    session: Session,
    customer: _Customer,
    phone: _Phone,
    finding: Annotated[str, typer.Option(help=f"情况 {choices(_FINDING.DESCRIPTOR)}.")],
    evidence: _Evidence,
    bank: Bank = "",
) -> None:
    """关闭号码 Record that a number is dead or another person's."""
    request = CloseContactRequest(
        bank_id=session.bank(bank),
        customer_id=customer,
        phone_number=phone,
        finding=_FINDING.ValueType(enum_option("--finding", _FINDING.DESCRIPTOR, finding)),
        evidence_reference=evidence,
    )
    async with session.client() as client:
        response = await client.call(HoldServiceStub(client.channel).CloseContact, request)
    leaving = possibly_leaving(list(response.possibly_leaving_attempt_ids))
    session.output.show(plain(response), _stopped("号码已关闭 Closed", len(response.cancelled_ids)), leaving)


def register(app: typer.Typer) -> None:
    hold = typer.Typer(help="账户暂停 Holds on accounts.", no_args_is_help=True)
    command(hold, "place")(place)
    command(hold, "request-lift")(request_lift)
    command(hold, "approve-lift")(approve_lift)
    command(hold, "list")(list_holds)
    app.add_typer(hold, name="hold")
    contact = typer.Typer(help="号码与地址 What is known of numbers and addresses.", no_args_is_help=True)
    command(contact, "confirm")(confirm)
    command(contact, "close")(close)
    contact_addresses.register(contact)
    app.add_typer(contact, name="contact")
    command(app, "mark")(mark)


def _hold(hold: Hold, cancelled: int | None = None) -> RenderableType:
    return details(
        f"暂停 Hold {hold.hold_id}",
        [
            ("账号 Account", hold.masked_account_number),
            ("类型 Kind", enum_name(HoldKind.DESCRIPTOR, hold.kind)),
            ("原因 Reason", hold.reason),
            ("设置 Set by", f"{hold.set_by}  {when(hold.set_time)}"),
            ("申请解除 Lift asked by", hold.lift_requested_by),
            ("解除理由 Lift reason", hold.lift_reason),
            ("已解除 Lifted by", hold.lifted_by),
            ("因此取消 Cancelled", "" if cancelled is None else cancelled),
        ],
    )


def _stopped(title: str, cancelled: int) -> RenderableType:
    return details(title, [("因此取消 Cancelled", cancelled)])


def _row(hold: Hold) -> tuple[str, ...]:
    lift = (
        f"已解除 by {hold.lifted_by}" if hold.lifted_by else hold.lift_requested_by and f"申请 {hold.lift_requested_by}"
    )
    kind = enum_name(HoldKind.DESCRIPTOR, hold.kind)
    return (
        hold.hold_id,
        hold.masked_account_number,
        kind,
        hold.reason,
        hold.set_by,
        when(hold.set_time),
        lift,
    )
