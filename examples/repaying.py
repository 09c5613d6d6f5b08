"""Repayments on the example's accounts, as the banks publish them."""

from __future__ import annotations

from typing import Any

from examples.sheet import Account, Sheet, at


def repay(
    sheet: Sheet, time: str, account: Account, kind: str, fen: int, *, after: int | None = None, sequence: int = 2
) -> None:
    """Publishes one at a time. `after` is what is overdue then, in fen; None where the bank does not tell yet."""
    body: dict[str, Any] = {"accountNumber": account.number, "sequence": str(sequence), "kind": f"KIND_{kind}"}
    body["amountFen"] = str(fen)
    if after is not None:
        body["balanceAfter"] = {
            "sequence": str(sequence),
            "asOfTime": at(time),
            "overdueAmountFen": str(after),
            "outstandingAmountFen": str(account.overdue_fen * 3 + after),
            "minimumPaymentFen": str(after // 10),
            "dueDate": "2026-02-20",
        }
    sheet.event(time, account.bank, "repayment", body)
