"""Home: what waits for the person, what is held up, and today's numbers."""

from __future__ import annotations

from typing import NamedTuple

from starlette.responses import Response

from gateway.console import showing
from gateway.console.visit import Visit
from outreach.v1.hold_service_pb2 import ListHoldsRequest
from outreach.v1.operations_service_pb2 import GetSummaryRequest, ListUnconfirmedRequest
from outreach.v1.policy_service_pb2 import ListPoliciesRequest
from outreach.v1.template_service_pb2 import ListTemplatesRequest, TemplateState

_SHOWN_CODES = 8


class Task(NamedTuple):
    """Something that waits for the person."""

    path: str
    what: str
    name: str
    since: str


async def home(visit: Visit) -> Response:
    """The page."""
    tasks = [*await _templates(visit), *await _lifts(visit), *await _policies(visit), *await _unconfirmed(visit)]
    tasks.sort(key=lambda task: task.since)
    summary = None
    if visit.desk.may("OperationsService/GetSummary"):
        summary = await visit.ask("OperationsService/GetSummary", GetSummaryRequest(bank_id=visit.bank))
    codes = sorted(((c, n) for c, n in summary.codes.items() if c), key=lambda item: -item[1]) if summary else []
    return visit.page(
        "home.html",
        tasks=tasks,
        summary=summary,
        states=sorted(summary.states.items(), key=lambda item: list(showing.TONES).index(item[0])) if summary else [],
        codes=[(showing.code_name(code, visit.words), count) for code, count in codes[:_SHOWN_CODES]],
    )


async def _templates(visit: Visit) -> list[Task]:
    wanted = {}
    if visit.desk.may("TemplateService/ReviewTemplate"):
        wanted[TemplateState.TEMPLATE_STATE_DRAFT] = visit.words("模板待内部审核")
        wanted[TemplateState.TEMPLATE_STATE_DOCUMENTED] = visit.words("银行文件待核对")
    if visit.desk.may("TemplateService/ApproveTemplate"):
        wanted[TemplateState.TEMPLATE_STATE_REVIEWED] = visit.words("模板待银行批准")
    if not wanted:
        return []
    listed = await visit.ask("TemplateService/ListTemplates", ListTemplatesRequest(bank_id=visit.bank, page_size=1000))
    return [
        Task(
            f"/templates/{one.digest}", wanted[one.state], one.content.name, showing.moment(visit.time(one.create_time))
        )
        for one in listed.templates
        if one.state in wanted
    ]


async def _lifts(visit: Visit) -> list[Task]:
    if not visit.desk.may("HoldService/ApproveLift"):
        return []
    listed = await visit.ask("HoldService/ListHolds", ListHoldsRequest(bank_id=visit.bank))
    return [
        Task(
            "/accounts",
            visit.words("解除暂停待复核"),
            hold.masked_account_number,
            showing.moment(visit.time(hold.set_time)),
        )
        for hold in listed.holds
        if hold.lift_requested_by and not hold.lifted_by
    ]


async def _policies(visit: Visit) -> list[Task]:
    if not visit.desk.may("PolicyService/ActivatePolicy"):
        return []
    listed = await visit.ask("PolicyService/ListPolicies", ListPoliciesRequest(bank_id=visit.bank))
    return [
        Task("/policies", visit.words("策略待启用"), f"v{one.version}", "")
        for one in listed.versions
        if not one.activated_by
    ]


async def _unconfirmed(visit: Visit) -> list[Task]:
    if not visit.desk.may("OperationsService/ResolveUnconfirmed"):
        return []
    asked = ListUnconfirmedRequest(bank_id=visit.bank)
    listed = await visit.ask("OperationsService/ListUnconfirmed", asked)
    return [
        Task(
            "/unconfirmed",
            visit.words("结果未知，须凭证据了结"),
            one.attempt_id[-6:],
            showing.moment(visit.time(one.release_time)),
        )
        for one in listed.attempts
        if one.handed_over
    ]


ROUTES = (("/", ["GET"], home),)
