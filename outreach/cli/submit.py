"""outreach submit and outreach preflight."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from outreach.cli import styles
from outreach.cli.case_file import Case, CaseFile, Item, ItemFile
from outreach.cli.command import command
from outreach.cli.failures import Failure
from outreach.cli.fields import FieldError, set_text
from outreach.cli.output import Cell, Output, details, findings_table, plain, state_text, table
from outreach.cli.results_file import BROKEN, ERROR, Result, ResultsFile, result_of
from outreach.cli.session import Session
from outreach.client import Client
from outreach.v1.outreach_service_pb2 import ItemResult, PreflightLetterResponse, PreflightResponse, SmsItem
from outreach.wording import words
from outreach.wording.formats import code_text, when

_PATIENCE_S = 600.0
_SHOWN_LINES = 20


class _Tally:
    """Counts and keeps what the summary shows."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.codes: Counter[str] = Counter()
        self.bad: list[Result] = []
        self.skipped = 0

    def add(self, result: Result) -> None:
        self.outcomes[result.outcome] += 1
        self.codes.update(result.codes.split())
        if result.outcome in (ERROR, BROKEN):
            self.bad.append(result)


async def submit(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE.csv|FILE.xlsx", help="案件文件 The cases.")],
) -> None:
    """提交短信 Submit a CSV or XLSX file of SMS; run it again to go on where it stopped.

    列名即 SmsItem 的字段，变量列为 var.名称；CSV 为 UTF-8 或 GBK，XLSX 读第一张表。结果写入 FILE.results.csv。
    """
    with CaseFile(file) as cases:
        await submit_file(session, file, cases, Client.submit_many)


async def submit_file(
    session: Session,
    path: Path,
    cases: ItemFile[Item],
    send: Callable[[Client, Iterator[Item]], AsyncIterator[tuple[Item, ItemResult]]],
) -> None:
    """Submits what an opened file holds and shows what became of it."""
    tally = _Tally()
    session.output.note(cases.note)
    async with session.client(patience_s=_PATIENCE_S) as client:
        with ResultsFile(path) as results, _progress(session.output) as progress:
            task = progress.add_task("提交 submitting", total=cases.line_count)
            await _submit(cases, lambda items: send(client, items), results, tally, lambda: progress.advance(task))
    session.output.show(_document(tally, results.path), *_summary(tally, results.path))
    if tally.bad:
        raise typer.Exit(1)


async def preflight(
    session: Session,
    request_id: Annotated[str, typer.Option(help="请求号 The request's id.")] = "preflight",
    bank: Annotated[str, typer.Option(help="银行 The bank.")] = "",
    account: Annotated[str, typer.Option(help="账号 The account.")] = "",
    phone: Annotated[str, typer.Option(help="手机号 The number.")] = "",
    template: Annotated[str, typer.Option(help="模板名 The template's name.")] = "",
    customer: Annotated[str, typer.Option(help="客户号 The customer; empty for the debtor.")] = "",
    digest: Annotated[str, typer.Option(help="模板版本 Pins the template's version.")] = "",
    case: Annotated[str, typer.Option(help="案件号 The case.")] = "",
    not_before: Annotated[str, typer.Option(help="不早于 Not to leave before.")] = "",
    not_after: Annotated[str, typer.Option(help="不晚于 Expires after.")] = "",
    var: Annotated[list[str] | None, typer.Option(help="变量 A variable as NAME=VALUE; repeatable.")] = None,
) -> None:
    """预检 What would be decided about one SMS now, by every rule. Stores nothing."""
    texts = {
        "request_id": request_id,
        "bank_id": session.bank(bank),
        "account_number": account,
        "phone_number": phone,
        "template_name": template,
        "customer_id": customer,
        "template_digest": digest,
        "case_id": case,
        "not_before": not_before,
        "not_after": not_after,
    }
    item = SmsItem(variables=variables(var))
    try:
        for name, text in texts.items():
            set_text(item, name, text)
    except FieldError as error:
        raise Failure(str(error), field=error.field) from None
    async with session.client() as client:
        response = await client.preflight(item)
    show_preflight(session, response, [("短信 Text", response.masked_text), ("条数 Segments", response.segments or "")])


