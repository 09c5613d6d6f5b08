"""Who may act: an employee in service, and for a checker somebody else than the makers."""

from __future__ import annotations

from typing import Any

from approval_service.calls import Call
from approval_service.writer import Tx
from outreach.domain.callers import require_active
from outreach.domain.codes import Code
from outreach.domain.errors import denied

ALL_BANKS = "*"


def require_employee(tx: Tx, call: Call[Any]) -> str:
    """The actor, for the ledger. PERMISSION_DENIED unless the call names an employee who is active now, and comes from
    a caller that is."""
    principal = call.principal
    require_active(principal.caller_id, tx.catalog.deactivated_callers)
    if (principal.caller_id, principal.employee_id) not in tx.catalog.employees:
        raise denied(
            "请求未署名在职员工；请在令牌中写明，或请运维登记。The token names no active employee: name one in it, or "
            "have an operator register the employee.",
            Code.OPERATOR_MISSING,
        )
    return call.actor


def same_person(actor: str, other: str) -> bool:
    """True if both are one employee, though they may act through different callers."""
    return actor.rpartition("/")[2] == other.rpartition("/")[2]


def require_another(actor: str, makers: dict[str, str]) -> None:
    """PERMISSION_DENIED if the actor is one of the makers, given as what they did to who they are."""
    for deed, maker in makers.items():
        if maker and same_person(maker, actor):
            raise denied(
                f"经办与复核须为不同的人，您已{deed}；请换一人操作。Maker and checker differ: you took part already, "
                "so somebody else must do this.",
                "SAME_PERSON",
            )


def require_all_banks(call: Call[Any]) -> None:
    """PERMISSION_DENIED unless the token covers every bank: for what concerns the whole installation."""
    if ALL_BANKS not in call.principal.bank_ids:
        raise denied(
            "此操作涉及所有银行，令牌须包含 *。This concerns every bank: the token's banks must include *.",
            "BANK_NOT_COVERED",
        )
