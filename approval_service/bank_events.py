"""What the bank says, applied: placements, balances, repayments, holds, recalls, marks, and the feed's reach."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from google.protobuf import json_format

from approval_service import cancellation, holds, marks, parked
from approval_service.calls import Call
from approval_service.cancellation import Cancelled
from approval_service.letter_rules import reaches_minimum
from approval_service.mailroom import repricing
from approval_service.moves import Moves
from approval_service.placements import amounts, place
from approval_service.store import accounts as account_store
from approval_service.store import events as store
from approval_service.store import outreach as outreach_store
from approval_service.store import stops as stop_store
from approval_service.store.scopes import Scope
from approval_service.writer import Tx, one_by_one
from outreach.domain.codes import Code
from outreach.domain.errors import invalid, not_found
from outreach.ledger.entries import encode
from outreach.v1.bank_service_pb2 import BankEvent, EventResult, Repayment
from outreach.v1.hold_service_pb2 import HoldKind, NoContactReason
from outreach.v1.outreach_service_pb2 import Channel

SMS, LETTER = Channel.CHANNEL_SMS, Channel.CHANNEL_LETTER
BANK = "bank"
"""Who acts, in the ledger, where the bank's event did. Who handed one in that did not come on NATS has an own entry."""


def _apply(tx: Tx, event: BankEvent) -> EventResult:
    known = store.known_event(tx.connection, event.bank_id, event.event_id)
    if known is not None:
        result = EventResult.FromString(known)
        result.duplicate = True
        return result
    kind = event.WhichOneof("event")
    result = _APPLY[kind or ""](tx, event)
    store.insert_event(tx.connection, event.bank_id, event.event_id, result.SerializeToString())
    return result


apply = one_by_one(_apply)
"""Handler: BankEvent to EventResult. A known event id gets its first answer, marked as a duplicate."""


def _apply_called(tx: Tx, call: Call[BankEvent]) -> EventResult:
    event = call.request
    result = _apply(tx, event)
    if not result.duplicate:
        body = encode(json_format.MessageToDict(event)).decode()
        tx.record(
            "event_handed_in",
            event.bank_id,
            event=event.event_id,
            commitment=tx.keys.hash("event", body),
            by=call.actor,
        )
    return result


apply_called = one_by_one(_apply_called)
"""Handler of ApplyEvents, per event: the ledger names who handed it in, with a keyed hash of its canonical JSON."""


def _apply_placement(tx: Tx, event: BankEvent) -> EventResult:
    account_id, applied = place(tx, event.bank_id, event.placement, event.event_time.ToMilliseconds())
    tx.record("placed", event.bank_id, account=account_id, superseded=not applied, by=BANK, event=event.event_id)
    if applied:
        _resume(tx, Scope(account_id=account_id), Code.CONTACT_UNVERIFIED)
        # A number reserved for a person is so on the person's other accounts, too.
        for person_id in account_store.parties_of(tx.connection, [account_id])[account_id]:
            _resume(tx, Scope(bank_id=event.bank_id, person_id=person_id), Code.CONTACT_UNVERIFIED)
        _resume(tx, Scope(account_id=account_id))
    account = account_store.accounts_by_id(tx.connection, [account_id])[account_id]
    cancelled = _cancel_if_settled(tx, account, Code.ACCOUNT_SETTLED)
    repricing.follow_record(tx, account_id, BANK)
    return EventResult(superseded=not applied, cancelled=len(cancelled.withdrawn))


def _apply_balance(tx: Tx, event: BankEvent) -> EventResult:
    balance = event.balance
    account = _account(tx, event, balance.account_number)
    superseded = balance.sequence <= account.sequence
    tx.record(
        "balance",
        event.bank_id,
        account=account.account_id,
        sequence=balance.sequence,
        superseded=superseded,
        event=event.event_id,
    )
    if superseded:
        return EventResult(superseded=True)
    columns = amounts(balance)
    account_store.update_account(tx.connection, account.account_id, columns)
    cancelled = _settled(tx, account.account_id, Code.ACCOUNT_SETTLED) if columns["settled"] else Cancelled()
    repricing.follow_record(tx, account.account_id, BANK)
    _resume(tx, Scope(account_id=account.account_id))
    return EventResult(cancelled=len(cancelled.withdrawn))


