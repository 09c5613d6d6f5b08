"""Rotation of the ledger's key on a real authority: nobody restarts, and everybody can follow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from nats.aio.client import Client

from approval_service import checkpoints, key_rotation, ledger_reads
from approval_service.authority import Authority
from approval_service.calls import Call
from approval_service.database import Database
from approval_service.keys import ORIGIN
from approval_service.store import keys as store
from outreach.domain.errors import Refusal
from outreach.evidence.check import check
from outreach.evidence.pack import Pack, read, zipped
from outreach.evidence.summary import summary
from outreach.ledger import export
from outreach.ledger.checkpoint import Signer, Verifier, parse_and_verify
from outreach.ledger.verify import verify_export
from outreach.ledger.witness import Witness, read_headers
from outreach.runtime import bus, nats_server
from outreach.v1 import key_service_pb2 as pb
from outreach.v1.key_service_pb2 import KeyKind
from outreach.v1.ledger_service_pb2 import ExportRequest
from tests.service.approval_service.authorities import MASTER, open_authority
from tests.service.approval_service.test_evidence import complained, make
from tests.service.approval_service.world import BANK, World, phone_of, principal
from tests.unit.runtime.conftest import NatsProcess, nats_process

__all__ = ["nats_process"]
LEDGER = KeyKind.KEY_KIND_LEDGER
STRANGER = Signer(ORIGIN, Ed25519PrivateKey.generate()).verifier_key


async def rotate(world: World) -> str:
    """Asked by ann, approved by ben. Returns the new key."""
    await world.write(key_rotation.ask, "ann", pb.AskRotationRequest(kind=LEDGER), banks=["*"])
    call = Call(principal("ben", banks=["*"]), pb.ApproveRotationRequest(kind=LEDGER))
    prepared = await asyncio.to_thread(key_rotation.prepare_ledger, world.authority.custodian, call)
    return (await world.authority.write(key_rotation.approve_ledger, (call, prepared))).key


async def exported(world: World, path: Path) -> Path:
    call = Call(principal("ann", banks=["*"]), ExportRequest())
    *parts, sealed = [part async for part in ledger_reads.export(world.authority, call)]
    bodies = [entry.body for part in parts for entry in part.entries.entries]
    with path.open("wb") as file:
        export.write(file, ORIGIN, bodies, sealed.checkpoint, sealed.handovers)
    return path


async def newest_key(authority: Authority) -> str:
    found = await authority.read(ledger_reads.get_checkpoint, authority.signer.verifier_key)
    parse_and_verify(found.checkpoint, Verifier.from_key(found.verifier_key))
    return found.verifier_key


async def test_an_export_is_proven_by_each_key_it_ever_had(world: World, tmp_path: Path) -> None:
    """Over two changes, with work before, between and after; a stranger's key proves nothing. The entries say who."""
    keys = [await newest_key(world.authority)]
    await world.place("8001", phone_of("8001"))
    for number in ("8002", "8003"):
        keys.append(await rotate(world))
        await world.place(number, phone_of(number))
    assert await newest_key(world.authority) == keys[2]
    path = await exported(world, tmp_path / "ledger")
    for key in keys:
        report = verify_export(path, key, more_keys=keys)
        assert (report.problems, report.keys) == ([], keys)
    assert not verify_export(path, STRANGER).ok
    first, second = await world.entries("ledger_key_changed")
    assert (first["old_key"], first["new_key"], second["new_key"]) == tuple(keys)
    assert (first["asked_by"], first["by"]) == ("agency/ann", "agency/ben")


async def test_the_old_key_is_gone_and_the_new_one_survives_a_restart(world: World, database: Database) -> None:
    old = world.authority.signer.verifier_key
    new = await rotate(world)
    rows = await world.authority.read(store.all_keys)
    assert [row.number for row in rows if row.purpose == "ledger"] == [2]
    again = open_authority(database)
    assert again.signer.verifier_key == new != old
    await asyncio.to_thread(again.writer.close)


