"""Stopping template versions: suspended for a while, or retired for good."""

from __future__ import annotations

from approval_service import cancellation
from approval_service.calls import Call, require_plain
from approval_service.moves import Moves
from approval_service.people import require_another, require_employee
from approval_service.store import outreach as outreach_store
from approval_service.store.scopes import Scope
from approval_service.templates import APPROVED, OPEN, SUSPENDED, find, record, require_state, save
from approval_service.writer import Tx, one_by_one
from outreach.domain import states
from outreach.domain.codes import Code
from outreach.v1.template_service_pb2 import (
    ResumeTemplateRequest,
    ResumeTemplateResponse,
    RetireTemplateRequest,
    RetireTemplateResponse,
    SuspendTemplateRequest,
    SuspendTemplateResponse,
    TemplateState,
)


def _suspend(tx: Tx, call: Call[SuspendTemplateRequest]) -> SuspendTemplateResponse:
    template = find(tx.connection, call)
    actor = require_employee(tx, call)
    reason = require_plain("reason", call.request.reason)
    require_state(template, [APPROVED])
    template.state = SUSPENDED
    template.suspended_by = actor
    save(tx, template)
    record(tx, "template_suspended", template, actor, reason=reason)
    active = outreach_store.active(tx.connection, Scope(template_digest=template.digest))
    leaving = [row.attempt_id for row in active if row.state != states.ADMITTED]
    return SuspendTemplateResponse(template=template, possibly_leaving_attempt_ids=leaving)


suspend = one_by_one(_suspend)
"""Handler of SuspendTemplate. What is pending waits from its next lease on; what holds a permit is named."""


def _resume(tx: Tx, call: Call[ResumeTemplateRequest]) -> ResumeTemplateResponse:
    template = find(tx.connection, call)
    actor = require_employee(tx, call)
    reason = require_plain("reason", call.request.reason)
    require_state(template, [SUSPENDED])
    require_another(actor, {"暂停此版本": template.suspended_by})
    template.state = APPROVED
    template.suspended_by = ""
    save(tx, template)
    record(tx, "template_resumed", template, actor, reason=reason)
    moves = Moves(tx)
    waiting = outreach_store.waiting(tx.connection, Code.TEMPLATE_NOT_APPROVED, Scope(template_digest=template.digest))
    for row in waiting:
        moves.resume(row)
    moves.write()
    return ResumeTemplateResponse(template=template, resumed=len(waiting))


resume = one_by_one(_resume)
"""Handler of ResumeTemplate: not by the one who suspended it. What waited is judged anew at the next lease."""


def _retire(tx: Tx, call: Call[RetireTemplateRequest]) -> RetireTemplateResponse:
    template = find(tx.connection, call)
    actor = require_employee(tx, call)
    reason = require_plain("reason", call.request.reason)
    require_state(template, OPEN)
    template.state = TemplateState.TEMPLATE_STATE_RETIRED
    save(tx, template)
    record(tx, "template_retired", template, actor, reason=reason)
    done = cancellation.cancel(tx, Scope(template_digest=template.digest), Code.TEMPLATE_NOT_APPROVED, actor)
    return RetireTemplateResponse(
        template=template, cancelled_ids=done.withdrawn, possibly_leaving_attempt_ids=done.leaving_attempts
    )


retire = one_by_one(_retire)
"""Handler of RetireTemplate."""
