"""SQL on a person as a whole: what is held, what was asked for about the person, and how all of it is destroyed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, insert, select, text, union, update

from approval_service import schema
from approval_service.store.lists import one_of
from approval_service.store.lookups import NEVER_MS
from outreach.domain import states
from outreach.v1.hold_service_pb2 import NoContactReason
from outreach.v1.mailroom_service_pb2 import RunState
from outreach.v1.person_service_pb2 import PersonRequestKind, PersonRequestState

account, party, person, contact = schema.account, schema.party, schema.person, schema.contact
outreach, attempt, letter, print_run = schema.outreach, schema.attempt, schema.letter, schema.print_run
request, erased_pdf, mark = schema.person_request, schema.erased_pdf, schema.mark

ERASURE = PersonRequestKind.PERSON_REQUEST_KIND_ERASURE
OPEN = (PersonRequestState.PERSON_REQUEST_STATE_ASKED, PersonRequestState.PERSON_REQUEST_STATE_APPROVED)
RESTRICTED = NoContactReason.NO_CONTACT_REASON_RESTRICTED
GONE = "erased"
"""In place of a keyed hash that must match nothing any more, an empty one included."""


def accounts_of(connection: Connection, person_id: str) -> list[Row[Any]]:
    """The accounts to which the person is a party."""
    joined = select(account).join(party, party.c.account_id == account.c.account_id)
    return list(connection.execute(joined.where(party.c.person_id == person_id).order_by(account.c.account_id)))


def _outreach_ids(person_id: str) -> Select[tuple[Any]]:
    return select(outreach.c.outreach_id).where(outreach.c.person_id == person_id)


def last_activity_ms(connection: Connection, person_id: str) -> int:
    """When the person was last written to, or somebody asked for it; 0 if never."""
    asked = select(func.max(outreach.c.created_ms)).where(outreach.c.person_id == person_id)
    sent = select(func.max(attempt.c.released_ms)).where(attempt.c.outreach_id.in_(_outreach_ids(person_id)))
    printed = select(func.max(letter.c.released_ms), func.max(letter.c.mailed_ms))
    times = [
        connection.execute(asked).scalar(),
        connection.execute(sent).scalar(),
        *connection.execute(printed.where(letter.c.outreach_id.in_(_outreach_ids(person_id)))).one(),
    ]
    return max(time or 0 for time in times)


def count_outreach(connection: Connection, person_ids: Collection[str]) -> dict[str, int]:
    counted = select(outreach.c.person_id, func.count()).where(outreach.c.person_id.in_(person_ids))
    return {row[0]: row[1] for row in connection.execute(counted.group_by(outreach.c.person_id))}


def outreach_of(connection: Connection, person_id: str) -> list[Row[Any]]:
    """Oldest first."""
    query = select(outreach).where(outreach.c.person_id == person_id)
    return list(connection.execute(query.order_by(outreach.c.outreach_id)))


def unconfirmed(connection: Connection, person_id: str) -> list[str]:
    """Attempts whose fate nobody knows, oldest first."""
    query = select(attempt.c.attempt_id).where(
        attempt.c.outreach_id.in_(_outreach_ids(person_id)), attempt.c.state == states.UNCONFIRMED
    )
    return list(connection.execute(query.order_by(attempt.c.attempt_id)).scalars())


def has_pending(connection: Connection, person_id: str) -> bool:
    """True if something may leave yet that nobody has cancelled."""
    waiting = (states.AWAITING_QUANTITY, states.ADMITTED, states.RELEASED, states.PRINTED)
    query = select(outreach.c.outreach_id).where(outreach.c.person_id == person_id, outreach.c.state.in_(waiting))
    return connection.execute(query.where(outreach.c.cause == "").limit(1)).first() is not None


def leaving(connection: Connection, person_id: str) -> list[str]:
    """Attempts that hold a permit, and letters in print."""
    moving = (states.RELEASED, states.PRINTED, states.TO_PULL)
    query = select(outreach.c.attempt_id).where(outreach.c.person_id == person_id, outreach.c.state.in_(moving))
    return list(connection.execute(query.order_by(outreach.c.attempt_id)).scalars())


def open_runs(connection: Connection, person_id: str) -> list[str]:
    """Print runs not closed yet that have a letter to the person."""
    ours = select(letter.c.run_id).where(letter.c.outreach_id.in_(_outreach_ids(person_id)))
    query = select(print_run.c.run_id).where(
        print_run.c.run_id.in_(ours), print_run.c.state != RunState.RUN_STATE_CLOSED
    )
    return list(connection.execute(query.order_by(print_run.c.run_id)).scalars())


def set_restricted(connection: Connection, person_id: str, restricted: bool) -> None:
    connection.execute(update(person).where(person.c.person_id == person_id).values(restricted=restricted))


def restricted_among(connection: Connection, person_ids: Collection[str]) -> set[str]:
    """Those of these people who are restricted."""
    query = select(person.c.person_id).where(one_of(person.c.person_id, "ids"), text("person.restricted"))
    return set(connection.execute(query, {"ids": person_ids}).scalars())


def drop_restriction_mark(connection: Connection, person_id: str) -> None:
    connection.execute(delete(mark).where(mark.c.subject == person_id, mark.c.reason == RESTRICTED))


def insert_requests(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    connection.execute(insert(request), rows)


def get_request(connection: Connection, request_id: str) -> Row[Any] | None:
    return connection.execute(select(request).where(request.c.request_id == request_id)).first()


def requests_of(connection: Connection, person_ids: Collection[str]) -> list[Row[Any]]:
    """Newest first."""
    query = select(request).where(request.c.person_id.in_(person_ids))
    return list(connection.execute(query.order_by(request.c.request_id.desc())))


def batch(connection: Connection, batch_id: str) -> list[Row[Any]]:
    query = select(request).where(request.c.batch_id == batch_id)
    return list(connection.execute(query.order_by(request.c.request_id)))


def update_requests(connection: Connection, request_ids: Collection[str], **columns: Any) -> None:
    connection.execute(update(request).where(request.c.request_id.in_(request_ids)).values(**columns))


def page(connection: Connection, bank_id: str, state: int, before_id: str, limit: int) -> list[Row[Any]]:
    """Newest first; of one state, or of all for 0."""
    query = select(request).where(request.c.bank_id == bank_id)
    if state:
        query = query.where(request.c.state == state)
    if before_id:
        query = query.where(request.c.request_id < before_id)
    return list(connection.execute(query.order_by(request.c.request_id.desc()).limit(limit)))


def to_erase(connection: Connection, after_id: str, limit: int) -> list[Row[Any]]:
    """Approved erasures of people who are still there, by id."""
    query = select(request).where(
        request.c.state == PersonRequestState.PERSON_REQUEST_STATE_APPROVED,
        request.c.kind == ERASURE,
        request.c.done_ms == 0,
        request.c.request_id > after_id,
    )
    return list(connection.execute(query.order_by(request.c.request_id).limit(limit)))


def being_erased(connection: Connection, person_id: str) -> bool:
    """True while an approved erasure waits for something."""
    approved = request.c.state == PersonRequestState.PERSON_REQUEST_STATE_APPROVED
    query = select(request.c.request_id).where(request.c.person_id == person_id, request.c.kind == ERASURE, approved)
    return connection.execute(query).first() is not None


def erased_ids(connection: Connection, bank_id: str, customer_hash: str) -> list[str]:
    """The ids that a customer had before being erased, newest first."""
    query = select(request.c.person_id).where(
        request.c.bank_id == bank_id, request.c.customer_hash == customer_hash, request.c.kind == ERASURE
    )
    return list(connection.execute(query.where(request.c.done_ms > 0).order_by(request.c.request_id.desc())).scalars())


def inherit_marks(connection: Connection, erased: Collection[str], person_id: str) -> None:
    """Gives an erased customer's marks to the person that the bank placed in the customer's place."""
    bad = schema.bad_address
    connection.execute(update(mark).where(mark.c.subject.in_(erased)).values(subject=person_id))
    connection.execute(update(contact).where(contact.c.person_id.in_(erased)).values(person_id=person_id))
    connection.execute(update(bad).where(bad.c.person_id.in_(erased)).values(person_id=person_id))


def destroy(connection: Connection, row: Any, request_id: str, blank: bytes) -> None:
    """Destroys a person's wrapped key and every sealed or plain trace. What stays: ids, times, states, amounts, and the
    keyed hashes of marks, whose evidence becomes `blank`. Kept PDFs are noted to be removed."""
    person_id = row.person_id
    _blank_marks(connection, row, blank)
    _note_pdfs(connection, person_id, request_id)
    _blank_letters_and_attempts(connection, person_id)
    connection.execute(delete(schema.reply).where(schema.reply.c.person_id == person_id))
    nothing = dict.fromkeys(
        ("person_id", "phone_hash", "masked_phone", "masked_account", "address_hash", "masked_address"), ""
    )
    connection.execute(
        update(outreach)
        .where(outreach.c.person_id == person_id)
        .values(**nothing, request_hash=GONE, request_sealed=b"")
    )
    _blank_accounts(connection, person_id, blank)
    connection.execute(delete(schema.address).where(schema.address.c.person_id == person_id))
    connection.execute(delete(party).where(party.c.person_id == person_id))
    connection.execute(delete(person).where(person.c.person_id == person_id))


def _blank_marks(connection: Connection, row: Any, blank: bytes) -> None:
    """Marks on the person, on the person's numbers and accounts stay, without what somebody wrote of them."""
    person_id, bad = row.person_id, schema.bad_address
    drop_restriction_mark(connection, person_id)
    owned = select(account.c.account_id).where(account.c.debtor_id == person_id)
    known = select(mark.c.reason).where(mark.c.subject == person_id)
    # An account is forgotten with its debtor: what it was marked with holds of the person from now on.
    rest = mark.c.subject.in_(owned)
    for reason in set(connection.execute(select(mark.c.reason).where(rest, mark.c.reason.not_in(known))).scalars()):
        one = connection.execute(select(mark).where(rest, mark.c.reason == reason).limit(1)).one()
        connection.execute(insert(mark).values(**{**one._asdict(), "subject": person_id}))
    connection.execute(delete(mark).where(rest))
    numbers = union(
        select(contact.c.phone_hash).where(contact.c.person_id == person_id),
        select(outreach.c.phone_hash).where(outreach.c.person_id == person_id),
    )
    ours = (mark.c.subject == person_id) | (mark.c.bank_id == row.bank_id) & mark.c.subject.in_(numbers)
    connection.execute(update(mark).where(ours).values(evidence_sealed=blank))
    connection.execute(update(bad).where(bad.c.person_id == person_id).values(masked_address="", evidence_sealed=blank))
    own = contact.c.person_id == person_id
    connection.execute(delete(contact).where(own, contact.c.status != "NOT_THIS_PERSON"))
    connection.execute(update(contact).where(own).values(phone_sealed=b"", evidence_sealed=b""))


