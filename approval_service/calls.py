"""A request together with who makes it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Iterable
from typing import Generic, NamedTuple, TypeVar

from outreach.domain.errors import denied, invalid
from outreach.v1.common_pb2 import Principal

R = TypeVar("R")

_DATE = re.compile(
    r"(?<!\d)(?:19|20)\d\d(?:-[01]\d-[0-3]\d|\.[01]?\d\.[0-3]?\d|/[01]?\d/[0-3]?\d|年[01]?\d月(?:[0-3]?\d日)?)(?!\d)"
)
_AMOUNT = re.compile(r"(?<![\d,])\d{1,3}(?:,\d{3})+(?:\.\d\d)?(?![\d,])")
_REFERENCE = re.compile(r"(?<![A-Za-z\d])[A-Z]{1,6}-?20[23]\d-\d{1,5}(?!\d|[-/. ]\d)")
"""Such as TS-2026-00012: letters, a year of ours, and a number too short to be a telephone's."""
_LONG_NUMBER = re.compile(r"\d(?:[\s-]?\d){6,}|\d(?:[\s.·•_/()-]{0,2}\d){9,}")
"""Seven digits as a landline is written, or ten however they are set apart."""
_HAN_DIGITS = str.maketrans("〇零一二三四五六七八九幺", "001234567891")
_NAME = re.compile(
    r"(?:姓名|户名|债务人|持卡人|客户|联系人|机主|担保人|收件人|本人)(?:名?为|名?叫|名?是|[:：])\s*"
    r"[张王李刘杨赵黄吴徐孙朱胡郭林罗郑梁宋唐韩冯邓曹彭肖蔡潘袁董吕苏魏蒋杜沈卢崔丁邹姚汪谭陆范廖贾侯邱秦傅]"
    r"[\u4e00-\u9fff]{1,2}(?![\u4e00-\u9fff])"
    r"|[张王李刘陈杨赵黄吴徐孙朱胡郭何林罗郑梁宋谢唐韩冯邓曹彭曾肖田董袁潘蒋蔡余杜叶程苏魏吕丁沈任姚卢傅钟姜崔谭廖范汪陆]"
    r"[\u4e00-\u9fff]{1,2}(?:先生|女士|小姐|太太)"
)
"""A full name by what stands around it; 张先生 alone names nobody."""


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


def is_plain(text: str, names: Iterable[str] = ()) -> bool:
    """True if the text can go into the ledger: it holds none of the names, and nothing that may be a phone, account or
    identity number or somebody's full name."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
        if _NAME.search(text) or any(name in text for name in names if len(name) > 1):
            return False
        text = text.translate(_HAN_DIGITS)
    return _LONG_NUMBER.search(_AMOUNT.sub("amount", _DATE.sub("date", _REFERENCE.sub("reference", text)))) is None


def require_plain(field: str, text: str, names: Iterable[str] = ()) -> str:
    """The text, if it is plain; else INVALID_ARGUMENT."""
    if not is_plain(text, names):
        raise invalid(
            field,
            "请勿写入姓名、号码等个人信息。It goes into the ledger: leave out names, and phone, account and identity "
            "numbers.",
        )
    return text
