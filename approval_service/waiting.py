"""What a person had begun: listed when that person is shut out, so that somebody else finishes it or takes it back."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection

from approval_service.store import catalog as catalog_store
from approval_service.store import waiting as store
from outreach.v1.letter_version_service_pb2 import LetterVersion
from outreach.v1.template_service_pb2 import Template, TemplateState
from outreach.v1.user_service_pb2 import WaitingItem

UNFINISHED = (
    TemplateState.TEMPLATE_STATE_DRAFT,
    TemplateState.TEMPLATE_STATE_REVIEWED,
    TemplateState.TEMPLATE_STATE_DOCUMENTED,
)


def waiting_for(connection: Connection, user_id: str) -> list[WaitingItem]:
    """Versions without an approval, lifts asked for, quantities not decided: all begun in that name, by any caller."""
    return [item for maker, item in _begun(connection) if maker.rpartition("/")[2] == user_id]


def _begun(connection: Connection) -> Iterator[tuple[str, WaitingItem]]:
    """(who began it, what)."""
    for row in catalog_store.all_versions(connection, catalog_store.template, UNFINISHED):
        drafted_by = Template.FromString(row.body).drafted_by
        yield drafted_by, WaitingItem(kind="template", id=row.digest, bank_id=row.bank_id)
    for row in catalog_store.all_versions(connection, catalog_store.letter_version, UNFINISHED):
        drafted_by = LetterVersion.FromString(row.body).drafted_by
        yield drafted_by, WaitingItem(kind="letter_version", id=row.digest, bank_id=row.bank_id)
    for row in store.open_lifts(connection):
        yield row.lift_requested_by, WaitingItem(kind="hold_lift", id=row.hold_id, bank_id=row.bank_id)
    for row in store.open_quantities(connection):
        yield row.asked_by, WaitingItem(kind="quantity", id=row.quantity_id, bank_id=row.bank_id)
