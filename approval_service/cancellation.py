"""Cancellation: withdraws what has not left, and names what may be leaving."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from approval_service import quantities
from approval_service.calls import Call, require_plain
from approval_service.mailroom.withdrawal import Withdrawal, in_print
from approval_service.moves import Moves
from approval_service.people import require_employee
from approval_service.store import accounts as account_store
from approval_service.store import outreach as store
from approval_service.store.scopes import Scope
from approval_service.views import own_caller
from approval_service.writer import Tx, one_by_one
from outreach.domain import states
from outreach.domain.codes import REQUESTED
from outreach.domain.errors import not_found
from outreach.v1.common_pb2 import State
from outreach.v1.outreach_service_pb2 import CancelRequest, CancelResponse, PossiblyLeaving


@dataclass(slots=True)
class Cancelled:
    """What a cancellation did: rows withdrawn, and rows whose attempt already held a permit."""

    withdrawn: list[str] = field(default_factory=list)
    leaving: list[PossiblyLeaving] = field(default_factory=list)

    @property
    def leaving_attempts(self) -> list[str]:
        return [leaving.attempt_id for leaving in self.leaving]


def cancel(tx: Tx, scope: Scope, cause: str, by: str, *, notice: bool = True) -> Cancelled:
    """Cancels what is admitted within a scope, and marks and names what is released, unconfirmed or sent.

    A letter is withdrawn while its run is laid out, and is to be pulled from then on until it is mailed. `cause` is a
    rule code or REQUESTED. With `notice`, the case system is told in writing.
    """
    done, moves, rows = Cancelled(), Moves(tx), store.active(tx.connection, scope)
    letters = Withdrawal(tx, moves, rows)
    ended = []
    for row in rows:
        state = row.state
        if state in (states.ADMITTED, states.AWAITING_QUANTITY):
            state = states.CANCELLED
            moves.outreach(row, state, codes=[cause], cause=cause, by=by)
        elif in_print(row):
            state = letters.stop(row, cause, by=by)
        elif state in (states.RELEASED, states.UNCONFIRMED) and not row.cause:
            moves.mark_cancelled(row, cause)
        if state == states.CANCELLED:
            done.withdrawn.append(row.outreach_id)
            ended.append(row)
        else:
            done.leaving.append(PossiblyLeaving(outreach_id=row.outreach_id, attempt_id=row.attempt_id, state=state))
        if notice:
            tx.changed(row, state, [cause], attempt_id=row.attempt_id, notice=True, by=by)
        elif state != states.CANCELLED:
            record_leaving(tx, row, state, cause, by)
    letters.write()
    quantities.give_back(tx, ended)
    return done


def record_leaving(tx: Tx, row: Any, state: State.ValueType, cause: str, by: str) -> None:
    """Names an attempt in the ledger that a stop came too late for."""
    named = {"outreach": row.outreach_id, "attempt": row.attempt_id, "state": states.name(state)}
    tx.record("possibly_leaving", row.bank_id, **named, codes=[cause], by=by)


def _scope(tx: Tx, call: Call[CancelRequest]) -> Scope:
    request = call.request
    scope = Scope(bank_id=request.bank_id, caller_id=own_caller(call.principal))
    match request.WhichOneof("scope"):
        case "outreach_ids":
            return replace(scope, outreach_id=tuple(request.outreach_ids.ids))
        case "case_id":
            return replace(scope, case_id=request.case_id)
        case _:
            key = (request.bank_id, tx.keys.hash("account", request.account_number))
            account: Any = account_store.accounts_by_number(tx.connection, [key]).get(key)
            if account is None:
                raise not_found("account_number: 银行未委案此账户。The bank has not placed this account.")
            return replace(scope, account_id=account.account_id)


def _cancel_requested(tx: Tx, call: Call[CancelRequest]) -> CancelResponse:
    request = call.request
    call.require_bank(request.bank_id)
    actor = require_employee(tx, call)
    reason = require_plain("reason", request.reason)
    scope = _scope(tx, call)
    found = store.states_of(tx.connection, scope)
    tx.record("cancel_requested", request.bank_id, by=actor, reason=reason)
    done = cancel(tx, scope, REQUESTED, actor, notice=False)
    return CancelResponse(
        cancelled_ids=done.withdrawn,
        possibly_leaving=done.leaving,
        ended_ids=[outreach_id for outreach_id, state in found.items() if state in states.FINAL],
        unknown_ids=[outreach_id for outreach_id in scope.outreach_id if outreach_id not in found],
    )


cancel_requested = one_by_one(_cancel_requested)
"""Handler of Cancel: Call[CancelRequest] to CancelResponse."""
