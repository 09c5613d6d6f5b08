"""SQL on people's addresses and on known-bad ones, by the keyed hash of their one spelling."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, not_, select, update

from approval_service.schema import address, bad_address
from approval_service.store.lists import one_of
from approval_service.store.rows import insert_rows

_STATUSES = select(address.c.person_id, address.c.address_hash, address.c.status).where(
    one_of(address.c.person_id, "person_ids")
)
_UPDATE = update(address).where(
    address.c.person_id == bindparam("of_person"), address.c.address_hash == bindparam("of_address")
)
_DROP_RESERVED = delete(address).where(
    address.c.person_id == bindparam("of_person"),
    address.c.status == "RESERVED",
    not_(one_of(address.c.address_hash, "kept")),
)
_BAD = select(bad_address.c.address_hash, bad_address.c.person_id, bad_address.c.reason).where(
    one_of(bad_address.c.address_hash, "hashes")
)


def statuses(connection: Connection, person_ids: Collection[str]) -> dict[tuple[str, str], str]:
    """Status by (person id, address hash)."""
    rows = connection.execute(_STATUSES, {"person_ids": person_ids}).all()
    return {(person_id, address_hash): status for person_id, address_hash, status in rows}


def of_people(connection: Connection, person_ids: Collection[str]) -> list[Row[Any]]:
    return list(connection.execute(select(address).where(address.c.person_id.in_(person_ids))))


def put(connection: Connection, values: Mapping[str, Any]) -> None:
    """Inserts an address, or replaces its status and evidence."""
    key = {"of_person": values["person_id"], "of_address": values["address_hash"]}
    told = {"status": values["status"], "evidence_sealed": values["evidence_sealed"]}
    if connection.execute(_UPDATE, key | told).rowcount == 0:
        insert_rows(connection, address, [values])


def drop_reserved(connection: Connection, person_id: str, kept: Collection[str]) -> None:
    """Removes reserved addresses that the bank names no more."""
    connection.execute(_DROP_RESERVED, {"of_person": person_id, "kept": kept})


def bad_marks(connection: Connection, address_hashes: Collection[str]) -> dict[str, list[tuple[str, int]]]:
    """(Person id, or empty for everybody; reason) of each mark, by address hash."""
    found: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for address_hash, person_id, reason in connection.execute(_BAD, {"hashes": address_hashes}).all():
        found[address_hash].append((person_id, reason))
    return found


def insert_bad(connection: Connection, values: Mapping[str, Any]) -> None:
    insert_rows(connection, bad_address, [values])


def get_bad(connection: Connection, mark_id: str) -> Row[Any]:
    return connection.execute(select(bad_address).where(bad_address.c.mark_id == mark_id)).one()


def page_of_bad(connection: Connection, bank_id: str, before_id: str, limit: int) -> list[Row[Any]]:
    """A bank's marks, newest first."""
    query = select(bad_address).where(bad_address.c.bank_id == bank_id)
    if before_id:
        query = query.where(bad_address.c.mark_id < before_id)
    return list(connection.execute(query.order_by(bad_address.c.mark_id.desc()).limit(limit)))
