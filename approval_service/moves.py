"""Gathers the moves of one step, so that they are written with one statement each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict

from approval_service.store import outreach as store
from approval_service.writer import Tx
from outreach.domain import states
from outreach.domain.codes import SET_ASIDE
from outreach.runtime.logs import EventLogger
from outreach.v1.common_pb2 import State

_log = EventLogger("moves")


class Told(TypedDict):
    """What a worker or carrier told of an attempt; empty strings and 0 for nothing."""

    carrier_message_id: str
    carrier_code: str
    segments: int


class Moves:
    """Outreach and attempts to be moved. `write` puts them down; each move is recorded when it is added."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self._outreach: list[dict[str, Any]] = []
        self._detours: list[dict[str, Any]] = []
        self._attempts: list[dict[str, Any]] = []

    def outreach(
        self,
        row: Any,
        state: State.ValueType,
        *,
        codes: Sequence[str] = (),
        due_ms: int | None = None,
        waiting_for: str = "",
        cause: str = "",
        attempt_id: str = "",
        **ledger_fields: Any,
    ) -> None:
        """Moves an outreach along the table of states and tells those who watch."""
        if not states.may_move(row.state, state):
            raise RuntimeError(f"no transition from {states.name(row.state)} to {states.name(state)}")
        self._set(row, state, codes, due_ms, waiting_for, cause, attempt_id)
        if state in (states.ADMITTED, states.CANCELLED, states.TO_PULL):
            self._detour(row, state, codes, due_ms)
        self._tx.changed(row, state, codes, attempt_id=attempt_id, cause=cause, **ledger_fields)

    def wait(self, row: Any, codes: Sequence[str], due_ms: int | None, waiting_for: str) -> None:
        """Gives an admitted outreach another due time, or none. Its state stays, so only the ledger hears of it."""
        self._set(row, states.ADMITTED, codes, due_ms, waiting_for, "", "")
        self._detour(row, states.ADMITTED, codes, due_ms)
        self._tx.changed(row, states.ADMITTED, codes, waits=True)

    def set_aside(self, row: Any, error: Exception) -> None:
        """Takes one that cannot be judged out of the way of all others, with an alert."""
        _log.error("cannot_be_judged", error, outreach_id=row.outreach_id)
        self.wait(row, [SET_ASIDE], None, SET_ASIDE)

    def resume(self, row: Any) -> None:
        """What it waited for is there: due again, but not before the caller's own time."""
        self.wait(row, [], max(self._tx.now_ms, row.not_before_ms), "")

    def mark_cancelled(self, row: Any, cause: str) -> None:
        """Marks what may be leaving: it is cancelled should it be handed back."""
        self._set(row, row.state, [cause], row.due_ms, row.waiting_for, cause, row.attempt_id)

    def _detour(self, row: Any, state: State.ValueType, codes: Sequence[str], due_ms: int | None) -> None:
        self._detours.append(
            {
                "outreach_id": row.outreach_id,
                "entry": self._tx.next_entry,
                "time_ms": self._tx.now_ms,
                "state": state,
                "codes": ",".join(codes),
                "due_ms": due_ms,
            }
        )

    def _set(
        self,
        row: Any,
        state: State.ValueType,
        codes: Sequence[str],
        due_ms: int | None,
        waiting_for: str,
        cause: str,
        attempt_id: str,
    ) -> None:
        self._outreach.append(
            {
                "outreach_id": row.outreach_id,
                "old_state": row.state,
                "state": state,
                "due_ms": due_ms,
                "waiting_for": waiting_for,
                "cause": cause,
                "codes": ",".join(codes),
                "attempt_id": attempt_id or row.attempt_id,
            }
        )

    def attempt(self, row: Any, state: State.ValueType, told: Told, *, may_have_left: bool = True) -> None:
        """Sets what is known of an attempt; what was not told stays as it was."""
        self._attempts.append(
            {
                "attempt_id": row.attempt_id,
                "state": state,
                "may_have_left": may_have_left,
                "carrier_message_id": told["carrier_message_id"] or row.carrier_message_id,
                "carrier_code": told["carrier_code"] or row.carrier_code,
                "segments": told["segments"] or row.segments,
            }
        )

    def contradicted(self, outreach: Any, attempt: Any, state: State.ValueType) -> None:
        """Records what an attempt came to after it had been taken for unsent."""
        self._tx.record(
            "contradicted",
            outreach.bank_id,
            outreach=outreach.outreach_id,
            attempt=attempt.attempt_id,
            state=states.name(state),
        )

    def write(self) -> None:
        changed = store.move_many(self._tx.connection, self._outreach)
        if changed != len(self._outreach):
            raise RuntimeError(f"{len(self._outreach) - changed} outreach had moved meanwhile")
        store.update_attempts(self._tx.connection, self._attempts)
        store.insert_detours(self._tx.connection, self._detours)
