"""Letters and their outreach, moved together: one number stands for one print of an outreach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from approval_service.moves import Moves
from approval_service.store import letters as store
from approval_service.writer import Tx
from outreach.v1.common_pb2 import State
from outreach.v1.mailroom_service_pb2 import LetterState

RELEASED = LetterState.LETTER_STATE_RELEASED
PRINTED = LetterState.LETTER_STATE_PRINTED
MAILED = LetterState.LETTER_STATE_MAILED
RETURNED = LetterState.LETTER_STATE_RETURNED
TO_PULL = LetterState.LETTER_STATE_TO_PULL
PULLED = LetterState.LETTER_STATE_PULLED
SPOILED = LetterState.LETTER_STATE_SPOILED
WITHDRAWN = LetterState.LETTER_STATE_WITHDRAWN


class LetterMoves:
    """Gathers the moves of one step. `write` puts them down; each move is recorded when it is added."""

    def __init__(self, tx: Tx, moves: Moves | None = None) -> None:
        """`moves` are the outreach's, if something else moves some of them, too."""
        self._tx = tx
        self._moves = moves or Moves(tx)
        self._letters: list[dict[str, Any]] = []

    def move(
        self,
        letter: Any,
        outreach: Any,
        state: LetterState.ValueType,
        outreach_state: State.ValueType,
        *,
        columns: Mapping[str, Any] | None = None,
        codes: Sequence[str] = (),
        cause: str = "",
        due_ms: int | None = None,
        **ledger_fields: Any,
    ) -> None:
        """Moves a letter and the outreach that it is the print of; `columns` are what else is set of the letter."""
        self._moves.outreach(
            outreach,
            outreach_state,
            codes=codes,
            cause=cause,
            due_ms=due_ms,
            attempt_id=letter.letter_number,
            run=letter.run_id,
            **ledger_fields,
        )
        self.set(letter, {"state": state, **(columns or {})})

    def set(self, letter: Any, columns: Mapping[str, Any]) -> None:
        """Sets what is known of a letter, which is not recorded by itself."""
        self._letters.append({"letter_number": letter.letter_number, "old_state": letter.state, **columns})

    def record(self, kind: str, letter: Any, **fields: Any) -> None:
        """Records what happened to a letter without moving its outreach."""
        self._tx.record(
            kind,
            letter.bank_id,
            outreach=letter.outreach_id,
            attempt=letter.letter_number,
            run=letter.run_id,
            **fields,
        )

    def write(self) -> None:
        self._moves.write()
        changed = store.update_letters(self._tx.connection, self._letters)
        if changed != len(self._letters):
            raise RuntimeError(f"{len(self._letters) - changed} letters had moved meanwhile")
