"""outreach quantity: how many letters a team may send, and the register of it (台账)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.text import Text

from outreach.cli import styles
from outreach.cli.command import command
from outreach.cli.fields import choices, enum_option
from outreach.cli.messages import Bank, Limit
from outreach.cli.output import details, plain, table
from outreach.cli.session import Session
from outreach.v1.quantity_service_pb2 import (
    AskQuantityRequest,
    DecideQuantityRequest,
    ListQuantitiesRequest,
    Quantity,
    QuantityState,
)
from outreach.v1.quantity_service_pb2_grpc import QuantityServiceStub
from outreach.wording import words
from outreach.wording.formats import enum_name, when


async def ask(
    session: Session,
    letter: Annotated[str, typer.Argument(metavar="LETTER", help="信函名称 The letter's name within the bank.")],
    number: Annotated[int, typer.Option(min=1, help="数量 How many.")],
    reason: Annotated[str, typer.Option(help="理由 Why.")],
    bank: Bank = "",
) -> None:
    """申请数量 Ask for a number of letters, for your own team."""
    request = AskQuantityRequest(bank_id=session.bank(bank), letter_name=letter, number=number, reason=reason)
    async with session.client() as client:
        response = await client.call(QuantityServiceStub(client.channel).AskQuantity, request)
    session.output.show(plain(response), _details(response.quantity))


async def decide(
    session: Session,
    quantity: Annotated[str, typer.Argument(metavar="ID", help="申请编号 The line of the register.")],
    grant: Annotated[int, typer.Option(min=0, help="批准数量，0 为驳回 How many are granted; 0 refuses.")],
    comment: Annotated[str, typer.Option(help="意见，核减或驳回必填 Why; needed to cut or refuse.")] = "",
) -> None:
    """审批数量 Grant all of it, fewer, or none; not by who asked. What waited for it becomes due."""
    request = DecideQuantityRequest(quantity_id=quantity, granted=grant, comment=comment)
    async with session.client() as client:
        response = await client.call(QuantityServiceStub(client.channel).DecideQuantity, request)
    resumed = details("", [("恢复待打印 Due now", response.resumed)])
    session.output.show(plain(response), _details(response.quantity), resumed)


async def list_quantities(
    session: Session,
    state: Annotated[str, typer.Option(help=f"状态 Only {choices(QuantityState.DESCRIPTOR)}.")] = "",
    bank: Bank = "",
    limit: Limit = 100,
) -> None:
    """台账 The register, newest first: asked, granted, used, left, by whom."""
    wanted = enum_option("--state", QuantityState.DESCRIPTOR, state) if state else 0
    request = ListQuantitiesRequest(
        bank_id=session.bank(bank), state=QuantityState.ValueType(wanted), page_size=min(limit, 1000)
    )
    found: list[Quantity] = []
    async with session.client() as client:
        while len(found) < limit:
            response = await client.call(QuantityServiceStub(client.channel).ListQuantities, request, repeatable=True)
            found += response.quantities
            request.page_token = response.next_page_token
            if not request.page_token:
                break
    session.output.show([plain(quantity) for quantity in found[:limit]], _table(found[:limit]))


def register(app: typer.Typer) -> None:
    quantity = typer.Typer(help="数量与台账 How many letters may leave.", no_args_is_help=True)
    command(quantity, "ask")(ask)
    command(quantity, "decide")(decide)
    command(quantity, "list")(list_quantities)
    app.add_typer(quantity, name="quantity")


def _state(state: int) -> Text:
    name = enum_name(QuantityState.DESCRIPTOR, state)
    return Text(f"{words.QUANTITY_STATES.get(name, '')} {name}", style=styles.QUANTITY_STATE_STYLES.get(name, ""))


def _table(quantities: Sequence[Quantity]) -> RenderableType:
    rows = [
        (
            quantity.quantity_id,
            quantity.letter_name,
            quantity.team,
            _state(quantity.state),
            quantity.asked,
            quantity.granted,
            quantity.used,
            quantity.left,
            quantity.asked_by,
            quantity.decided_by,
        )
        for quantity in quantities
    ]
    headings = (
        "编号 ID",
        "信函 Letter",
        "团队 Team",
        "状态 State",
        "申请 Asked",
        "批准 Granted",
        "已用 Used",
        "剩余 Left",
        "申请人 Asked by",
        "审批人 Decided by",
    )
    return table(f"数量台账 Register ({len(rows)})", headings, rows, numeric=(4, 5, 6, 7))


def _details(quantity: Quantity) -> RenderableType:
    return details(
        "数量 Quantity",
        [
            ("编号 ID", quantity.quantity_id),
            ("状态 State", _state(quantity.state)),
            ("银行 Bank", quantity.bank_id),
            ("信函 Letter", quantity.letter_name),
            ("团队 Team", quantity.team),
            ("申请 Asked", f"{quantity.asked}  {quantity.asked_by}  {when(quantity.ask_time)}"),
            ("理由 Reason", quantity.reason),
            ("批准 Granted", quantity.granted),
            ("已用 Used", quantity.used),
            ("剩余 Left", quantity.left),
            ("审批 Decided by", f"{quantity.decided_by}  {when(quantity.decide_time)}".strip()),
            ("意见 Comment", quantity.comment),
        ],
    )
