"""Erasure: what is pending is cancelled, what is leaving is waited for, then the key and every trace are destroyed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from approval_service import cancellation
from approval_service.cancellation import Cancelled
from approval_service.personal_data.subjects import bars, require_no_bars
from approval_service.store import accounts as account_store
from approval_service.store import persons as store
from approval_service.store import stops as stop_store
from approval_service.store.persons import RESTRICTED
from approval_service.store.scopes import Scope
from approval_service.writer import Tx, one_by_one
from outreach.domain.codes import Code
from outreach.domain.errors import Kind, Refusal
from outreach.v1.person_service_pb2 import PersonRequestState
from outreach.v1.print_service_pb2 import ReportErasedPdfsRequest, ReportErasedPdfsResponse

PART = 10
"""People looked at in one transaction: permits do not wait longer than that takes."""
MAX_PDFS = 1000
APPROVED = PersonRequestState.PERSON_REQUEST_STATE_APPROVED
DONE = PersonRequestState.PERSON_REQUEST_STATE_DONE
STOPPED = PersonRequestState.PERSON_REQUEST_STATE_STOPPED
_ARCHIVE = "ARCHIVE"
"""What an erasure waits for whose key is destroyed already."""


def require_possible(tx: Tx, row: Any, person: Any, *, loss_accepted: bool) -> None:
    """FAILED_PRECONDITION if something stands in the way, or what is lost with UNCONFIRMED attempts is not accepted."""
    require_no_bars(bars(tx.connection, tx.catalog, person, tx.now_ms, own_request=row.request_id))
    unknown = store.unconfirmed(tx.connection, person.person_id)
    if unknown and not loss_accepted:
        raise Refusal(
            Kind.PRECONDITION,
            f"{len(unknown)} 条发送结果未知（{', '.join(unknown[:5])}）；删除后无法再查证是否送达，也不能再作证据。"
            "请先处理，或明确接受。Their fate is unknown; after the erasure nobody can ask the carrier or prove what "
            "they said: resolve them first, or accept that.",
            reason="UNCONFIRMED_LOSES",
            field="accept_unconfirmed_loss",
        )


def approve(tx: Tx, row: Any, person: Any, actor: str, *, loss_accepted: bool) -> Cancelled:
    """Cancels what is pending and bars what would come. The sweeper does the rest, within seconds."""
    unknown = store.unconfirmed(tx.connection, person.person_id)
    bar(tx, person, actor)
    tx.record(
        "person_erasure_approved",
        row.bank_id,
        request=row.request_id,
        person=row.person_id,
        batch=row.batch_id,
        unconfirmed=unknown,
        by=actor,
    )
    decided = {"state": APPROVED, "decided_by": actor, "decided_ms": tx.now_ms, "loss_accepted": loss_accepted}
    store.update_requests(tx.connection, [row.request_id], **decided)
    return cancellation.cancel(tx, Scope(person_id=row.person_id), Code.DO_NOT_CONTACT, actor)


def bar(tx: Tx, person: Any, actor: str) -> None:
    """Nothing more is sent to the person, whatever is asked for from now on."""
    mark = {
        "bank_id": person.bank_id,
        "subject": person.person_id,
        "reason": RESTRICTED,
        "evidence_sealed": tx.keys.seal_note(""),
        "set_by": actor,
        "set_ms": tx.now_ms,
    }
    stop_store.put_mark(tx.connection, mark)


class Swept(NamedTuple):
    """What a part of the sweep came to."""

    erased: int
    next_after: str
    """The last request looked at; empty at the end."""


def _sweep(tx: Tx, after_id: str) -> Swept:
    rows = store.to_erase(tx.connection, after_id, PART)
    erased = sum(_advance(tx, row) for row in rows)
    return Swept(erased, rows[-1].request_id if len(rows) == PART else "")


sweep = one_by_one(_sweep)
"""Handler: takes the next part of the approved erasures, after a request's id, as far as they go."""


def _advance(tx: Tx, row: Any) -> bool:
    """Destroys the person of an approved erasure (True), or notes what it waits for or what has stopped it."""
    person = account_store.persons_by_id(tx.connection, [row.person_id]).get(row.person_id)
    if person is None:
        return _stop(tx, row, ["PERSON_ABSENT"])
    stopped = [one.reason for one in bars(tx.connection, tx.catalog, person, tx.now_ms, own_request=row.request_id)]
    if not row.loss_accepted and store.unconfirmed(tx.connection, row.person_id):
        stopped.append("UNCONFIRMED_LOSES")
    if stopped:
        return _stop(tx, row, stopped, person)
    if store.has_pending(tx.connection, row.person_id):
        bar(tx, person, row.decided_by)
        cancellation.cancel(tx, Scope(person_id=row.person_id), Code.DO_NOT_CONTACT, row.decided_by)
    waits = store.leaving(tx.connection, row.person_id) + store.open_runs(tx.connection, row.person_id)
    if waits:
        return _wait(tx, row, " ".join(waits)[:400])
    destroy(tx, row, person)
    return True


def _wait(tx: Tx, row: Any, note: str) -> bool:
    if note != row.note:
        store.update_requests(tx.connection, [row.request_id], note=note)
    return False


def _stop(tx: Tx, row: Any, reasons: Sequence[str], person: Any | None = None) -> bool:
    if person is not None and not person.restricted:
        store.drop_restriction_mark(tx.connection, row.person_id)
    store.update_requests(tx.connection, [row.request_id], state=STOPPED, note=" ".join(reasons))
    tx.record(
        "person_erasure_stopped", row.bank_id, request=row.request_id, person=row.person_id, reasons=list(reasons)
    )
    return False


def destroy(tx: Tx, row: Any, person: Any) -> None:
    """The person is gone when this commits. The request ends once no kept PDF shows the person either."""
    held = store.count_outreach(tx.connection, [person.person_id]).get(person.person_id, 0)
    store.destroy(tx.connection, person, row.request_id, tx.keys.seal_note(""))
    tx.keys.forget(person.wrapped_key)
    archived = store.has_pdfs(tx.connection, row.request_id)
    store.update_requests(
        tx.connection,
        [row.request_id],
        state=APPROVED if archived else DONE,
        done_ms=tx.now_ms,
        customer_hash=person.customer_hash,
        note=_ARCHIVE if archived else "",
    )
    tx.record("person_erased", row.bank_id, request=row.request_id, person=row.person_id, letters_and_messages=held)


def _report_pdfs(tx: Tx, request: ReportErasedPdfsRequest) -> ReportErasedPdfsResponse:
    for request_id in store.drop_pdfs(tx.connection, request.pdf_sha256):
        row: Any = store.get_request(tx.connection, request_id)
        store.update_requests(tx.connection, [request_id], state=DONE, note="")
        tx.record("person_pdfs_removed", row.bank_id, request=request_id, person=row.person_id)
    return ReportErasedPdfsResponse()


report_pdfs = one_by_one(_report_pdfs)
"""Handler of ReportErasedPdfs: an erasure is done once no kept PDF shows the person."""
