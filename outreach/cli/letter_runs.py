"""outreach letters queue, run, runs, show, close, release-care: what waits to be printed, and print runs."""

from __future__ import annotations

import asyncio
import hashlib
import time
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from outreach.cli import styles
from outreach.cli.command import command
from outreach.cli.failures import Failure
from outreach.cli.fields import choices, enum_option
from outreach.cli.messages import Bank, Limit
from outreach.cli.output import Cell, details, plain, state_text, table
from outreach.cli.session import Session
from outreach.client import Client
from outreach.domain.ids import new_id
from outreach.v1.mailroom_service_pb2 import (
    CloseRunRequest,
    GetQueueRequest,
    GetRunRequest,
    ListRunsRequest,
    PrintRun,
    QueueLine,
    ReleaseCareRequest,
    RunState,
    StartRunRequest,
)
from outreach.v1.mailroom_service_pb2_grpc import MailroomServiceStub
from outreach.v1.outreach_service_pb2 import PostalClass
from outreach.wording import words
from outreach.wording.formats import enum_name, when

RunId = Annotated[str, typer.Argument(metavar="RUN", help="打印批次 The print run.")]
_POLL_S = 0.5
_MAX_PAGE = 1_000
_PREFIX = 6
"""The fewest characters of a digest that name a version."""


async def queue(session: Session, bank: Bank = "") -> None:
    """待打印 What is due to be printed, by what makes one run: version, envelope and postal class."""
    async with session.client() as client:
        stub = MailroomServiceStub(client.channel)
        response = await client.call(stub.GetQueue, GetQueueRequest(bank_id=session.bank(bank)), repeatable=True)
    headings = ("信函 Letter", "信封 Envelope", "邮寄 Class", "待打 Due", "最早 Oldest", "版本 Version")
    shown = table("待打印 Queue", headings, map(_queue_row, response.lines), numeric=[3])
    cutoff = f"交寄截止 Hand over by {when(response.next_cutoff_time)}" if response.HasField("next_cutoff_time") else ""
    session.output.show(plain(response)["lines"], Group(shown, cutoff) if cutoff else shown)


async def run(
    session: Session,
    version: Annotated[
        str, typer.Argument(metavar="[VERSION]", help="信函名或版本摘要 The letter's name, or its version's digest.")
    ] = "",
    postal_class: Annotated[
        str, typer.Option("--class", help=f"邮寄方式 {choices(PostalClass.DESCRIPTOR)}.")
    ] = "ordinary",
    most: Annotated[int, typer.Option("--max", min=1, max=10_000, help="最多封数 At most this many letters.")] = 1_000,
    bank: Bank = "",
    no_wait: Annotated[bool, typer.Option("--no-wait", help="不等待排版 Do not wait for its PDF.")] = False,
    patience: Annotated[float, typer.Option(min=1, help="最多等待秒数 Seconds to wait for its PDF.")] = 600,
) -> None:
    """开始批次 Start a print run and wait until its PDF can be fetched. Prints the run's id."""
    bank = session.bank(bank)
    kind = PostalClass.ValueType(enum_option("--class", PostalClass.DESCRIPTOR, postal_class))
    async with session.client() as client:
        stub = MailroomServiceStub(client.channel)
        request = StartRunRequest(
            bank_id=bank,
            version_digest=await _version(client, bank, version, kind),
            postal_class=kind,
            max_letters=most,
            run_request_id=new_id(),
        )
        response = await client.call(stub.StartRun, request, repeatable=True)
        if not response.HasField("run"):
            session.output.show(None, Text("没有可打印的信函 Nothing could be released: no letter of it is due."))
            return
        started = response.run
        if not no_wait:
            started = await _ready(session, client, started, patience)
    session.output.show(plain(started), *run_details(started))


