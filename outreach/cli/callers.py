"""outreach caller: the systems that call the gateway."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer
from rich.console import RenderableType

from outreach.cli.command import command
from outreach.cli.output import details, plain, table
from outreach.cli.session import Session
from outreach.v1.caller_service_pb2 import (
    Caller,
    CallerWork,
    DeactivateCallerRequest,
    GetCallerRequest,
    ListCallersRequest,
    ReactivateCallerRequest,
)
from outreach.v1.caller_service_pb2_grpc import CallerServiceStub
from outreach.v1.outreach_service_pb2 import Channel
from outreach.wording.formats import enum_name, state_words, when

_Name = Annotated[str, typer.Argument(metavar="NAME", help="调用方 The caller's id.")]
_Reason = Annotated[str, typer.Option("--reason", help="理由，会进入账本 Why; goes into the ledger.")]


async def list_callers(session: Session) -> None:
    """列出调用方 The callers that are registered or deactivated."""
    async with session.client() as client:
        stub = CallerServiceStub(client.channel)
        response = await client.call(stub.ListCallers, ListCallersRequest(), repeatable=True)
    headings = ("调用方 Caller", "状态 State", "角色 Roles", "银行 Banks", "停用 Deactivated by", "时间 When")
    shown = table(f"调用方 Callers ({len(response.callers)})", headings, map(_row, response.callers))
    session.output.show(plain(response), shown)


async def show(session: Session, name: _Name) -> None:
    """查看调用方 One caller, and what is under way for it."""
    async with session.client() as client:
        stub = CallerServiceStub(client.channel)
        response = await client.call(stub.GetCaller, GetCallerRequest(caller_id=name), repeatable=True)
    session.output.show(plain(response), _caller(response.caller), *_work(response.work))


async def deactivate(session: Session, name: _Name, reason: _Reason) -> None:
    """停用调用方 Shut a caller out within seconds, open streams too; lists what is under way for it, which goes on."""
    request = DeactivateCallerRequest(caller_id=name, reason=reason)
    async with session.client() as client:
        response = await client.call(CallerServiceStub(client.channel).DeactivateCaller, request)
    session.output.show(plain(response), _caller(response.caller), *_work(response.work))


async def reactivate(session: Session, name: _Name, reason: _Reason) -> None:
    """恢复调用方 Let a caller in again; by another operator than the one who shut it out."""
    request = ReactivateCallerRequest(caller_id=name, reason=reason)
    async with session.client() as client:
        response = await client.call(CallerServiceStub(client.channel).ReactivateCaller, request)
    session.output.show(plain(response), _caller(response.caller))


def register(app: typer.Typer) -> None:
    caller = typer.Typer(help="调用方 Systems that call.", no_args_is_help=True)
    command(caller, "list")(list_callers)
    command(caller, "show")(show)
    command(caller, "deactivate")(deactivate)
    command(caller, "reactivate")(reactivate)
    app.add_typer(caller, name="caller")


def _caller(caller: Caller) -> RenderableType:
    _, state, roles, banks, who, moment = _row(caller)
    return details(
        f"调用方 Caller {caller.caller_id}",
        [
            ("状态 State", state),
            ("角色 Roles", roles),
            ("银行 Banks", banks),
            ("停用 Deactivated by", who),
            ("时间 When", moment),
            ("理由 Reason", caller.deactivation.reason),
        ],
    )


def _row(caller: Caller) -> tuple[str, ...]:
    shut_out = caller.deactivation
    return (
        caller.caller_id,
        _state(caller),
        ", ".join(caller.registration.roles),
        ", ".join(caller.registration.bank_ids),
        shut_out.deactivated_by,
        when(shut_out.deactivate_time),
    )


def _state(caller: Caller) -> str:
    if caller.HasField("deactivation"):
        return "已停用 DEACTIVATED"
    return "可用 ACTIVE" if caller.registration.active else "文件中停用 INACTIVE"


def _work(work: CallerWork) -> Iterator[RenderableType]:
    groups = [
        (one.bank_id, enum_name(Channel.DESCRIPTOR, one.channel), state_words(one.state), str(one.count))
        for one in work.outreach
    ]
    headings = ("银行 Bank", "渠道 Channel", "状态 State", "条数 Count")
    yield table("未了的请求，照常进行 Requests under way, which go on", headings, groups)
    begun = [(item.kind, item.id, item.bank_id) for item in work.waiting]
    yield table("其人员未了的事项 Begun by its people", ("事项 What", "编号 Id", "银行 Bank"), begun)
