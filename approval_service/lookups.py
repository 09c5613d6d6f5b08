"""Attempts whose fate is to be asked of the carrier, each after growing pauses, as long as it keeps records."""

from __future__ import annotations

from approval_service.store import accounts as account_store
from approval_service.store import lookups as store
from approval_service.writer import Tx, one_by_one
from outreach.v1.worker_service_pb2 import ListLookupsRequest, ListLookupsResponse, Permit

DEFAULT_PAGE = 100
FIRST_PAUSE_MS = 60_000
LONGEST_PAUSE_MS = 6 * 3_600_000


def pause_ms(lookups: int) -> int:
    """Milliseconds from one lookup to the next, after so many: a minute, doubled each time, at most six hours."""
    return min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS << min(lookups, 16))


def _take(tx: Tx, request: ListLookupsRequest) -> ListLookupsResponse:
    oldest_ms = tx.real_ms - request.max_age_ms if request.max_age_ms else 0
    _hand_over(tx, request.carrier_id, oldest_ms)
    rows = store.due_lookups(
        tx.connection,
        request.carrier_id,
        now_ms=tx.real_ms,
        released_after_ms=oldest_ms,
        released_before_ms=tx.real_ms - request.min_age_ms,
        limit=request.page_size or DEFAULT_PAGE,
    )
    store.plan_lookups(tx.connection, {row.attempt_id: tx.real_ms + pause_ms(row.lookups) for row in rows})
    persons = account_store.persons_by_id(tx.connection, {row.person_id for row in rows})
    response = ListLookupsResponse()
    for row in rows:
        key = tx.keys.person(persons[row.person_id].wrapped_key)
        lookup = response.lookups.add(
            attempt_id=row.attempt_id,
            carrier_message_id=row.carrier_message_id,
            phone_number=Permit.FromString(key.unseal(row.permit_sealed)).phone_number,
        )
        lookup.release_time.FromMilliseconds(row.released_real_ms)
    return response


def _hand_over(tx: Tx, carrier_id: str, oldest_ms: int) -> None:
    """What the carrier has no record of any more is an operator's to resolve: ListUnconfirmed shows it so."""
    for row in store.end_lookups(tx.connection, carrier_id, now_ms=tx.real_ms, released_before_ms=oldest_ms):
        tx.record(
            "handed_to_operator",
            row.bank_id,
            outreach=row.outreach_id,
            attempt=row.attempt_id,
            lookups=row.lookups,
            code=row.carrier_code,
        )


take = one_by_one(_take)
"""Handler of ListLookups. One that is lost on its way comes again after its pause."""
