"""The systems that call: an operator shuts one out, another one lets it in again. What they had asked for goes on.

The gateway's callers.yaml registers them; a caller has to be active in both.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from approval_service.calls import Call, require_plain
from approval_service.people import require_all_banks, require_another, require_employee
from approval_service.store import callers as store
from approval_service.store import catalog as catalog_store
from approval_service.users import CONSOLE
from approval_service.waiting import waiting_for_caller
from approval_service.writer import Tx, one_by_one
from outreach.domain.errors import precondition
from outreach.v1.caller_service_pb2 import (
    Caller,
    CallerDeactivation,
    CallerOutreach,
    CallerWork,
    DeactivateCallerRequest,
    GetCallerRequest,
    GetCallerResponse,
    ListCallersRequest,
    ListCallersResponse,
    ReactivateCallerRequest,
)
from outreach.v1.common_pb2 import State
from outreach.v1.outreach_service_pb2 import Channel


def _deactivate(tx: Tx, call: Call[DeactivateCallerRequest]) -> Caller:
    caller_id, actor = call.request.caller_id, _operator(tx, call)
    _require_another_way_in(caller_id, call.principal.caller_id)
    reason = require_plain("reason", call.request.reason)
    if store.get(tx.connection, caller_id) is not None:
        raise precondition(
            "该调用方已经停用，可用 GetCaller 查看由谁停用。It is deactivated already: GetCaller tells by whom.",
            "ALREADY_DEACTIVATED",
            "caller_id",
        )
    values = {"caller_id": caller_id, "deactivated_by": actor, "deactivated_ms": tx.now_ms, "reason": reason}
    store.put_in(tx.connection, values)
    tx.touch_catalog()
    tx.record("caller_deactivated", "", caller=caller_id, reason=reason, by=actor)
    return _caller(tx.connection, caller_id)


deactivate = one_by_one(_deactivate)
"""Handler of DeactivateCaller: the caller as it stands then."""


def _reactivate(tx: Tx, call: Call[ReactivateCallerRequest]) -> Caller:
    caller_id, actor = call.request.caller_id, _operator(tx, call)
    row = store.get(tx.connection, caller_id)
    if row is None:
        raise precondition(
            "该调用方没有被停用；若仍被拒绝，请看 callers.yaml。It is not deactivated: if it is refused, look into "
            "callers.yaml.",
            "NOT_DEACTIVATED",
            "caller_id",
        )
    require_another(actor, {"停用此调用方": row.deactivated_by})
    reason = require_plain("reason", call.request.reason)
    store.take_out(tx.connection, caller_id)
    tx.touch_catalog()
    tx.record("caller_reactivated", "", caller=caller_id, reason=reason, by=actor)
    return _caller(tx.connection, caller_id)


reactivate = one_by_one(_reactivate)
"""Handler of ReactivateCaller, likewise."""


def list_callers(connection: Connection, call: Call[ListCallersRequest]) -> ListCallersResponse:
    """Read of ListCallers: those that are shut out. Only the gateway knows who is registered."""
    require_all_banks(call)
    return ListCallersResponse(callers=map(_shown, store.list_deactivations(connection)))


def get_caller(connection: Connection, call: Call[GetCallerRequest]) -> GetCallerResponse:
    """Read of GetCaller."""
    require_all_banks(call)
    caller_id = call.request.caller_id
    return GetCallerResponse(caller=_caller(connection, caller_id), work=work_of(connection, caller_id))


def work_of(connection: Connection, caller_id: str) -> CallerWork:
    """What is under way for the caller now."""
    counts = store.count_under_way(connection, caller_id, catalog_store.banks(connection))
    outreach = [
        CallerOutreach(bank_id=bank_id, channel=Channel.ValueType(channel), state=State.ValueType(state), count=count)
        for (bank_id, channel, state), count in sorted(counts.items())
    ]
    return CallerWork(outreach=outreach, waiting=waiting_for_caller(connection, caller_id))


def _operator(tx: Tx, call: Call[Any]) -> str:
    require_all_banks(call)
    return require_employee(tx, call)


def _require_another_way_in(caller_id: str, own_caller_id: str) -> None:
    """FAILED_PRECONDITION for a caller without which nobody may be left who can let it in again."""
    if caller_id == CONSOLE:
        raise precondition(
            "控制台不可停用，否则无人能进来恢复；要停用某人，请在「人员与权限」停用其账号。The console cannot be "
            "deactivated, since nobody could undo it: deactivate the person's account instead.",
            "LAST_WAY_IN",
            "caller_id",
        )
    if caller_id == own_caller_id:
        raise precondition(
            "不可停用您正经由的调用方，否则您无法补救；请在控制台操作。You are calling through this caller and could "
            "not mend what goes wrong: use the console.",
            "LAST_WAY_IN",
            "caller_id",
        )


def _caller(connection: Connection, caller_id: str) -> Caller:
    row = store.get(connection, caller_id)
    return Caller(caller_id=caller_id) if row is None else _shown(row)


def _shown(row: Any) -> Caller:
    shut = CallerDeactivation(deactivated_by=row.deactivated_by, reason=row.reason)
    shut.deactivate_time.FromMilliseconds(row.deactivated_ms)
    return Caller(caller_id=row.caller_id, deactivation=shut)