def _note_pdfs(connection: Connection, person_id: str, request_id: str) -> None:
    """The person's letters, and the runs that they were printed in: each other letter of a run is kept by itself."""
    ours = select(letter.c.pdf_sha256, letter.c.run_id).where(letter.c.outreach_id.in_(_outreach_ids(person_id)))
    letters = connection.execute(ours).all()
    runs = print_run.c.run_id.in_({row.run_id for row in letters})
    hashes = {row.pdf_sha256 for row in letters}
    hashes.update(connection.execute(select(print_run.c.pdf_sha256).where(runs)).scalars())
    rows = [{"pdf_sha256": sha256, "request_id": request_id} for sha256 in sorted(hashes - {""})]
    if rows:
        connection.execute(insert(erased_pdf), rows)
    connection.execute(update(print_run).where(runs).values(pdf_sha256=""))


def _blank_letters_and_attempts(connection: Connection, person_id: str) -> None:
    ids, scan = _outreach_ids(person_id), schema.return_scan
    letters = select(letter.c.letter_number).where(letter.c.outreach_id.in_(ids))
    connection.execute(delete(scan).where(scan.c.letter_number.in_(letters)))
    connection.execute(
        update(letter).where(letter.c.outreach_id.in_(ids)).values(person_id="", permit_sealed=b"", pdf_sha256="")
    )
    connection.execute(
        update(attempt)
        .where(attempt.c.outreach_id.in_(ids))
        .values(person_id="", identity=GONE, phone_hash=GONE, permit_sealed=b"", next_lookup_real_ms=NEVER_MS)
    )


