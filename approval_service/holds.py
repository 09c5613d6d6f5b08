"""Holds on accounts: set by anybody in service or by the bank, lifted only by two persons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from approval_service import cancellation
from approval_service.calls import Call, covers, is_plain, require_plain
from approval_service.cancellation import Cancelled
from approval_service.hold_views import hold_message
from approval_service.keys import KeyRing
from approval_service.paging import page_size
from approval_service.people import require_another, require_employee
from approval_service.restricted import hidden
from approval_service.store import accounts as account_store
from approval_service.store import stops as store
from approval_service.store.scopes import Scope
from approval_service.writer import Tx, one_by_one
from outreach.domain.codes import Code
from outreach.domain.errors import not_found, precondition
from outreach.domain.ids import new_id
from outreach.domain.masking import mask_account
from outreach.v1.common_pb2 import Principal
from outreach.v1.hold_service_pb2 import (
    ApproveLiftRequest,
    ApproveLiftResponse,
    Hold,
    HoldKind,
    ListHoldsRequest,
    ListHoldsResponse,
    PlaceHoldRequest,
    PlaceHoldResponse,
    RequestLiftRequest,
    RequestLiftResponse,
)


def place(
    tx: Tx, bank_id: str, account_id: str, *, kind: HoldKind.ValueType, reason: str, by: str
) -> tuple[str, Cancelled]:
    """Puts an account on hold and cancels what is pending. Returns the hold's id and what was cancelled."""
    hold_id = new_id()
    store.insert_hold(
        tx.connection,
        {
            "hold_id": hold_id,
            "bank_id": bank_id,
            "account_id": account_id,
            "kind": kind,
            "reason_sealed": tx.keys.seal_note(reason),
            "set_by": by,
            "set_ms": tx.now_ms,
        },
    )
    tx.record(
        "hold_placed",
        bank_id,
        hold=hold_id,
        account=account_id,
        hold_kind=HoldKind.Name(kind).removeprefix("HOLD_KIND_"),
        # A bank's event must take effect, whatever its wording holds.
        reason=reason if is_plain(reason, names_of(tx, account_id)) else "",
        by=by,
    )
    return hold_id, cancellation.cancel(tx, Scope(account_id=account_id), Code.ACCOUNT_ON_HOLD, by)


def _place(tx: Tx, call: Call[PlaceHoldRequest]) -> PlaceHoldResponse:
    request = call.request
    call.require_bank(request.bank_id)
    actor = require_employee(tx, call)
    account = find_account(tx, request.bank_id, request.account_number)
    reason = require_plain("reason", request.reason, names_of(tx, account.account_id))
    hold_id, done = place(tx, request.bank_id, account.account_id, kind=request.kind, reason=reason, by=actor)
    return PlaceHoldResponse(
        hold=_shown(tx, call, hold_id), cancelled_ids=done.withdrawn, possibly_leaving_attempt_ids=done.leaving_attempts
    )


place_hold = one_by_one(_place)
"""Handler of PlaceHold."""


def names_of(tx: Tx, account_id: str) -> list[str]:
    """The full names of an account's parties."""
    persons = account_store.persons_by_id(
        tx.connection, account_store.parties_of(tx.connection, [account_id])[account_id]
    )
    return [tx.keys.person(one.wrapped_key).unseal(one.name_sealed).decode() for one in persons.values()]


def find_account(tx: Tx, bank_id: str, number: str) -> Any:
    """The account's row. NOT_FOUND if the bank never placed it."""
    key = (bank_id, tx.keys.hash("account", number))
    account = account_store.accounts_by_number(tx.connection, [key]).get(key)
    if account is None:
        raise not_found(
            "account_number: 银行未委案此账户，请核对账号。The bank has not placed this account: check the number."
        )
    return account


