"""No-contact marks on a person, a number or an account."""

from __future__ import annotations

from dataclasses import replace

from approval_service import cancellation
from approval_service.calls import Call
from approval_service.cancellation import Cancelled
from approval_service.contacts import find_person, require_mobile
from approval_service.holds import find_account
from approval_service.people import require_employee
from approval_service.store import stops as store
from approval_service.store.scopes import Scope
from approval_service.writer import Tx, one_by_one
from outreach.domain.codes import Code
from outreach.v1.bank_service_pb2 import NoContactInstruction
from outreach.v1.hold_service_pb2 import MarkNoContactRequest, MarkNoContactResponse, NoContactReason
from outreach.v1.outreach_service_pb2 import Channel


def place(
    tx: Tx,
    bank_id: str,
    closed: MarkNoContactRequest | NoContactInstruction,
    *,
    reason: NoContactReason.ValueType,
    evidence: str,
    by: str,
) -> Cancelled:
    """Marks what `closed` names as not to be contacted and cancels what is pending. NOT_FOUND for a person or account
    that the bank never placed. The ledger has a keyed hash of the evidence's reference, which may be all digits."""
    subject, scope = _subject(tx, bank_id, closed)
    values = {
        "bank_id": bank_id,
        "subject": subject,
        "reason": reason,
        "evidence_sealed": tx.keys.seal_note(evidence),
        "set_by": by,
        "set_ms": tx.now_ms,
    }
    store.put_mark(tx.connection, values)
    tx.record(
        "no_contact",
        bank_id,
        subject=subject,
        reason=NoContactReason.Name(reason).removeprefix("NO_CONTACT_REASON_"),
        evidence=tx.keys.hash("evidence", evidence),
        by=by,
    )
    if reason == NoContactReason.NO_CONTACT_REASON_OPT_OUT:
        # It closes SMS only: letters go on.
        scope = replace(scope, channel=Channel.CHANNEL_SMS)
    return cancellation.cancel(tx, scope, Code.DO_NOT_CONTACT, by)


def _subject(tx: Tx, bank_id: str, closed: MarkNoContactRequest | NoContactInstruction) -> tuple[str, Scope]:
    """The mark's subject, and the outreach that it ends."""
    match closed.WhichOneof("subject"):
        case "customer_id":
            person_id: str = find_person(tx, bank_id, closed.customer_id).person_id
            return person_id, Scope(person_id=person_id)
        case "phone_number":
            phone_hash = tx.keys.hash("phone", require_mobile(closed.phone_number))
            return phone_hash, Scope(bank_id=bank_id, phone_hash=phone_hash)
        case _:
            account_id: str = find_account(tx, bank_id, closed.account_number).account_id
            return account_id, Scope(account_id=account_id)


def _mark(tx: Tx, call: Call[MarkNoContactRequest]) -> MarkNoContactResponse:
    request = call.request
    call.require_bank(request.bank_id)
    actor = require_employee(tx, call)
    evidence = request.evidence_reference
    done = place(tx, request.bank_id, request, reason=request.reason, evidence=evidence, by=actor)
    return MarkNoContactResponse(cancelled_ids=done.withdrawn, possibly_leaving_attempt_ids=done.leaving_attempts)


mark_no_contact = one_by_one(_mark)
"""Handler of MarkNoContact."""
