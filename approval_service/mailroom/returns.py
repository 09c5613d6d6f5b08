"""Return: a letter came back. Its reason is recorded and closes the address; a death puts the account on hold."""

from __future__ import annotations

from typing import Any

from approval_service import addresses, holds
from approval_service.calls import Call
from approval_service.mailroom import return_scans
from approval_service.mailroom.moves import MAILED, RETURNED, LetterMoves
from approval_service.mailroom.people import require_designated
from approval_service.mailroom.scans import scanned
from approval_service.store import letters as store
from approval_service.writer import Tx, one_by_one
from outreach.domain import states
from outreach.v1.hold_service_pb2 import BadAddressReason, HoldKind
from outreach.v1.mailroom_service_pb2 import ReturnReason, ReturnRequest, ReturnResponse

ADDRESS_REASONS = {
    ReturnReason.RETURN_REASON_DEMOLISHED: BadAddressReason.BAD_ADDRESS_REASON_DEMOLISHED,
    ReturnReason.RETURN_REASON_NO_SUCH_ADDRESS: BadAddressReason.BAD_ADDRESS_REASON_NO_SUCH_ADDRESS,
    ReturnReason.RETURN_REASON_PERSON_UNKNOWN: BadAddressReason.BAD_ADDRESS_REASON_PERSON_UNKNOWN,
    ReturnReason.RETURN_REASON_MOVED: BadAddressReason.BAD_ADDRESS_REASON_MOVED,
    ReturnReason.RETURN_REASON_REFUSED: BadAddressReason.BAD_ADDRESS_REASON_REFUSED,
}
"""What a return reason says of the address. Any other says only that mail came back."""

_OTHER_REASON = "已按另一原因登记退回，以首次为准。It was recorded with another reason: the first one stands."


def _return(tx: Tx, call: Call[ReturnRequest]) -> ReturnResponse:
    request = call.request
    actor = require_designated(tx, call)
    (scan,) = scanned(tx, call, [request.letter_number])
    letter = scan.letter
    if letter is not None and letter.state == RETURNED:
        result = scan.again()
        result.warning = _OTHER_REASON if letter.return_reason != request.reason else ""
        _scanned_later(tx, letter, request, actor)
        return ReturnResponse(result=result, address_closed=letter.address_closed, hold_id=letter.hold_id)
    if letter is None or letter.state != MAILED:
        return ReturnResponse(result=scan.refused())
    # Of an erased person nothing is left to close.
    closes = bool(letter.person_id) and _closes(tx, letter.bank_id, request.reason)
    _record(tx, letter, scan.outreach, request, closes, actor)
    if request.scan_image:
        return_scans.keep(tx, letter, request.scan_image)
    if closes:
        _close_address(tx, letter, scan.outreach, request.reason, actor)
    hold_id = _hold(tx, letter, actor) if request.reason == ReturnReason.RETURN_REASON_DEATH else ""
    return ReturnResponse(result=scan.done(RETURNED), address_closed=closes, hold_id=hold_id)


return_letter = one_by_one(_return)
"""Handler of Return. `return_scans.prepared` comes before it."""


def _scanned_later(tx: Tx, letter: Any, request: ReturnRequest, actor: str) -> None:
    """A scan that was not there when the letter was recorded as returned."""
    if not request.scan_image or letter.return_scan_sha256:
        return
    return_scans.keep(tx, letter, request.scan_image)
    moves = LetterMoves(tx)
    moves.set(letter, {"return_scan_sha256": request.scan_sha256})
    moves.record("return_scanned", letter, scan_sha256=request.scan_sha256, by=actor)
    moves.write()


def _closes(tx: Tx, bank_id: str, reason: ReturnReason.ValueType) -> bool:
    """Every reason closes the address, unless the bank's policy exempts it."""
    policy = tx.catalog.policy_at(bank_id, tx.now_ms)
    return policy is None or reason not in policy.policy.exempt_return_reasons


def _record(tx: Tx, letter: Any, outreach: Any, request: ReturnRequest, closes: bool, actor: str) -> None:
    columns = {
        "return_reason": request.reason,
        "return_scan_sha256": request.scan_sha256,
        "address_closed": closes,
    }
    told: dict[str, Any] = {
        "reason": ReturnReason.Name(request.reason).removeprefix("RETURN_REASON_"),
        "scan_sha256": request.scan_sha256,
        "by": actor,
    }
    moves = LetterMoves(tx)
    if outreach.state == states.MAILED:
        moves.move(letter, outreach, RETURNED, states.RETURNED, columns=columns, **told)
    else:
        # The post had said that it was delivered, which ends its outreach.
        moves.set(letter, {"state": RETURNED, **columns})
        moves.record("contradicted", letter, state=states.name(states.RETURNED), **told)
    moves.write()


def _close_address(tx: Tx, letter: Any, outreach: Any, reason: ReturnReason.ValueType, actor: str) -> None:
    addresses.close(
        tx,
        letter.bank_id,
        letter.person_id,
        outreach.address_hash,
        outreach.masked_address,
        reason=ADDRESS_REASONS.get(reason, BadAddressReason.BAD_ADDRESS_REASON_RETURNED),
        evidence=letter.letter_number,
        by=actor,
    )


def _hold(tx: Tx, letter: Any, actor: str) -> str:
    hold_id, _ = holds.place(
        tx,
        letter.bank_id,
        letter.account_id,
        kind=HoldKind.HOLD_KIND_DEATH,
        reason="退信：收件人死亡 returned mail: the recipient died",
        by=actor,
    )
    store.set_hold(tx.connection, letter.letter_number, hold_id)
    return hold_id
