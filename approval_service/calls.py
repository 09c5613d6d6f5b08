"""A request together with who makes it."""

from __future__ import annotations

import re
from collections.abc import Container
from typing import Generic, NamedTuple, TypeVar

from outreach.domain.errors import denied, invalid
from outreach.v1.common_pb2 import Principal

R = TypeVar("R")

_LONG_NUMBER = re.compile(r"\d(?:[\s-]?\d){6,}")
_DATE = re.compile(r"\b[12]\d{3}-[01]\d-[0-3]\d\b", re.ASCII)


class Call(NamedTuple, Generic[R]):
    """A request and its principal, as the gateway vouches for it."""

    principal: Principal
    request: R

    @property
    def actor(self) -> str:
        """Who acts, for the ledger: caller/employee."""
        return f"{self.principal.caller_id}/{self.principal.employee_id}"

    def require_bank(self, bank_id: str) -> None:
        """PERMISSION_DENIED unless the principal may speak of the bank."""
        require_bank(self.principal, bank_id)


def covers(principal: Principal, bank_id: str) -> bool:
    """True if the principal may speak of the bank."""
    return among(principal.bank_ids, bank_id)


def among(bank_ids: Container[str], bank_id: str) -> bool:
    return bank_id in bank_ids or "*" in bank_ids


def require_bank(principal: Principal, bank_id: str) -> None:
    require_among(principal.bank_ids, bank_id)


def require_among(bank_ids: Container[str], bank_id: str) -> None:
    """PERMISSION_DENIED unless the bank is among those that a principal may speak of."""
    if not among(bank_ids, bank_id):
        raise denied(f"无权访问银行 {bank_id}。This token does not cover bank {bank_id}.", "BANK_NOT_COVERED")


def is_plain(text: str) -> bool:
    """True if the text can go into the ledger: it holds nothing that may be a phone, account or identity number."""
    return _LONG_NUMBER.search(_DATE.sub("date", text)) is None


def require_plain(field: str, text: str) -> str:
    """The text, if it is plain; else INVALID_ARGUMENT."""
    if not is_plain(text):
        raise invalid(
            field, "请勿写入号码等个人信息。It goes into the ledger: leave out phone, account and identity numbers."
        )
    return text