def _apply_repayment(tx: Tx, event: BankEvent) -> EventResult:
    repayment = event.repayment
    account = _account(tx, event, repayment.account_number)
    has_amounts = repayment.HasField("balance_after")
    if has_amounts and repayment.balance_after.sequence != repayment.sequence:
        raise invalid(
            "repayment.balance_after.sequence", "与 repayment.sequence 不符。It must equal repayment.sequence."
        )
    superseded = repayment.sequence <= account.sequence
    tx.record(
        "repayment",
        event.bank_id,
        account=account.account_id,
        repayment=Repayment.Kind.Name(repayment.kind).removeprefix("KIND_"),
        sequence=repayment.sequence,
        superseded=superseded,
        event=event.event_id,
    )
    if superseded:
        return EventResult(superseded=True)
    # Only amounts above zero, or a reversal, lift a settlement.
    settled = repayment.kind != Repayment.KIND_REVERSAL and account.settled
    columns: dict[str, Any] = {"sequence": repayment.sequence, "balance_known": False, "settled": settled}
    if has_amounts:
        columns = amounts(repayment.balance_after)
    if repayment.kind == Repayment.KIND_FULL:
        columns["settled"] = True
    account_store.update_account(tx.connection, account.account_id, columns)
    return EventResult(cancelled=len(_follow_repayment(tx, account.account_id, repayment).withdrawn))


def _follow_repayment(tx: Tx, account_id: str, repayment: Repayment) -> Cancelled:
    """What is pending is cancelled, or takes the new amounts, which the permit reads; both with a written notice."""
    has_amounts = repayment.HasField("balance_after")
    if repayment.kind == Repayment.KIND_FULL:
        return _settled(tx, account_id, Code.REPAID_IN_FULL)
    if has_amounts and repayment.balance_after.overdue_amount_fen == 0:
        return _settled(tx, account_id, Code.ACCOUNT_SETTLED)
    if has_amounts:
        _resume(tx, Scope(account_id=account_id))
    reversal = repayment.kind == Repayment.KIND_REVERSAL
    if not has_amounts and not reversal:
        return cancellation.cancel(tx, Scope(account_id=account_id), Code.REPAID_IN_PART, BANK)
    if has_amounts and not reversal and not _worth_a_letter(tx, account_id):
        done = cancellation.cancel(tx, Scope(account_id=account_id, channel=LETTER), Code.REPAID_IN_PART, BANK)
        repricing.repaid(tx, Scope(account_id=account_id, channel=SMS), BANK, notice=True)
        return done
    # A reversal revives nothing that was cancelled; what is pending waits for the amounts.
    repricing.repaid(tx, Scope(account_id=account_id), BANK, notice=not reversal)
    return Cancelled()


def _worth_a_letter(tx: Tx, account_id: str) -> bool:
    account = account_store.accounts_by_id(tx.connection, [account_id])[account_id]
    policy = tx.catalog.policy_at(account.bank_id, tx.now_ms)
    return policy is None or reaches_minimum(account.overdue_fen, policy)


def _cancel_if_settled(tx: Tx, account: Any, cause: Code) -> Cancelled:
    return _settled(tx, account.account_id, cause) if account.settled else Cancelled()


def _settled(tx: Tx, account_id: str, cause: Code) -> Cancelled:
    return cancellation.cancel(tx, Scope(account_id=account_id), cause, BANK)


def _apply_hold(tx: Tx, event: BankEvent) -> EventResult:
    instruction = event.hold
    account = _account(tx, event, instruction.account_number)
    _, cancelled = holds.place(
        tx, event.bank_id, account.account_id, kind=instruction.kind, reason=instruction.reason, by=BANK
    )
    return EventResult(cancelled=len(cancelled.withdrawn))


