"""Exports of what is held of a person: asked for with a purpose, approved by another, fetched once within a day."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection

from approval_service.calls import Call, covers
from approval_service.keys import KeyRing
from approval_service.people import require_employee, same_person
from approval_service.personal_data.contents import of_person
from approval_service.personal_data.messages import APPROVED, EXPORT, expired
from approval_service.store import accounts as account_store
from approval_service.store import persons as store
from approval_service.writer import Tx, one_by_one
from outreach.domain.errors import denied, not_found, precondition
from outreach.v1.person_service_pb2 import FetchPersonExportRequest, PersonRequestState

DONE = PersonRequestState.PERSON_REQUEST_STATE_DONE


class Made(NamedTuple):
    """An export ready to be recorded and given out."""

    call: Call[FetchPersonExportRequest]
    content: bytes


def collect(connection: Connection, keys: KeyRing, call: Call[FetchPersonExportRequest]) -> Made:
    """Read that comes before `record`, which decides whether it is given out."""
    row: Any = _find(connection, call)
    person = account_store.persons_by_id(connection, [row.person_id]).get(row.person_id)
    if person is None:
        raise precondition("此人已删除。The person was erased.", "PERSON_ABSENT", "request_id")
    held = of_person(connection, keys, person)
    return Made(call, orjson.dumps({"request_id": row.request_id, "purpose": row.reason, **held}))


def _find(connection: Connection, call: Call[FetchPersonExportRequest]) -> Any:
    row = store.get_request(connection, call.request.request_id)
    if row is None or row.kind != EXPORT or not covers(call.principal, row.bank_id):
        raise not_found("request_id: 没有此导出申请。There is no such export: ListPersonRequests shows them.")
    return row


def approve(tx: Tx, row: Any, actor: str) -> None:
    decided = {"state": APPROVED, "decided_by": actor, "decided_ms": tx.now_ms}
    store.update_requests(tx.connection, [row.request_id], **decided)
    tx.record("person_export_approved", row.bank_id, request=row.request_id, person=row.person_id, by=actor)


def _record(tx: Tx, made: Made) -> bytes:
    row = _find(tx.connection, made.call)
    actor = require_employee(tx, made.call)
    if row.state != APPROVED:
        raise precondition(
            "该导出未获批准，或已领取；如需再次导出请另行申请。It is not approved, or was fetched already: ask anew.",
            "EXPORT_NOT_READY",
            "request_id",
        )
    if not same_person(actor, row.asked_by):
        raise denied("只有申请人可以领取。Only the one who asked for it may fetch it.", "NOT_THE_ASKER")
    if expired(row, tx.now_ms):
        raise precondition(
            "批准已过一日，请另行申请。It was approved more than a day ago: ask anew.", "EXPORT_EXPIRED", "request_id"
        )
    store.update_requests(tx.connection, [row.request_id], state=DONE, done_ms=tx.now_ms)
    tx.record(
        "person_export_fetched",
        row.bank_id,
        request=row.request_id,
        person=row.person_id,
        purpose=row.reason,
        content_sha256=hashlib.sha256(made.content).hexdigest(),
        by=actor,
    )
    return made.content


record = one_by_one(_record)
"""Handler of FetchPersonExport: the content, once it is recorded."""
