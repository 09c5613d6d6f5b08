"""Placements: an account with its parties, their names, numbers and addresses sealed under their own keys."""

from __future__ import annotations

from typing import Any

from approval_service import addresses, values
from approval_service.keys import PersonKey, masked_name_hash
from approval_service.store import accounts as store
from approval_service.store import outreach as outreach_store
from approval_service.store import persons
from approval_service.writer import Tx
from outreach.domain.errors import invalid
from outreach.domain.ids import new_id
from outreach.domain.phone import normalize_mobile
from outreach.v1.bank_service_pb2 import Balance, Party, Placement


def place(tx: Tx, bank_id: str, placement: Placement, event_ms: int) -> tuple[str, bool]:
    """Stores a placement, or replaces an account's earlier one. Returns the account id, and False if the bank had told
    of a higher sequence, so that nothing was stored. One that the bank made after its recall, by its
    sequence or its time (`event_ms`), takes the case up again; an earlier one that only arrives later does not."""
    _check(placement)
    number_hash = tx.keys.hash("account", placement.account_number)
    known = store.accounts_by_number(tx.connection, [(bank_id, number_hash)]).get((bank_id, number_hash))
    if known is not None and placement.balance.sequence < known.sequence:
        return known.account_id, False
    people = {party.customer_id: _put_person(tx, bank_id, party) for party in placement.parties}
    debtor = next(party for party in placement.parties if party.role == Party.ROLE_DEBTOR)
    debtor_id, debtor_key = people[debtor.customer_id]
    columns: dict[str, Any] = {
        "number_sealed": debtor_key.seal(placement.account_number.encode()),
        "number_fault": values.number_fault(placement.account_number),
        "debtor_id": debtor_id,
        "agency_id": placement.agency_id,
        "start_ms": placement.start_time.ToMilliseconds(),
        "end_ms": placement.end_time.ToMilliseconds(),
        "recalled": _still_recalled(known, placement, event_ms),
    }
    if known is None or placement.balance.sequence > known.sequence:
        columns |= amounts(placement.balance)
    if known is None:
        account_id = new_id()
        key = {"account_id": account_id, "bank_id": bank_id, "number_hash": number_hash, "recall_event_ms": 0}
        store.insert_account(tx.connection, columns | key)
    else:
        account_id = known.account_id
        store.update_account(tx.connection, account_id, columns)
    roles = {people[party.customer_id][0]: party.role for party in placement.parties}
    store.replace_parties(tx.connection, account_id, roles)
    return account_id, True


def _still_recalled(known: Any | None, placement: Placement, event_ms: int) -> bool:
    if known is None or not known.recalled:
        return False
    return bool(placement.balance.sequence <= known.sequence and event_ms <= known.recall_event_ms)


def amounts(balance: Balance) -> dict[str, Any]:
    """The account's columns of a balance."""
    return {
        "sequence": balance.sequence,
        "settled": balance.overdue_amount_fen == 0,
        "balance_known": True,
        "as_of_ms": balance.as_of_time.ToMilliseconds(),
        "overdue_fen": balance.overdue_amount_fen,
        "outstanding_fen": balance.outstanding_amount_fen,
        "minimum_fen": balance.minimum_payment_fen,
        "due_date": balance.due_date,
    }


def _check(placement: Placement) -> None:
    if placement.end_time.ToMilliseconds() <= placement.start_time.ToMilliseconds():
        raise invalid("placement.end_time", "不晚于 start_time。It must be later than start_time.")
    if sum(1 for party in placement.parties if party.role == Party.ROLE_DEBTOR) != 1:
        raise invalid("placement.parties", "须恰有一名债务人。There must be exactly one debtor.")
    if len({party.customer_id for party in placement.parties}) != len(placement.parties):
        raise invalid("placement.parties", "客户号重复。A customer number stands twice.")


def _put_person(tx: Tx, bank_id: str, party: Party) -> tuple[str, PersonKey]:
    customer_hash = tx.keys.hash("customer", party.customer_id)
    known = store.person_by_customer(tx.connection, bank_id, customer_hash)
    identity = tx.keys.hash("identity", party.identity_number.upper()) if party.identity_number else ""
    if known is None:
        person_id = new_id()
        wrapped, key = tx.keys.new_person()
        columns = {
            "person_id": person_id,
            "bank_id": bank_id,
            "customer_hash": customer_hash,
            "identity": identity or person_id,
            "wrapped_key": wrapped,
            "restricted": False,
            **_told(tx, key, party),
        }
        store.insert_person(tx.connection, columns)
        if erased := persons.erased_ids(tx.connection, bank_id, customer_hash):
            persons.inherit_marks(tx.connection, erased, person_id)
    else:
        person_id, key = known.person_id, tx.keys.person(known.wrapped_key)
        told = identity or known.identity
        store.update_person(tx.connection, person_id, {"identity": told, **_told(tx, key, party)})
        if told != known.identity:
            outreach_store.identify(tx.connection, person_id, known.identity, told)
    _put_numbers(tx, person_id, key, party)
    addresses.reserve(tx, person_id, key, party.addresses)
    return person_id, key


def _told(tx: Tx, key: PersonKey, party: Party) -> dict[str, Any]:
    """The person's columns of what the bank tells each time."""
    return {
        "name_sealed": key.seal(party.name.encode()),
        "name_fault": values.name_fault(party.name),
        "masked_name_hash": masked_name_hash(tx.keys, party.name),
        "agreed_to_quiet_hours": party.agreed_to_quiet_hours,
    }


def _put_numbers(tx: Tx, person_id: str, key: PersonKey, party: Party) -> None:
    """The reserved mobile numbers, as the bank names them now. What is no mobile number cannot get an SMS and is left
    out; a number found to be another person's stays so until somebody confirms it."""
    mobiles = {number for text in party.phone_numbers if (number := normalize_mobile(text))}
    hashes = {tx.keys.hash("phone", number): number for number in mobiles}
    store.drop_reserved(tx.connection, person_id, hashes)
    known = store.contact_statuses(tx.connection, [person_id])
    for phone_hash, number in hashes.items():
        if known.get((person_id, phone_hash)) == "NOT_THIS_PERSON":
            continue
        store.put_contact(
            tx.connection,
            {
                "person_id": person_id,
                "phone_hash": phone_hash,
                "phone_sealed": key.seal(number.encode()),
                "status": "RESERVED",
                "evidence_sealed": b"",
            },
        )
