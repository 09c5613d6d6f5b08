"""A restored backup brings back somebody who was erased: the ledger's proof erases again, and nothing else does."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import insert, select

from approval_service import schema
from approval_service.calls import Call
from approval_service.keys import ORIGIN
from approval_service.personal_data.replay import Replay, replay
from outreach.domain.errors import Refusal
from outreach.ledger.checkpoint import Signer, Verifier, parse_and_verify
from outreach.ledger.entries import decode
from outreach.ledger.handover import hand_over
from outreach.ledger.merkle import inclusion_proof, leaf_hash
from outreach.v1.evidence_service_pb2 import ProvenEntry
from outreach.v1.ledger_service_pb2 import LedgerEntry
from outreach.v1.person_service_pb2 import PersonState, ReplayErasuresRequest, ReplayErasuresResponse
from tests.service.approval_service.people import People
from tests.service.approval_service.world import World, principal

NUMBER = "6001"
TABLES = (schema.person, schema.account, schema.party, schema.contact, schema.outreach, schema.attempt)


async def proofs(world: World, *kinds: str) -> ReplayErasuresRequest:
    """The entries of these kinds, proven against the checkpoint in force."""
    bodies = await world.bodies()
    leaves = [leaf_hash(body) for body in bodies]
    with world.authority.database.reader.connect() as connection:
        note = connection.execute(select(schema.head.c.checkpoint)).scalar_one()
    entries = [
        ProvenEntry(entry=LedgerEntry(index=index, body=body), proof=inclusion_proof(leaves, index))
        for index, body in enumerate(bodies)
        if decode(body)["kind"] in kinds
    ]
    return ReplayErasuresRequest(entries=entries, checkpoint=note)


async def again(world: World, request: ReplayErasuresRequest, *, banks: str = "*") -> ReplayErasuresResponse:
    authority = world.authority
    call = Call(principal("ann", banks=[banks]), request)
    return await authority.write(replay, Replay(call, authority.signer.verifier_key))


async def restored(world: World) -> tuple[People, ReplayErasuresRequest]:
    """Somebody was erased; then the tables of before came back. Returns what the live ledger proves of it."""
    people, database = People(world), world.authority.database
    await world.ready(NUMBER)
    await world.ask(NUMBER)
    people.years_later()
    with database.reader.connect() as connection:
        backup = {table: [dict(row) for row in connection.execute(select(table)).mappings()] for table in TABLES}
    await people.erase(NUMBER)
    request = await proofs(world, "person_erased")
    with database.writer.begin() as connection:
        for table in TABLES:
            connection.execute(table.delete())
            if backup[table]:
                connection.execute(insert(table), backup[table])
    assert (await people.get(NUMBER)).masked_name == "张*"
    return people, request


async def test_a_restored_backup_replays_erasures(world: World) -> None:
    people, request = await restored(world)
    told = await again(world, request)
    assert (told.erased, told.absent) == (1, 0)
    assert (await people.get(NUMBER)).state == PersonState.PERSON_STATE_ERASED
    told = await again(world, request)
    assert (told.erased, told.absent) == (0, 1)


async def test_only_this_ledger_s_proof_erases(world: World) -> None:
    people, request = await restored(world)
    forged = ReplayErasuresRequest()
    forged.CopyFrom(request)
    forged.entries[0].entry.body = forged.entries[0].entry.body.replace(b"person_erased", b"person_erasee")
    other = await proofs(world, "placed")
    signed = ReplayErasuresRequest()
    signed.CopyFrom(request)
    signed.checkpoint = Signer("outreach-gateway", Ed25519PrivateKey.generate()).sign("x", 1, bytes(32))
    for wrong in (forged, other, signed):
        with pytest.raises(Refusal, match=r"entries|checkpoint"):
            await again(world, wrong)
    with pytest.raises(Refusal, match="banks must include"):
        await again(world, request, banks="demo-bank")
    assert (await people.get(NUMBER)).masked_name == "张*"


async def test_an_export_of_a_later_key_erases_too(world: World) -> None:
    """The backup is older than a change of the ledger's key: the export's handover leads from the key that came back
    to the one that signed. Without it the export is a stranger's."""
    people, request = await restored(world)
    old, new = world.authority.signer, Signer("outreach-gateway", Ed25519PrivateKey.generate())
    checkpoint = parse_and_verify(request.checkpoint, Verifier.from_key(old.verifier_key))
    handover = hand_over(ORIGIN, checkpoint.size, checkpoint.root, old, new)
    request.checkpoint = new.sign(ORIGIN, checkpoint.size, checkpoint.root)
    with pytest.raises(Refusal, match="checkpoint"):
        await again(world, request)
    request.handovers.append(handover)
    assert (await again(world, request)).erased == 1
    assert (await people.get(NUMBER)).state == PersonState.PERSON_STATE_ERASED
