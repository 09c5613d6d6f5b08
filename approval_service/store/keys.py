"""SQL on the installation's keys and their rotation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Column, Connection, Row, Table, delete, func, insert, select, update

from approval_service.schema import head, installation_key, key_request, person, rewrapping, user_account
from approval_service.store.rows import update_rows

KEY_HOLDERS = {table.name: table for table in (person, user_account)}
"""Tables whose rows have a key of their own, `wrapped_key`."""


class Wrapped(NamedTuple):
    """A row of installation_key."""

    purpose: str
    number: int
    master_id: str
    wrapped: bytes


def version(connection: Connection) -> int:
    """head.keys_version; 0 before there is a head."""
    return connection.execute(select(head.c.keys_version)).scalar_one_or_none() or 0


def all_keys(connection: Connection) -> list[Wrapped]:
    order = (installation_key.c.purpose, installation_key.c.number)
    return [Wrapped(*row) for row in connection.execute(select(installation_key).order_by(*order))]


def put(connection: Connection, keys: Iterable[Wrapped]) -> None:
    connection.execute(insert(installation_key), [key._asdict() for key in keys])


def forget(connection: Connection, purpose: str, below: int) -> None:
    """Destroys the keys of that purpose with a lower number."""
    table = installation_key
    connection.execute(delete(table).where(table.c.purpose == purpose, table.c.number < below))


def forget_masters_but(connection: Connection, master_id: str) -> None:
    """Destroys what other masters wrapped."""
    connection.execute(delete(installation_key).where(installation_key.c.master_id != master_id))


def requests(connection: Connection) -> list[Row[Any]]:
    return list(connection.execute(select(key_request).order_by(key_request.c.kind)))


def put_request(connection: Connection, kind: int, asked_by: str, asked_real_ms: int) -> None:
    end_request(connection, kind)
    connection.execute(insert(key_request).values(kind=kind, asked_by=asked_by, asked_real_ms=asked_real_ms))


def end_request(connection: Connection, kind: int) -> None:
    connection.execute(delete(key_request).where(key_request.c.kind == kind))


def get_rewrapping(connection: Connection) -> Row[Any] | None:
    return connection.execute(select(rewrapping)).first()


def begin_rewrapping(connection: Connection, values: Mapping[str, Any]) -> None:
    connection.execute(delete(rewrapping))
    connection.execute(insert(rewrapping).values(id=1, **values))


def change_rewrapping(connection: Connection, **values: Any) -> None:
    connection.execute(update(rewrapping).values(**values))


def count_holders(connection: Connection) -> int:
    counts = (connection.execute(select(func.count()).select_from(table)) for table in KEY_HOLDERS.values())
    return sum(count.scalar_one() for count in counts)


def count_otherwise_wrapped(connection: Connection, prefix: bytes) -> int:
    """How many keys begin otherwise than all that the key in use wraps. Looks at every row."""
    total = 0
    for table in KEY_HOLDERS.values():
        key = table.c.wrapped_key
        other = (func.length(key) > 0) & (func.substr(key, 1, len(prefix)) != prefix)
        total += connection.execute(select(func.count()).select_from(table).where(other)).scalar_one()
    return total


def holders_after(connection: Connection, name: str, after: str, limit: int) -> list[Row[Any]]:
    """(id, wrapped_key) in the order of ids."""
    key = _id(KEY_HOLDERS[name])
    query = select(key.label("id"), KEY_HOLDERS[name].c.wrapped_key).where(key > after).order_by(key).limit(limit)
    return list(connection.execute(query))


def rewrap_holders(connection: Connection, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows of `id` and `wrapped_key`."""
    table = KEY_HOLDERS[name]
    update_rows(connection, table, {_id(table).name: "id"}, rows)


def _id(table: Table) -> Column[Any]:
    return next(iter(table.primary_key.columns))