def _apply_recall(tx: Tx, event: BankEvent) -> EventResult:
    account = _account(tx, event, event.recall.account_number)
    tx.record("recalled", event.bank_id, account=account.account_id, by=BANK, event=event.event_id)
    account_store.update_account(
        tx.connection, account.account_id, {"recalled": True, "recall_event_ms": event.event_time.ToMilliseconds()}
    )
    cancelled = cancellation.cancel(tx, Scope(account_id=account.account_id), Code.CASE_RECALLED, BANK)
    return EventResult(cancelled=len(cancelled.withdrawn))


def _apply_feed_mark(tx: Tx, event: BankEvent) -> EventResult:
    # What is to come cannot be complete yet: such a mark would pass for fresh until then.
    through_ms = min(event.feed_mark.complete_through.ToMilliseconds(), tx.now_ms)
    feed = stop_store.feeds(tx.connection).get(event.bank_id)
    tx.record("feed", event.bank_id, through=event.feed_mark.complete_through.ToJsonString(), event=event.event_id)
    if feed is not None and feed.complete_through_ms >= through_ms:
        return EventResult(superseded=True)
    stop_store.put_feed(tx.connection, event.bank_id, complete_through_ms=through_ms)
    parked.resume(tx, event.bank_id, through_ms)
    return EventResult()


def _apply_no_contact(tx: Tx, event: BankEvent) -> EventResult:
    instruction = event.no_contact
    cancelled = marks.place(
        tx,
        event.bank_id,
        instruction,
        reason=NoContactReason.NO_CONTACT_REASON_BANK_INSTRUCTION,
        evidence=f"event {event.event_id}: {instruction.reason}"[:200],
        by=BANK,
    )
    return EventResult(cancelled=len(cancelled.withdrawn))


_APPLY: dict[str, Callable[[Tx, BankEvent], EventResult]] = {
    "placement": _apply_placement,
    "balance": _apply_balance,
    "repayment": _apply_repayment,
    "hold": _apply_hold,
    "recall": _apply_recall,
    "feed_mark": _apply_feed_mark,
    "no_contact": _apply_no_contact,
}


def _account(tx: Tx, event: BankEvent, number: str) -> Any:
    key = (event.bank_id, tx.keys.hash("account", number))
    account = account_store.accounts_by_number(tx.connection, [key]).get(key)
    if account is None:
        raise not_found(
            "account_number: 该账户尚未委案，请先发布委案事件。The account was never placed; publish its placement."
        )
    return account


def _resume(tx: Tx, scope: Scope, code: Code = Code.BALANCE_UNCONFIRMED) -> None:
    """What waited for the bank to tell more (amounts, a further feed, reserved numbers) is due again."""
    moves = Moves(tx)
    for row in outreach_store.waiting(tx.connection, code, scope):
        moves.resume(row)
    moves.write()


def prove_feeds(tx: Tx, probes: Sequence[tuple[str, int]]) -> Sequence[None]:
    """Handler: probes of ours (bank id, real milliseconds at which it was sent) that came back through the stream."""
    for bank_id, sent_real_ms in dict(probes).items():
        stop_store.put_feed(tx.connection, bank_id, proven_real_ms=sent_real_ms)
    return [None for _ in probes]


def _hold_unreadable(tx: Tx, named: tuple[str, str, str]) -> bool:
    """(bank id, account number, event's source): True if the account is known and on hold now."""
    bank_id, number, source = named
    key = (bank_id, tx.keys.hash("account", number))
    account = account_store.accounts_by_number(tx.connection, [key]).get(key)
    if account is None:
        return False
    kind = HoldKind.HOLD_KIND_UNREADABLE_EVENT
    holds.place(tx, bank_id, account.account_id, kind=kind, reason=f"读不懂的事件 unreadable event, {source}", by=BANK)
    return True


hold_unreadable = one_by_one(_hold_unreadable)
