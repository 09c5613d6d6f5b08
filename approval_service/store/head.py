"""Reading the head row: the clock and the version of what is approved."""

from __future__ import annotations

from sqlalchemy import Connection, select

from approval_service.schema import head
from outreach.domain.clocks import BusinessClock


def read_clock(connection: Connection) -> BusinessClock:
    row = connection.execute(select(head.c.clock_business_ms, head.c.clock_real_ms, head.c.clock_rate)).one()
    return BusinessClock(row.clock_business_ms, row.clock_real_ms, row.clock_rate)


def read_wall_clock_jumped(connection: Connection) -> bool:
    jumped: bool = connection.execute(select(head.c.wall_clock_jumped)).scalar_one()
    return jumped


def read_catalog_version(connection: Connection) -> int:
    version: int = connection.execute(select(head.c.catalog_version)).scalar_one()
    return version
