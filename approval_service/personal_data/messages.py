"""Requests about people as they are shown."""

from __future__ import annotations

from typing import Any

from outreach.v1.person_service_pb2 import PersonRequest, PersonRequestKind, PersonRequestState

EXPORT = PersonRequestKind.PERSON_REQUEST_KIND_EXPORT
APPROVED = PersonRequestState.PERSON_REQUEST_STATE_APPROVED
EXPIRED = PersonRequestState.PERSON_REQUEST_STATE_EXPIRED
READY_MS = 86_400_000
"""How long after its approval an export may be fetched (business clock)."""


def expired(row: Any, now_ms: int) -> bool:
    """True of an export that was approved and not fetched in time."""
    return bool(row.kind == EXPORT and row.state == APPROVED and now_ms - row.decided_ms > READY_MS)


def request_message(row: Any, now_ms: int) -> PersonRequest:
    message = PersonRequest(
        request_id=row.request_id,
        bank_id=row.bank_id,
        person_id=row.person_id,
        kind=row.kind,
        state=EXPIRED if expired(row, now_ms) else row.state,
        reason=row.reason,
        batch_id=row.batch_id,
        asked_by=row.asked_by,
        decided_by=row.decided_by,
        note=row.note,
    )
    message.ask_time.FromMilliseconds(row.asked_ms)
    if row.decided_ms:
        message.decide_time.FromMilliseconds(row.decided_ms)
    if row.done_ms:
        message.done_time.FromMilliseconds(row.done_ms)
    return message
