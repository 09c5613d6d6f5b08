"""CloseRun: only when the numbers meet, or when two people explain why they do not."""

from __future__ import annotations

from approval_service.calls import Call, require_plain
from approval_service.mailroom.numbers import count
from approval_service.mailroom.people import find_run, require_designated
from approval_service.mailroom.views import run_messages
from approval_service.people import require_another
from approval_service.store import letters as store
from approval_service.writer import Tx, one_by_one
from outreach.domain.errors import precondition
from outreach.domain.roles import ADMINISTRATION
from outreach.v1.mailroom_service_pb2 import CloseRunRequest, CloseRunResponse, RunState


def _close_run(tx: Tx, call: Call[CloseRunRequest]) -> CloseRunResponse:
    run = find_run(tx, call)
    actor = require_designated(tx, call, ADMINISTRATION)
    explanation = require_plain("explanation", call.request.explanation)
    if run.state == RunState.RUN_STATE_CLOSED:
        return _answer(tx, run.run_id)
    numbers = count(store.counts(tx.connection, [run.run_id])[run.run_id])
    differences = numbers.differences()
    if run.state != RunState.RUN_STATE_READY or (differences and (numbers.to_pull or not explanation)):
        raise precondition(
            "批次数字不符，不能结清："
            + "；".join(differences or ["尚未排版 not laid out yet"])
            + "。The numbers do not "
            "meet: pull what is to be pulled, then two people explain what else differs.",
            "RUN_DIFFERS",
            "run_id",
        )
    if differences and not run.explained_by:
        store.update_run(tx.connection, run.run_id, {"explanation": explanation, "explained_by": actor})
        tx.record("run_explained", run.bank_id, run=run.run_id, reason=explanation, by=actor)
        return _answer(tx, run.run_id, waits=True)
    if differences:
        require_another(actor, {"作过说明": run.explained_by})
    store.update_run(tx.connection, run.run_id, {"state": RunState.RUN_STATE_CLOSED})
    tx.record(
        "run_closed",
        run.bank_id,
        run=run.run_id,
        approved=numbers.letters,
        printed=numbers.printed,
        withdrawn=numbers.withdrawn,
        pending=numbers.pending,
        mailed=numbers.mailed,
        spoiled=numbers.spoiled,
        pulled=numbers.pulled,
        sealed=numbers.sealed,
        reason=explanation,
        explained_by=run.explained_by if differences else "",
        by=actor,
    )
    return _answer(tx, run.run_id)


close_run = one_by_one(_close_run)
"""Handler of CloseRun. A closed run gets the same answer again."""


def _answer(tx: Tx, run_id: str, *, waits: bool = False) -> CloseRunResponse:
    runs = store.runs(tx.connection, [run_id])
    return CloseRunResponse(run=run_messages(tx.connection, [runs[run_id]])[0], waits_for_second_person=waits)
