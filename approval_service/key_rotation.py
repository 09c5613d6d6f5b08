"""Rotation of the master key and of the ledger's key: one operator asks, another approves.

A new master key wraps the installation's keys at once, beside the old one, so that no replica is without them before it
has the new one too. Then people's keys are wrapped anew, by a new key that wraps them, a few at a time; at the end
what the old master key wrapped is destroyed, and nothing needs it any more.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any, NamedTuple, TypeAlias

from cryptography.exceptions import InvalidTag
from sqlalchemy import Connection

from approval_service.authority import Authority
from approval_service.calls import Call
from approval_service.key_custody import LEDGER, NOTES, WRAPPING, Custodian, new_key, wrapped
from approval_service.keys import KeyRing, ledger_signer
from approval_service.masters import Master
from approval_service.people import require_all_banks, require_another, require_employee
from approval_service.store import keys as store
from approval_service.store import log
from approval_service.store.keys import KEY_HOLDERS, Wrapped
from approval_service.writer import Tx, one_by_one
from outreach.domain.errors import Kind, Refusal, not_found, precondition
from outreach.ledger.checkpoint import Signer
from outreach.ledger.handover import read_handover
from outreach.ledger.verify import KEY_CHANGED
from outreach.runtime.logs import EventLogger
from outreach.v1 import key_service_pb2 as pb
from outreach.v1.key_service_pb2 import KeyKind

BATCH = 100
PAUSE_S = 0.02
"""Between batches: permits and answers have the write lock to themselves most of the time."""
IDLE_S = 1.0
RETRY_S = 60.0
_log = EventLogger("keys")
Approval: TypeAlias = Call[pb.ApproveRotationRequest]


class PreparedMaster(NamedTuple):
    """What was made and wrapped outside the transaction, for keys of a version."""

    version: int
    master_id: str
    rows: list[Wrapped]


class PreparedLedger(NamedTuple):
    """The same of the ledger's next key."""

    version: int
    signer: Signer
    rows: list[Wrapped]


def reread(custodian: Custodian, call: Call[pb.ListKeysRequest]) -> None:
    """Before list_keys: what masters there are now. Raises MasterError."""
    require_all_banks(call)
    custodian.reread()


def list_keys(connection: Connection, authority: Authority, call: Call[pb.ListKeysRequest]) -> pb.ListKeysResponse:
    """Read of ListKeys."""
    require_all_banks(call)
    response = pb.ListKeysResponse(requests=map(_request, store.requests(connection)))
    known = [master.key_id for master in authority.custodian.masters]
    wraps = Counter(row.master_id for row in store.all_keys(connection))
    for key_id in dict.fromkeys((*known, *wraps)):
        response.masters.add(key_id=key_id, known=key_id in known, wraps=key_id == known[0], wrapped_keys=wraps[key_id])
    handovers = [read_handover(note) for note in log.signed(connection).handovers]
    first = handovers[0].old if handovers else authority.signer.verifier_key
    response.ledger_keys.add(verifier_key=first)
    for one in handovers:
        response.ledger_keys.add(verifier_key=one.new, from_size=one.checkpoint.size)
    run = store.get_rewrapping(connection)
    if run is not None:
        response.rewrapping.CopyFrom(_rewrapping(run))
    return response


def _ask(tx: Tx, call: Call[pb.AskRotationRequest]) -> pb.AskRotationResponse:
    require_all_banks(call)
    kind, actor = call.request.kind, require_employee(tx, call)
    if kind == KeyKind.KEY_KIND_MASTER:
        _require_finished(tx)
    store.put_request(tx.connection, kind, actor, tx.real_ms)
    tx.record("rotation_asked", "", key=_name(kind), by=actor)
    return pb.AskRotationResponse(request=_request(_asked(tx, kind)))


ask = one_by_one(_ask)
"""Handler of AskRotation. Asking again renews the request in one's own name."""