def _find(connection: Connection, call: Call[Any]) -> Any:
    """The hold that a request names, also NOT_FOUND for one of a bank that the token does not cover."""
    row = store.get_hold(connection, call.request.hold_id)
    if row is None or not covers(call.principal, row.bank_id):
        raise not_found("hold_id: 没有此暂停记录，请用 ListHolds 查看。No such hold: ListHolds shows a bank's holds.")
    if row.lifted_by:
        raise precondition("该暂停已解除。The hold is lifted already.", "HOLD_LIFTED", "hold_id")
    return row


def _request_lift(tx: Tx, call: Call[RequestLiftRequest]) -> RequestLiftResponse:
    row = _find(tx.connection, call)
    actor = require_employee(tx, call)
    reason = require_plain("reason", call.request.reason, names_of(tx, row.account_id))
    if row.lift_requested_by:
        raise precondition(
            "已有人申请解除，请由另一人用 ApproveLift 批准。Somebody asked already: another person approves it with "
            "ApproveLift.",
            "LIFT_REQUESTED",
            "hold_id",
        )
    store.update_hold(tx.connection, row.hold_id, {"lift_requested_by": actor, "lift_reason": reason})
    tx.record("lift_requested", row.bank_id, hold=row.hold_id, account=row.account_id, reason=reason, by=actor)
    return RequestLiftResponse(hold=_shown(tx, call, row.hold_id))


request_lift = one_by_one(_request_lift)
"""Handler of RequestLift."""


def _approve_lift(tx: Tx, call: Call[ApproveLiftRequest]) -> ApproveLiftResponse:
    row = _find(tx.connection, call)
    actor = require_employee(tx, call)
    if not row.lift_requested_by:
        raise precondition(
            "尚无人申请解除，请先由另一人用 RequestLift 申请。Nobody asked yet: another person does, with RequestLift.",
            "LIFT_NOT_REQUESTED",
            "hold_id",
        )
    require_another(actor, {"申请解除": row.lift_requested_by})
    store.update_hold(tx.connection, row.hold_id, {"lifted_by": actor})
    tx.record("hold_lifted", row.bank_id, hold=row.hold_id, account=row.account_id, by=actor)
    return ApproveLiftResponse(hold=_shown(tx, call, row.hold_id))


approve_lift = one_by_one(_approve_lift)
"""Handler of ApproveLift: not by the one who asked. Nothing that was cancelled comes back."""


def list_holds(connection: Connection, keys: KeyRing, call: Call[ListHoldsRequest]) -> ListHoldsResponse:
    """Read of ListHolds. A page token is the id of the last one shown."""
    request = call.request
    call.require_bank(request.bank_id)
    size = page_size(request.page_size)
    which = {"lifted": request.include_lifted, "to_lift": request.lift_requested}
    rows = store.list_holds(connection, request.bank_id, request.page_token, size + 1, **which)
    page, more = rows[:size], len(rows) > size
    holds = _messages(connection, keys, call.principal, page)
    return ListHoldsResponse(holds=holds, next_page_token=page[-1].hold_id if more else "")


def _messages(connection: Connection, keys: KeyRing, principal: Principal, rows: Sequence[Any]) -> list[Hold]:
    """Of an erased or restricted debtor's account without its number and the reason."""
    accounts = account_store.accounts_by_id(connection, {row.account_id for row in rows})
    debtors = account_store.persons_by_id(connection, {account.debtor_id for account in accounts.values()})
    not_shown = hidden(connection, principal, debtors)
    masked = {}
    for account in accounts.values():
        if account.debtor_id in debtors and account.debtor_id not in not_shown:
            key = keys.person(debtors[account.debtor_id].wrapped_key)
            masked[account.account_id] = mask_account(key.unseal(account.number_sealed).decode())
    messages = [hold_message(keys, row, masked.get(row.account_id, "")) for row in rows]
    for message, row in zip(messages, rows, strict=True):
        if row.account_id not in masked:
            message.ClearField("reason")
    return messages


def _shown(tx: Tx, call: Call[Any], hold_id: str) -> Hold:
    row = store.get_hold(tx.connection, hold_id)
    return _messages(tx.connection, tx.keys, call.principal, [row])[0]
