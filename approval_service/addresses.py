"""What is known of addresses: reserved with the bank, confirmed to be the person's own, or known bad."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from approval_service import cancellation
from approval_service.calls import Call
from approval_service.cancellation import Cancelled
from approval_service.contacts import CONFIRMED, find_person
from approval_service.doors import Door, door
from approval_service.keys import KeyRing, PersonKey
from approval_service.moves import Moves
from approval_service.paging import page_size
from approval_service.people import require_employee
from approval_service.restricted import hidden
from approval_service.screening.address import judge, normal, postcode_warning, read
from approval_service.store import addresses as store
from approval_service.store import outreach as outreach_store
from approval_service.store.scopes import Scope
from approval_service.writer import Tx, one_by_one
from outreach.domain import states
from outreach.domain.codes import Code
from outreach.domain.ids import new_id
from outreach.v1.common_pb2 import Finding
from outreach.v1.hold_service_pb2 import (
    AddressVerdict,
    BadAddress,
    BadAddressReason,
    CheckAddressesRequest,
    CheckAddressesResponse,
    ConfirmAddressRequest,
    ConfirmAddressResponse,
    ListBadAddressesRequest,
    ListBadAddressesResponse,
    MarkAddressBadRequest,
    MarkAddressBadResponse,
)

RESERVED = "RESERVED"
FOR_EVERYBODY = (
    BadAddressReason.BAD_ADDRESS_REASON_DEMOLISHED,
    BadAddressReason.BAD_ADDRESS_REASON_NO_SUCH_ADDRESS,
)


def check(request: CheckAddressesRequest) -> CheckAddressesResponse:
    """What the screening says of each address."""
    return CheckAddressesResponse(verdicts=map(_verdict, request.addresses))


def _verdict(text: str) -> AddressVerdict:
    address = read(text)
    findings = [
        Finding(code=found.code, reason=f"「{found.span}」{found.why}" if found.span else found.why, field="address")
        for found in judge(address)
    ]
    warning = postcode_warning(address)
    return AddressVerdict(findings=findings, warnings=[warning] if warning else [], normal=normal(address))


def reserve(tx: Tx, person_id: str, key: PersonKey, texts: Sequence[str]) -> None:
    """A person's reserved addresses, as the bank names them now. A confirmed one stays confirmed."""
    doors = {one.hash: (one, text) for text in texts for one in [door(tx.keys, text)]}
    store.drop_reserved(tx.connection, person_id, doors)
    known = store.statuses(tx.connection, [person_id])
    for address_hash, (one, text) in doors.items():
        if (person_id, address_hash) not in known:
            _put(tx, person_id, key, one, text, RESERVED, "")


def _put(tx: Tx, person_id: str, key: PersonKey, one: Door, text: str, status: str, evidence: str) -> None:
    values = {
        "person_id": person_id,
        "address_hash": one.hash,
        "address_sealed": key.seal(text.encode()),
        "status": status,
        "evidence_sealed": key.seal(evidence.encode()) if evidence else b"",
    }
    store.put(tx.connection, values)


def _confirm(tx: Tx, call: Call[ConfirmAddressRequest]) -> ConfirmAddressResponse:
    request = call.request
    call.require_bank(request.bank_id)
    actor = require_employee(tx, call)
    person = find_person(tx, request.bank_id, request.customer_id)
    key, one = tx.keys.person(person.wrapped_key), door(tx.keys, request.address)
    _put(tx, person.person_id, key, one, request.address, CONFIRMED, request.evidence_reference)
    tx.record(
        "address_confirmed",
        person.bank_id,
        person=person.person_id,
        address=key.commit(request.address.encode()),
        evidence=tx.keys.hash("evidence", request.evidence_reference),
        by=actor,
    )
    moves = Moves(tx)
    scope = Scope(person_id=person.person_id, address_hash=one.hash)
    waiting = outreach_store.waiting(tx.connection, Code.CONTACT_UNVERIFIED, scope)
    for row in waiting:
        moves.resume(row)
    moves.write()
    return ConfirmAddressResponse(resumed=len(waiting))


