"""What is known of a person's phone numbers: confirmed as the person's own, dead, or somebody else's."""

from __future__ import annotations

from typing import Any

from approval_service import cancellation
from approval_service.calls import Call
from approval_service.cancellation import Cancelled
from approval_service.moves import Moves
from approval_service.people import require_employee
from approval_service.store import accounts as store
from approval_service.store import outreach as outreach_store
from approval_service.store import stops as stop_store
from approval_service.store.scopes import Scope
from approval_service.writer import Tx, one_by_one
from outreach.domain.codes import Code
from outreach.domain.errors import invalid, not_found
from outreach.domain.phone import normalize_mobile
from outreach.v1.hold_service_pb2 import (
    CloseContactRequest,
    CloseContactResponse,
    ConfirmContactRequest,
    ConfirmContactResponse,
)

CONFIRMED = "CONFIRMED"
NOT_THIS_PERSON = "NOT_THIS_PERSON"


def find_person(tx: Tx, bank_id: str, customer_id: str) -> Any:
    """The person's row. NOT_FOUND if no placement of the bank names the customer."""
    person = store.person_by_customer(tx.connection, bank_id, tx.keys.hash("customer", customer_id))
    if person is None:
        raise not_found(
            "customer_id: 银行的委案中没有此客户号，请核对。No placement names this customer: check the number."
        )
    return person


def require_mobile(text: str) -> str:
    """The 11 digits. INVALID_ARGUMENT if it is no mobile number."""
    mobile = normalize_mobile(text)
    if mobile is None:
        raise invalid("phone_number", "不是有效的手机号码。Not a mobile number of mainland China.")
    return mobile


def _confirm(tx: Tx, call: Call[ConfirmContactRequest]) -> ConfirmContactResponse:
    request = call.request
    call.require_bank(request.bank_id)
    actor = require_employee(tx, call)
    phone = require_mobile(request.phone_number)
    person = find_person(tx, request.bank_id, request.customer_id)
    phone_hash = _put(tx, person, phone, CONFIRMED, request.evidence_reference)
    _record(tx, "contact_confirmed", person, phone, request.evidence_reference, actor)
    moves = Moves(tx)
    scope = Scope(person_id=person.person_id, phone_hash=phone_hash)
    waiting = outreach_store.waiting(tx.connection, Code.CONTACT_UNVERIFIED, scope)
    for row in waiting:
        moves.resume(row)
    moves.write()
    return ConfirmContactResponse(resumed=len(waiting))


confirm = one_by_one(_confirm)
"""Handler of ConfirmContact. What waited for it is judged anew at the next lease."""


def _close(tx: Tx, call: Call[CloseContactRequest]) -> CloseContactResponse:
    request = call.request
    call.require_bank(request.bank_id)
    actor = require_employee(tx, call)
    phone = require_mobile(request.phone_number)
    person = find_person(tx, request.bank_id, request.customer_id)
    evidence = request.evidence_reference
    if request.finding == CloseContactRequest.FINDING_DEAD:
        done = _close_for_all(tx, person, phone, evidence=evidence, by=actor)
    else:
        done = close_for_person(tx, person, phone, evidence=evidence, by=actor)
    return CloseContactResponse(cancelled_ids=done.withdrawn, possibly_leaving_attempt_ids=done.leaving_attempts)


close = one_by_one(_close)
"""Handler of CloseContact."""


def close_for_person(tx: Tx, person: Any, phone: str, *, evidence: str, by: str) -> Cancelled:
    """The number is another person's: nothing goes to this person there any more."""
    phone_hash = _put(tx, person, phone, NOT_THIS_PERSON, evidence)
    _record(tx, "contact_closed", person, phone, evidence, by, finding=NOT_THIS_PERSON)
    scope = Scope(person_id=person.person_id, phone_hash=phone_hash)
    return cancellation.cancel(tx, scope, Code.PHONE_INVALID, by)


def _close_for_all(tx: Tx, person: Any, phone: str, *, evidence: str, by: str) -> Cancelled:
    """The number is dead. Other banks' messages to it are not this caller's to see: the rule at their lease cancels
    them."""
    phone_hash = tx.keys.hash("phone", phone)
    stop_store.put_dead(tx.connection, phone_hash, tx.keys.seal_note(evidence))
    _record(tx, "contact_closed", person, phone, evidence, by, finding="DEAD")
    return cancellation.cancel(tx, Scope(bank_id=person.bank_id, phone_hash=phone_hash), Code.PHONE_INVALID, by)


def _put(tx: Tx, person: Any, phone: str, status: str, evidence: str) -> str:
    """Stores what is known of the number, and returns its hash."""
    phone_hash, key = tx.keys.hash("phone", phone), tx.keys.person(person.wrapped_key)
    values = {
        "person_id": person.person_id,
        "phone_hash": phone_hash,
        "phone_sealed": key.seal(phone.encode()),
        "status": status,
        "evidence_sealed": key.seal(evidence.encode()),
    }
    store.put_contact(tx.connection, values)
    return phone_hash


def _record(
    tx: Tx,
    kind: str,
    person: Any,
    phone: str,
    evidence: str,
    by: str,
    **fields: str,
) -> None:
    """The number as a commitment under the person's key, which ends with the key; the evidence as a keyed hash."""
    tx.record(
        kind,
        person.bank_id,
        person=person.person_id,
        number=tx.keys.person(person.wrapped_key).commit(phone.encode()),
        evidence=tx.keys.hash("evidence", evidence),
        by=by,
        **fields,
    )
