"""outreach summary, clock, employee and unconfirmed: what operators need."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer
from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import RenderableType
from rich.text import Text

from outreach.cli import styles
from outreach.cli.command import command
from outreach.cli.fields import enum_option, time_option
from outreach.cli.messages import Bank, Limit
from outreach.cli.output import Cell, code_tables, details, plain, table
from outreach.cli.session import Session
from outreach.v1.common_pb2 import State
from outreach.v1.operations_service_pb2 import (
    ConfirmWallClockRequest,
    GetSummaryRequest,
    GetSummaryResponse,
    ListUnconfirmedRequest,
    ResolveUnconfirmedRequest,
    SetBusinessClockRequest,
    SetEmployeeRequest,
    UnconfirmedAttempt,
)
from outreach.v1.operations_service_pb2_grpc import OperationsServiceStub
from outreach.wording import words
from outreach.wording.formats import when


async def summary(session: Session, bank: Bank = "") -> None:
    """总览 Counts by state and by rule, the business clock, and the bank's feed."""
    response = await _summary(session, bank)
    document = {
        **plain(response),
        "states": dict(sorted(response.states.items())),
        "codes": dict(sorted(response.codes.items())),
    }
    session.output.show(document, *_summary_tables(response))


async def show_clock(session: Session, bank: Bank = "") -> None:
    """显示 The business clock, by which the rules decide."""
    response = await _summary(session, bank)
    document = {"business_time": plain(response)["business_time"], "permits_stopped": response.permits_stopped}
    pairs: list[tuple[str, Cell]] = [
        ("业务时间 Business time", when(response.business_time)),
        ("放行停止 Permits stopped", Text(response.permits_stopped, "bold red")),
    ]
    session.output.show(document, details("", pairs))


async def set_clock(
    session: Session,
    time: Annotated[str, typer.Argument(metavar="TIME", help="时间 Such as 2026-11-24T08:00:00+08:00.")],
    rate: Annotated[float, typer.Option(min=0, help="速率 Business seconds in a real one; 0 stands still.")] = 1.0,
) -> None:
    """设置 Set the business clock of an installation that runs on a simulated one."""
    request = SetBusinessClockRequest(time=time_option("TIME", time), rate=rate)
    async with session.client() as client:
        response = await client.call(OperationsServiceStub(client.channel).SetBusinessClock, request, repeatable=True)
    session.output.show(plain(response), Text(f"业务时间已设为 business clock set: {when(request.time)}, x{rate:g}"))


async def confirm_clock(
    session: Session, reason: Annotated[str, typer.Option(help="理由 Why the clock may be trusted.")]
) -> None:
    """确认跳变 Confirm a jump of the wall clock, after which permits are given again."""
    request = ConfirmWallClockRequest(reason=reason)
    async with session.client() as client:
        response = await client.call(OperationsServiceStub(client.channel).ConfirmWallClock, request, repeatable=True)
    session.output.show(plain(response), Text("已确认 confirmed"))


async def set_employee(
    session: Session,
    employee: Annotated[str, typer.Argument(metavar="EMPLOYEE", help="员工 The employee.")],
    caller: Annotated[str, typer.Option(help="系统 The caller whose tokens vouch for the employee.")],
    team: Annotated[str, typer.Option(help="小组 The team.")] = "",
    active: Annotated[bool, typer.Option("--active/--left", help="在职或离职 Active, or has left.")] = True,
) -> None:
    """登记员工 Register an employee, or say that the employee has left."""
    request = SetEmployeeRequest(caller_id=caller, employee_id=employee, team=team, active=active)
    async with session.client() as client:
        response = await client.call(OperationsServiceStub(client.channel).SetEmployee, request, repeatable=True)
    state = "在职 active" if active else "已离职 has left"
    session.output.show(plain(response), Text(f"{employee} ({caller}): {state}"))


