"""What nobody knows yet: attempts whose fate is open, what was tried, and the end by evidence."""

from __future__ import annotations

from starlette.responses import Response

from gateway.console.forms import text
from gateway.console.visit import Visit
from outreach.domain.errors import Kind, Refusal
from outreach.v1.common_pb2 import State
from outreach.v1.operations_service_pb2 import ListUnconfirmedRequest, ResolveUnconfirmedRequest

ENDS = {"DELIVERED": "已送达", "UNDELIVERED": "未送达", "SENT": "已发送，尚无回执"}


async def listing(visit: Visit) -> Response:
    asked = ListUnconfirmedRequest(bank_id=visit.bank, page_size=200)
    answer = await visit.ask("OperationsService/ListUnconfirmed", asked)
    return visit.page("unconfirmed.html", attempts=answer.attempts, now=answer.business_time, ends=ENDS)


async def resolve(visit: Visit) -> Response:
    form = await visit.form()
    end = text(form, "end")
    if end not in ENDS:
        raise Refusal(Kind.INVALID, "end: 请选择凭证证明的结果。Choose what the evidence shows.", field="end")
    request = ResolveUnconfirmedRequest(
        attempt_id=visit.request.path_params["attempt_id"],
        state=State.Value(f"STATE_{end}"),
        evidence_reference=text(form, "evidence"),
    )
    await visit.ask("OperationsService/ResolveUnconfirmed", request)
    return visit.done("/unconfirmed", "已凭证据了结")


ROUTES = (
    ("/unconfirmed", ["GET"], listing),
    ("/unconfirmed/{attempt_id}", ["POST"], resolve),
)
