"""Reports and receipts: what workers and carriers say of attempts. Taken whenever they come; repeats change nothing."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from approval_service.calls import is_plain
from approval_service.moves import Moves, Told
from approval_service.store import outreach as store
from approval_service.store import segments as segment_store
from approval_service.store import stops as stop_store
from approval_service.writer import Tx
from outreach.domain import states
from outreach.domain.phone import normalize_mobile
from outreach.v1.common_pb2 import State
from outreach.v1.worker_service_pb2 import AttemptReport, Outcome, Receipt

ALREADY_LEFT = "ALREADY_LEFT"
"""The cause that ends a message whose handed-back attempt turns out to have left after all."""

T = TypeVar("T")

_CODE = re.compile(r"[A-Za-z0-9_.:/-]{0,128}")
_OPEN = (states.RELEASED, states.UNCONFIRMED, states.SENT, states.ADMITTED)


def report(tx: Tx, reports: Sequence[AttemptReport]) -> Sequence[bool | Exception]:
    """Handler of Report: True per report whose attempt is known."""
    attempts = store.attempts_by_id(tx.connection, {one.attempt_id for one in reports})
    known = [(attempts[one.attempt_id].outreach_id, one) for one in reports if one.attempt_id in attempts]
    unwritten = attempts
    for batch in _one_each(known):
        attempts_now = unwritten or store.attempts_by_id(tx.connection, {one.attempt_id for _, one in batch})
        outreach = store.get_many(tx.connection, {outreach_id for outreach_id, _ in batch})
        moves = Moves(tx)
        for outreach_id, one in batch:
            _apply_report(tx, moves, attempts_now[one.attempt_id], outreach[outreach_id], one)
        moves.write()
        unwritten = {}
    return [one.attempt_id in attempts for one in reports]


def _one_each(pairs: Iterable[tuple[str, T]]) -> Iterator[list[tuple[str, T]]]:
    """The pairs in batches that name no outreach twice, in order: each batch sees what the one before it wrote."""
    rest = list(pairs)
    while rest:
        batch: dict[str, T] = {}
        later = []
        for outreach_id, item in rest:
            if outreach_id in batch:
                later.append((outreach_id, item))
            else:
                batch[outreach_id] = item
        yield list(batch.items())
        rest = later


def _apply_report(tx: Tx, moves: Moves, attempt: Any, outreach: Any, one: AttemptReport) -> None:
    told = Told(carrier_message_id=one.carrier_message_id, carrier_code=one.carrier_code, segments=one.segments)
    unsettled = attempt.state in (states.RELEASED, states.UNCONFIRMED)
    if one.segment_message_ids:
        segment_store.put(tx.connection, attempt.attempt_id, attempt.carrier_id, one.segment_message_ids)
    match one.outcome:
        case Outcome.OUTCOME_NOT_SENT if unsettled:
            _handed_back(tx, moves, attempt, outreach, one)
        case Outcome.OUTCOME_ACCEPTED if unsettled or attempt.state == states.ADMITTED:
            settle(moves, attempt, outreach, states.SENT, told)
        case Outcome.OUTCOME_REFUSED if unsettled:
            settle(moves, attempt, outreach, states.UNDELIVERED, told, may_have_left=False)
        case Outcome.OUTCOME_UNKNOWN if attempt.state == states.RELEASED:
            settle(moves, attempt, outreach, states.UNCONFIRMED, told)
        case Outcome.OUTCOME_ACCEPTED if not attempt.carrier_message_id:
            moves.attempt(attempt, attempt.state, told, may_have_left=attempt.may_have_left)
        case _:
            return


def settle(
    moves: Moves,
    attempt: Any,
    outreach: Any,
    state: State.ValueType,
    told: Told,
    *,
    may_have_left: bool = True,
    **ledger_fields: Any,
) -> None:
    """Moves an attempt, and its outreach with it. An attempt that was handed back as unsent and left after all ends its
    outreach: what waits is cancelled, and what another attempt may be sending does not come back."""
    moves.attempt(attempt, state, told, may_have_left=may_have_left)
    if outreach.attempt_id == attempt.attempt_id and states.may_move(outreach.state, state):
        codes = [outreach.cause] if outreach.cause else []
        moves.outreach(
            outreach,
            state,
            codes=codes,
            cause=outreach.cause,
            attempt_id=attempt.attempt_id,
            carrier_code=_ledger_code(told["carrier_code"]),
            **ledger_fields,
        )
        return
    moves.contradicted(outreach, attempt, state)
    if outreach.state == states.ADMITTED:
        moves.outreach(
            outreach,
            states.CANCELLED,
            codes=[ALREADY_LEFT],
            cause=ALREADY_LEFT,
            attempt_id=attempt.attempt_id,
            carrier_code=_ledger_code(told["carrier_code"]),
        )
    elif outreach.state in (states.RELEASED, states.UNCONFIRMED) and not outreach.cause:
        moves.mark_cancelled(outreach, ALREADY_LEFT)


def _handed_back(tx: Tx, moves: Moves, attempt: Any, outreach: Any, one: AttemptReport) -> None:
    """It has certainly not left: due again, or cancelled if a cancellation covers it."""
    told = Told(carrier_message_id="", carrier_code=one.carrier_code, segments=0)
    moves.attempt(attempt, states.ADMITTED, told, may_have_left=False)
    if outreach.attempt_id != attempt.attempt_id:
        return
    if outreach.cause:
        moves.outreach(
            outreach,
            states.CANCELLED,
            codes=[outreach.cause],
            cause=outreach.cause,
            attempt_id=attempt.attempt_id,
            carrier_code=_ledger_code(one.carrier_code),
        )
    else:
        moves.outreach(
            outreach,
            states.ADMITTED,
            due_ms=tx.now_ms + one.retry_after_ms,
            attempt_id=attempt.attempt_id,
            carrier_code=_ledger_code(one.carrier_code),
        )


def _ledger_code(code: str) -> str:
    """A carrier's code for the ledger. Some send words in its place, which may name or number anybody: only the attempt
    keeps those."""
    return code if _CODE.fullmatch(code) and is_plain(code) else "words"


def receive(tx: Tx, receipts: Sequence[Receipt]) -> Sequence[bool | Exception]:
    """Handler of ReportReceipts: True per receipt that matched an attempt. The first final word stands."""
    matched = _match(tx, receipts)
    final = [
        (attempt.outreach_id, (attempt.attempt_id, receipt))
        for receipt, attempt in zip(receipts, matched, strict=True)
        if attempt is not None and not receipt.pending
    ]
    for batch in _one_each(final):
        attempts = store.attempts_by_id(tx.connection, {attempt_id for _, (attempt_id, _) in batch})
        outreach = store.get_many(tx.connection, {outreach_id for outreach_id, _ in batch})
        moves = Moves(tx)
        for outreach_id, (attempt_id, receipt) in batch:
            _apply_receipt(tx, moves, attempts[attempt_id], outreach[outreach_id], receipt)
        moves.write()
    return [attempt is not None for attempt in matched]


def _apply_receipt(tx: Tx, moves: Moves, attempt: Any, outreach: Any, receipt: Receipt) -> None:
    evidence = f"{receipt.carrier_id}:{_ledger_code(receipt.carrier_code)}"[:100]
    dead = receipt.number_dead and attempt.person_id  # else erased since: the number is forgotten
    if dead and stop_store.put_dead(tx.connection, attempt.phone_hash, tx.keys.seal_note(evidence)):
        tx.record("number_dead", attempt.bank_id, attempt=attempt.attempt_id, evidence=evidence)
    told = Told(
        carrier_message_id=receipt.carrier_message_id, carrier_code=receipt.carrier_code, segments=receipt.segments
    )
    if attempt.state not in _OPEN:
        if receipt.delivered and not attempt.may_have_left:
            _left_after_all(moves, attempt, outreach, told)
        return
    if receipt.carrier_message_id and 0 < receipt.segments < attempt.segments:
        if receipt.delivered and not _was_the_last(tx, attempt, receipt.carrier_message_id):
            return
        told = Told(carrier_message_id="", carrier_code=receipt.carrier_code, segments=0)
    settle(moves, attempt, outreach, states.DELIVERED if receipt.delivered else states.UNDELIVERED, told)


def _left_after_all(moves: Moves, attempt: Any, outreach: Any, told: Told) -> None:
    """Refused by the carrier, and delivered all the same: the caps count it. The first final word stays its state."""
    moves.attempt(attempt, attempt.state, told)
    moves.contradicted(outreach, attempt, states.DELIVERED)


def _was_the_last(tx: Tx, attempt: Any, message_id: str) -> bool:
    """A long message is delivered once each of its segments is; the first that is not decides for all."""
    segment_store.put(tx.connection, attempt.attempt_id, attempt.carrier_id, [message_id])
    delivered = segment_store.mark_delivered(tx.connection, attempt.attempt_id, message_id)
    return delivered == int(attempt.segments)


def _match(tx: Tx, receipts: Sequence[Receipt]) -> list[Any | None]:
    """The attempt of each receipt: by our id, by the carrier's, or the one candidate to its number."""
    by_id = store.attempts_by_id(tx.connection, {r.attempt_id for r in receipts if r.attempt_id})
    message_ids: dict[str, set[str]] = defaultdict(set)
    for receipt in receipts:
        if receipt.carrier_message_id:
            message_ids[receipt.carrier_id].add(receipt.carrier_message_id)
    by_carrier = {
        (carrier_id, message_id): row
        for carrier_id, ids in message_ids.items()
        for message_id, row in {
            **segment_store.attempts(tx.connection, carrier_id, ids),
            **store.attempts_by_carrier_id(tx.connection, carrier_id, ids),
        }.items()
    }
    matched: list[Any | None] = []
    for receipt in receipts:
        found = by_id.get(receipt.attempt_id) or by_carrier.get((receipt.carrier_id, receipt.carrier_message_id))
        phone = normalize_mobile(receipt.phone_number)
        phone_hash = tx.keys.hash("phone", phone) if phone else ""
        if found is None and phone_hash and not receipt.attempt_id:
            candidates = store.candidates(tx.connection, receipt.carrier_id, phone_hash)
            found = candidates[0] if len(candidates) == 1 else None
        if found is not None and (found.carrier_id != receipt.carrier_id or phone_hash not in ("", found.phone_hash)):
            found = None
        matched.append(found)
    return matched