async def runs(
    session: Session,
    bank: Bank = "",
    state: Annotated[str, typer.Option(help=f"状态 Only this state: {choices(RunState.DESCRIPTOR)}.")] = "",
    limit: Limit = 50,
) -> None:
    """列出批次 The print runs of a bank, newest first."""
    wanted = RunState.ValueType(enum_option("--state", RunState.DESCRIPTOR, state) if state else 0)
    request = ListRunsRequest(bank_id=session.bank(bank), state=wanted, page_size=min(limit, _MAX_PAGE))
    listed: list[PrintRun] = []
    async with session.client() as client:
        stub = MailroomServiceStub(client.channel)
        while len(listed) < limit:
            response = await client.call(stub.ListRuns, request, repeatable=True)
            listed += response.runs
            request.page_token = response.next_page_token
            if not request.page_token:
                break
    del listed[limit:]
    headings = (
        "批次 Run",
        "状态 State",
        "信函 Letter",
        "邮寄 Class",
        "封 Letters",
        "张 Sheets",
        "已打 Printed",
        "已寄 Mailed",
        "待抽 To pull",
        "开始 Started",
    )
    shown = table(f"打印批次 Runs ({len(listed)})", headings, map(_run_row, listed), numeric=range(4, 9))
    session.output.show([plain(one) for one in listed], shown)


async def show(session: Session, run_id: RunId) -> None:
    """查看批次 One print run with its numbers, and what does not meet yet."""
    async with session.client() as client:
        found = await get_run(client, run_id)
    session.output.show(plain(found), *run_details(found))


async def close(
    session: Session,
    run_id: RunId,
    explanation: Annotated[
        str, typer.Option(help="差异说明 Why the numbers do not meet; a second person must say the same run's.")
    ] = "",
) -> None:
    """关闭批次 Close a run whose numbers meet. A difference needs an explanation by two people."""
    request = CloseRunRequest(run_id=run_id, explanation=explanation)
    async with session.client() as client:
        response = await client.call(MailroomServiceStub(client.channel).CloseRun, request)
    waits = "等待第二人说明 A second person must explain it too." if response.waits_for_second_person else ""
    session.output.show(plain(response), *run_details(response.run), Text(waits, style="bold yellow"))


async def reconcile(session: Session, run_id: RunId) -> None:
    """核对数量 Do the numbers of a run meet? Exit code 1 while they do not."""
    async with session.client() as client:
        found = await get_run(client, run_id)
    session.output.show({"run_id": run_id, "differences": list(found.differences)}, *run_details(found))
    if found.differences:
        raise typer.Exit(1)


async def release_care(
    session: Session,
    outreach_id: Annotated[str, typer.Argument(metavar="ID", help="外联编号 The outreach.")],
    reason: Annotated[str, typer.Option(help="原因 Why, for the ledger; no personal data.")],
) -> None:
    """放行小额 Release a letter that waits for CARE_AMOUNT. Not by the clerk who asked for it."""
    request = ReleaseCareRequest(outreach_id=outreach_id, reason=reason)
    async with session.client() as client:
        response = await client.call(MailroomServiceStub(client.channel).ReleaseCare, request)
    pairs: list[tuple[str, Cell]] = [
        ("状态 State", state_text(response.outreach.state)),
        ("应发 Due", when(response.outreach.due_time)),
    ]
    session.output.show(plain(response), details(f"已放行 Released {outreach_id}", pairs))


def register(app: typer.Typer) -> None:
    command(app, "queue")(queue)
    command(app, "run")(run)
    command(app, "runs")(runs)
    command(app, "show")(show)
    command(app, "reconcile")(reconcile)
    command(app, "close")(close)
    command(app, "release-care")(release_care)


async def get_run(client: Client, run_id: str) -> PrintRun:
    response = await client.call(
        MailroomServiceStub(client.channel).GetRun, GetRunRequest(run_id=run_id), repeatable=True
    )
    return response.run


def postal_class_text(postal_class: PostalClass.ValueType) -> str:
    """The class's names, such as 平信 ORDINARY."""
    name = enum_name(PostalClass.DESCRIPTOR, postal_class)
    return f"{words.POSTAL_CLASSES.get(name, '')} {name}".strip()