def _blank_accounts(connection: Connection, person_id: str, blank: bytes) -> None:
    """The debtor's accounts are found by their numbers no more: the bank may place the same number anew."""
    hold, owned = schema.hold, account.c.debtor_id == person_id
    ids = select(account.c.account_id).where(owned)
    connection.execute(update(hold).where(hold.c.account_id.in_(ids)).values(reason_sealed=blank, lift_reason=""))
    connection.execute(
        update(account)
        .where(owned)
        .values(
            number_hash=account.c.account_id,
            number_sealed=b"",
            number_fault="",
            debtor_id="",
            recalled=True,
            overdue_fen=0,
            outstanding_fen=0,
            minimum_fen=0,
            due_date="",
        )
    )


def erased_pdfs(connection: Connection, limit: int) -> list[str]:
    query = select(erased_pdf.c.pdf_sha256).distinct().order_by(erased_pdf.c.pdf_sha256).limit(limit)
    return list(connection.execute(query).scalars())


def drop_pdfs(connection: Connection, hashes: Collection[str]) -> list[str]:
    """They are kept no more. Returns the requests of which none is left."""
    ours = erased_pdf.c.pdf_sha256.in_(hashes)
    touched = set(connection.execute(select(erased_pdf.c.request_id).where(ours)).scalars())
    connection.execute(delete(erased_pdf).where(ours))
    left = select(erased_pdf.c.request_id).where(erased_pdf.c.request_id.in_(touched))
    return sorted(touched - set(connection.execute(left).scalars()))


def has_pdfs(connection: Connection, request_id: str) -> bool:
    return connection.execute(select(erased_pdf).where(erased_pdf.c.request_id == request_id)).first() is not None