async def list_unconfirmed(session: Session, bank: Bank = "", limit: Limit = 100) -> None:
    """列出 Attempts whose fate nobody knows, oldest first."""
    request = ListUnconfirmedRequest(bank_id=session.bank(bank), page_size=min(limit, 1000))
    async with session.client() as client:
        response = await client.call(OperationsServiceStub(client.channel).ListUnconfirmed, request, repeatable=True)
    rows = [
        (
            attempt.attempt_id,
            attempt.outreach_id,
            attempt.carrier_id,
            attempt.carrier_code,
            when(attempt.release_time),
            _age(response.business_time, attempt.release_time),
            attempt.lookups,
            _next_step(attempt),
            "是 yes" if attempt.cancellation_pending else "",
        )
        for attempt in response.attempts
    ]
    headings = (
        "发送 Attempt",
        "编号 ID",
        "通道 Carrier",
        "回执码 Code",
        "放行 Released",
        "已过 Age",
        "已查 Asked",
        "下一步 Next",
        "待撤回 Cancelled",
    )
    document = [plain(attempt) for attempt in response.attempts]
    session.output.show(document, table(f"结果未知 Unconfirmed ({len(rows)})", headings, rows, numeric=[6]))


async def resolve_unconfirmed(
    session: Session,
    attempt: Annotated[str, typer.Argument(metavar="ATTEMPT_ID", help="发送编号 The attempt.")],
    state: Annotated[str, typer.Option(help="结果 sent|delivered|undelivered.")],
    evidence: Annotated[str, typer.Option(help="凭证编号 Reference of the evidence; no personal data.")],
) -> None:
    """认定 End an unknown fate by evidence, such as the carrier's written answer."""
    number = State.ValueType(enum_option("--state", State.DESCRIPTOR, state))
    request = ResolveUnconfirmedRequest(attempt_id=attempt, state=number, evidence_reference=evidence)
    async with session.client() as client:
        stub = OperationsServiceStub(client.channel)
        response = await client.call(stub.ResolveUnconfirmed, request, repeatable=True)
    session.output.show(plain(response), Text(f"已认定 resolved: {attempt}"))


def register(app: typer.Typer) -> None:
    command(app, "summary")(summary)
    unconfirmed = typer.Typer(help="结果未知 Attempts whose fate is unknown.", no_args_is_help=True)
    command(unconfirmed, "list")(list_unconfirmed)
    command(unconfirmed, "resolve")(resolve_unconfirmed)
    app.add_typer(unconfirmed, name="unconfirmed")
    clock = typer.Typer(help="时钟 The clocks.", no_args_is_help=True)
    command(clock, "show")(show_clock)
    command(clock, "set")(set_clock)
    command(clock, "confirm")(confirm_clock)
    app.add_typer(clock, name="clock")
    employee = typer.Typer(help="员工 Employees.", no_args_is_help=True)
    employee.callback()(lambda: None)
    command(employee, "set")(set_employee)
    app.add_typer(employee, name="employee")


def _next_step(attempt: UnconfirmedAttempt) -> Text:
    """Who finds out what became of it: the carrier's records, or, once they have ended, a person."""
    if attempt.handed_over:
        return Text("人工 operator: unconfirmed resolve", "bold yellow")
    if attempt.HasField("next_lookup_time"):
        return Text(f"再查 asks again {when(attempt.next_lookup_time)}")
    return Text("尚未查询 not asked yet")


def _age(now: Timestamp, released: Timestamp) -> str:
    return str(timedelta(seconds=max(0, now.seconds - released.seconds)))


async def _summary(session: Session, bank: str) -> GetSummaryResponse:
    request = GetSummaryRequest(bank_id=session.bank(bank))
    async with session.client() as client:
        return await client.call(OperationsServiceStub(client.channel).GetSummary, request, repeatable=True)


def _summary_tables(response: GetSummaryResponse) -> list[RenderableType]:
    states = [
        (Text(f"{words.STATES[name]} {name}", style=styles.STATE_STYLES[name]), response.states[name])
        for name in words.STATES
        if response.states.get(name)
    ]
    proven = Text("已验证 proven", "green") if response.feed_proven else Text("未验证 not proven", "red")
    pairs: list[tuple[str, Cell]] = [
        ("业务时间 Business time", when(response.business_time)),
        ("数据完整至 Feed through", when(response.feed_complete_through)),
        ("数据通路 Feed", proven),
        ("放行停止 Permits stopped", Text(response.permits_stopped, "bold red")),
    ]
    return [
        table("状态 States", ("状态 State", "数量 Count"), states, numeric=[1]),
        *code_tables({"规则 Rules": response.codes}),
        details("", pairs),
    ]
