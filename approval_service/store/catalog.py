"""SQL on versions of templates and letters, on filings, policies and employees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, Select, Table, func, insert, select, update

from approval_service import schema

template, letter_version = schema.template, schema.letter_version
filing, policy, employee = schema.filing, schema.policy, schema.employee


def all_versions(connection: Connection, table: Table, states: tuple[int, ...]) -> list[Row[Any]]:
    """Rows of `template` or `letter_version`, without files, as everywhere in this module."""
    return list(connection.execute(_versions(table).where(table.c.state.in_(states))))


def get_version(connection: Connection, table: Table, digest: str) -> Row[Any] | None:
    return connection.execute(_versions(table).where(table.c.digest == digest)).first()


def insert_version(connection: Connection, table: Table, values: Mapping[str, Any]) -> None:
    connection.execute(insert(table).values(**values))


def update_version(connection: Connection, table: Table, digest: str, values: Mapping[str, Any]) -> None:
    connection.execute(update(table).where(table.c.digest == digest).values(**values))


def list_versions(
    connection: Connection, table: Table, bank_id: str, name: str, before: tuple[int, str] | None, limit: int
) -> list[Row[Any]]:
    """Newest first, after the position `before` (creation time in ms, digest)."""
    query = _versions(table).where(table.c.bank_id == bank_id)
    if name:
        query = query.where(table.c.name == name)
    if before:
        created_ms, digest = before
        query = query.where(
            (table.c.created_ms < created_ms) | ((table.c.created_ms == created_ms) & (table.c.digest < digest))
        )
    return list(connection.execute(query.order_by(table.c.created_ms.desc(), table.c.digest.desc()).limit(limit)))


def _versions(table: Table) -> Select[tuple[Any, ...]]:
    return select(*(column for column in table.c if column.name != "files"))


def letter_files(connection: Connection, digest: str) -> bytes:
    """A letter version's files, as a serialized LetterContent that has nothing else."""
    files: bytes = connection.execute(
        select(letter_version.c.files).where(letter_version.c.digest == digest)
    ).scalar_one()
    return files


def filings(connection: Connection, digest: str = "", carrier_id: str = "") -> list[Row[Any]]:
    """All of them, or those of a version or of a carrier."""
    query = select(filing)
    if digest:
        query = query.where(filing.c.digest == digest)
    if carrier_id:
        query = query.where(filing.c.carrier_id == carrier_id)
    return list(connection.execute(query))


def put_filing(connection: Connection, digest: str, carrier_id: str, body: bytes) -> None:
    changed = connection.execute(
        update(filing).where(filing.c.digest == digest, filing.c.carrier_id == carrier_id).values(body=body)
    )
    if changed.rowcount == 0:
        connection.execute(insert(filing).values(digest=digest, carrier_id=carrier_id, body=body))


def active_policies(connection: Connection) -> list[Row[Any]]:
    return list(connection.execute(select(policy).where(policy.c.activated_ms.is_not(None))))


def banks(connection: Connection) -> list[str]:
    """Every bank that has a policy in any version, by name."""
    return list(connection.execute(select(policy.c.bank_id).distinct().order_by(policy.c.bank_id)).scalars())


def get_policy(connection: Connection, bank_id: str, version: int) -> Row[Any] | None:
    return connection.execute(select(policy).where(policy.c.bank_id == bank_id, policy.c.version == version)).first()


def policy_in_force(connection: Connection, bank_id: str, now_ms: int) -> Row[Any] | None:
    """Of the bank's effective versions, the one that became so last."""
    effective = policy.c.activated_ms.is_not(None) & (policy.c.effective_from_ms <= now_ms)
    return connection.execute(
        select(policy)
        .where(policy.c.bank_id == bank_id, effective)
        .order_by(policy.c.effective_from_ms.desc(), policy.c.version.desc())
        .limit(1)
    ).first()


def last_policy_version(connection: Connection, bank_id: str) -> int:
    return connection.execute(select(func.max(policy.c.version)).where(policy.c.bank_id == bank_id)).scalar() or 0


def insert_policy(connection: Connection, values: Mapping[str, Any]) -> None:
    connection.execute(insert(policy).values(**values))


def update_policy(connection: Connection, bank_id: str, version: int, values: Mapping[str, Any]) -> None:
    connection.execute(update(policy).where(policy.c.bank_id == bank_id, policy.c.version == version).values(**values))


def list_policies(connection: Connection, bank_id: str, before_version: int, limit: int) -> list[Row[Any]]:
    query = select(policy).where(policy.c.bank_id == bank_id)
    if before_version:
        query = query.where(policy.c.version < before_version)
    return list(connection.execute(query.order_by(policy.c.version.desc()).limit(limit)))


def active_employees(connection: Connection) -> dict[tuple[str, str], str]:
    """The team of everybody active, by (caller id, employee id)."""
    rows = connection.execute(select(employee).where(employee.c.active.is_(True)))
    return {(row.caller_id, row.employee_id): row.team for row in rows}


def any_employee(connection: Connection) -> bool:
    """True once anybody was registered, active or not."""
    return connection.execute(select(employee.c.employee_id).limit(1)).first() is not None


def put_employee(connection: Connection, caller_id: str, employee_id: str, team: str, active: bool) -> None:
    key = (employee.c.caller_id == caller_id) & (employee.c.employee_id == employee_id)
    changed = connection.execute(update(employee).where(key).values(team=team, active=active))
    if changed.rowcount == 0:
        connection.execute(
            insert(employee).values(caller_id=caller_id, employee_id=employee_id, team=team, active=active)
        )
