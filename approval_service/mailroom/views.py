"""Reading runs and letters: the queue, the manifest, the pull list. Personal data is masked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row

from approval_service.calls import Call, covers
from approval_service.catalog import Catalog
from approval_service.keys import KeyRing
from approval_service.mailroom.numbers import count
from approval_service.mailroom.people import no_such_run
from approval_service.paging import bad_token, page_size
from approval_service.restricted import hidden
from approval_service.rules import next_mail_cutoff
from approval_service.store import accounts as account_store
from approval_service.store import letters as store
from approval_service.store import outreach as outreach_store
from approval_service.store import return_scans as scan_store
from approval_service.store.head import read_clock
from outreach.domain.masking import mask_name
from outreach.v1.common_pb2 import Principal
from outreach.v1.mailroom_service_pb2 import (
    GetQueueRequest,
    GetQueueResponse,
    GetRunRequest,
    GetRunResponse,
    Letter,
    ListLettersRequest,
    ListLettersResponse,
    ListRunsRequest,
    ListRunsResponse,
    PrintRun,
    QueueLine,
    RunState,
)
from outreach.v1.policy_service_pb2 import PolicyVersion


def get_queue(connection: Connection, catalog: Catalog, call: Call[GetQueueRequest]) -> GetQueueResponse:
    """Read of GetQueue."""
    bank_id = call.request.bank_id
    call.require_bank(bank_id)
    response, now_ms = GetQueueResponse(), read_clock(connection).now_ms()
    _tell_cutoff(response, catalog.policy_at(bank_id, now_ms), now_ms)
    for row in store.queue(connection, bank_id, now_ms):
        version = catalog.letter_versions.get(row.template_digest)
        line = QueueLine(
            bank_id=bank_id,
            letter_name=row.letter_name,
            version_digest=row.template_digest,
            envelope=version.envelope if version else "",
            postal_class=row.postal_class,
            due=row.due,
        )
        line.oldest_due_time.FromMilliseconds(row.oldest_ms)
        response.lines.append(line)
    return response


def get_run(connection: Connection, catalog: Catalog, call: Call[GetRunRequest]) -> GetRunResponse:
    """Read of GetRun."""
    row, now_ms = store.get_run(connection, call.request.run_id), read_clock(connection).now_ms()
    if row is None or not covers(call.principal, row.bank_id):
        raise no_such_run()
    policy = catalog.policy_at(row.bank_id, now_ms)
    allowed = policy is not None and policy.policy.mailroom_camera_allowed
    response = GetRunResponse(run=run_messages(connection, [row])[0], camera_allowed=allowed)
    _tell_cutoff(response, policy, now_ms)
    return response


def _tell_cutoff(response: GetQueueResponse | GetRunResponse, policy: PolicyVersion | None, now_ms: int) -> None:
    response.business_time.FromMilliseconds(now_ms)
    if policy is not None:
        response.next_cutoff_time.FromMilliseconds(next_mail_cutoff(now_ms, policy))


def list_runs(connection: Connection, call: Call[ListRunsRequest]) -> ListRunsResponse:
    """Read of ListRuns. A page token is the id of the last one shown."""
    request = call.request
    call.require_bank(request.bank_id)
    size = page_size(request.page_size)
    rows = store.runs_page(connection, request.bank_id, request.state, request.page_token, size + 1)
    page, more = rows[:size], len(rows) > size
    return ListRunsResponse(runs=run_messages(connection, page), next_page_token=page[-1].run_id if more else "")


def list_letters(connection: Connection, keys: KeyRing, call: Call[ListLettersRequest]) -> ListLettersResponse:
    """Read of ListLetters. A page token is the place of the last one shown."""
    request = call.request
    call.require_bank(request.bank_id)
    size, after = page_size(request.page_size), _place(request.page_token)
    rows = store.page(connection, request.bank_id, request.run_id, request.state, after, size + 1)
    page, more = rows[:size], len(rows) > size
    token = f"{page[-1].run_id}.{page[-1].position}" if more else ""
    return ListLettersResponse(letters=_letters(connection, keys, call.principal, page), next_page_token=token)


def _place(token: str) -> tuple[str, int] | None:
    run_id, _, position = token.partition(".")
    if not token:
        return None
    if not position.isascii() or not position.isdecimal():
        raise bad_token()
    return run_id, int(position)


def run_messages(connection: Connection, rows: Sequence[Row[Any]]) -> list[PrintRun]:
    counts = store.counts(connection, [row.run_id for row in rows])
    return [_run(row, counts[row.run_id]) for row in rows]


def _run(row: Row[Any], counts: Sequence[Row[Any]]) -> PrintRun:
    numbers = count(counts)
    run = PrintRun(
        run_id=row.run_id,
        bank_id=row.bank_id,
        letter_name=row.letter_name,
        version_digest=row.version_digest,
        envelope=row.envelope,
        postal_class=row.postal_class,
        state=row.state,
        started_by=row.started_by,
        pdf_sha256=row.pdf_sha256,
        sheets=numbers.sheets,
        releases=row.releases,
        letters=numbers.letters,
        withdrawn=numbers.withdrawn,
        pending=numbers.pending,
        printed=numbers.printed,
        in_pile=numbers.in_pile,
        sealed=numbers.sealed,
        sealed_in_pile=numbers.sealed_in_pile,
        mailed=numbers.mailed,
        spoiled=numbers.spoiled,
        pulled=numbers.pulled,
        to_pull=numbers.to_pull,
        returned=numbers.returned,
        differences=[] if row.state == RunState.RUN_STATE_CLOSED else numbers.differences(),
    )
    run.start_time.FromMilliseconds(row.started_ms)
    return run


def _letters(connection: Connection, keys: KeyRing, principal: Principal, rows: Sequence[Row[Any]]) -> list[Letter]:
    """Of restricted people without name and address: the mailroom goes by the number."""
    outreach = outreach_store.get_many(connection, {row.outreach_id for row in rows})
    persons = account_store.persons_by_id(connection, {row.person_id for row in rows})
    not_shown = hidden(connection, principal, persons)
    names = {
        person_id: mask_name(keys.person(person.wrapped_key).unseal(person.name_sealed).decode())
        for person_id, person in persons.items()
        if person_id not in not_shown
    }
    scanned = scan_store.kept(connection, [row.letter_number for row in rows if row.return_scan_sha256])
    return [
        Letter(
            letter_number=row.letter_number,
            outreach_id=row.outreach_id,
            run_id=row.run_id,
            position=row.position,
            state=row.state,
            masked_name=names.get(row.person_id, ""),
            masked_address=outreach[row.outreach_id].masked_address if row.person_id in names else "",
            sheets=row.sheets,
            pdf_sha256=row.pdf_sha256,
            item_number=row.item_number,
            sealed=row.sealed,
            accepted=bool(row.acceptance),
            cause=row.cause,
            return_reason=row.return_reason,
            return_scan_kept=row.letter_number in scanned,
            replaced_by=row.replaced_by,
            balance_sequence=row.balance_sequence,
        )
        for row in rows
    ]
