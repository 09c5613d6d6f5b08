"""What the post says of letters handed to it: its acceptance list, and what it delivered."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from approval_service.calls import Call
from approval_service.mailroom.moves import MAILED, RETURNED, LetterMoves
from approval_service.mailroom.people import find_run, require_designated
from approval_service.store import letters as store
from approval_service.store import outreach as outreach_store
from approval_service.writer import Tx, one_by_one
from outreach.domain import states
from outreach.v1.mailroom_service_pb2 import (
    AcceptedItem,
    RecordAcceptanceRequest,
    RecordAcceptanceResponse,
    RecordDeliveryRequest,
    RecordDeliveryResponse,
)

NAMED_IN_LEDGER = 1_000
"""At most this many letter numbers in one entry."""


def _record_acceptance(tx: Tx, call: Call[RecordAcceptanceRequest]) -> RecordAcceptanceResponse:
    run, request = find_run(tx, call), call.request
    actor = require_designated(tx, call)
    mailed = store.of_run(tx.connection, run.run_id, [MAILED, RETURNED])
    found, unknown = _match(request.items, mailed)
    moves = LetterMoves(tx)
    for letter in found:
        if not letter.acceptance:
            moves.set(letter, {"acceptance": request.reference})
    named = {letter.letter_number for letter in found}
    missing = [row.letter_number for row in mailed if row.letter_number not in named and not row.acceptance]
    tx.record(
        "accepted_by_post",
        run.bank_id,
        run=run.run_id,
        # The list's reference may be all digits.
        reference=tx.keys.hash("evidence", request.reference),
        accepted=len(found),
        missing=missing[:NAMED_IN_LEDGER],
        missing_count=len(missing),
        unknown_count=len(unknown),
        by=actor,
    )
    moves.write()
    accepted = len(mailed) - len(missing)
    return RecordAcceptanceResponse(accepted=accepted, missing_letter_numbers=missing, unknown_items=unknown)


record_acceptance = one_by_one(_record_acceptance)
"""Handler of RecordAcceptance."""


def _match(items: Iterable[AcceptedItem], letters: Iterable[Any]) -> tuple[list[Any], list[str]]:
    """The letters that lines of a list name, each once, and the lines that name none or two different ones."""
    by_number, by_item = {}, {}
    for letter in letters:
        by_number[letter.letter_number] = letter
        if letter.item_number:
            by_item[letter.item_number] = letter
    found: dict[str, Any] = {}
    unknown = []
    for item in items:
        letter = by_number.get(item.letter_number) if item.letter_number else by_item.get(item.item_number)
        contradicts = letter is not None and item.item_number and letter.item_number not in ("", item.item_number)
        if letter is None or contradicts:
            unknown.append(item.letter_number or item.item_number)
        else:
            found[letter.letter_number] = letter
    return list(found.values()), unknown


def _record_delivery(tx: Tx, call: Call[RecordDeliveryRequest]) -> RecordDeliveryResponse:
    request = call.request
    call.require_bank(request.bank_id)
    actor = require_designated(tx, call)
    numbers = {item.letter_number for item in request.items if item.letter_number}
    items = {item.item_number for item in request.items if item.item_number}
    letters = store.by_number(tx.connection, numbers) | {
        letter.letter_number: letter for letter in store.by_item(tx.connection, items).values()
    }
    mailed = [row for row in letters.values() if row.bank_id == request.bank_id and row.state == MAILED]
    found, unknown = _match(request.items, mailed)
    outreach = outreach_store.get_many(tx.connection, {row.outreach_id for row in found})
    moves = LetterMoves(tx)
    reference = tx.keys.hash("evidence", request.reference)
    for letter in found:
        if not letter.delivered:
            row = outreach[letter.outreach_id]
            moves.move(
                letter, row, MAILED, states.DELIVERED, columns={"delivered": True}, reference=reference, by=actor
            )
    moves.write()
    return RecordDeliveryResponse(delivered=len(found), unknown_items=unknown)


record_delivery = one_by_one(_record_delivery)
"""Handler of RecordDelivery. What was delivered by an earlier list counts again and is moved once."""
