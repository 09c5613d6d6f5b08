"""Personal data: find a person, erase, restrict, lift, export; whose retention is over; what another asked for."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from gateway.console.forms import text
from gateway.console.visit import Visit
from outreach.domain.errors import Kind, Refusal
from outreach.evidence.held import archive
from outreach.v1.person_service_pb2 import (
    AskForPersonRequest,
    AskRetentionRequest,
    DecideForPersonRequest,
    FetchPersonExportRequest,
    GetPersonRequest,
    GetRetentionRequest,
    ListPersonRequestsRequest,
    PersonRequestKind,
    PersonRequestState,
    PersonState,
    RestrictPersonRequest,
)

SUBJECTS = {"customer_id": "客户号", "account_number": "账号", "person_id": "编号"}
STATES = {
    PersonState.PERSON_STATE_NORMAL: ("正常", "good"),
    PersonState.PERSON_STATE_RESTRICTED: ("已限制处理", "warn"),
    PersonState.PERSON_STATE_ERASURE_ASKED: ("已申请删除", "wait"),
    PersonState.PERSON_STATE_ERASED: ("已删除", "calm"),
}
KINDS = {
    PersonRequestKind.PERSON_REQUEST_KIND_ERASURE: "删除",
    PersonRequestKind.PERSON_REQUEST_KIND_LIFT: "解除限制",
    PersonRequestKind.PERSON_REQUEST_KIND_EXPORT: "导出",
}
REQUEST_STATES = {
    PersonRequestState.PERSON_REQUEST_STATE_ASKED: ("待另一人处理", "wait"),
    PersonRequestState.PERSON_REQUEST_STATE_APPROVED: ("已批准", "busy"),
    PersonRequestState.PERSON_REQUEST_STATE_DONE: ("已完成", "good"),
    PersonRequestState.PERSON_REQUEST_STATE_REFUSED: ("已驳回", "calm"),
    PersonRequestState.PERSON_REQUEST_STATE_STOPPED: ("已中止", "warn"),
    PersonRequestState.PERSON_REQUEST_STATE_EXPIRED: ("已过期", "calm"),
}
TIMEOUT_S = 60.0
ASKS = {
    "erase": (PersonRequestKind.PERSON_REQUEST_KIND_ERASURE, "已申请删除，等待另一人处理"),
    "lift": (PersonRequestKind.PERSON_REQUEST_KIND_LIFT, "已申请解除限制，等待另一人处理"),
    "export": (PersonRequestKind.PERSON_REQUEST_KIND_EXPORT, "已申请导出，等待另一人处理"),
}


async def listing(visit: Visit) -> Response:
    """The search, and what was asked for."""
    asked = ListPersonRequestsRequest(bank_id=visit.bank, page_size=200)
    requests = (await visit.ask("PersonService/ListPersonRequests", asked)).requests
    return visit.page("personal.html", requests=requests, **_words(visit))


async def find(visit: Visit) -> Response:
    """By post, so that no customer or account number stands in an address or a log of addresses."""
    form = await visit.form()
    subject = text(form, "subject")
    if subject not in SUBJECTS:
        raise Refusal(Kind.INVALID, "subject: 请选择对象。Choose the subject.", field="subject")
    request = GetPersonRequest(bank_id=visit.bank, **{subject: text(form, "value")})
    return _to(visit, (await visit.ask("PersonService/GetPerson", request)).person_id)


async def show(visit: Visit) -> Response:
    request = GetPersonRequest(bank_id=visit.bank, person_id=visit.request.path_params["person_id"])
    found = await visit.ask("PersonService/GetPerson", request)
    return visit.page("personal_one.html", found=found, **_words(visit))


async def ask(visit: Visit) -> Response:
    form, person_id = await visit.form(), visit.request.path_params["person_id"]
    kind, said = ASKS.get(visit.request.path_params["what"], (PersonRequestKind.PERSON_REQUEST_KIND_UNSPECIFIED, ""))
    request = AskForPersonRequest(bank_id=visit.bank, person_id=person_id, kind=kind, reason=text(form, "reason"))
    await visit.ask("PersonService/AskForPerson", request)
    return visit.done(f"/personal/{person_id}", said)


async def restrict(visit: Visit) -> Response:
    form, person_id = await visit.form(), visit.request.path_params["person_id"]
    request = RestrictPersonRequest(bank_id=visit.bank, person_id=person_id, reason=text(form, "reason"))
    done = await visit.ask("PersonService/RestrictPerson", request)
    cancelled, leaving = len(done.cancelled_ids), len(done.possibly_leaving_attempt_ids)
    said = "已限制处理；取消 {cancelled} 条，另有 {leaving} 条可能已在途"
    return visit.done(f"/personal/{person_id}", said, cancelled=cancelled, leaving=leaving)


async def decide(visit: Visit) -> Response:
    """One request, or all of a retention's batch."""
    form = await visit.form()
    request = DecideForPersonRequest(
        approve=text(form, "verdict") == "approve", accept_unconfirmed_loss=bool(text(form, "accept"))
    )
    if text(form, "batch"):
        request.batch_id = text(form, "batch")
    else:
        request.request_id = text(form, "request")
    done = await visit.ask("PersonService/DecideForPerson", request)
    if not request.approve:
        return visit.done("/personal", "已驳回 {count} 项", count=done.decided)
    cancelled, leaving = len(done.cancelled_ids), len(done.possibly_leaving_attempt_ids)
    said = "已批准 {count} 项；取消 {cancelled} 条，等待 {leaving} 条可能已在途的"
    return visit.done("/personal", said, count=done.decided, cancelled=cancelled, leaving=leaving)


