"""Restriction: the data is kept for the law alone. Nothing more is sent; lists and pages show it no more."""

from __future__ import annotations

from typing import Any

from approval_service import cancellation
from approval_service.calls import Call
from approval_service.personal_data.erasure import DONE, bar
from approval_service.personal_data.subjects import matter_of
from approval_service.store import persons as store
from approval_service.store.scopes import Scope
from approval_service.writer import Tx, one_by_one
from outreach.domain.codes import Code
from outreach.domain.errors import precondition
from outreach.v1.person_service_pb2 import RestrictPersonRequest, RestrictPersonResponse


def _restrict(tx: Tx, call: Call[RestrictPersonRequest]) -> RestrictPersonResponse:
    request = call.request
    actor, person, reason = matter_of(tx, call)
    if person.restricted:
        raise precondition("此人已限制处理。The person is restricted already.", "RESTRICTED_ALREADY")
    store.set_restricted(tx.connection, person.person_id, True)
    bar(tx, person, actor)
    tx.record("person_restricted", request.bank_id, person=person.person_id, reason=reason, by=actor)
    done = cancellation.cancel(tx, Scope(person_id=person.person_id), Code.DO_NOT_CONTACT, actor)
    return RestrictPersonResponse(
        person_id=person.person_id, cancelled_ids=done.withdrawn, possibly_leaving_attempt_ids=done.leaving_attempts
    )


restrict = one_by_one(_restrict)
"""Handler of RestrictPerson: at once and by one person, as a hold; lifting takes two."""


def require_restricted(person: Any) -> None:
    if not person.restricted:
        raise precondition("此人未限制处理。The person is not restricted.", "NOT_RESTRICTED")


def lift(tx: Tx, row: Any, actor: str) -> None:
    """Nothing that was cancelled comes back."""
    store.set_restricted(tx.connection, row.person_id, False)
    if not store.being_erased(tx.connection, row.person_id):
        store.drop_restriction_mark(tx.connection, row.person_id)
    decided = {"state": DONE, "decided_by": actor, "decided_ms": tx.now_ms, "done_ms": tx.now_ms}
    store.update_requests(tx.connection, [row.request_id], **decided)
    tx.record("person_restriction_lifted", row.bank_id, request=row.request_id, person=row.person_id, by=actor)
