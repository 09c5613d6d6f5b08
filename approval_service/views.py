"""Reading outreach: one, a page, and the status changes from a position on. Personal data is masked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row

from approval_service.calls import Call, covers
from approval_service.keys import KeyRing, masked_name_hash
from approval_service.restricted import hidden
from approval_service.search import Wanted, search
from approval_service.status_changes import from_json
from approval_service.store import accounts as account_store
from approval_service.store import changes as change_store
from approval_service.store import letters as letter_store
from approval_service.store import outreach as store
from outreach.domain import states
from outreach.domain.errors import invalid, not_found
from outreach.domain.ids import is_id
from outreach.v1.common_pb2 import Finding, Principal
from outreach.v1.mailroom_service_pb2 import LetterState
from outreach.v1.outreach_service_pb2 import (
    Attempt,
    Decision,
    GetRequest,
    GetResponse,
    LetterPrint,
    ListRequest,
    ListResponse,
    Outreach,
    StatusChange,
    WatchRequest,
)

WATCH_BATCH = 500
PRINT_STATES = {
    LetterState.LETTER_STATE_RELEASED: states.RELEASED,
    LetterState.LETTER_STATE_PRINTED: states.PRINTED,
    LetterState.LETTER_STATE_MAILED: states.MAILED,
    LetterState.LETTER_STATE_RETURNED: states.RETURNED,
    LetterState.LETTER_STATE_TO_PULL: states.TO_PULL,
    LetterState.LETTER_STATE_PULLED: states.PULLED,
    LetterState.LETTER_STATE_SPOILED: states.ADMITTED,
    LetterState.LETTER_STATE_WITHDRAWN: states.ADMITTED,
}
"""What became of one print, in the states of the outreach that it is a print of."""
SEE_ALL = frozenset({"supervisor", "inspector"})
"""The roles that may look at all outreach of their banks (outreach.runtime.access)."""


def get(connection: Connection, call: Call[GetRequest]) -> GetResponse:
    """NOT_FOUND also for what the caller may not see."""
    request, principal = call.request, call.principal
    if request.WhichOneof("key") == "outreach_id":
        found = store.get(connection, request.outreach_id)
        rows = [found] if found is not None else []
    else:
        rows = store.found_by_request(connection, request.request_id, own_caller(principal))
    row = next((one for one in _shown(connection, principal, rows) if _visible(call, one)), None)
    if row is None:
        raise not_found("没有这条记录，或无权查看。There is no such outreach that this token may see.")
    return GetResponse(outreach=outreach_messages(connection, [row])[0])


def _visible(call: Call[Any], row: Row[Any]) -> bool:
    """A case system sees its own requests only; supervisors and inspectors see those of their banks."""
    return covers(call.principal, row.bank_id) and own_caller(call.principal) in ("", row.caller_id)


def own_caller(principal: Principal) -> str:
    """The caller whose outreach alone a principal may see; empty for those who see all of their banks."""
    return principal.caller_id if SEE_ALL.isdisjoint(principal.roles) else ""


def list_page(connection: Connection, keys: KeyRing, call: Call[ListRequest]) -> ListResponse:
    request = call.request
    call.require_bank(request.bank_id)
    account_id = ""
    if request.account_number:
        key = (request.bank_id, keys.hash("account", request.account_number))
        account = account_store.accounts_by_number(connection, [key]).get(key)
        if account is None:
            return ListResponse()
        account_id = account.account_id
    name = request.masked_name.strip()
    name = masked_name_hash(keys, name) if name else ""
    ids, more = search(connection, Wanted(request, account_id, name, own_caller(call.principal)))
    rows = store.get_many(connection, ids)
    shown = _shown(connection, call.principal, [rows[outreach_id] for outreach_id in ids])
    return ListResponse(outreach=outreach_messages(connection, shown), next_page_token=more)


def _shown(connection: Connection, principal: Principal, rows: Sequence[Row[Any]]) -> list[Row[Any]]:
    """Without what was asked for restricted people: a page may be shorter for it."""
    not_shown = hidden(connection, principal, {row.person_id for row in rows})
    return [row for row in rows if row.person_id not in not_shown]


def changes(connection: Connection, call: Call[WatchRequest], after_position: int) -> list[StatusChange]:
    """The next status changes after a position, in the order of commits; empty if there are none yet."""
    request = call.request
    if request.outreach_id and not is_id(request.outreach_id):
        raise invalid(
            "outreach_id", "不是触达编号，请照原样填写。It is no id of an outreach: give it as it was answered."
        )
    bodies = change_store.after(
        connection,
        after_position,
        WATCH_BATCH,
        bank_id=request.bank_id,
        case_id=request.case_id,
        caller_id=own_caller(call.principal),
        outreach_id=request.outreach_id,
    )
    return [from_json(body) for body in bodies]


def outreach_messages(connection: Connection, rows: Sequence[Row[Any]]) -> list[Outreach]:
    """Rows of outreach with the permits given for each."""
    ids = [row.outreach_id for row in rows]
    attempts: dict[str, list[Attempt]] = defaultdict(list)
    for row in store.attempts_of(connection, ids):
        attempts[row.outreach_id].append(_attempt(row))
    letters: dict[str, list[LetterPrint]] = defaultdict(list)
    for row in letter_store.of_outreach(connection, ids):
        letters[row.outreach_id].append(_print(row))
    return [_outreach(row, attempts[row.outreach_id], letters[row.outreach_id]) for row in rows]


def _print(row: Row[Any]) -> LetterPrint:
    made = LetterPrint(
        letter_number=row.letter_number,
        run_id=row.run_id,
        state=PRINT_STATES[row.state],
        item_number=row.item_number,
        balance_sequence=row.balance_sequence,
    )
    made.release_time.FromMilliseconds(row.released_ms)
    return made


def _attempt(row: Row[Any]) -> Attempt:
    attempt = Attempt(
        attempt_id=row.attempt_id,
        carrier_id=row.carrier_id,
        state=row.state,
        carrier_message_id=row.carrier_message_id,
        carrier_code=row.carrier_code,
        segments=row.segments,
        balance_sequence=row.balance_sequence,
    )
    attempt.release_time.FromMilliseconds(row.released_ms)
    return attempt


def _outreach(row: Row[Any], attempts: Sequence[Attempt], letters: Sequence[LetterPrint]) -> Outreach:
    codes = [code for code in row.codes.split(",") if code]
    decided = [finding for finding in Decision.FromString(row.decision).findings if finding.code in codes]
    since = set(codes) - {finding.code for finding in decided}
    waits = row.state in (states.ADMITTED, states.AWAITING_QUANTITY)
    outreach = Outreach(
        outreach_id=row.outreach_id,
        request_id=row.request_id,
        caller_id=row.caller_id,
        employee_id=row.employee_id,
        bank_id=row.bank_id,
        case_id=row.case_id,
        masked_phone_number=row.masked_phone,
        masked_account_number=row.masked_account,
        channel=row.channel,
        masked_address=row.masked_address,
        state=row.state,
        findings=[*decided, *(Finding(code=code, waits=waits) for code in sorted(since))],
        waiting_for=row.waiting_for,
        cause=row.cause,
        template_digest=row.template_digest,
        attempts=attempts,
        letters=letters,
    )
    if row.due_ms is not None:
        outreach.due_time.FromMilliseconds(row.due_ms)
    outreach.not_after.FromMilliseconds(row.not_after_ms)
    outreach.create_time.FromMilliseconds(row.created_ms)
    return outreach