def show_preflight(
    session: Session, response: PreflightResponse | PreflightLetterResponse, more: Iterable[tuple[str, Cell]] = ()
) -> None:
    decision = response.decision
    shown: list[RenderableType] = [
        details(
            "预检结果 Preflight",
            [
                ("结论 Decision", state_text(decision.state)),
                ("应发时间 Due", when(decision.due_time)),
                *more,
                ("版本 Version", decision.template_digest),
                ("策略版本 Policy", decision.policy_version or ""),
            ],
        )
    ]
    if decision.findings:
        shown.append(findings_table("", decision.findings))
    session.output.show(plain(response), *shown)


def register(app: typer.Typer) -> None:
    command(app, "submit")(submit)
    command(app, "preflight")(preflight)


async def _submit(
    cases: ItemFile[Item],
    send: Callable[[Iterator[Item]], AsyncIterator[tuple[Item, ItemResult]]],
    results: ResultsFile,
    tally: _Tally,
    advance: Callable[[], None],
) -> None:
    """Sends what is left to send, and notes each answer as it comes, batch after batch."""
    under_way: deque[Case[Item]] = deque()

    def items() -> Iterator[Item]:
        for case in cases.cases():
            if results.answered(case):
                tally.skipped += 1
                advance()
            elif case.item is None:
                note(Result(case.line, case.request_id, BROKEN, reason=case.error))
            else:
                under_way.append(case)
                yield case.item

    def note(result: Result) -> None:
        results.write([result])
        tally.add(result)
        advance()

    async for _, answer in send(items()):
        note(result_of(under_way.popleft(), answer))


def variables(options: Sequence[str] | None) -> dict[str, str]:
    """Of options NAME=VALUE. Raises a usage error."""
    return dict(map(_variable, options or ()))


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise typer.BadParameter("--var: 写作 NAME=VALUE；write NAME=VALUE")
    return name, value


def _progress(output: Output) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    quiet = output.as_json or not output.errors.is_terminal
    return Progress(*columns, console=output.errors, transient=True, disable=quiet)


def _document(tally: _Tally, path: Path) -> dict[str, object]:
    return {
        "results_file": str(path),
        "outcomes": dict(sorted(tally.outcomes.items())),
        "codes": dict(sorted(tally.codes.items())),
        "answered_earlier": tally.skipped,
        "bad_lines": [{"line": bad.line, "outcome": bad.outcome, "reason": bad.reason} for bad in tally.bad],
    }


def _summary(tally: _Tally, path: Path) -> list[RenderableType]:
    names = {**words.STATES, ERROR: "未受理", BROKEN: "无法读取"}
    outcomes = [
        (Text(f"{names.get(name, '')} {name}", style=styles.STATE_STYLES.get(name, "red")), count)
        for name, count in tally.outcomes.most_common()
    ]
    if tally.skipped:
        outcomes.append((Text("此前已答复 answered earlier", style="bright_black"), tally.skipped))
    shown: list[RenderableType] = [table("结果 Result", ("结论 Outcome", "数量 Count"), outcomes, numeric=[1])]
    if tally.codes:
        rows = [(code_text(code), count) for code, count in tally.codes.most_common()]
        shown.append(table("涉及规则 Rules", ("规则 Rule", "数量 Count"), rows, numeric=[1]))
    if tally.bad:
        bad = [(entry.line, entry.outcome, entry.reason) for entry in tally.bad[:_SHOWN_LINES]]
        shown.append(table("未受理的行 Lines not taken", ("行 Line", "", "原因 Reason"), bad, numeric=[0]))
        if len(tally.bad) > _SHOWN_LINES:
            shown.append(
                Text(f"另有 {len(tally.bad) - _SHOWN_LINES} 行 more in the results file", style="bright_black")
            )
    return [*shown, Text(f"逐行结果 Line by line: {path}", style="bright_black")]
