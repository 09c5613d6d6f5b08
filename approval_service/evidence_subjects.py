"""What evidence can be asked of: an account, a letter, an outreach, or what somebody ordered before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection

from approval_service.calls import Call
from approval_service.keys import KeyRing
from approval_service.store import accounts as account_store
from approval_service.store import evidence as store
from approval_service.store import letters as letter_store
from approval_service.store import outreach as outreach_store
from outreach.domain.errors import Refusal, not_found
from outreach.v1.evidence_service_pb2 import ExportEvidenceRequest


class Subject(NamedTuple):
    """What was found of it."""

    rows: Sequence[Any]
    """The outreach, oldest first."""
    account: Any
    """Their account; None if the bank never placed it."""
    named: dict[str, str]
    """How the ledger names it."""


def find(connection: Connection, keys: KeyRing, call: Call[ExportEvidenceRequest]) -> Subject:
    """PERMISSION_DENIED for a bank that is not the caller's; NOT_FOUND also for what is another bank's."""
    call.require_bank(call.request.bank_id)
    named = _named(connection, keys, call)
    if "account" in named:
        account = account_store.accounts_by_id(connection, [named["account"]]).get(named["account"])
        if account is None:
            raise _unknown_account()
        return Subject(store.outreach_of(connection, account.account_id), account, named)
    row = outreach_store.get(connection, named["outreach"])
    if row is None or row.bank_id != call.request.bank_id:
        raise not_found("该银行没有此编号的短信或信函。The bank has no outreach or letter of that number.")
    return Subject([row], account_store.accounts_by_id(connection, [row.account_id]).get(row.account_id), named)


def _named(connection: Connection, keys: KeyRing, call: Call[ExportEvidenceRequest]) -> dict[str, str]:
    request = call.request
    match request.WhichOneof("subject"):
        case "account_number":
            number = (request.bank_id, keys.hash("account", request.account_number))
            account = account_store.accounts_by_number(connection, [number]).get(number)
            if account is None:
                raise _unknown_account()
            return {"account": account.account_id}
        case "letter_number":
            letter = letter_store.by_number(connection, [request.letter_number]).get(request.letter_number)
            outreach_id = letter.outreach_id if letter is not None else ""
            return {"outreach": outreach_id, "attempt": request.letter_number}
        case "order_id":
            order = store.order(connection, request.order_id)
            mine = (call.actor, request.bank_id, request.purpose)
            if order is None or (order.ordered_by, order.bank_id, order.purpose) != mine:
                raise unknown_order()
            about = {"account": order.account_id, "outreach": order.outreach_id, "attempt": order.letter_number}
            return {"order": order.order_id, **{name: value for name, value in about.items() if value}}
        case _:
            return {"outreach": request.outreach_id}


def _unknown_account() -> Refusal:
    return not_found(
        "account_number: 银行未委案此账户，请核对账号。The bank has not placed this account: check the number."
    )


def unknown_order() -> Refusal:
    return not_found(
        "order_id: 您没有这个证据包，或保留时间已过；请重新制作。You have no such pack, or its time is over: ask anew."
    )
