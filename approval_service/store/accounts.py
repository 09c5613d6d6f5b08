"""SQL on accounts, persons, parties and contacts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, not_, select, update

from approval_service import schema
from approval_service.store.lists import one_of
from approval_service.store.rows import Query, insert_rows

account, person, party, contact = schema.account, schema.person, schema.party, schema.contact

_BY_NUMBER = Query(
    select(account).where(account.c.bank_id == bindparam("bank_id"), one_of(account.c.number_hash, "hashes"))
)
_BY_ID = Query(select(account).where(one_of(account.c.account_id, "ids")))
_PARTIES = Query(
    select(party.c.account_id, party.c.person_id, party.c.role).where(one_of(party.c.account_id, "account_ids"))
)
_PERSONS = Query(select(person).where(one_of(person.c.person_id, "ids")))
_CONTACTS = select(contact).where(one_of(contact.c.person_id, "person_ids"))
_UPDATE_ACCOUNT = update(account).where(account.c.account_id == bindparam("of_account"))
_DELETE_PARTIES = delete(party).where(party.c.account_id == bindparam("of_account"))
_BY_CUSTOMER = select(person).where(
    person.c.bank_id == bindparam("bank_id"), person.c.customer_hash == bindparam("customer_hash")
)
_UPDATE_PERSON = update(person).where(person.c.person_id == bindparam("of_person"))
_UPDATE_CONTACT = update(contact).where(
    contact.c.person_id == bindparam("of_person"), contact.c.phone_hash == bindparam("of_phone")
)
_DROP_RESERVED = delete(contact).where(
    contact.c.person_id == bindparam("of_person"),
    contact.c.status == "RESERVED",
    not_(one_of(contact.c.phone_hash, "kept")),
)
_STATUSES = Query(_CONTACTS.with_only_columns(contact.c.person_id, contact.c.phone_hash, contact.c.status))


def accounts_by_number(connection: Connection, keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], Any]:
    """Rows by (bank id, number hash)."""
    by_bank: dict[str, list[str]] = defaultdict(list)
    for bank_id, number_hash in keys:
        by_bank[bank_id].append(number_hash)
    return {
        (bank_id, row.number_hash): row
        for bank_id, hashes in by_bank.items()
        for row in _BY_NUMBER.rows(connection, bank_id=bank_id, hashes=hashes)
    }


def accounts_by_id(connection: Connection, ids: Collection[str]) -> dict[str, Any]:
    return {row.account_id: row for row in _BY_ID.rows(connection, ids=ids)}


def insert_account(connection: Connection, values: Mapping[str, Any]) -> None:
    insert_rows(connection, account, [values])


def update_account(connection: Connection, account_id: str, values: Mapping[str, Any]) -> None:
    connection.execute(_UPDATE_ACCOUNT, {**values, "of_account": account_id})


def parties_of(connection: Connection, account_ids: Collection[str]) -> dict[str, dict[str, int]]:
    """Role by person id, by account id."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for account_id, person_id, role in _PARTIES.tuples(connection, account_ids=account_ids):
        found[account_id][person_id] = role
    return found


def replace_parties(connection: Connection, account_id: str, roles: Mapping[str, int]) -> None:
    connection.execute(_DELETE_PARTIES, {"of_account": account_id})
    rows = [{"account_id": account_id, "person_id": person_id, "role": role} for person_id, role in roles.items()]
    insert_rows(connection, party, rows)


def persons_by_id(connection: Connection, ids: Collection[str]) -> dict[str, Any]:
    return {row.person_id: row for row in _PERSONS.rows(connection, ids=ids)}


def person_by_customer(connection: Connection, bank_id: str, customer_hash: str) -> Row[Any] | None:
    return connection.execute(_BY_CUSTOMER, {"bank_id": bank_id, "customer_hash": customer_hash}).first()


def insert_person(connection: Connection, values: Mapping[str, Any]) -> None:
    insert_rows(connection, person, [values])


def update_person(connection: Connection, person_id: str, values: Mapping[str, Any]) -> None:
    connection.execute(_UPDATE_PERSON, {**values, "of_person": person_id})


def contact_statuses(connection: Connection, person_ids: Collection[str]) -> dict[tuple[str, str], str]:
    """Status by (person id, phone hash)."""
    rows = _STATUSES.tuples(connection, person_ids=person_ids)
    return {(person_id, phone_hash): status for person_id, phone_hash, status in rows}


def contacts_of(connection: Connection, person_ids: Collection[str]) -> list[Row[Any]]:
    return list(connection.execute(_CONTACTS, {"person_ids": person_ids}))


def put_contact(connection: Connection, values: Mapping[str, Any]) -> None:
    """Inserts a contact, or replaces its status and evidence."""
    changed = connection.execute(
        _UPDATE_CONTACT,
        {
            "of_person": values["person_id"],
            "of_phone": values["phone_hash"],
            "phone_sealed": values["phone_sealed"],
            "status": values["status"],
            "evidence_sealed": values["evidence_sealed"],
        },
    )
    if changed.rowcount == 0:
        insert_rows(connection, contact, [values])


def drop_reserved(connection: Connection, person_id: str, kept: Collection[str]) -> None:
    """Removes reserved numbers that the bank names no more."""
    connection.execute(_DROP_RESERVED, {"of_person": person_id, "kept": kept})
