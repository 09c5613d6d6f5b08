"""What a person or a caller had begun: listed when shut out, so that somebody else finishes it or takes it back."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection

from approval_service import letter_versions, templates
from approval_service.store import waiting as store
from outreach.v1.user_service_pb2 import WaitingItem


def waiting_for(connection: Connection, user_id: str) -> list[WaitingItem]:
    """Versions and renewals without an approval, lifts asked for, quantities not decided: all begun in that name, by
    any caller."""
    return [item for maker, item in _begun(connection) if maker.rpartition("/")[2] == user_id]


def waiting_for_caller(connection: Connection, caller_id: str) -> list[WaitingItem]:
    """The same, begun through one caller by anybody."""
    return [item for maker, item in _begun(connection) if maker.partition("/")[0] == caller_id]


def _begun(connection: Connection) -> Iterator[tuple[str, WaitingItem]]:
    """(who began it, what)."""
    for gates in (templates.GATES, letter_versions.GATES):
        for version in gates.unfinished(connection):
            step = version.renewal if version.HasField("renewal") else version
            yield step.drafted_by, WaitingItem(kind=gates.word, id=version.digest, bank_id=version.content.bank_id)
    for row in store.open_lifts(connection):
        yield row.lift_requested_by, WaitingItem(kind="hold_lift", id=row.hold_id, bank_id=row.bank_id)
    for row in store.open_quantities(connection):
        yield row.asked_by, WaitingItem(kind="quantity", id=row.quantity_id, bank_id=row.bank_id)
