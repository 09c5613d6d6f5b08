"""Proofs from the ledger's kept subtrees, on both kinds of database."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Sequence

import pytest
from sqlalchemy import Connection, select, update

from approval_service.ledger_proofs import tiles
from approval_service.schema import ledger_entry, ledger_subtree
from approval_service.store import log
from approval_service.writer import Tx
from outreach.ledger import merkle
from outreach.ledger.merkle import Frontier, leaf_hash
from tests.service.approval_service.world import BANK, World


def _filled(tx: Tx, counts: Sequence[int]) -> Sequence[None]:
    for count in counts:
        for number in range(count):
            tx.record("filler", BANK, number=number + 1)
    return [None] * len(counts)


async def grow(world: World, *counts: int) -> None:
    """A transaction for each count, of that many entries."""
    for count in counts:
        await world.authority.write(_filled, count)


def _prove(connection: Connection, size: int, index: int, old_size: int) -> tuple[list[bytes], list[bytes]]:
    found = tiles(connection, size)
    return found.inclusion(index), found.consistency(old_size)


@pytest.mark.parametrize("index", [0, 255, 256, 700, 1023])
async def test_an_entry_is_proven_in_every_later_tree(world: World, index: int) -> None:
    """Whatever transactions it grew by: the proofs are the whole tree's, whether or not it ends with a full subtree."""
    await grow(world, 200, 100, 1, 255, 500)
    leaves = [leaf_hash(body) for body in await world.bodies()]
    assert len(leaves) > 1024
    for size in {index + 1, 1024, len(leaves) - 1, len(leaves)} - set(range(index + 1)):
        inclusion, consistency = await world.authority.read(_prove, size, index, index + 1)
        assert inclusion == merkle.inclusion_proof(leaves[:size], index)
        assert consistency == merkle.consistency_proof(leaves[:size], index + 1)


async def test_a_refused_transaction_keeps_no_subtree(world: World) -> None:
    """What is rolled back leaves neither entries nor roots, and the next transaction's are those of the tree."""
    await grow(world, 200)

    def failing(tx: Tx, payloads: Sequence[int]) -> Sequence[None]:
        _filled(tx, payloads)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await world.authority.write(failing, 300)
    await grow(world, 300)
    frontier = Frontier()
    told = frontier.extend([leaf_hash(body) for body in await world.bodies()])
    kept = await world.authority.read(lambda connection: connection.execute(select(ledger_subtree)).all())
    assert sorted(map(tuple, kept)) == told


async def test_an_entry_changed_by_hand_is_proven_no_more(world: World) -> None:
    """Its proof leads elsewhere than to the signed root; those of other subtrees still hold."""
    await grow(world, 600)

    def change(connection: Connection) -> None:
        connection.execute(update(ledger_entry).where(ledger_entry.c.seq == 300).values(body=b"{}"))
        connection.commit()

    await world.authority.read(change)
    checkpoint, size = await world.authority.read(log.checkpoint)
    root = b64decode(checkpoint.split("\n")[2])
    bodies = await world.bodies()
    for index, holds in ((300, False), (301, False), (10, True), (599, True)):
        inclusion, _ = await world.authority.read(_prove, size, index, 1)
        assert merkle.verify_inclusion(leaf_hash(bodies[index]), index, size, inclusion, root) is holds
