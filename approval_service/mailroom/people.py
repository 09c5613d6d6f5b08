"""Who may print, seal, mail and keep letters: the designated people only."""

from __future__ import annotations

from typing import Any

from approval_service.calls import Call, covers
from approval_service.people import require_employee
from approval_service.store import letters as store
from approval_service.writer import Tx
from outreach.domain.codes import Code
from outreach.domain.errors import Refusal, denied, not_found
from outreach.domain.roles import MAILROOM


def require_designated(tx: Tx, call: Call[Any], *roles: str) -> str:
    """The actor, for the ledger. PERMISSION_DENIED unless it is an employee in service with the mailroom's role, or one
    of `roles`."""
    actor = require_employee(tx, call)
    if not {MAILROOM, *roles}.intersection(call.principal.roles):
        raise denied(
            "打印、用印、交寄与保管函件仅限指定人员。Only the designated mailroom people print, seal, mail and keep "
            "letters.",
            Code.NOT_DESIGNATED,
        )
    return actor


def find_run(tx: Tx, call: Call[Any]) -> Any:
    """The run that a request names, also NOT_FOUND for one of a bank that the token does not cover."""
    run = store.get_run(tx.connection, call.request.run_id)
    if run is None or not covers(call.principal, run.bank_id):
        raise no_such_run()
    return run


def no_such_run() -> Refusal:
    return not_found("run_id: 没有此批次，请用 ListRuns 查看。No such run: ListRuns shows a bank's runs.")
