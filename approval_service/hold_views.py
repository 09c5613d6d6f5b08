"""Holds as they are shown."""

from __future__ import annotations

from typing import Any

from approval_service.keys import KeyRing
from outreach.v1.hold_service_pb2 import Hold


def hold_message(keys: KeyRing, row: Any, masked_account_number: str) -> Hold:
    hold = Hold(
        hold_id=row.hold_id,
        bank_id=row.bank_id,
        masked_account_number=masked_account_number,
        kind=row.kind,
        reason=keys.unseal_note(row.reason_sealed),
        set_by=row.set_by,
        lift_requested_by=row.lift_requested_by,
        lift_reason=row.lift_reason,
        lifted_by=row.lifted_by,
    )
    hold.set_time.FromMilliseconds(row.set_ms)
    return hold
