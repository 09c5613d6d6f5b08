"""Retention: who may be kept no longer, told before anybody goes, and erased as one batch by two people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from approval_service.calls import Call, require_plain
from approval_service.catalog import Catalog
from approval_service.paging import page_size
from approval_service.people import require_employee
from approval_service.personal_data.requests import ERASURE, new_request
from approval_service.personal_data.subjects import DAY_MS, retained_until_ms, retention_days
from approval_service.store import accounts as account_store
from approval_service.store import persons as person_store
from approval_service.store import retention as store
from approval_service.store.head import read_clock
from approval_service.writer import Tx, one_by_one
from outreach.domain.clocks import timestamp
from outreach.domain.errors import precondition
from outreach.domain.ids import new_id
from outreach.v1.person_service_pb2 import (
    AskRetentionRequest,
    AskRetentionResponse,
    GetRetentionRequest,
    GetRetentionResponse,
    RetentionLine,
)

MAX_BATCH = 1000


class Asked(NamedTuple):
    """A request for a batch, and who was found for it. Each is checked anew before being erased."""

    call: Call[AskRetentionRequest]
    person_ids: Sequence[str]


def get_retention(connection: Connection, catalog: Catalog, call: Call[GetRetentionRequest]) -> GetRetentionResponse:
    """Read of GetRetention. A page token is the id of the last person shown."""
    request = call.request
    call.require_bank(request.bank_id)
    now_ms, size = read_clock(connection).now_ms(), page_size(request.page_size)
    days = retention_days(catalog, request.bank_id, now_ms)
    cutoff_ms = now_ms - days * DAY_MS
    rows = store.over(connection, request.bank_id, cutoff_ms, request.page_token, size + 1)
    page, more = rows[:size], len(rows) > size
    counts = person_store.count_outreach(connection, [row.person_id for row in page])
    lines = [
        RetentionLine(
            person_id=row.person_id,
            retained_until=timestamp(retained_until_ms(connection, catalog, row, now_ms)),
            outreach=counts.get(row.person_id, 0),
        )
        for row in page
    ]
    return GetRetentionResponse(
        retention_days=days,
        lines=lines,
        next_page_token=page[-1].person_id if more else "",
        total=store.count_over(connection, request.bank_id, cutoff_ms),
    )


def find(connection: Connection, catalog: Catalog, call: Call[AskRetentionRequest]) -> Asked:
    """Read that comes before `ask`: outside the write lock, since it looks at everybody."""
    request = call.request
    call.require_bank(request.bank_id)
    now_ms = read_clock(connection).now_ms()
    cutoff_ms = now_ms - retention_days(catalog, request.bank_id, now_ms) * DAY_MS
    rows = store.over(connection, request.bank_id, cutoff_ms, "", request.limit or MAX_BATCH)
    return Asked(call, [row.person_id for row in rows])


def _ask(tx: Tx, asked: Asked) -> AskRetentionResponse:
    request = asked.call.request
    actor = require_employee(tx, asked.call)
    reason = require_plain("reason", request.reason)
    persons = account_store.persons_by_id(tx.connection, asked.person_ids)
    if not persons:
        raise precondition("没有保存期限已满的人。Nobody's retention period is over.", "NOBODY_DUE")
    batch_id = new_id()
    rows = [new_request(tx, person, ERASURE, reason, actor, batch_id=batch_id) for person in persons.values()]
    person_store.insert_requests(tx.connection, rows)
    tx.record("retention_asked", request.bank_id, batch=batch_id, people=sorted(persons), reason=reason, by=actor)
    return AskRetentionResponse(batch_id=batch_id, people=len(rows))


ask = one_by_one(_ask)
"""Handler of AskRetention."""
