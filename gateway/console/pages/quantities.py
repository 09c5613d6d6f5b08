"""The register of letter quantities (台账): ask, grant, cut, refuse."""

from __future__ import annotations

from starlette.responses import Response

from gateway.console.forms import text, whole
from gateway.console.visit import Visit
from outreach.v1.quantity_service_pb2 import (
    AskQuantityRequest,
    DecideQuantityRequest,
    ListQuantitiesRequest,
    QuantityState,
)

STATES = {
    QuantityState.QUANTITY_STATE_ASKED: ("待行政批准", "wait"),
    QuantityState.QUANTITY_STATE_GRANTED: ("已批准", "good"),
    QuantityState.QUANTITY_STATE_REFUSED: ("未批准", "calm"),
}


async def listing(visit: Visit) -> Response:
    request = ListQuantitiesRequest(bank_id=visit.bank, page_size=200)
    found = (await visit.ask("QuantityService/ListQuantities", request)).quantities
    return visit.page("quantities.html", quantities=found, states=STATES)


async def ask(visit: Visit) -> Response:
    form = await visit.form()
    request = AskQuantityRequest(
        bank_id=visit.bank,
        letter_name=text(form, "letter_name"),
        number=whole(form, "number"),
        reason=text(form, "reason"),
    )
    await visit.ask("QuantityService/AskQuantity", request)
    return visit.done("/quantities", "已申请，等待行政部门批准")


async def decide(visit: Visit) -> Response:
    form = await visit.form()
    request = DecideQuantityRequest(
        quantity_id=visit.request.path_params["quantity_id"],
        granted=whole(form, "granted"),
        comment=text(form, "comment"),
    )
    answer = await visit.ask("QuantityService/DecideQuantity", request)
    return visit.done("/quantities", "已决定；{count} 封等待的信函现在待打印", count=answer.resumed)


ROUTES = (
    ("/quantities", ["GET"], listing),
    ("/quantities", ["POST"], ask),
    ("/quantities/{quantity_id}", ["POST"], decide),
)