confirm = one_by_one(_confirm)
"""Handler of ConfirmAddress. What waited for it is judged anew before it is printed."""


def close(
    tx: Tx,
    bank_id: str,
    person_id: str,
    address_hash: str,
    masked_address: str,
    *,
    reason: BadAddressReason.ValueType,
    evidence: str,
    by: str,
) -> tuple[str, Cancelled]:
    """Marks an address as known bad, for everybody or for the person by its reason, and cancels what is pending to it.

    Returns the mark's id and what was cancelled. What other banks have pending to an address that is bad for everybody
    is not this caller's to see: the rule cancels it before it is printed.
    """
    bad_for = "" if reason in FOR_EVERYBODY else person_id
    mark_id = new_id()
    store.insert_bad(
        tx.connection,
        {
            "mark_id": mark_id,
            "bank_id": bank_id,
            "address_hash": address_hash,
            "person_id": bad_for,
            "reason": reason,
            "masked_address": masked_address,
            "evidence_sealed": tx.keys.seal_note(evidence),
            "set_by": by,
            "set_ms": tx.now_ms,
        },
    )
    tx.record(
        "address_bad",
        bank_id,
        mark=mark_id,
        person=bad_for,
        reason=BadAddressReason.Name(reason).removeprefix("BAD_ADDRESS_REASON_"),
        evidence=tx.keys.hash("evidence", evidence),
        by=by,
    )
    scope = Scope(bank_id=bank_id, person_id=bad_for, address_hash=address_hash)
    return mark_id, cancellation.cancel(tx, scope, Code.ADDRESS_KNOWN_BAD, by)


def _mark(tx: Tx, call: Call[MarkAddressBadRequest]) -> MarkAddressBadResponse:
    request = call.request
    call.require_bank(request.bank_id)
    actor = require_employee(tx, call)
    person = find_person(tx, request.bank_id, request.customer_id)
    one = door(tx.keys, request.address)
    mark_id, done = close(
        tx,
        request.bank_id,
        person.person_id,
        one.hash,
        one.masked,
        reason=request.reason,
        evidence=request.evidence_reference,
        by=actor,
    )
    to_pull = [one.attempt_id for one in done.leaving if one.state == states.TO_PULL]
    mark = _message(tx.keys, store.get_bad(tx.connection, mark_id))
    return MarkAddressBadResponse(mark=mark, cancelled_ids=done.withdrawn, to_pull_letter_numbers=to_pull)


mark_bad = one_by_one(_mark)
"""Handler of MarkAddressBad."""


def list_bad(connection: Connection, keys: KeyRing, call: Call[ListBadAddressesRequest]) -> ListBadAddressesResponse:
    """Read of ListBadAddresses. A page token is the id of the last one shown."""
    request = call.request
    call.require_bank(request.bank_id)
    size = page_size(request.page_size)
    rows = store.page_of_bad(connection, request.bank_id, request.page_token, size + 1)
    page, more = rows[:size], len(rows) > size
    not_shown = hidden(connection, call.principal, {row.person_id for row in page})
    shown = [_message(keys, row) for row in page if row.person_id not in not_shown]
    return ListBadAddressesResponse(addresses=shown, next_page_token=page[-1].mark_id if more else "")


def _message(keys: KeyRing, row: Any) -> BadAddress:
    mark = BadAddress(
        mark_id=row.mark_id,
        bank_id=row.bank_id,
        reason=row.reason,
        for_everybody=not row.person_id,
        masked_address=row.masked_address,
        evidence_reference=keys.unseal_note(row.evidence_sealed),
        set_by=row.set_by,
    )
    mark.set_time.FromMilliseconds(row.set_ms)
    return mark
