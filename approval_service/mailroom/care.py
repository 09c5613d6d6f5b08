"""ReleaseCare: a reviewer lets a letter about a small amount go, which waits for that."""

from __future__ import annotations

from approval_service.calls import Call, covers, require_plain
from approval_service.moves import Moves
from approval_service.people import require_another, require_employee
from approval_service.store import outreach as store
from approval_service.views import outreach_messages
from approval_service.writer import Tx, one_by_one
from outreach.domain import states
from outreach.domain.codes import Code
from outreach.domain.errors import not_found, precondition
from outreach.v1.mailroom_service_pb2 import ReleaseCareRequest, ReleaseCareResponse


def _release_care(tx: Tx, call: Call[ReleaseCareRequest]) -> ReleaseCareResponse:
    row = store.get(tx.connection, call.request.outreach_id)
    if row is None or not covers(call.principal, row.bank_id):
        raise not_found("outreach_id: 没有这条记录，或无权查看。There is no such outreach that this token may see.")
    actor = require_employee(tx, call)
    reason = require_plain("reason", call.request.reason)
    require_another(actor, {"提出此请求": f"{row.caller_id}/{row.employee_id}"})
    if not row.care_released:
        if Code.CARE_AMOUNT not in row.codes.split(",") or row.state not in (states.ADMITTED, states.AWAITING_QUANTITY):
            raise precondition(
                "此函未在等待审慎放行。The letter does not wait for such a release.", "NOT_WAITING", "outreach_id"
            )
        tx.record("care_released", row.bank_id, outreach=row.outreach_id, reason=reason, by=actor)
        store.release_care(tx.connection, row.outreach_id)
        if row.waiting_for == Code.CARE_AMOUNT:
            moves = Moves(tx)
            moves.resume(row)
            moves.write()
    row = store.get_many(tx.connection, [row.outreach_id])[row.outreach_id]
    return ReleaseCareResponse(outreach=outreach_messages(tx.connection, [row])[0])


release_care = one_by_one(_release_care)
"""Handler of ReleaseCare: not by the clerk who asked for the letter. What else it waits for goes on."""