async def due(visit: Visit) -> Response:
    """Whose retention period is over: a page of its own, since it looks at everybody."""
    found = await visit.ask("PersonService/GetRetention", GetRetentionRequest(bank_id=visit.bank, page_size=20))
    return visit.page("personal_retention.html", due=found, **_words(visit))


async def retention(visit: Visit) -> Response:
    form = await visit.form()
    asked = AskRetentionRequest(bank_id=visit.bank, reason=text(form, "reason"))
    batch = await visit.ask("PersonService/AskRetention", asked)
    return visit.done("/personal", "已申请删除 {count} 人，等待另一人处理", count=batch.people)


async def fetch(visit: Visit) -> Response:
    """By post, since it can be done once only."""
    await visit.form()
    request = FetchPersonExportRequest(request_id=visit.request.path_params["request_id"])
    pieces = [part.content async for part in visit.desk.follow("PersonService/FetchPersonExport", request, TIMEOUT_S)]
    headers = {"Content-Disposition": f'attachment; filename="person-{request.request_id}.zip"'}
    return Response(archive(b"".join(pieces)), media_type="application/zip", headers=headers)


def _to(visit: Visit, person_id: str) -> Response:
    return visit.done(f"/personal/{person_id}", "已找到")


def _words(visit: Visit) -> dict[str, Any]:
    return {
        "subjects": SUBJECTS,
        "states": STATES,
        "kinds": KINDS,
        "request_states": REQUEST_STATES,
        "own": lambda who: who.rpartition("/")[2] == visit.desk.principal.employee_id,
        "may_act": visit.desk.may("PersonService/DecideForPerson"),
    }


ROUTES = (
    ("/personal", ["GET"], listing),
    ("/personal/find", ["POST"], find),
    ("/personal/decide", ["POST"], decide),
    ("/personal/retention", ["GET"], due),
    ("/personal/retention", ["POST"], retention),
    ("/personal/exports/{request_id}", ["POST"], fetch),
    ("/personal/{person_id}", ["GET"], show),
    ("/personal/{person_id}/restrict", ["POST"], restrict),
    ("/personal/{person_id}/{what}", ["POST"], ask),
)
