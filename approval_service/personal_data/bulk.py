"""Packs of evidence by one person: a complaint needs its own at once; many are an export in bulk, which takes two."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from approval_service.calls import Call
from approval_service.people import same_person
from approval_service.personal_data.messages import APPROVED, EXPORT, expired
from approval_service.personal_data.subjects import DAY_MS
from approval_service.store import evidence as store
from approval_service.store import persons as person_store
from approval_service.writer import Tx
from outreach.domain.errors import precondition

ALONE_A_DAY = 20
"""Packs that one person makes within a day (business clock) without another."""


def count(tx: Tx, call: Call[Any], pack_id: str, person_ids: Collection[str]) -> None:
    """Counts a pack of these people that is being made; one that is made again counts once. FAILED_PRECONDITION beyond
    what one person may make alone."""
    if not store.is_counted(tx.connection, pack_id):
        _require_few(tx, call, person_ids)
        store.insert_made(tx.connection, pack_id, call.principal.employee_id, tx.now_ms)


def _require_few(tx: Tx, call: Call[Any], person_ids: Collection[str]) -> None:
    """Unless another approved the export of one of these people to the same person within a day."""
    employee = call.principal.employee_id
    if store.count_made(tx.connection, employee, tx.now_ms - DAY_MS) < ALONE_A_DAY:
        return
    for row in person_store.requests_of(tx.connection, person_ids):
        fresh = row.kind == EXPORT and row.state == APPROVED and not expired(row, tx.now_ms)
        if fresh and same_person(call.actor, row.asked_by):
            return
    raise precondition(
        f"一人一日至多独自制作 {ALONE_A_DAY} 份证据包；其余请先申请导出债务人的个人信息，由另一人批准。One person "
        f"makes {ALONE_A_DAY} packs a day alone: for more, ask for the export of the debtor's data, which another "
        "approves.",
        "SECOND_PERSON_NEEDED",
    )
