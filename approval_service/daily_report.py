"""One bank's day in numbers."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from approval_service.calls import Call
from approval_service.operations import by_code
from approval_service.policies import DEFAULT_TIME_ZONE
from approval_service.rules import local_day
from approval_service.status_changes import codes_of
from approval_service.store import catalog as catalog_store
from approval_service.store import days as store
from approval_service.store.head import read_clock
from outreach.domain import states
from outreach.domain.errors import invalid
from outreach.v1.operations_service_pb2 import GetDailyReportRequest, GetDailyReportResponse
from outreach.v1.policy_service_pb2 import PolicyVersion

_MOVES = {
    "delivered": states.DELIVERED,
    "undelivered": states.UNDELIVERED,
    "expired": states.EXPIRED,
    "unconfirmed": states.UNCONFIRMED,
    "printed": states.PRINTED,
    "mailed": states.MAILED,
    "returned": states.RETURNED,
    "to_pull": states.TO_PULL,
}


def get_daily_report(connection: Connection, call: Call[GetDailyReportRequest]) -> GetDailyReportResponse:
    """Read of GetDailyReport. What was asked and blocked is counted by the requests of the day, what was sent by its
    permits, everything else by its moves: so each day's numbers stay as they are once it is over, save for permits
    that turn out later not to have left."""
    bank_id = call.request.bank_id
    call.require_bank(bank_id)
    start, end = _day(connection, bank_id, call.request.date)
    moves = store.count_moves(connection, bank_id, start, end, _MOVES.values())
    cancelled = Counter(
        code for body in store.cancellations(connection, bank_id, start, end) for code in codes_of(body)
    )
    return GetDailyReportResponse(
        asked=store.count_asked(connection, bank_id, start, end),
        sent=store.count_sent(connection, bank_id, start, end),
        blocked=by_code(store.count_blocked(connection, bank_id, start, end)),
        cancelled=cancelled,
        **{field: moves[state] for field, state in _MOVES.items()},
    )


def _day(connection: Connection, bank_id: str, date: str) -> tuple[int, int]:
    """Start and end of the day in the time zone of the bank's policy in force."""
    row = catalog_store.policy_in_force(connection, bank_id, read_clock(connection).now_ms())
    zone = PolicyVersion.FromString(row.body).policy.time_zone if row else DEFAULT_TIME_ZONE
    try:
        noon = datetime.strptime(date, "%Y-%m-%d").replace(hour=12, tzinfo=ZoneInfo(zone))
        return local_day(int(noon.timestamp() * 1000), zone)
    except (ValueError, OverflowError):
        raise invalid("date", "没有这一天，请用 2026-11-24 的形式。No such day: write it as 2026-11-24.") from None
