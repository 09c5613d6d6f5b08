"""A request together with who makes it."""

from __future__ import annotations

import re
from typing import Generic, NamedTuple, TypeVar

from outreach.domain.errors import denied, invalid
from outreach.v1.common_pb2 import Principal

R = TypeVar("R")

_LONG_NUMBER = re.compile(r"\d(?:[\s-]?\d){6,}")


class Call(NamedTuple, Generic[R]):
    """A request and its principal, as the gateway vouches for it."""

    principal: Principal
    request: R

    @property
    def actor(self) -> str:
        """Who acts, for the ledger and for maker-checker: caller/employee."""
        return f"{self.principal.caller_id}/{self.principal.employee_id}"

    def require_bank(self, bank_id: str) -> None:
        """PERMISSION_DENIED unless the principal may speak of the bank."""
        require_bank(self.principal, bank_id)


def require_bank(principal: Principal, bank_id: str) -> None:
    if bank_id not in principal.bank_ids and "*" not in principal.bank_ids:
        raise denied(f"无权访问银行 {bank_id}。This token does not cover bank {bank_id}.", "BANK_NOT_COVERED")


def require_plain(field: str, text: str) -> str:
    """The text, if it can go into the ledger: INVALID_ARGUMENT if it holds what may be a phone, account or identity
    number."""
    if _LONG_NUMBER.search(text):
        raise invalid(
            field, "请勿写入号码等个人信息。It goes into the ledger: leave out phone, account and identity numbers."
        )
    return text