def prepare_master(custodian: Custodian, call: Approval) -> PreparedMaster:
    """A new master key's part of the rotation. FAILED_PRECONDITION if there is none. Raises MasterError."""
    require_all_banks(call)
    master, version = custodian.reread(), custodian.load().version
    keys = custodian.unwrapped()
    in_force = _in_force(custodian)
    if master in in_force:
        raise precondition(
            f"没有新的主密钥：排在首位的 {master.key_id} 已在使用，请先把新的一把放到它前面。"
            "There is no new master key: put it before the present one (docs/keys.md).",
            "NO_NEW_MASTER",
        )
    rows = [row for (purpose, number), key in keys.items() for row in wrapped(purpose, number, key, [master])]
    for purpose in (WRAPPING, NOTES):
        number = 1 + max(number for its, number in keys if its == purpose)
        rows += wrapped(purpose, number, new_key(), [master, *in_force])
    return PreparedMaster(version, master.key_id, rows)


def _approve_master(tx: Tx, asked: tuple[Approval, PreparedMaster]) -> pb.ApproveRotationResponse:
    call, prepared = asked
    actor, maker = _checker(tx, call)
    _require_finished(tx)
    _require_unchanged(tx, prepared.version)
    store.put(tx.connection, prepared.rows)
    values = {
        "master_id": prepared.master_id,
        "in_hand": next(iter(KEY_HOLDERS)),
        "after": "",
        "done": 0,
        "total": store.count_holders(tx.connection),
        "approved_by": actor,
        "started_real_ms": tx.real_ms,
        "finished_real_ms": 0,
    }
    store.begin_rewrapping(tx.connection, values)
    store.end_request(tx.connection, call.request.kind)
    tx.touch_keys()
    tx.record("master_key_changed", "", key=prepared.master_id, asked_by=maker, by=actor)
    return pb.ApproveRotationResponse(key=prepared.master_id)


approve_master = one_by_one(_approve_master)
"""Handler of ApproveRotation for a master key."""


def prepare_ledger(custodian: Custodian, call: Approval) -> PreparedLedger:
    """The ledger's next key. FAILED_PRECONDITION without a master key to wrap it. Raises MasterError."""
    require_all_banks(call)
    custodian.reread()
    version, key = custodian.load().version, new_key()
    number = 1 + max(number for purpose, number in custodian.unwrapped() if purpose == LEDGER)
    return PreparedLedger(version, ledger_signer(key), wrapped(LEDGER, number, key, _in_force(custodian)))


def _approve_ledger(tx: Tx, asked: tuple[Approval, PreparedLedger]) -> pb.ApproveRotationResponse:
    call, prepared = asked
    actor, maker = _checker(tx, call)
    _require_unchanged(tx, prepared.version)
    store.put(tx.connection, prepared.rows)
    store.forget(tx.connection, LEDGER, below=prepared.rows[0].number)
    store.end_request(tx.connection, call.request.kind)
    tx.touch_keys()
    old, new = tx.keys.signer.verifier_key, prepared.signer.verifier_key
    tx.record(KEY_CHANGED, "", old_key=old, new_key=new, asked_by=maker, by=actor)
    tx.hand_over(prepared.signer)
    return pb.ApproveRotationResponse(key=new)


approve_ledger = one_by_one(_approve_ledger)
"""Handler of ApproveRotation for the ledger's key. The old one signs once more, that the new one follows; then it is
destroyed."""


def _rewrap(tx: Tx, _: None) -> bool:
    """The next few. True if there may be more."""
    run = store.get_rewrapping(tx.connection)
    if run is None or run.finished_real_ms or run.in_hand not in KEY_HOLDERS:
        return False
    rows = store.holders_after(tx.connection, run.in_hand, run.after, BATCH)
    fresh = [
        {"id": row.id, "wrapped_key": key} for row in rows if (key := _rewrapped(tx.keys, row.wrapped_key)) is not None
    ]
    store.rewrap_holders(tx.connection, run.in_hand, fresh)
    at = {"after": rows[-1].id} if rows else {"in_hand": _next(run.in_hand), "after": ""}
    store.change_rewrapping(tx.connection, done=run.done + len(rows), **at)
    return True


rewrap = one_by_one(_rewrap)
"""Handler of a step. What was done is known by the row itself, so that any replica goes on where one was killed."""


def _rewrapped(keys: KeyRing, key: bytes) -> bytes | None:
    """None for what is wrapped by the key in use, destroyed, or damaged, which the count at the end tells."""
    if not key or key.startswith(keys.wrapping_prefix):
        return None
    try:
        return keys.rewrap(key)
    except InvalidTag:
        return None


