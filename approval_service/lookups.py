"""Attempts whose fate can be asked of the carrier."""

from __future__ import annotations

from sqlalchemy import Connection

from approval_service.keys import KeyRing
from approval_service.schema import attempt
from approval_service.store import accounts as account_store
from approval_service.store import outreach as store
from outreach.domain import states
from outreach.domain.clocks import real_ms
from outreach.v1.worker_service_pb2 import ListLookupsRequest, ListLookupsResponse, Lookup, Permit

DEFAULT_PAGE = 100


def list_lookups(connection: Connection, keys: KeyRing, request: ListLookupsRequest) -> ListLookupsResponse:
    """Unconfirmed attempts of a carrier, and sent ones without a receipt, oldest first."""
    old_enough = attempt.c.released_real_ms <= real_ms() - request.min_age_ms
    rows = store.open_attempts(
        connection,
        (attempt.c.carrier_id == request.carrier_id) & old_enough,
        (states.UNCONFIRMED, states.SENT),
        request.page_size or DEFAULT_PAGE,
    )
    persons = account_store.persons_by_id(connection, {row.person_id for row in rows})
    response = ListLookupsResponse()
    for row in rows:
        key = keys.person(persons[row.person_id].wrapped_key)
        lookup = Lookup(
            attempt_id=row.attempt_id,
            carrier_message_id=row.carrier_message_id,
            phone_number=Permit.FromString(key.unseal(row.permit_sealed)).phone_number,
        )
        lookup.release_time.FromMilliseconds(row.released_real_ms)
        response.lookups.append(lookup)
    return response
