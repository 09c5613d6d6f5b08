"""The systems that may call, how they prove themselves, and shutting one out; and the installation's keys, never a
secret."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from urllib.parse import quote

from starlette.responses import Response

from gateway.callers import completed, require_registered
from gateway.console.forms import text
from gateway.console.pages.people import BEGUN, ROLE_NAMES
from gateway.console.visit import CHINA, Visit
from outreach.domain.roles import BANK, CASE_SYSTEM
from outreach.runtime.access import ROLES
from outreach.runtime.tokens import Caller as Registered
from outreach.v1.caller_service_pb2 import (
    Caller,
    DeactivateCallerRequest,
    GetCallerRequest,
    ListCallersRequest,
    ReactivateCallerRequest,
)
from outreach.v1.key_service_pb2 import KeyKind, ListKeysRequest, MasterKey
from outreach.v1.outreach_service_pb2 import Channel

SYSTEM_ROLES = {**ROLE_NAMES, CASE_SYSTEM: "案件系统", BANK: "银行"}
CHANNELS = {Channel.CHANNEL_SMS: "短信（SMS）", Channel.CHANNEL_LETTER: "信函"}
_UNREGISTERED = Registered("", (), frozenset(), frozenset(), frozenset(), 0.0, active=False)
KINDS = {KeyKind.KEY_KIND_MASTER: "主密钥", KeyKind.KEY_KIND_LEDGER: "账本签名密钥"}


class Shown(NamedTuple):
    """A caller, and what the file says of it."""

    caller: Caller
    state: tuple[str, str]
    """In words, and the tone."""
    fingerprints: Sequence[str]
    """SHA-256 of each public key's 32 bytes, in hex."""
    certificates: Sequence[str]
    rpcs: Sequence[str]
    """What it may call."""
    requests_per_second: float
    seen: datetime | None
    """When it called last, as far as this gateway knows since it started."""
    certificate_end: datetime | None
    """When the newest certificate that it showed here ends."""


async def listing(visit: Visit) -> Response:
    keys = await visit.ask("KeyService/ListKeys", ListKeysRequest())
    listed = await visit.ask("CallerService/ListCallers", ListCallersRequest())
    callers = completed(listed, visit.console.door.callers()).callers
    return visit.page(
        "keys.html",
        callers=[_shown(visit, caller) for caller in callers],
        role_names=SYSTEM_ROLES,
        masters=[(key, *_state(key)) for key in keys.masters],
        ledger_keys=keys.ledger_keys,
        requests=[(KINDS[one.kind], one.asked_by, visit.time(one.ask_time)) for one in keys.requests],
        rewrapping=keys.rewrapping,
        finished=visit.time(keys.rewrapping.finish_time),
    )


async def caller(visit: Visit) -> Response:
    request = GetCallerRequest(caller_id=visit.request.path_params["caller_id"])
    found = completed(await visit.ask("CallerService/GetCaller", request), visit.console.door.callers())
    shut_out_by = found.caller.deactivation.deactivated_by.rpartition("/")[2]
    return visit.page(
        "caller.html",
        one=_shown(visit, found.caller),
        work=found.work,
        begun=BEGUN,
        channels=CHANNELS,
        role_names=SYSTEM_ROLES,
        by_oneself=shut_out_by == visit.desk.principal.employee_id,
    )


async def deactivate(visit: Visit) -> Response:
    form, caller_id = await visit.form(), visit.request.path_params["caller_id"]
    require_registered(caller_id, visit.console.door.callers())
    request = DeactivateCallerRequest(caller_id=caller_id, reason=text(form, "reason"))
    await visit.ask("CallerService/DeactivateCaller", request)
    return visit.done(_path(caller_id), "已停用；几秒内不再受理其任何请求，已打开的连接随之断开")


async def reactivate(visit: Visit) -> Response:
    form, caller_id = await visit.form(), visit.request.path_params["caller_id"]
    request = ReactivateCallerRequest(caller_id=caller_id, reason=text(form, "reason"))
    await visit.ask("CallerService/ReactivateCaller", request)
    return visit.done(_path(caller_id), "已恢复；几秒内即可调用")


def _path(caller_id: str) -> str:
    return f"/keys/callers/{quote(caller_id)}"


def _shown(visit: Visit, caller: Caller) -> Shown:
    by_id = {one.caller_id: one for one in visit.console.door.callers()}
    registered, door = by_id.get(caller.caller_id, _UNREGISTERED), visit.console.door
    return Shown(
        caller,
        _state_of(caller),
        [hashlib.sha256(key.public_bytes_raw()).hexdigest() for key in registered.public_keys],
        sorted(registered.certificates),
        sorted(path.removeprefix("/outreach.v1.") for path, roles in ROLES.items() if roles & registered.roles),
        registered.requests_per_second,
        _moment(door.seen.get(caller.caller_id, 0.0)),
        _moment(door.certificate_end(registered)),
    )


def _moment(seconds: float) -> datetime | None:
    return datetime.fromtimestamp(seconds, CHINA) if seconds else None


def _state_of(caller: Caller) -> tuple[str, str]:
    if caller.HasField("deactivation"):
        return "调用方停用", "bad"
    return ("可用", "good") if caller.registration.active else ("文件中停用", "calm")


def _state(key: MasterKey) -> tuple[str, str]:
    if not key.known:
        return "此处缺失，请从备份放回", "bad"
    if key.wraps:
        return ("在用", "good") if key.wrapped_keys else ("已备好，可申请启用", "wait")
    return ("仍有数据需要它", "calm") if key.wrapped_keys else ("已无数据需要，可移除", "calm")


ROUTES = (
    ("/keys", ["GET"], listing),
    ("/keys/callers/{caller_id}", ["GET"], caller),
    ("/keys/callers/{caller_id}/deactivate", ["POST"], deactivate),
    ("/keys/callers/{caller_id}/reactivate", ["POST"], reactivate),
)