def run_details(run: PrintRun) -> list[RenderableType]:
    """A run, its numbers, and what does not meet yet."""
    pairs: list[tuple[str, Cell]] = [
        ("状态 State", _state(run)),
        ("信函 Letter", run.letter_name),
        ("版本 Version", run.version_digest),
        ("信封 Envelope", run.envelope),
        ("邮寄 Class", postal_class_text(run.postal_class)),
        ("开始 Started", f"{run.started_by}  {when(run.start_time)}"),
        ("PDF SHA-256", run.pdf_sha256),
        ("张数 Sheets", run.sheets or ""),
        ("PDF 已发放 Released", run.releases or ""),
    ]
    numbers = [(name, getattr(run, field)) for field, name in _NUMBERS.items()]
    shown = [
        details(f"打印批次 Run {run.run_id}", pairs),
        table("数量 Numbers", ("项目 Item", "封 Letters"), numbers, numeric=[1]),
    ]
    if run.differences:
        shown.append(Text("\n  ".join(["尚未对上 Does not meet yet:", *run.differences]), style="yellow"))
    return shown


_NUMBERS = {
    "letters": "编入 Released into it",
    "withdrawn": "打印前撤出 Withdrawn",
    "pending": "待确认打印 Not confirmed",
    "printed": "已打印 Printed",
    "in_pile": "· 在手 In the pile",
    "sealed": "· 已盖章 Sealed",
    "mailed": "· 已交寄 Mailed",
    "spoiled": "· 作废 Spoiled",
    "pulled": "已抽出 Pulled",
    "to_pull": "待抽出 To pull",
    "returned": "已退回 Returned",
}


async def _version(client: Client, bank: str, name: str, kind: PostalClass.ValueType) -> str:
    """The digest of the version in the queue that a letter's name or a digest's beginning means. Raises Failure."""
    stub = MailroomServiceStub(client.channel)
    lines = (await client.call(stub.GetQueue, GetQueueRequest(bank_id=bank), repeatable=True)).lines
    waiting = {line.version_digest for line in lines if line.postal_class == kind and _means(name, line)}
    if len(waiting) == 1:
        return waiting.pop()
    if waiting:
        raise Failure(
            f"VERSION: {name or '（空）'} 对应多个版本，请写摘要：{', '.join(d[:12] for d in sorted(waiting))}。"
            "It means several versions: name one by its digest.",
            field="version",
        )
    if len(name) == hashlib.sha256().digest_size * 2:
        return name
    known = ", ".join(sorted({f"{line.letter_name} {line.version_digest[:12]}" for line in lines})) or "-"
    raise Failure(
        f"VERSION: 队列中没有 {name or '信函'}（此邮寄方式）。待打印：{known}。"
        "The queue has no such letter of that class; `outreach letters queue` shows what waits.",
        field="version",
    )


def _means(name: str, line: QueueLine) -> bool:
    return not name or line.letter_name == name or (len(name) >= _PREFIX and line.version_digest.startswith(name))


async def _ready(session: Session, client: Client, run: PrintRun, timeout_s: float) -> PrintRun:
    """Waits until the run's PDF can be fetched. Raises Failure after `timeout_s` seconds; the run goes on."""
    end = time.monotonic() + timeout_s
    with session.output.errors.status(f"排版中 laying out {run.letters} 封 letters"):
        while run.state == RunState.RUN_STATE_RENDERING:
            if time.monotonic() > end:
                raise Failure(
                    f"{run.run_id} {timeout_s:g} 秒内未排好，排版仍在继续："
                    f"稍后用 outreach letters show {run.run_id} 查看。"
                    "It is not laid out yet and goes on: look again later. Is letter_service running?",
                    reason="NOT_READY",
                )
            await asyncio.sleep(_POLL_S)
            run = await get_run(client, run.run_id)
    return run


def _state(run: PrintRun) -> Text:
    name = enum_name(RunState.DESCRIPTOR, run.state)
    return Text(f"{words.RUN_STATES.get(name, '')} {name}".strip(), style=styles.RUN_STATE_STYLES.get(name, ""))


def _queue_row(line: QueueLine) -> tuple[str | int, ...]:
    return (
        line.letter_name,
        line.envelope,
        postal_class_text(line.postal_class),
        line.due,
        when(line.oldest_due_time),
        line.version_digest,
    )


def _run_row(run: PrintRun) -> tuple[str | int | Text, ...]:
    return (
        run.run_id,
        _state(run),
        run.letter_name,
        postal_class_text(run.postal_class),
        run.letters,
        run.sheets,
        run.printed,
        run.mailed,
        run.to_pull,
        when(run.start_time),
    )
