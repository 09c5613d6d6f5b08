"""Stopping letters that are in a print run: withdrawn while it is laid out, to be pulled once it can be printed."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from approval_service.mailroom.moves import PRINTED, RELEASED, TO_PULL, WITHDRAWN, LetterMoves
from approval_service.moves import Moves
from approval_service.store import letters as store
from approval_service.writer import Tx
from outreach.domain import states
from outreach.v1.common_pb2 import State
from outreach.v1.mailroom_service_pb2 import RunState
from outreach.v1.outreach_service_pb2 import Channel

LETTER = Channel.CHANNEL_LETTER


class Withdrawal:
    """Stops the letters among some outreach. Their moves are gathered in `moves`, which the caller writes last."""

    def __init__(self, tx: Tx, moves: Moves, rows: Iterable[Any]) -> None:
        self._tx = tx
        self._outreach = moves
        self._moves = LetterMoves(tx, moves)
        numbers = {row.attempt_id for row in rows if in_print(row)}
        self._letters = store.by_number(tx.connection, numbers)
        self._runs = store.runs(tx.connection, {letter.run_id for letter in self._letters.values()})
        self._emptied: set[str] = set()

    def stop(self, row: Any, cause: str, *, by: str, anew: bool = False) -> State.ValueType:
        """Stops one letter in print and returns the state of its outreach now: CANCELLED or TO_PULL. With `anew` it is
        printed again under another number: ADMITTED, or TO_PULL until it is taken out."""
        letter = self._letters[row.attempt_id]
        rendering = self._runs[letter.run_id].state == RunState.RUN_STATE_RENDERING
        columns = {"cause": cause, "made_anew": anew}
        if letter.state == RELEASED and rendering:
            self._emptied.add(letter.run_id)
            if anew:
                due_ms = max(self._tx.now_ms, row.not_before_ms)
                self._moves.move(letter, row, WITHDRAWN, states.ADMITTED, columns=columns, due_ms=due_ms, by=by)
                return states.ADMITTED
            self._moves.move(
                letter, row, WITHDRAWN, states.CANCELLED, columns=columns, codes=[cause], cause=cause, by=by
            )
            return states.CANCELLED
        if letter.state in (RELEASED, PRINTED):
            self._moves.move(letter, row, TO_PULL, states.TO_PULL, columns=columns, codes=[cause], cause=cause, by=by)
        elif letter.made_anew and not anew:
            self._moves.set(letter, columns)
            self._outreach.mark_cancelled(row, cause)
        return states.TO_PULL

    def write(self) -> None:
        """Writes all, the outreach's moves included. A run without letters left to lay out is closed."""
        self._moves.write()
        close_emptied(self._tx, self._emptied)


def in_print(row: Any) -> bool:
    """True of the outreach of a letter that has a number, and may be printed and not yet mailed."""
    return row.channel == LETTER and row.state in (states.RELEASED, states.PRINTED, states.TO_PULL)


def close_emptied(tx: Tx, run_ids: Collection[str]) -> None:
    """Closes those of some runs being laid out that have no letter left: there is nothing to print."""
    for run_id, run in store.runs(tx.connection, run_ids).items():
        if not store.of_run(tx.connection, run_id, [RELEASED]):
            store.update_run(tx.connection, run_id, {"state": RunState.RUN_STATE_CLOSED})
            tx.record("run_closed", run.bank_id, run=run_id, emptied=True)
