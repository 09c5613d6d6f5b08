"""How things look on pages: names of states and codes in two languages, times, amounts, the navigation."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from gateway.console.desk import Desk
from gateway.console.words import ENGLISH, Words
from outreach.domain import states
from outreach.v1.common_pb2 import State
from outreach.wording import words as names

TONES = {
    "ADMITTED": "wait",
    "AWAITING_QUANTITY": "wait",
    "RELEASED": "busy",
    "SENT": "busy",
    "PRINTED": "busy",
    "MAILED": "good",
    "DELIVERED": "good",
    "UNDELIVERED": "bad",
    "UNCONFIRMED": "bad",
    "RETURNED": "bad",
    "TO_PULL": "warn",
    "BLOCKED": "warn",
    "CANCELLED": "calm",
    "PULLED": "calm",
    "EXPIRED": "calm",
}


class Entry(NamedTuple):
    """A line of the navigation."""

    path: str
    name: str
    rpc: str
    """Shown to whom this rpc is open; empty for all."""


_NAVIGATION = (
    (
        Entry("/", "首页", ""),
        Entry("/outreach", "触达记录", "OutreachService/List"),
        Entry("/accounts", "账户与暂停", "HoldService/ListHolds"),
        Entry("/personal", "个人信息", "PersonService/GetPerson"),
        Entry("/unconfirmed", "结果未知", "OperationsService/ListUnconfirmed"),
        Entry("/events", "动态与通道", "OperationsService/GetSummary"),
    ),
    (
        Entry("/mailroom", "信函收发室", "MailroomService/ListRuns"),
        Entry("/quantities", "信函数量台账", "QuantityService/ListQuantities"),
        Entry("/clinic", "地址诊所", "HoldService/CheckAddresses"),
    ),
    (
        Entry("/templates", "短信模板", "TemplateService/ListTemplates"),
        Entry("/letter-versions", "信函版本", "LetterVersionService/ListLetterVersions"),
        Entry("/policies", "策略", "PolicyService/ListPolicies"),
    ),
    (
        Entry("/ledger", "账本", "LedgerService/ListEntries"),
        Entry("/evidence", "证据包", "EvidenceService/ExportEvidence"),
        Entry("/people", "人员与权限", "UserService/ListUsers"),
        Entry("/keys", "系统与密钥", "KeyService/ListKeys"),
    ),
)
"""What happens, letters, what is approved, records and rights."""


def navigation(desk: Desk, words: Words) -> list[list[tuple[str, str]]]:
    """(path, name) of what the person may open, in groups."""
    groups = [
        [(entry.path, words(entry.name)) for entry in group if not entry.rpc or desk.may(entry.rpc)]
        for group in _NAVIGATION
    ]
    return [group for group in groups if group]


def state(value: State.ValueType) -> str:
    """The state's plain name, such as DELIVERED."""
    return states.name(value)


def state_name(plain: str, words: Words) -> str:
    """DELIVERED as 已送达 or Delivered."""
    if words.language == ENGLISH:
        return plain.replace("_", " ").capitalize()
    return names.STATES.get(plain, plain)


def code_name(code: str, words: Words) -> str:
    """QUIET_HOURS as 免打扰时段 or Quiet hours."""
    if words.language == ENGLISH:
        return code.replace("_", " ").capitalize()
    return names.CODES.get(code, code)


def moment(value: datetime | None) -> str:
    """A time as people read it; a dash for none."""
    return value.strftime("%Y-%m-%d %H:%M") if value else "—"


def yuan(fen: int) -> str:
    return f"{fen // 100:,}.{fen % 100:02d}"


def pack(text: str) -> str:
    """A text as a cookie may hold it."""
    return base64.urlsafe_b64encode(text.encode()).decode()


def unpack(packed: str) -> str:
    try:
        return base64.urlsafe_b64decode(packed).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


GLOBALS: dict[str, Any] = {"state_name": state_name, "code_name": code_name, "tones": TONES}
FILTERS: dict[str, Callable[..., str]] = {
    "moment": moment,
    "yuan": yuan,
    "state": state,
    "short": lambda text: text[:12],
}
