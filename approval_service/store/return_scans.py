"""SQL on the scans of returned mail."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from approval_service.schema import return_scan
from approval_service.store.lists import one_of

_KEPT = select(return_scan.c.letter_number).where(one_of(return_scan.c.letter_number, "numbers"))


def put(connection: Connection, letter_number: str, person_id: str, image_sealed: bytes) -> None:
    values = {"letter_number": letter_number, "person_id": person_id, "image_sealed": image_sealed}
    connection.execute(insert(return_scan).values(values))


def get(connection: Connection, letter_number: str) -> Row[Any] | None:
    return connection.execute(select(return_scan).where(return_scan.c.letter_number == letter_number)).first()


def kept(connection: Connection, letter_numbers: Collection[str]) -> set[str]:
    """Of which of these letters a scan is kept."""
    return set(connection.scalars(_KEPT, {"numbers": letter_numbers}))
