"""Who is not to be shown: restricted people, to anybody but an inspector. Evidence has a purpose, so it shows them."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection

from approval_service.store.persons import restricted_among
from outreach.domain.roles import INSPECTOR
from outreach.v1.common_pb2 import Principal


def hidden(connection: Connection, principal: Principal, person_ids: Collection[str]) -> set[str]:
    """Those of these people whose data the principal may not see in lists and pages."""
    return set() if INSPECTOR in principal.roles else restricted_among(connection, person_ids)
