"""After a backup was restored: people whom the ledger proves to have been erased are erased again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from approval_service import cancellation
from approval_service.calls import Call
from approval_service.people import require_all_banks, require_employee
from approval_service.personal_data import erasure
from approval_service.personal_data.requests import ERASURE, new_request
from approval_service.store import accounts as account_store
from approval_service.store import log
from approval_service.store import persons as store
from approval_service.store.scopes import Scope
from approval_service.writer import Tx, one_by_one
from outreach.domain.codes import Code
from outreach.domain.errors import Refusal, invalid
from outreach.ledger.checkpoint import CheckpointError
from outreach.ledger.entries import decode
from outreach.ledger.handover import KeyChain
from outreach.ledger.merkle import leaf_hash, verify_inclusion
from outreach.v1.person_service_pb2 import ReplayErasuresRequest, ReplayErasuresResponse

REASON = "恢复备份后按账本重做 replayed from the ledger after a backup was restored"


class Replay(NamedTuple):
    """What is to be erased again, and the verifier key of this installation's ledger."""

    call: Call[ReplayErasuresRequest]
    verifier_key: str


def _replay(tx: Tx, asked: Replay) -> ReplayErasuresResponse:
    require_all_banks(asked.call)
    actor = require_employee(tx, asked.call)
    erased = _proven(asked, log.signed(tx.connection).handovers)
    persons = account_store.persons_by_id(tx.connection, [one["person"] for one in erased])
    for person in persons.values():
        _erase(tx, person, actor)
    return ReplayErasuresResponse(erased=len(persons), absent=len(erased) - len(persons))


replay = one_by_one(_replay)
"""Handler of ReplayErasures. Two people decided each of them once; the proof is that they did."""


def _erase(tx: Tx, person: Any, actor: str) -> None:
    row = new_request(tx, person, ERASURE, REASON, actor)
    store.insert_requests(tx.connection, [row | {"state": erasure.APPROVED, "decided_ms": tx.now_ms}])
    erasure.bar(tx, person, actor)
    cancellation.cancel(tx, Scope(person_id=person.person_id), Code.DO_NOT_CONTACT, actor)
    erasure.destroy(tx, store.get_request(tx.connection, row["request_id"]), person)


def _proven(asked: Replay, handovers: Sequence[str]) -> list[dict[str, Any]]:
    """The entries of erasures, proven by a key of this ledger: of its past, or of what followed the backup."""
    request = asked.call.request
    chain = KeyChain(asked.verifier_key)
    try:
        chain.follow([*handovers, *request.handovers])
        checkpoint = chain.open(request.checkpoint)
    except CheckpointError as error:
        message = f"不是本系统账本的检查点。Not signed by this installation's ledger key: {error}"
        raise invalid("checkpoint", message) from None
    found = []
    for one in request.entries:
        leaf, index = leaf_hash(one.entry.body), one.entry.index
        if not verify_inclusion(leaf, index, checkpoint.size, list(one.proof), checkpoint.root):
            raise _unproven()
        entry = decode(one.entry.body)
        if entry.get("kind") != "person_erased":
            raise _unproven()
        found.append(entry)
    return found


def _unproven() -> Refusal:
    return invalid(
        "entries",
        "条目不是本账本中的删除记录。An entry is no erasure of this ledger: use its export as it was written.",
    )
