"""SQL on what waits for a second person."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, select

from approval_service import schema
from outreach.v1.quantity_service_pb2 import QuantityState

hold, quantity = schema.hold, schema.quantity


def open_lifts(connection: Connection) -> list[Row[Any]]:
    columns = select(hold.c.hold_id, hold.c.bank_id, hold.c.lift_requested_by)
    return list(connection.execute(columns.where(hold.c.lift_requested_by != "", hold.c.lifted_by == "")))


def open_quantities(connection: Connection) -> list[Row[Any]]:
    columns = select(quantity.c.quantity_id, quantity.c.bank_id, quantity.c.asked_by)
    return list(connection.execute(columns.where(quantity.c.state == QuantityState.QUANTITY_STATE_ASKED)))
