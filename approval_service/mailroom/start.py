"""StartRun: the first permit. The rules run again for each letter that is due, as it goes into a print run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from approval_service import quantities
from approval_service.calls import Call
from approval_service.keys import PersonKey
from approval_service.letter_permits import JudgedRow, LetterGroup, hold_back
from approval_service.mailroom.moves import RELEASED
from approval_service.mailroom.people import require_designated
from approval_service.mailroom.permits import require_permits
from approval_service.mailroom.views import run_messages
from approval_service.moves import Moves
from approval_service.store import letters as store
from approval_service.writer import Tx, one_by_one
from outreach.domain import states
from outreach.domain.codes import Code
from outreach.domain.errors import precondition
from outreach.domain.ids import new_id
from outreach.domain.letter_numbers import letter_number
from outreach.v1.letter_version_service_pb2 import LetterVersion
from outreach.v1.mailroom_service_pb2 import RunState, StartRunRequest, StartRunResponse
from outreach.v1.print_service_pb2 import LetterPermit

DEFAULT_LETTERS = 1_000
PART = 200
"""Letters judged and released between two statements: PostgreSQL ends a transaction that says nothing for 5 s."""
MAX_PARTS = 100
"""So a run looks at 20,000 letters at most, however few of them may be printed."""
NOT_YET = "0"
"""The number in a permit until its run is sorted."""


@dataclass(frozen=True, slots=True)
class _Passed:
    """A letter that the rules let pass."""

    judged: JudgedRow
    permit: LetterPermit
    key: PersonKey

    def place(self) -> tuple[bool, str, str, str]:
        """As the mailroom sorts a run: by postcode, then by region; letters without a postcode last."""
        row, postcode = self.judged.row, self.permit.postcode
        return not postcode, postcode, row.masked_address, row.outreach_id


def _start_run(tx: Tx, call: Call[StartRunRequest]) -> StartRunResponse:
    request = call.request
    call.require_bank(request.bank_id)
    actor = require_designated(tx, call)
    known = store.run_of_request(tx.connection, request.bank_id, request.run_request_id)
    if known is not None:
        return StartRunResponse(run=run_messages(tx.connection, [known])[0])
    require_permits(tx, request.bank_id)
    version = tx.catalog.letter_versions.get(request.version_digest)
    if version is None or version.content.bank_id != request.bank_id:
        raise precondition(
            "version_digest: 没有此授权版本，请用 GetQueue 查看。No such authorized version: GetQueue shows them.",
            Code.LETTER_NOT_AUTHORIZED,
            "version_digest",
        )
    passed = _passed(tx, request)
    if not passed:
        return StartRunResponse()
    run_id = new_id()
    _insert_run(tx, request, version, run_id, actor)
    in_order = sorted(passed, key=_Passed.place)
    for start in range(0, len(in_order), PART):
        _release(tx, run_id, start + 1, in_order[start : start + PART], actor)
    return StartRunResponse(run=run_messages(tx.connection, [store.runs(tx.connection, [run_id])[run_id]])[0])


start_run = one_by_one(_start_run)
"""Handler of StartRun. The same run_request_id gets the same run."""


def _passed(tx: Tx, request: StartRunRequest) -> list[_Passed]:
    """The letters that may be printed now, the longest due first. What may not moves on: cancelled, or waiting."""
    passed: list[_Passed] = []
    after = (0, "")
    limit = request.max_letters or DEFAULT_LETTERS
    taken: set[str] = set()
    for _ in range(MAX_PARTS):
        wanted = (request.bank_id, request.version_digest, request.postal_class)
        rows = store.due(tx.connection, *wanted, tx.now_ms, after, min(PART, limit - len(passed)))
        if not rows:
            break
        after = (rows[-1].due_ms, rows[-1].outreach_id)
        # The gap between two letters of an account is seen within a part; what another part let through waits its turn.
        passed += _judge(tx, [row for row in rows if row.account_id not in taken])
        taken = {one.judged.row.account_id for one in passed}
    return passed


def _judge(tx: Tx, rows: Sequence[Any]) -> list[_Passed]:
    group, moves = LetterGroup(tx, rows), Moves(tx)
    passed, cancelled = [], []
    for row in rows:
        try:
            judged = group.judge(row)
            permit = group.permit(judged, NOT_YET) if judged.may_leave else None
        except SQLAlchemyError:
            raise
        except Exception as error:  # noqa: BLE001  # it must not stop every run that reaches it
            moves.set_aside(row, error)
            continue
        if permit is not None:
            passed.append(_Passed(judged, permit, group.key(row)))
        elif hold_back(tx, moves, judged):
            cancelled.append(row)
    moves.write()
    quantities.give_back(tx, cancelled)
    return passed


def _insert_run(tx: Tx, request: StartRunRequest, version: LetterVersion, run_id: str, actor: str) -> None:
    store.insert_run(
        tx.connection,
        {
            "run_id": run_id,
            "bank_id": request.bank_id,
            "run_request_id": request.run_request_id,
            "version_digest": version.digest,
            "letter_name": version.content.name,
            "envelope": version.envelope,
            "postal_class": request.postal_class,
            "state": RunState.RUN_STATE_RENDERING,
            "started_by": actor,
            "started_ms": tx.now_ms,
            "pdf_sha256": "",
            "releases": 0,
            "station": "",
            "released_real_ms": 0,
            "explanation": "",
            "explained_by": "",
        },
    )
    tx.record(
        "run_started", request.bank_id, run=run_id, template=version.digest, request=request.run_request_id, by=actor
    )


def _release(tx: Tx, run_id: str, first: int, passed: Sequence[_Passed], actor: str) -> None:
    """Releases a part of a run in its order, from this position on."""
    moves, letters, replaced = Moves(tx), [], {}
    serials = store.take_serials(tx.connection, len(passed))
    for position, (serial, one) in enumerate(zip(serials, passed, strict=True), first):
        judged, permit, row = one.judged, one.permit, one.judged.row
        permit.letter_number = letter_number(row.bank_id, permit.letter_date, serial)
        body = permit.SerializeToString()
        letters.append(_letter(tx, run_id, position, one, one.key.seal(body)))
        if row.attempt_id:
            replaced[row.attempt_id] = permit.letter_number
        moves.outreach(
            row,
            states.RELEASED,
            attempt_id=permit.letter_number,
            policy=judged.policy_version,
            template=row.template_digest,
            run=run_id,
            replaces=row.attempt_id,
            balance_sequence=permit.balance_sequence,
            commitment=one.key.commit(body),
            by=actor,
        )
    moves.write()
    store.insert_letters(tx.connection, letters)
    store.set_replaced(tx.connection, replaced)


def _letter(tx: Tx, run_id: str, position: int, one: _Passed, permit_sealed: bytes) -> dict[str, Any]:
    row, account = one.judged.row, one.judged.letter.account
    if account is None:
        raise RuntimeError("the rules let a letter pass without an account")
    return {
        "letter_number": one.permit.letter_number,
        "outreach_id": row.outreach_id,
        "run_id": run_id,
        "position": position,
        "bank_id": row.bank_id,
        "account_id": row.account_id,
        "person_id": row.person_id,
        "state": RELEASED,
        "printed": False,
        "sealed": False,
        "delivered": False,
        "cause": "",
        "made_anew": False,
        "codes": "",
        "released_ms": tx.now_ms,
        "policy_version": one.judged.policy_version,
        "balance_sequence": account.sequence,
        "overdue_fen": account.overdue_fen,
        "outstanding_fen": account.outstanding_fen,
        "permit_sealed": permit_sealed,
        "sheets": 0,
        "pdf_sha256": "",
        "item_number": "",
        "mailed_ms": 0,
        "acceptance": "",
        "return_reason": 0,
        "return_scan_sha256": "",
        "address_closed": False,
        "hold_id": "",
        "replaced_by": "",
    }
