"""outreach report: banks' days in numbers, to look at or as a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType

from outreach.cli.command import command
from outreach.cli.output import code_tables, table
from outreach.cli.session import Session
from outreach.sheets.writer import write_csv, write_xlsx
from outreach.v1.operations_service_pb2 import GetDailyReportRequest, GetDailyReportResponse
from outreach.v1.operations_service_pb2_grpc import OperationsServiceStub
from outreach.wording import words

_COUNTS = {
    "asked": "申请 Asked",
    "sent": "发送 Sent",
    "delivered": "送达 Delivered",
    "undelivered": "未送达 Undelivered",
    "unconfirmed": "结果未知 Unconfirmed",
    "expired": "过期 Expired",
    "printed": "打印 Printed",
    "mailed": "交寄 Mailed",
    "returned": "退回 Returned",
    "to_pull": "列入抽出 To be pulled",
}
_BY_CODE = {"blocked": "拦截 Blocked", "cancelled": "取消 Cancelled"}
_HEADINGS = {"银行 Bank": 16, "日期 Date": 14, "项目 Item": 24, "规则代码 Code": 26, "规则 Rule": 16, "数量 Count": 12}
"""The sheet's columns and their widths in characters."""


@dataclass(frozen=True, slots=True)
class _Row:
    """One number. `code` is empty unless it is counted by rule or cause."""

    bank_id: str
    date: str
    item: str
    code: str
    count: int


async def report(
    session: Session,
    day: Annotated[str, typer.Option(metavar="YYYY-MM-DD", help="日期 The day, in the policy's time zone.")],
    bank: Annotated[
        list[str] | None,
        typer.Option("--bank", help="银行 The bank; repeatable; needless if there is only one."),
    ] = None,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="另存 CSV Also write it as CSV.")
    ] = None,
    xlsx_file: Annotated[
        Path | None, typer.Option("--xlsx", metavar="FILE", help="另存 XLSX Also write it as a sheet.")
    ] = None,
) -> None:
    """日报 A bank's day: asked, sent, delivered, printed, mailed, blocked by rule."""
    banks = list(dict.fromkeys(bank or [session.bank("")]))
    days: dict[str, GetDailyReportResponse] = {}
    async with session.client() as client:
        stub = OperationsServiceStub(client.channel)
        for one in banks:
            request = GetDailyReportRequest(bank_id=one, date=day)
            days[one] = await client.call(stub.GetDailyReport, request, repeatable=True)
    rows = [row for one, response in days.items() for row in _rows(one, day, response)]
    for path, write in ((csv_file, _write_csv), (xlsx_file, _write_xlsx)):
        if path:
            write(path, rows)
            session.output.note(f"已写入 written: {path}")
    documents = [_document(one, day, response) for one, response in days.items()]
    shown = [part for one, response in days.items() for part in _tables(one, day, response)]
    session.output.show(documents if len(documents) > 1 else documents[0], *shown)


def register(app: typer.Typer) -> None:
    command(app, "report")(report)


def _rows(bank: str, day: str, response: GetDailyReportResponse) -> list[_Row]:
    """One row per number, so that days and banks can be put under one another."""
    rows = [_Row(bank, day, name, "", getattr(response, name)) for name in _COUNTS]
    for name in _BY_CODE:
        rows += [_Row(bank, day, name, code, count) for code, count in sorted(getattr(response, name).items())]
    return rows


def _document(bank: str, day: str, response: GetDailyReportResponse) -> dict[str, object]:
    return {
        "bank_id": bank,
        "date": day,
        **{name: getattr(response, name) for name in _COUNTS},
        **{name: dict(sorted(getattr(response, name).items())) for name in _BY_CODE},
    }


def _tables(bank: str, day: str, response: GetDailyReportResponse) -> list[RenderableType]:
    rows = [(_COUNTS[name], getattr(response, name)) for name in _COUNTS]
    by_code = {"拦截 Blocked by rule": response.blocked, "取消 Cancelled by cause": response.cancelled}
    title = f"日报 Daily report  {bank}  {day}"
    return [table(title, ("项目 Item", "数量 Count"), rows, numeric=[1]), *code_tables(by_code)]


def _write_csv(path: Path, rows: Sequence[_Row]) -> None:
    write_csv(path, [field.name for field in fields(_Row)], map(astuple, rows))


def _write_xlsx(path: Path, rows: Sequence[_Row]) -> None:
    names = {**_COUNTS, **_BY_CODE}
    lines = [
        (row.bank_id, row.date, names[row.item], row.code, words.CODES.get(row.code, ""), row.count) for row in rows
    ]
    write_xlsx(path, "日报 Daily report", _HEADINGS, lines)