async def test_it_takes_two(world: World) -> None:
    call = Call(principal("ben", banks=["*"]), pb.ApproveRotationRequest(kind=LEDGER))
    prepared = key_rotation.prepare_ledger(world.authority.custodian, call)
    with pytest.raises(Refusal, match="ask first"):
        await world.authority.write(key_rotation.approve_ledger, (call, prepared))
    await world.write(key_rotation.ask, "ben", pb.AskRotationRequest(kind=LEDGER), banks=["*"])
    with pytest.raises(Refusal, match="Maker and checker differ"):
        await world.authority.write(key_rotation.approve_ledger, (call, prepared))
    with pytest.raises(Refusal, match="concerns every bank"):
        await world.write(key_rotation.ask, "ben", pb.AskRotationRequest(kind=LEDGER))


async def test_a_replica_signs_with_the_new_key_at_once(world: World, database: Database, tmp_path: Path) -> None:
    """Two on one database; the other one's very next entry is signed by it, and before that it tells of it."""
    other_database = Database(database.url.render_as_string(hide_password=False))
    other = World(open_authority(other_database, [MASTER]))
    old = await newest_key(other.authority)
    new = await rotate(world)
    assert await newest_key(other.authority) == new
    await other.place("8101", phone_of("8101"))
    await world.place("8102", phone_of("8102"))
    assert verify_export(await exported(other, tmp_path / "ledger"), old).problems == []
    await asyncio.to_thread(other.authority.writer.close)
    other_database.close()


async def test_two_at_once_change_it_once(world: World) -> None:
    """The second approval finds that the keys changed while it was prepared, or nothing to approve."""
    await world.write(key_rotation.ask, "ann", pb.AskRotationRequest(kind=LEDGER), banks=["*"])
    call = Call(principal("ben", banks=["*"]), pb.ApproveRotationRequest(kind=LEDGER))
    prepared = [key_rotation.prepare_ledger(world.authority.custodian, call) for _ in range(2)]
    answers = await world.authority.write_many(key_rotation.approve_ledger, [(call, one) for one in prepared])
    assert [isinstance(one, Refusal) for one in answers] == [False, True]
    await world.write(key_rotation.ask, "ann", pb.AskRotationRequest(kind=LEDGER), banks=["*"])
    with pytest.raises(Refusal, match="just changed"):
        await world.authority.write(key_rotation.approve_ledger, (call, prepared[1]))


async def test_a_pack_of_evidence_is_proven_by_an_old_key(world: World, tmp_path: Path) -> None:
    """What was released under the old key, given out under the new one; a stranger's key proves nothing."""
    old = world.authority.signer.verifier_key
    await complained(world)
    new = await rotate(world)
    made = await make(world, account_number="0001")
    assert made.seal.verifier_key == new
    path = tmp_path / "pack.zip"
    pack = Pack(made.content, made.entries, made.seal.checkpoint, made.seal.handovers)
    path.write_bytes(zipped(pack, new, {"summary.pdf": summary(pack)}))
    again, files = read(path)
    for key in (old, new):
        report = check(again, files, key)
        assert (report.problems, report.unproven) == ([], [])
    assert "checkpoint" in check(again, files, STRANGER).problems[0]


@pytest.fixture
async def told(world: World, nats_process: NatsProcess, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Client]:
    """The bank's connection; the authority tells of its checkpoints."""
    monkeypatch.setattr(checkpoints, "PERIOD_S", 0.05)
    monkeypatch.setattr(checkpoints, "REPEAT_MS", 200)
    authority = await bus.connect(nats_process.settings, nats_server.APPROVAL_SERVICE)
    bank = await bus.connect(nats_process.settings, nats_server.bank_user(BANK))
    task = asyncio.create_task(checkpoints.run(world.authority, authority))
    yield bank
    task.cancel()
    await asyncio.wait({task})
    await bank.close()
    await authority.close()


async def test_a_witness_follows(world: World, told: Client) -> None:
    """It knows the first key alone, and hears nothing while the key changes twice."""
    witness = Witness(world.authority.signer.verifier_key)
    subscription = await told.subscribe(bus.CHECKPOINTS)
    assert witness.see((await subscription.next_msg(timeout=5)).data.decode())
    await subscription.unsubscribe()
    await rotate(world)
    await rotate(world)
    await world.place("8201", phone_of("8201"))
    size = len(await world.bodies())
    subscription = await told.subscribe(bus.CHECKPOINTS)
    kept: list[str] = []
    while witness.last is None or witness.last.size < size:
        message = await subscription.next_msg(timeout=5)
        kept += witness.learn(read_headers(message.headers))
        witness.see(message.data.decode())
    assert len(kept) == 2
