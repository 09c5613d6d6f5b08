"""What comes out of the printer: confirmed, spoiled, sealed, or taken out of the pile."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from approval_service import quantities
from approval_service.calls import Call, require_plain
from approval_service.mailroom.moves import PRINTED, PULLED, RELEASED, SPOILED, TO_PULL, LetterMoves
from approval_service.mailroom.people import require_designated
from approval_service.mailroom.scans import Scan, scanned, selected
from approval_service.writer import Tx, one_by_one
from outreach.domain import states
from outreach.domain.errors import invalid
from outreach.v1.mailroom_service_pb2 import (
    ConfirmPrintedRequest,
    ConfirmPrintedResponse,
    LetterState,
    PullRequest,
    PullResponse,
    ScanResult,
    SealRequest,
    SealResponse,
    SpoilRequest,
    SpoilResponse,
)

_PRINTED_BEFORE = "已确认打印，不能报“未打印”。It was confirmed as printed: it cannot be reported as never printed."


def _confirm_printed(tx: Tx, call: Call[ConfirmPrintedRequest]) -> ConfirmPrintedResponse:
    actor = require_designated(tx, call)
    scans, moves = selected(tx, call, call.request.letters), LetterMoves(tx)
    results = [_confirm(moves, scan, actor) for scan in scans]
    moves.write()
    return ConfirmPrintedResponse(results=results)


def _confirm(moves: LetterMoves, scan: Scan, actor: str) -> ScanResult:
    letter = scan.letter
    if letter is not None and letter.printed:
        return scan.again()
    if refused := scan.run_refuses():
        return refused
    if letter is not None and letter.state == RELEASED:
        moves.move(letter, scan.outreach, PRINTED, states.PRINTED, columns={"printed": True}, by=actor)
        return scan.done(PRINTED)
    if letter is not None and letter.state == TO_PULL:
        moves.set(letter, {"printed": True})
        moves.record("printed_to_pull", letter, by=actor)
        return scan.again()
    return scan.refused()


confirm_printed = one_by_one(_confirm_printed)
"""Handler of ConfirmPrinted. A letter that is to be pulled counts as printed and stays on the pull list."""


def _spoil(tx: Tx, call: Call[SpoilRequest]) -> SpoilResponse:
    actor = require_designated(tx, call)
    reason = require_plain("reason", call.request.reason)
    (scan,) = scanned(tx, call, [call.request.letter_number])
    letter = scan.letter
    if letter is not None and letter.state == SPOILED:
        return SpoilResponse(result=scan.again(), waiting_outreach_id=_waiting(letter))
    if refused := scan.run_refuses():
        return SpoilResponse(result=refused)
    if letter is None or letter.state not in (RELEASED, PRINTED, TO_PULL):
        return SpoilResponse(result=scan.refused())
    moves = LetterMoves(tx)
    _take_out(tx, moves, scan, SPOILED, printed=True, by=actor, reason=reason)
    moves.write()
    return SpoilResponse(result=scan.done(SPOILED), waiting_outreach_id=_waiting(letter))


def _waiting(letter: Any) -> str:
    """The outreach of a letter that was taken out, if it waits to be printed again."""
    return letter.outreach_id if letter.made_anew or not letter.cause else ""


spoil = one_by_one(_spoil)
"""Handler of Spoil. The outreach waits for a run again, where the rules decide anew; its place in a quantity stays."""


def _take_out(
    tx: Tx,
    moves: LetterMoves,
    scan: Scan,
    state: LetterState.ValueType,
    *,
    printed: bool,
    **ledger_fields: Any,
) -> None:
    """A letter is destroyed: its outreach waits to be printed again, or ends if something stopped it."""
    letter, outreach = scan.letter, scan.outreach
    if letter is None or outreach is None:
        raise RuntimeError("no letter to take out")
    told = {"taken": LetterState.Name(state).removeprefix("LETTER_STATE_"), **ledger_fields}
    columns = {"printed": printed}
    if _waiting(letter):
        due_ms = max(tx.now_ms, outreach.not_before_ms)
        moves.move(letter, outreach, state, states.ADMITTED, columns=columns, due_ms=due_ms, **told)
    else:
        codes = [code for code in outreach.codes.split(",") if code]
        moves.move(letter, outreach, state, states.PULLED, columns=columns, codes=codes, cause=outreach.cause, **told)


def _seal(tx: Tx, call: Call[SealRequest]) -> SealResponse:
    actor = require_designated(tx, call)
    request = call.request
    scans = selected(tx, call, request.letters)
    stamped = [scan for scan in scans if _may_be_sealed(scan)]
    if request.counter_after and stamped and request.counter_after - request.counter_before != len(stamped):
        raise invalid(
            "counter_after",
            f"印章计数增加 {request.counter_after - request.counter_before}，本次应盖 {len(stamped)} 封；请核对。"
            f"The stamp's counter must go up by the {len(stamped)} letters that are sealed now: look again.",
        )
    moves = LetterMoves(tx)
    for scan in stamped:
        moves.set(scan.letter, {"sealed": True})
        moves.record("sealed", scan.letter, by=actor)
    if stamped:
        counters = {"before": request.counter_before, "after": request.counter_after}
        bank_id = stamped[0].letter.bank_id if stamped[0].letter else ""
        tx.record("seals_used", bank_id, letters=len(stamped), **counters, by=actor)
    moves.write()
    done = {scan.number for scan in stamped}
    return SealResponse(results=[_sealed(scan, done) for scan in scans])


def _may_be_sealed(scan: Scan) -> bool:
    """A stamp on a letter that is to be pulled was used, too: nobody knew."""
    letter = scan.letter
    if letter is None or letter.sealed or not letter.printed:
        return False
    return letter.state in (PRINTED, TO_PULL) and scan.run_refuses() is None


def _sealed(scan: Scan, done: Collection[str]) -> ScanResult:
    if scan.number in done or (scan.letter is not None and scan.letter.sealed):
        return scan.again()
    return scan.run_refuses() or scan.refused()


seal = one_by_one(_seal)
"""Handler of Seal."""


def _pull(tx: Tx, call: Call[PullRequest]) -> PullResponse:
    actor = require_designated(tx, call)
    never = call.request.never_printed
    moves = LetterMoves(tx)
    results: list[ScanResult] = []
    ended: list[Any] = []
    for scan in selected(tx, call, call.request.letters, passed_over=()):
        letter = scan.letter
        if letter is not None and letter.state == PULLED:
            results.append(scan.again())
        elif letter is None or letter.state != TO_PULL:
            results.append(scan.refused())
        elif never and letter.printed:
            results.append(scan.refused(_PRINTED_BEFORE))
        else:
            _take_out(tx, moves, scan, PULLED, printed=not never, by=actor, never_printed=never)
            results.append(scan.done(PULLED))
            if never and not _waiting(letter):
                ended.append(scan.outreach)
    moves.write()
    quantities.give_back(tx, ended)
    return PullResponse(results=results)


pull = one_by_one(_pull)
"""Handler of Pull, also of letters of a closed run. What ended is PULLED; what was re-priced waits for a run again."""
