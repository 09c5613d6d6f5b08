"""The witness: checkpoints reach the bank, and a rewritten past is found by what the bank kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from nats.aio.client import Client
from sqlalchemy import update

from approval_service import checkpoints, schema
from approval_service.keys import ORIGIN
from approval_service.store.log import checkpoint
from outreach.ledger import export
from outreach.ledger.merkle import Frontier, leaf_hash
from outreach.ledger.verify import verify_export
from outreach.ledger.witness import Witness, line, read_notes
from outreach.runtime import bus, nats_server
from tests.service.approval_service.world import BANK, World
from tests.unit.runtime.conftest import NatsProcess, nats_process

__all__ = ["nats_process"]


@pytest.fixture
async def told(world: World, nats_process: NatsProcess, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Client]:
    """The bank's connection; the authority tells of its checkpoints."""
    monkeypatch.setattr(checkpoints, "PERIOD_S", 0.05)
    monkeypatch.setattr(checkpoints, "REPEAT_MS", 300)
    authority = await bus.connect(nats_process.settings, nats_server.APPROVAL_SERVICE)
    bank = await bus.connect(nats_process.settings, nats_server.bank_user(BANK))
    task = asyncio.create_task(checkpoints.run(world.authority, authority))
    yield bank
    task.cancel()
    await asyncio.wait({task})
    await bank.close()
    await authority.close()


async def test_a_bank_hears_of_each_new_checkpoint(world: World, told: Client) -> None:
    """The one there is, also when it begins to listen late; then the next one, signed by the ledger's key."""
    witness = Witness(world.authority.signer.verifier_key)
    subscription = await told.subscribe(bus.CHECKPOINTS)
    first = await subscription.next_msg(timeout=5)
    assert witness.see(first.data.decode())
    await world.place("6001", "13800138001")
    size = len(await world.bodies())
    while witness.last is None or witness.last.size < size:
        witness.see((await subscription.next_msg(timeout=5)).data.decode())
    assert witness.last.size == size


async def exported(world: World, path: Path) -> Path:
    note, _ = await world.authority.read(checkpoint)
    with path.open("wb") as file:
        export.write(file, ORIGIN, await world.bodies(), note)
    return path


async def test_a_rewritten_ledger_is_found_by_the_witness(world: World, tmp_path: Path) -> None:
    """An entry changed in the database, the tree built anew and signed with the true key: right by itself, and found
    out by the checkpoints that the bank kept, though the newest of them is of the rewritten ledger."""
    key = world.authority.signer.verifier_key
    kept = line((await world.authority.read(checkpoint))[0], "2026-11-24T08:00:00Z")
    await world.place("6001", "13800138001")
    old_size = int(kept.split(b"\\n")[1])
    bodies = await world.bodies()
    bodies[2] = bodies[2].replace(actor_bytes("ann"), actor_bytes("eve"))
    frontier = Frontier()
    frontier.extend([leaf_hash(body) for body in bodies])
    rewritten = world.authority.signer.sign(ORIGIN, frontier.size, frontier.root())
    with world.authority.database.writer.begin() as connection:
        table = schema.ledger_entry
        connection.execute(update(table).where(table.c.seq == 2).values(body=bodies[2]))
        connection.execute(update(schema.head).values(checkpoint=rewritten, frontier=frontier.to_bytes()))
    await world.place("6002", "13800138002")
    kept += line((await world.authority.read(checkpoint))[0], "2026-11-24T09:00:00Z")
    path = await exported(world, tmp_path / "ledger")
    assert verify_export(path, key).ok
    (problem,) = verify_export(path, key, witnessed=read_notes(kept.decode())).problems
    assert f"the first {old_size} entries are not those that the witness has seen: the past was rewritten" in problem


def actor_bytes(employee: str) -> bytes:
    return f'"agency/{employee}"'.encode()
