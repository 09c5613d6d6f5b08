"""Packs of evidence that people asked for at the console. The order is kept, so that a crash of whoever makes the pack
loses nothing; the pack itself is not: it shows persons and their debts, and is made again of the order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from approval_service.authority import Authority
from approval_service.calls import Call, covers, require_plain
from approval_service.evidence_subjects import Subject, find, unknown_order
from approval_service.holds import names_of
from approval_service.keys import KeyRing
from approval_service.people import require_employee
from approval_service.restricted import hidden
from approval_service.store import accounts as account_store
from approval_service.store import evidence as store
from approval_service.writer import Tx, one_by_one
from outreach.domain.clocks import real_ms
from outreach.domain.errors import Kind, Refusal, invalid
from outreach.domain.ids import new_id
from outreach.domain.masking import mask_account
from outreach.v1.common_pb2 import Principal
from outreach.v1.evidence_service_pb2 import (
    DropEvidenceOrderRequest,
    DropEvidenceOrderResponse,
    EvidenceOrder,
    ExportEvidenceRequest,
    ListEvidenceOrdersRequest,
    ListEvidenceOrdersResponse,
    OrderEvidenceRequest,
    OrderEvidenceResponse,
)

MAX_OF_ONE = 5
KEPT_MS = 30 * 60_000
"""After it was made."""
UNMADE_MS = 6 * 3_600_000
"""After it was asked for."""


async def order(authority: Authority, call: Call[OrderEvidenceRequest]) -> OrderEvidenceResponse:
    wanted = Call(call.principal, call.request.wanted)
    if wanted.request.order_id:
        raise invalid("wanted.order_id", "请写明账号、函号或触达编号。Name an account, a letter or an outreach.")
    subject = await authority.read(find, authority.keys, wanted)
    return await authority.write(remember, (wanted, subject))


def _remember(tx: Tx, asked: tuple[Call[ExportEvidenceRequest], Subject]) -> OrderEvidenceResponse:
    call, subject = asked
    actor = require_employee(tx, call)
    names = names_of(tx, subject.account.account_id) if subject.account is not None else []
    purpose = require_plain("purpose", call.request.purpose, names)
    store.forget_orders(tx.connection, tx.real_ms - KEPT_MS, tx.real_ms - UNMADE_MS)
    _make_room(tx, actor)
    values: dict[str, Any] = {
        "order_id": new_id(),
        "ordered_by": actor,
        "bank_id": call.request.bank_id,
        "account_id": subject.named.get("account", ""),
        "outreach_id": subject.named.get("outreach", ""),
        "letter_number": subject.named.get("attempt", ""),
        "purpose": purpose,
        "ordered_real_ms": tx.real_ms,
        "made_real_ms": 0,
    }
    store.insert_order(tx.connection, values)
    return OrderEvidenceResponse(order_id=values["order_id"])


remember = one_by_one(_remember)
"""Handler of OrderEvidence. No entry of the ledger: nobody has seen anything yet."""


def _make_room(tx: Tx, actor: str) -> None:
    """The oldest that was made goes. RESOURCE_EXHAUSTED if there are too many and none was."""
    mine = store.orders_of(tx.connection, actor)
    if len(mine) < MAX_OF_ONE:
        return
    made = [row.order_id for row in mine if row.made_real_ms]
    if not made:
        raise Refusal(
            Kind.EXHAUSTED,
            f"您已有 {MAX_OF_ONE} 个证据包未做成，请等其完成，或移除一个。You have {MAX_OF_ONE} that are not made yet: "
            "wait for one, or remove one.",
            retry_after_s=10.0,
        )
    store.drop_order(tx.connection, made[-1])


def list_orders(
    connection: Connection, keys: KeyRing, call: Call[ListEvidenceOrdersRequest]
) -> ListEvidenceOrdersResponse:
    """Read of ListEvidenceOrders."""
    now_ms = real_ms()
    rows = [
        row
        for row in store.orders_of(connection, call.actor)
        if covers(call.principal, row.bank_id)
        and (row.made_real_ms > now_ms - KEPT_MS if row.made_real_ms else row.ordered_real_ms > now_ms - UNMADE_MS)
    ]
    numbers = _masked_numbers(connection, keys, call.principal, rows)
    orders = [
        EvidenceOrder(
            order_id=row.order_id,
            bank_id=row.bank_id,
            subject=numbers.get(row.account_id) or row.letter_number or row.outreach_id or row.account_id,
            purpose=row.purpose,
        )
        for row in rows
    ]
    return ListEvidenceOrdersResponse(orders=orders)


def _masked_numbers(connection: Connection, keys: KeyRing, principal: Principal, rows: Sequence[Any]) -> dict[str, str]:
    """By account id; none of a debtor who was erased or is not shown."""
    accounts = account_store.accounts_by_id(connection, {row.account_id for row in rows} - {""})
    debtors = account_store.persons_by_id(connection, {account.debtor_id for account in accounts.values()})
    not_shown = hidden(connection, principal, debtors)
    return {
        account.account_id: mask_account(
            keys.person(debtors[account.debtor_id].wrapped_key).unseal(account.number_sealed).decode()
        )
        for account in accounts.values()
        if account.debtor_id in debtors and account.debtor_id not in not_shown
    }


def _drop(tx: Tx, call: Call[DropEvidenceOrderRequest]) -> DropEvidenceOrderResponse:
    row = store.order(tx.connection, call.request.order_id)
    if row is None or row.ordered_by != call.actor or not covers(call.principal, row.bank_id):
        raise unknown_order()
    store.drop_order(tx.connection, row.order_id)
    return DropEvidenceOrderResponse()


drop = one_by_one(_drop)
"""Handler of DropEvidenceOrder."""
