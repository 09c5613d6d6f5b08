"""The register of quantities (台账): a team asks, the administration department decides."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from approval_service.calls import Call, covers, require_plain
from approval_service.paging import page_size
from approval_service.people import require_another, require_employee
from approval_service.quantities import admit_waiting
from approval_service.store import quantities as store
from approval_service.store.quantities import Team
from approval_service.writer import Tx, one_by_one
from outreach.domain.codes import Code
from outreach.domain.errors import invalid, not_found, precondition
from outreach.domain.ids import new_id
from outreach.v1.quantity_service_pb2 import (
    AskQuantityRequest,
    AskQuantityResponse,
    DecideQuantityRequest,
    DecideQuantityResponse,
    ListQuantitiesRequest,
    ListQuantitiesResponse,
    Quantity,
    QuantityState,
)

ASKED = QuantityState.QUANTITY_STATE_ASKED
GRANTED = QuantityState.QUANTITY_STATE_GRANTED
REFUSED = QuantityState.QUANTITY_STATE_REFUSED


def _ask(tx: Tx, call: Call[AskQuantityRequest]) -> AskQuantityResponse:
    request = call.request
    call.require_bank(request.bank_id)
    actor = require_employee(tx, call)
    team = tx.catalog.employees[call.principal.caller_id, call.principal.employee_id]
    if not team:
        raise precondition(
            "您未登记所属团队，请运维用 SetEmployee 登记。You are registered without a team: an operator enters it "
            "with SetEmployee.",
            "NO_TEAM",
        )
    if (request.bank_id, request.letter_name) not in tx.catalog.letters_by_name:
        raise precondition(
            "该银行没有此名称的已授权信函版本。The bank has no authorized letter version of this name.",
            Code.LETTER_NOT_AUTHORIZED,
            "letter_name",
        )
    quantity_id = new_id()
    values = {
        "quantity_id": quantity_id,
        "bank_id": request.bank_id,
        "letter_name": request.letter_name,
        "team": team,
        "state": ASKED,
        "asked": request.number,
        "granted": 0,
        "used": 0,
        "reason": require_plain("reason", request.reason),
        "asked_by": actor,
        "asked_ms": tx.now_ms,
        "decided_by": "",
        "comment": "",
    }
    store.insert_quantity(tx.connection, values)
    (row,) = store.get_many(tx.connection, [quantity_id])
    _record(tx, "quantity_asked", row, actor, asked=row.asked, reason=row.reason)
    return AskQuantityResponse(quantity=_quantity(row))


ask = one_by_one(_ask)
"""Handler of AskQuantity: for the team of the employee who asks."""


def _decide(tx: Tx, call: Call[DecideQuantityRequest]) -> DecideQuantityResponse:
    request = call.request
    row = next(iter(store.get_many(tx.connection, [request.quantity_id])), None)
    if row is None or not covers(call.principal, row.bank_id):
        raise not_found(
            "quantity_id: 没有此申请，请用 ListQuantities 查看。No such line: ListQuantities shows a bank's register."
        )
    actor = require_employee(tx, call)
    if row.state != ASKED:
        raise precondition(
            "此申请已有决定，不可更改；如需增加请另行申请。It is decided already and stays so: ask anew for more.",
            "QUANTITY_DECIDED",
            "quantity_id",
        )
    require_another(actor, {"提出此申请": row.asked_by})
    if request.granted > row.asked:
        raise invalid("granted", f"不可超过申请数 {row.asked}。At most the {row.asked} that were asked for.")
    if request.granted < row.asked and not request.comment.strip():
        raise invalid("comment", "核减或驳回须写明理由。Say why it is cut or refused.")
    values = {
        "state": GRANTED if request.granted else REFUSED,
        "granted": request.granted,
        "decided_by": actor,
        "comment": require_plain("comment", request.comment),
        "decided_ms": tx.now_ms,
    }
    store.update_quantity(tx.connection, row.quantity_id, values)
    kind = "quantity_granted" if request.granted else "quantity_refused"
    _record(tx, kind, row, actor, asked=row.asked, granted=request.granted, comment=request.comment)
    team = Team(row.bank_id, row.letter_name, row.team)
    resumed = min(request.granted, store.count_awaiting(tx.connection, team, tx.now_ms))
    admit_waiting(tx, team)
    (row,) = store.get_many(tx.connection, [row.quantity_id])
    return DecideQuantityResponse(quantity=_quantity(row), resumed=resumed)


decide = one_by_one(_decide)
"""Handler of DecideQuantity: not by the one who asked. What waited for it is admitted."""


def list_quantities(connection: Connection, call: Call[ListQuantitiesRequest]) -> ListQuantitiesResponse:
    """Read of ListQuantities. A page token is the id of the last line shown."""
    request = call.request
    call.require_bank(request.bank_id)
    size = page_size(request.page_size)
    rows = store.page(connection, request.bank_id, request.state, request.page_token, size + 1)
    more = rows[size - 1].quantity_id if len(rows) > size else ""
    return ListQuantitiesResponse(quantities=map(_quantity, rows[:size]), next_page_token=more)


def _record(tx: Tx, kind: str, row: Any, by: str, **fields: Any) -> None:
    tx.record(kind, row.bank_id, quantity=row.quantity_id, name=row.letter_name, team=row.team, by=by, **fields)


def _quantity(row: Any) -> Quantity:
    quantity = Quantity(
        quantity_id=row.quantity_id,
        bank_id=row.bank_id,
        letter_name=row.letter_name,
        team=row.team,
        state=row.state,
        asked=row.asked,
        granted=row.granted,
        used=row.used,
        left=row.granted - row.used,
        reason=row.reason,
        asked_by=row.asked_by,
        decided_by=row.decided_by,
        comment=row.comment,
    )
    quantity.ask_time.FromMilliseconds(row.asked_ms)
    if row.decided_ms is not None:
        quantity.decide_time.FromMilliseconds(row.decided_ms)
    return quantity
