"""What was scanned: the letters that a call names, and the answer for each."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from approval_service.calls import Call, covers
from approval_service.mailroom.moves import PULLED, SPOILED, TO_PULL, WITHDRAWN
from approval_service.mailroom.people import no_such_run
from approval_service.store import letters as store
from approval_service.store import outreach as outreach_store
from approval_service.writer import Tx
from outreach.domain.errors import invalid
from outreach.domain.letter_numbers import is_letter_number
from outreach.v1.mailroom_service_pb2 import LetterSelection, LetterState, RunState, ScanResult

OUT_OF_THE_PILE = (WITHDRAWN, SPOILED, PULLED)
"""What a range passes over: nobody holds those letters."""

_MISTYPED = "函号校验位不符，请重新扫描。The number's check character is wrong: scan it again."
_UNKNOWN = "没有此函号。There is no such letter."
_TO_PULL = "此函已列入抽出清单，请抽出销毁。The letter is on the pull list: take it out and destroy it."
_NOT_LAID_OUT = "批次尚未排版完成，不可能已打印。The run is still being laid out: it cannot have been printed."
_CLOSED = "批次已结清。The run is closed."
_WHERE: dict[int, str] = {
    LetterState.LETTER_STATE_RELEASED: "尚未确认打印，请先确认。It is not confirmed as printed: confirm that first.",
    LetterState.LETTER_STATE_PRINTED: "在已打印的函件中。It is among the printed letters.",
    LetterState.LETTER_STATE_MAILED: "已交寄。It was handed to the post already.",
    LetterState.LETTER_STATE_RETURNED: "已退回。It came back already.",
    LetterState.LETTER_STATE_TO_PULL: _TO_PULL,
    LetterState.LETTER_STATE_PULLED: "已抽出。It was taken out already.",
    LetterState.LETTER_STATE_SPOILED: "已作废。It was spoiled.",
    LetterState.LETTER_STATE_WITHDRAWN: "打印前已撤回，不应存在；请销毁并报告主管。It was withdrawn before it "
    "was printed and must not exist: destroy it and tell a supervisor.",
}


@dataclass(frozen=True, slots=True)
class Scan:
    """One letter that was named, with its outreach and its run; `letter` is None if there is no such letter."""

    number: str
    letter: Any | None = None
    outreach: Any | None = None
    run: Any | None = None

    def done(self, state: LetterState.ValueType, warning: str = "") -> ScanResult:
        return ScanResult(letter_number=self.number, ok=True, state=state, warning=warning)

    def again(self) -> ScanResult:
        """The answer to a scan that was done before."""
        state = self.letter.state if self.letter is not None else LetterState.LETTER_STATE_UNSPECIFIED
        return self.done(state, _TO_PULL if state == TO_PULL else "")

    def refused(self, message: str = "") -> ScanResult:
        """Not done: the message, or where the letter stands, says why."""
        if self.letter is None:
            return ScanResult(
                letter_number=self.number, message=_UNKNOWN if is_letter_number(self.number) else _MISTYPED
            )
        state = self.letter.state
        return ScanResult(letter_number=self.number, state=state, message=message or _WHERE[state])

    def run_refuses(self) -> ScanResult | None:
        """The answer if the letter's run is not one whose letters are in hand."""
        if self.run is None:
            return self.refused()
        if self.run.state == RunState.RUN_STATE_RENDERING:
            return self.refused(_NOT_LAID_OUT)
        return self.refused(_CLOSED) if self.run.state == RunState.RUN_STATE_CLOSED else None


def selected(
    tx: Tx, call: Call[Any], selection: LetterSelection, passed_over: Collection[int] = OUT_OF_THE_PILE
) -> list[Scan]:
    """The letters of a selection: those scanned in the order of the scans, or those of a range by position.

    INVALID_ARGUMENT unless it is one of the two. A range passes over what is in these states.
    """
    if bool(selection.letter_numbers) == bool(selection.run_id):
        raise invalid(
            "letters",
            "请给出函号，或批次与起止位置，二者取一。Give letter numbers, or a run with first and last position.",
        )
    if selection.letter_numbers:
        return scanned(tx, call, selection.letter_numbers)
    if not 1 <= selection.first_position <= selection.last_position:
        raise invalid(
            "letters.first_position", "起止位置从 1 起，且不得颠倒。Positions count from 1, the first before the last."
        )
    run = store.get_run(tx.connection, selection.run_id)
    if run is None or not covers(call.principal, run.bank_id):
        raise no_such_run()
    excepted = set(selection.except_letter_numbers)
    rows = store.in_range(tx.connection, run.run_id, selection.first_position, selection.last_position)
    unknown = excepted.difference(row.letter_number for row in rows)
    if unknown:
        raise invalid(
            "letters.except_letter_numbers", f"不在此范围内 not in the range: {', '.join(sorted(unknown)[:5])}"
        )
    kept = [row for row in rows if row.letter_number not in excepted and row.state not in passed_over]
    return _scans(tx, call, [row.letter_number for row in kept], kept)


def scanned(tx: Tx, call: Call[Any], numbers: Iterable[str]) -> list[Scan]:
    """Each number once, in order. Letters of a bank that the token does not cover are unknown."""
    each = list(dict.fromkeys(numbers))
    return _scans(tx, call, each, list(store.by_number(tx.connection, each).values()))


def _scans(tx: Tx, call: Call[Any], numbers: Sequence[str], rows: Sequence[Any]) -> list[Scan]:
    letters = {row.letter_number: row for row in rows if covers(call.principal, row.bank_id)}
    outreach = outreach_store.get_many(tx.connection, {row.outreach_id for row in letters.values()})
    runs = store.runs(tx.connection, {row.run_id for row in letters.values()})
    return [
        Scan(number, row, outreach[row.outreach_id], runs[row.run_id]) if (row := letters.get(number)) else Scan(number)
        for number in numbers
    ]
