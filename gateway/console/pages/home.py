"""Home: what waits for the person, what is held up, and today's numbers."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from gateway.console import mail_cutoff, showing
from gateway.console.pages import tasks
from gateway.console.visit import CHINA, Visit
from outreach.v1.operations_service_pb2 import GetDailyReportRequest, GetSummaryRequest

_SHOWN_CODES = 8
_STARTS = (
    ("/templates/new", "起草短信模板", "TemplateService/DraftTemplate"),
    ("/letter-versions/new", "起草信函版本", "LetterVersionService/DraftLetterVersion"),
    ("/policies/new", "拟定策略", "PolicyService/DraftPolicy"),
    ("/quantities", "申请信函数量", "QuantityService/AskQuantity"),
    ("/mailroom/returns", "登记退信", "MailroomService/Return"),
    ("/clinic", "检查一批地址", "HoldService/CheckAddresses"),
    ("/evidence", "制作证据包", "EvidenceService/ExportEvidence"),
    ("/people", "设立账号", "UserService/CreateUser"),
)
"""What somebody for whom nothing waits may begin: where, what, and by which rpc."""


async def home(visit: Visit) -> Response:
    """The page."""
    waiting, cutoff = await tasks.of(visit), await mail_cutoff.at_home(visit)
    starts = [(path, visit.words(words)) for path, words, rpc in _STARTS if visit.desk.may(rpc)]
    if not visit.desk.may("OperationsService/GetSummary"):
        return visit.page("home.html", tasks=waiting, cutoff=cutoff, starts=starts, summary=None)
    asked = GetSummaryRequest(bank_id=visit.bank, open_only=True)
    summary = await visit.ask("OperationsService/GetSummary", asked)
    date = summary.business_time.ToDatetime(CHINA).strftime("%Y-%m-%d")
    today = GetDailyReportRequest(bank_id=visit.bank, date=date)
    report = await visit.ask("OperationsService/GetDailyReport", today)
    return visit.page(
        "home.html",
        tasks=waiting,
        cutoff=cutoff,
        starts=starts,
        summary=summary,
        states=sorted(summary.states.items(), key=lambda item: list(showing.TONES).index(item[0])),
        held=_by_code(visit, summary.codes),
        messages=_numbers(visit, report, _MESSAGES),
        letters=_numbers(visit, report, _LETTERS),
        blocked=_by_code(visit, report.blocked),
        cancelled=_by_code(visit, report.cancelled),
    )


_MESSAGES = {
    "已提交": "asked",
    "已发送": "sent",
    "已送达": "delivered",
    "未送达": "undelivered",
    "结果未知": "unconfirmed",
}
_LETTERS = {"已打印": "printed", "已交寄": "mailed", "已退回": "returned", "待抽出": "to_pull"}


def _numbers(visit: Visit, report: Any, fields: dict[str, str]) -> list[tuple[str, int]]:
    """Of the day, by name; nothing where all of them are none."""
    rows = [(visit.words(name), getattr(report, field)) for name, field in fields.items()]
    return rows if any(count for _, count in rows) else []


def _by_code(visit: Visit, codes: Any) -> list[tuple[str, int]]:
    most = sorted(((code, count) for code, count in codes.items() if code), key=lambda item: -item[1])
    return [(showing.code_name(code, visit.words), count) for code, count in most[:_SHOWN_CODES]]


ROUTES = (("/", ["GET"], home),)
