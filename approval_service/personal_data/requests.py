"""What is asked for about a person by one, and decided by another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from approval_service.calls import Call, covers
from approval_service.cancellation import Cancelled
from approval_service.paging import page_size
from approval_service.people import require_another, require_employee
from approval_service.personal_data import erasure, exports, restriction
from approval_service.personal_data.messages import EXPORT, request_message
from approval_service.personal_data.subjects import bars, matter_of, require_no_bars
from approval_service.store import accounts as account_store
from approval_service.store import persons as store
from approval_service.store.head import read_clock
from approval_service.writer import Tx, one_by_one
from outreach.domain.errors import Kind, Refusal, not_found, precondition
from outreach.domain.ids import new_id
from outreach.v1.person_service_pb2 import (
    AskForPersonRequest,
    AskForPersonResponse,
    DecideForPersonRequest,
    DecideForPersonResponse,
    ListPersonRequestsRequest,
    ListPersonRequestsResponse,
    PersonRequest,
    PersonRequestKind,
    PersonRequestState,
)

ERASURE = PersonRequestKind.PERSON_REQUEST_KIND_ERASURE
LIFT = PersonRequestKind.PERSON_REQUEST_KIND_LIFT
ASKED = PersonRequestState.PERSON_REQUEST_STATE_ASKED
REFUSED = PersonRequestState.PERSON_REQUEST_STATE_REFUSED
_WORDS = {ERASURE: "person_erasure_asked", LIFT: "person_lift_asked", EXPORT: "person_export_asked"}
"""What the ledger calls it."""


def new_request(tx: Tx, person: Any, kind: int, reason: str, actor: str, *, batch_id: str = "") -> dict[str, Any]:
    """The row of a request that nobody has decided yet."""
    return {
        "request_id": new_id(),
        "bank_id": person.bank_id,
        "person_id": person.person_id,
        "customer_hash": "",
        "kind": kind,
        "state": ASKED,
        "reason": reason,
        "batch_id": batch_id,
        "asked_by": actor,
        "asked_ms": tx.now_ms,
        "decided_by": "",
        "decided_ms": 0,
        "done_ms": 0,
        "note": "",
        "loss_accepted": False,
    }


def _ask(tx: Tx, call: Call[AskForPersonRequest]) -> AskForPersonResponse:
    request = call.request
    actor, person, reason = matter_of(tx, call)
    if request.kind == ERASURE:
        require_no_bars(bars(tx.connection, tx.catalog, person, tx.now_ms))
    elif request.kind == LIFT:
        restriction.require_restricted(person)
    _require_no_other(tx, person, request.kind)
    made = new_request(tx, person, request.kind, reason, actor)
    store.insert_requests(tx.connection, [made])
    tx.record(
        _WORDS[request.kind],
        request.bank_id,
        request=made["request_id"],
        person=person.person_id,
        reason=reason,
        by=actor,
    )
    return AskForPersonResponse(request=_shown(tx, made["request_id"]))


ask = one_by_one(_ask)
"""Handler of AskForPerson."""


def _require_no_other(tx: Tx, person: Any, kind: int) -> None:
    for row in store.requests_of(tx.connection, [person.person_id]):
        if row.kind == kind and row.state == ASKED:
            raise Refusal(
                Kind.PRECONDITION,
                f"已有同样的申请 {row.request_id}，请先由另一人处理。It is asked for already: another person "
                "decides it first.",
                reason="ASKED_ALREADY",
            )


def _shown(tx: Tx, request_id: str) -> PersonRequest:
    return request_message(store.get_request(tx.connection, request_id), tx.now_ms)


def _decide(tx: Tx, call: Call[DecideForPersonRequest]) -> DecideForPersonResponse:
    request = call.request
    rows = _asked(tx, call)
    actor = require_employee(tx, call)
    for row in rows:
        require_another(actor, {"提出此申请": row.asked_by})
    if not request.approve:
        return _refuse(tx, rows, actor)
    if request.batch_id:
        return _approve_batch(tx, rows, actor, loss_accepted=request.accept_unconfirmed_loss)
    (row,) = rows
    done = _approve(tx, row, actor, loss_accepted=request.accept_unconfirmed_loss)
    return DecideForPersonResponse(
        request=_shown(tx, row.request_id),
        decided=1,
        cancelled_ids=done.withdrawn,
        possibly_leaving_attempt_ids=done.leaving_attempts,
    )


decide = one_by_one(_decide)
"""Handler of DecideForPerson: not by the one who asked."""


def _asked(tx: Tx, call: Call[DecideForPersonRequest]) -> Sequence[Any]:
    """What is to be decided, also NOT_FOUND for what the token does not cover."""
    request = call.request
    if request.batch_id:
        rows = store.batch(tx.connection, request.batch_id)
    else:
        row = store.get_request(tx.connection, request.request_id)
        rows = [row] if row is not None else []
    if not rows or not all(covers(call.principal, row.bank_id) for row in rows):
        raise not_found("没有此申请，请用 ListPersonRequests 查看。No such request: ListPersonRequests shows them.")
    open_rows = [row for row in rows if row.state == ASKED]
    if not open_rows:
        raise precondition("该申请已处理。It was decided already.", "NOT_PENDING")
    return open_rows


def _refuse(tx: Tx, rows: Sequence[Any], actor: str) -> DecideForPersonResponse:
    ids = [row.request_id for row in rows]
    store.update_requests(tx.connection, ids, state=REFUSED, decided_by=actor, decided_ms=tx.now_ms)
    for row in rows:
        tx.record("person_request_refused", row.bank_id, request=row.request_id, person=row.person_id, by=actor)
    shown = _shown(tx, ids[0]) if len(ids) == 1 else None
    return DecideForPersonResponse(request=shown, decided=len(ids))


def _approve_batch(tx: Tx, rows: Sequence[Any], actor: str, *, loss_accepted: bool) -> DecideForPersonResponse:
    """The sweeper takes them a part at a time, each checked anew."""
    ids = [row.request_id for row in rows]
    decided = {"decided_by": actor, "decided_ms": tx.now_ms, "loss_accepted": loss_accepted}
    store.update_requests(tx.connection, ids, state=erasure.APPROVED, **decided)
    tx.record("retention_approved", rows[0].bank_id, batch=rows[0].batch_id, people=len(ids), by=actor)
    return DecideForPersonResponse(decided=len(ids))


def _approve(tx: Tx, row: Any, actor: str, *, loss_accepted: bool) -> Cancelled:
    person = account_store.persons_by_id(tx.connection, [row.person_id]).get(row.person_id)
    if person is None:
        raise precondition("此人已删除。The person was erased already.", "PERSON_ABSENT")
    if row.kind == LIFT:
        restriction.require_restricted(person)
        restriction.lift(tx, row, actor)
        return Cancelled()
    if row.kind == EXPORT:
        exports.approve(tx, row, actor)
        return Cancelled()
    erasure.require_possible(tx, row, person, loss_accepted=loss_accepted)
    return erasure.approve(tx, row, person, actor, loss_accepted=loss_accepted)


def list_requests(connection: Connection, call: Call[ListPersonRequestsRequest]) -> ListPersonRequestsResponse:
    """Read of ListPersonRequests. A page token is the id of the last one shown."""
    request = call.request
    call.require_bank(request.bank_id)
    size, now_ms = page_size(request.page_size), read_clock(connection).now_ms()
    rows = store.page(connection, request.bank_id, request.state, request.page_token, size + 1)
    page, more = rows[:size], len(rows) > size
    return ListPersonRequestsResponse(
        requests=[request_message(row, now_ms) for row in page], next_page_token=page[-1].request_id if more else ""
    )
