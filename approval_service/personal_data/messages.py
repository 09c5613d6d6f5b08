"""Requests about people as they are shown."""

from __future__ import annotations

from typing import Any

from outreach.v1.person_service_pb2 import PersonRequest


def request_message(row: Any) -> PersonRequest:
    message = PersonRequest(
        request_id=row.request_id,
        bank_id=row.bank_id,
        person_id=row.person_id,
        kind=row.kind,
        state=row.state,
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