def _next(name: str) -> str:
    names = list(KEY_HOLDERS)
    return names[names.index(name) + 1] if name != names[-1] else ""


def _finish(tx: Tx, prefix: bytes) -> None:
    """After a look at every row found none that begins otherwise: what other masters wrapped is destroyed."""
    run = store.get_rewrapping(tx.connection)
    if run is None or run.finished_real_ms or prefix != tx.keys.wrapping_prefix:
        return
    store.forget(tx.connection, WRAPPING, int.from_bytes(prefix))
    store.forget_masters_but(tx.connection, run.master_id)
    store.change_rewrapping(tx.connection, finished_real_ms=tx.real_ms)
    tx.touch_keys()
    tx.record("master_key_retired", "", key=run.master_id, rewrapped=run.done)


finish = one_by_one(_finish)
"""Handler that ends a rotation."""


async def work(authority: Authority) -> None:
    """Wraps keys anew until cancelled, whenever there is a rotation."""
    while True:
        try:
            if not await _step(authority):
                await asyncio.sleep(IDLE_S)
        except Refusal as refusal:
            _log.warning("rewrapping_waits", reason=refusal.reason)
            await asyncio.sleep(IDLE_S)
        await asyncio.sleep(PAUSE_S)


async def _step(authority: Authority) -> bool:
    """False if there is nothing to do."""
    run = await authority.read(store.get_rewrapping)
    if run is None or run.finished_real_ms:
        return False
    if await authority.write(rewrap, None):
        return True
    prefix = authority.keys.wrapping_prefix
    if left := await authority.read(store.count_otherwise_wrapped, prefix):
        _log.error("keys_not_rewrapped", left=left)
        await asyncio.sleep(RETRY_S)
        await authority.write(again, None)
    else:
        await authority.write(finish, prefix)
        _log.info("master_key_rotated", master=run.master_id)
    return True


def _again(tx: Tx, _: None) -> None:
    store.change_rewrapping(tx.connection, in_hand=next(iter(KEY_HOLDERS)), after="", done=0)


again = one_by_one(_again)
"""Handler that looks through all rows once more."""


def _in_force(custodian: Custodian) -> list[Master]:
    in_force = custodian.in_force()
    if not in_force:
        raise precondition(
            "现用的主密钥已不在此处，请放回，轮换完成后再移除。"
            "The present master key is gone: put it back until the rotation is done.",
            "MASTER_MISSING",
        )
    return in_force


def _checker(tx: Tx, call: Approval) -> tuple[str, str]:
    """Who approves, and who asked."""
    require_all_banks(call)
    actor = require_employee(tx, call)
    asked = _asked(tx, call.request.kind)
    if asked is None:
        raise not_found("kind: 没有待批准的轮换，请先由另一人申请。Nobody asked for this rotation yet: ask first.")
    require_another(actor, {"申请此轮换": asked.asked_by})
    return actor, asked.asked_by


def _asked(tx: Tx, kind: KeyKind.ValueType) -> Any:
    return next((row for row in store.requests(tx.connection) if row.kind == kind), None)


def _require_finished(tx: Tx) -> None:
    run = store.get_rewrapping(tx.connection)
    if run is not None and not run.finished_real_ms:
        raise precondition(
            f"上一次轮换尚未完成（{run.done}/{run.total}），请等它完成。The last rotation still runs: wait for it.",
            "STILL_ROTATING",
        )


def _require_unchanged(tx: Tx, version: int) -> None:
    if tx.keys.version != version:
        raise Refusal(Kind.CONFLICT, "密钥刚被他人更换，请重试。The keys were just changed by another: try again.")


def _name(kind: KeyKind.ValueType) -> str:
    return KeyKind.Name(kind).removeprefix("KEY_KIND_").lower()


def _request(row: Any) -> pb.KeyRequest:
    request = pb.KeyRequest(kind=row.kind, asked_by=row.asked_by)
    request.ask_time.FromMilliseconds(row.asked_real_ms)
    return request


def _rewrapping(row: Any) -> pb.Rewrapping:
    told = pb.Rewrapping(master_id=row.master_id, done=row.done, total=row.total, approved_by=row.approved_by)
    told.start_time.FromMilliseconds(row.started_real_ms)
    if row.finished_real_ms:
        told.finish_time.FromMilliseconds(row.finished_real_ms)
    return told
