from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from approval_service import ledger_reads
from approval_service.calls import Call
from approval_service.keys import ORIGIN
from approval_service.schema import ledger_entry
from outreach.domain.errors import Kind, Refusal
from outreach.ledger import export
from outreach.ledger import proof as ledger_proof
from outreach.ledger.entries import decode
from outreach.ledger.verify import verify_export
from outreach.v1.ledger_service_pb2 import ExportRequest, ExportResponse, GetProofRequest, ListEntriesRequest
from tests.service.approval_service.world import BANK, World, actor, principal

EVERYTHING = ["*"]


async def exported(world: World) -> list[ExportResponse]:
    call = Call(principal("ann", banks=EVERYTHING), ExportRequest())
    return [part async for part in ledger_reads.export(world.authority, call)]


async def indexes(world: World, start: int, size: int = 0) -> list[int]:
    request = ListEntriesRequest(start_index=start, page_size=size)
    call = Call(principal("ann", banks=EVERYTHING), request)
    listed = await world.authority.read(ledger_reads.list_entries, call)
    return [entry.index for entry in listed.entries]


async def test_an_export_verifies_and_names_who_made_it(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is exported, page after page, is whole by its checkpoint, and its last entry is the export itself."""
    monkeypatch.setattr(ledger_reads, "EXPORT_PAGE", 3)
    parts = await exported(world)
    bodies = [entry.body for part in parts[:-1] for entry in part.entries.entries]
    last = decode(bodies[-1])
    assert (last["kind"], last["by"]) == ("ledger_exported", actor("ann"))
    assert bodies == await world.bodies()
    path = tmp_path / "ledger"
    with path.open("wb") as file:
        export.write(file, ORIGIN, bodies, parts[-1].checkpoint)
    report = verify_export(path, world.authority.signer.verifier_key)
    assert (report.problems, report.entries) == ([], len(bodies))


async def test_the_checkpoint_is_the_newest(world: World) -> None:
    """GetCheckpoint gives what the last commit signed, and the key to check it with."""
    found = await world.authority.read(ledger_reads.get_checkpoint, world.authority.signer.verifier_key)
    assert found.checkpoint.split("\n")[1] == str(len(await world.bodies()))
    assert found.verifier_key == world.authority.signer.verifier_key


async def test_entries_are_listed_from_either_end(world: World) -> None:
    """A negative index counts from the end; pages are in order."""
    size = len(await world.bodies())
    assert await indexes(world, 0, 3) == [0, 1, 2]
    assert await indexes(world, -2) == [size - 2, size - 1]
    assert await indexes(world, -10 * size, 1) == [0]
    assert await indexes(world, size) == []


async def test_the_ledger_is_for_tokens_of_all_banks(world: World) -> None:
    """It tells of every bank, so a token of one bank neither lists nor exports it."""
    call: Call[Any] = Call(principal("ann"), ListEntriesRequest())
    with pytest.raises(Refusal, check=lambda e: e.reason == "BANK_NOT_COVERED"):
        await world.authority.read(ledger_reads.list_entries, call)
    with pytest.raises(Refusal, check=lambda e: e.reason == "BANK_NOT_COVERED"):
        _ = [part async for part in ledger_reads.export(world.authority, Call(principal("ann"), ExportRequest()))]
    assert await world.entries("ledger_exported") == []


async def test_an_entry_is_proven_against_the_newest_checkpoint(world: World) -> None:
    """Each entry's proof verifies by the ledger's key; there is none beyond the end, and none for one bank's token."""
    key, bodies = world.authority.signer.verifier_key, await world.bodies()
    for index in (0, len(bodies) - 1):
        call = Call(principal("ann", banks=EVERYTHING), GetProofRequest(index=index))
        proof = ledger_proof.of(await world.authority.read(ledger_reads.prove, key, call))
        signed, entry = ledger_proof.verify(ledger_proof.read(ledger_proof.write(proof)), key)
        assert (signed.size, entry, proof.body) == (len(bodies), decode(bodies[index]), bodies[index])
    beyond = Call(principal("ann", banks=EVERYTHING), GetProofRequest(index=len(bodies)))
    with pytest.raises(Refusal, check=lambda e: e.kind is Kind.NOT_FOUND):
        await world.authority.read(ledger_reads.prove, key, beyond)
    with pytest.raises(Refusal, check=lambda e: e.reason == "BANK_NOT_COVERED"):
        await world.authority.read(ledger_reads.prove, key, Call(principal("ann"), GetProofRequest()))


async def test_a_changed_entry_does_not_verify(world: World, tmp_path: Path) -> None:
    """Who edits an entry in the database is found out by the next export."""
    with world.authority.database.writer.begin() as connection:
        body = connection.execute(select(ledger_entry.c.body).where(ledger_entry.c.seq == 1)).scalar_one()
        connection.execute(update(ledger_entry).where(ledger_entry.c.seq == 2).values(body=body))
    parts = await exported(world)
    bodies = [entry.body for part in parts[:-1] for entry in part.entries.entries]
    path = tmp_path / "ledger"
    with path.open("wb") as file:
        export.write(file, ORIGIN, bodies, parts[-1].checkpoint)
    assert not verify_export(path, world.authority.signer.verifier_key).ok


async def test_entries_are_found_by_what_they_say(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """By kind, bank and words, the newest first; so many are looked at for a page, and the next one goes on there."""
    await world.ready("0001")
    await world.ask("0001")
    everything = [decode(body) for body in await world.bodies()]
    hired = [entry["seq"] for entry in everything if entry["kind"] == "employee_set"][::-1]
    assert await found(world, kind="employee_set") == (hired, -1)
    assert await found(world, kind="employee_set", bank=BANK) == ([], -1)
    (admitted,) = [entry for entry in everything if entry["kind"] == "admitted"]
    assert await found(world, containing=admitted["outreach"]) == ([admitted["seq"]], -1)
    assert await found(world, kind="employee_set", page_size=1) == (hired[:1], hired[0] - 1)
    monkeypatch.setattr(ledger_reads, "LOOKED_AT", 2)
    last = everything[-1]["seq"]
    assert await found(world, kind="nothing_of_the_kind") == ([], last - 2)
    assert await found(world, kind="nothing_of_the_kind", start_index=1) == ([], -1)


async def found(world: World, **wanted: Any) -> tuple[list[int], int]:
    request = ListEntriesRequest(newest_first=True, **wanted)
    listed = await world.authority.read(ledger_reads.list_entries, Call(principal("ann", banks=EVERYTHING), request))
    return [entry.index for entry in listed.entries], listed.next_index
