"""Accounts: what the bank says of one, its holds, and setting and lifting stops."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.responses import Response

from gateway.console.forms import text
from gateway.console.visit import Visit
from outreach.domain.errors import Kind, Refusal
from outreach.v1.bank_service_pb2 import GetAccountRequest
from outreach.v1.hold_service_pb2 import (
    ApproveLiftRequest,
    HoldKind,
    ListHoldsRequest,
    MarkNoContactRequest,
    NoContactReason,
    PlaceHoldRequest,
    RequestLiftRequest,
)

KINDS = {
    "BANK_PAUSE": "银行暂停",
    "DISPUTE": "交易有争议",
    "COMPLAINT": "投诉",
    "DEATH": "死亡",
    "DETENTION": "羁押",
    "LITIGATION": "诉讼",
    "SUSPECTED_FRAUD": "疑似欺诈",
    "INSTALMENT_PLAN": "已议定分期",
    "UNREADABLE_EVENT": "银行事件无法读取",
}
REASONS = {
    "REFUSAL": "本人拒绝联系",
    "OPT_OUT": "退订短信",
    "BANK_INSTRUCTION": "银行要求",
    "THIRD_PARTY_REFUSAL": "第三人拒绝联系",
}
_HOLDS = 100
_ROLES = {1: "债务人", 2: "担保人", 3: "第三人"}


async def listing(visit: Visit) -> Response:
    """Holds that are not lifted, or those to be lifted; and the account that is searched for."""
    query = visit.request.query_params
    number = query.get("account", "").strip()
    found, problem = None, ""
    if number and visit.desk.may("BankService/GetAccount"):
        try:
            request = GetAccountRequest(bank_id=visit.bank, account_number=number)
            found = await visit.ask("BankService/GetAccount", request)
        except Refusal as refusal:
            if refusal.kind not in (Kind.INVALID, Kind.NOT_FOUND):
                raise
            problem = visit.words.of(refusal.message)
    asked = ListHoldsRequest(
        bank_id=visit.bank,
        page_size=_HOLDS,
        page_token=query.get("page", ""),
        lift_requested=query.get("show") == "to-lift",
    )
    listed = await visit.ask("HoldService/ListHolds", asked)
    names = {HoldKind.Value(f"HOLD_KIND_{key}"): name for key, name in KINDS.items()}
    return visit.page(
        "accounts.html",
        number=number,
        found=found,
        problem=problem,
        holds=listed.holds,
        more=urlencode({**query, "page": listed.next_page_token}) if listed.next_page_token else "",
        kind_names=names,
        kinds={key: name for key, name in KINDS.items() if key != "UNREADABLE_EVENT"},
        reasons=REASONS,
        role_names=_ROLES,
    )


async def place(visit: Visit) -> Response:
    form = await visit.form()
    request = PlaceHoldRequest(
        bank_id=visit.bank,
        account_number=text(form, "account"),
        kind=dict(HoldKind.items()).get(f"HOLD_KIND_{text(form, 'kind')}", HoldKind.HOLD_KIND_UNSPECIFIED),
        reason=text(form, "reason"),
    )
    answer = await visit.ask("HoldService/PlaceHold", request)
    cancelled, leaving = len(answer.cancelled_ids), len(answer.possibly_leaving_attempt_ids)
    said = "已暂停；取消 {cancelled} 条，另有 {leaving} 条可能已在途"
    return visit.done("/accounts", said, cancelled=cancelled, leaving=leaving)


async def mark(visit: Visit) -> Response:
    form = await visit.form()
    subject = {text(form, "subject"): text(form, "value")}
    if not set(subject) <= {"customer_id", "phone_number", "account_number"}:
        raise Refusal(Kind.INVALID, "subject: 请选择对象。Choose the subject.", field="subject")
    request = MarkNoContactRequest(
        bank_id=visit.bank,
        reason=dict(NoContactReason.items()).get(
            f"NO_CONTACT_REASON_{text(form, 'reason')}", NoContactReason.NO_CONTACT_REASON_UNSPECIFIED
        ),
        evidence_reference=text(form, "evidence"),
        **subject,
    )
    answer = await visit.ask("HoldService/MarkNoContact", request)
    return visit.done("/accounts", "已标记禁止联系；取消 {count} 条", count=len(answer.cancelled_ids))


async def request_lift(visit: Visit) -> Response:
    form, hold_id = await visit.form(), visit.request.path_params["hold_id"]
    request = RequestLiftRequest(hold_id=hold_id, reason=text(form, "reason"))
    await visit.ask("HoldService/RequestLift", request)
    return visit.done("/accounts", "已申请解除，等待另一人批准")


async def approve_lift(visit: Visit) -> Response:
    await visit.form()
    await visit.ask("HoldService/ApproveLift", ApproveLiftRequest(hold_id=visit.request.path_params["hold_id"]))
    return visit.done("/accounts", "已解除；此前取消的不会恢复")


ROUTES = (
    ("/accounts", ["GET"], listing),
    ("/accounts/holds", ["POST"], place),
    ("/accounts/marks", ["POST"], mark),
    ("/accounts/holds/{hold_id}/request-lift", ["POST"], request_lift),
    ("/accounts/holds/{hold_id}/approve-lift", ["POST"], approve_lift),
)
