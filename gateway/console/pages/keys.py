"""The systems that may call and how they prove themselves, and the installation's keys: to look at, never a secret."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from starlette.responses import Response

from gateway.console.pages.people import ROLE_NAMES
from gateway.console.visit import Visit
from outreach.domain.roles import BANK, CASE_SYSTEM
from outreach.runtime.access import ROLES
from outreach.runtime.tokens import Caller
from outreach.v1.key_service_pb2 import KeyKind, ListKeysRequest, MasterKey

SYSTEM_ROLES = {**ROLE_NAMES, CASE_SYSTEM: "案件系统", BANK: "银行"}
KINDS = {KeyKind.KEY_KIND_MASTER: "主密钥", KeyKind.KEY_KIND_LEDGER: "账本签名密钥"}


class Shown(NamedTuple):
    """A caller, by what it may do."""

    caller: Caller
    fingerprints: Sequence[str]
    """SHA-256 of each public key's 32 bytes, in hex."""
    rpcs: Sequence[str]


async def listing(visit: Visit) -> Response:
    keys = await visit.ask("KeyService/ListKeys", ListKeysRequest())
    return visit.page(
        "keys.html",
        callers=[_shown(caller) for caller in visit.console.callers()],
        role_names=SYSTEM_ROLES,
        masters=[(key, *_state(key)) for key in keys.masters],
        ledger_keys=keys.ledger_keys,
        requests=[(KINDS[one.kind], one.asked_by, visit.time(one.ask_time)) for one in keys.requests],
        rewrapping=keys.rewrapping,
        finished=visit.time(keys.rewrapping.finish_time),
    )


def _shown(caller: Caller) -> Shown:
    prints = [hashlib.sha256(key.public_bytes_raw()).hexdigest() for key in caller.public_keys]
    may = (path.removeprefix("/outreach.v1.") for path, roles in ROLES.items() if not roles.isdisjoint(caller.roles))
    return Shown(caller, prints, sorted(may))


def _state(key: MasterKey) -> tuple[str, str]:
    if not key.known:
        return "此处缺失，请从备份放回", "bad"
    if key.wraps:
        return ("在用", "good") if key.wrapped_keys else ("已备好，可申请启用", "wait")
    return ("仍有数据需要它", "calm") if key.wrapped_keys else ("已无数据需要，可移除", "calm")


ROUTES = (("/keys", ["GET"], listing),)
