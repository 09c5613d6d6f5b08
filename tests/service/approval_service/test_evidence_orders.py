"""Packs of evidence that people asked for: whose they are, what they keep, how long, and how many."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from sqlalchemy import select, update

from approval_service import evidence_orders, schema
from approval_service.calls import Call
from approval_service.evidence_orders import KEPT_MS, MAX_OF_ONE, UNMADE_MS
from approval_service.personal_data import bulk
from outreach.domain.clocks import real_ms
from outreach.domain.errors import Kind, Refusal
from outreach.domain.masking import mask_account
from outreach.v1.evidence_service_pb2 import (
    DropEvidenceOrderRequest,
    EvidenceOrder,
    ExportEvidenceRequest,
    ListEvidenceOrdersRequest,
    OrderEvidenceRequest,
)
from tests.service.approval_service.test_evidence import PURPOSE, complained, make
from tests.service.approval_service.world import BANK, World, actor, phone_of, principal

orders = schema.evidence_order


async def order(world: World, employee: str = "ann", **changes: str) -> str:
    """Of account 0001, unless it says otherwise."""
    named = {"bank_id": BANK, "purpose": PURPOSE} | ({"account_number": "0001"} | changes)
    if "outreach_id" in changes or "order_id" in changes:
        del named["account_number"]
    request = OrderEvidenceRequest(wanted=ExportEvidenceRequest(**named))
    return (await evidence_orders.order(world.authority, Call(principal(employee), request))).order_id


async def listed(world: World, employee: str = "ann", banks: Sequence[str] = (BANK,)) -> list[EvidenceOrder]:
    call = Call(principal(employee, banks=banks), ListEvidenceOrdersRequest())
    return list((await world.authority.read(evidence_orders.list_orders, world.authority.keys, call)).orders)


def shift(world: World, order_id: str, **values: int) -> None:
    with world.authority.database.writer.begin() as connection:
        connection.execute(update(orders).where(orders.c.order_id == order_id).values(**values))


async def test_an_order_says_what_it_is_about_and_makes_the_same_pack(world: World) -> None:
    """The account masked; the pack is the account's; its entry names the order, and it can be made again."""
    await complained(world)
    order_id = await order(world)
    (one,) = await listed(world)
    assert (one.order_id, one.bank_id, one.subject, one.purpose) == (order_id, BANK, mask_account("0001"), PURPOSE)
    packs = [await make(world, order_id=order_id) for _ in range(2)]
    assert [pack.evidence.account.account_number for pack in packs] == ["0001", "0001"]
    assert [entry["order"] for entry in await world.entries("evidence_made")] == [order_id] * 2
    assert len(packs[0].evidence.outreach) == 2
    assert await listed(world) == [one]


async def test_an_order_of_one_message_is_of_that_one(world: World) -> None:
    first = await complained(world)
    order_id = await order(world, outreach_id=first)
    assert [one.subject for one in await listed(world)] == [first]
    pack = await make(world, order_id=order_id)
    assert [one.outreach.outreach_id for one in pack.evidence.outreach] == [first]


async def test_an_order_is_of_one_person_bank_and_purpose(world: World) -> None:
    """Nobody else sees, makes or drops it; nor is another purpose put under it."""
    await complained(world)
    order_id = await order(world)
    assert (await listed(world, "ben"), await listed(world, banks=("other-bank",))) == ([], [])
    for named in ({"employee": "ben"}, {"purpose": "TS-2"}, {"bank_id": "other-bank", "banks": ("other-bank",)}):
        with pytest.raises(Refusal, match="no such pack"):
            await make(world, order_id=order_id, **named)
    with pytest.raises(Refusal, match="no such pack"):
        await world.write(evidence_orders.drop, "ben", DropEvidenceOrderRequest(order_id=order_id))
    await world.write(evidence_orders.drop, "ann", DropEvidenceOrderRequest(order_id=order_id))
    assert await listed(world) == []
    assert await world.entries("evidence_made") == []


async def test_nothing_is_ordered_that_could_not_be_made(world: World) -> None:
    """What does not exist, another's bank, a name in the purpose, an order of an order, nobody's order."""
    await complained(world)
    for kind, changes in (
        (Kind.NOT_FOUND, {"account_number": "0404"}),
        (Kind.DENIED, {"bank_id": "other-bank"}),
        (Kind.INVALID, {"purpose": "张三 投诉"}),
        (Kind.INVALID, {"purpose": f"致电 {phone_of('0001')}"}),
        (Kind.INVALID, {"order_id": "X"}),
        (Kind.DENIED, {"employee": "nobody"}),
    ):
        with pytest.raises(Refusal, check=lambda e, kind=kind: e.kind is kind):  # type: ignore[misc]  # of the loop
            await order(world, **changes)
    assert await listed(world) == []


async def test_no_personal_data_is_in_the_row(world: World) -> None:
    await complained(world)
    await order(world)
    with world.authority.database.reader.connect() as connection:
        (row,) = connection.execute(select(orders)).all()
    assert row.ordered_by == actor("ann")
    assert "0001" not in (row.account_id, row.outreach_id, row.letter_number)


async def test_a_person_has_five(world: World) -> None:
    """A sixth waits while none is made; then the oldest that was made goes. Others have their own five."""
    await complained(world)
    mine = [await order(world) for _ in range(MAX_OF_ONE)]
    with pytest.raises(Refusal, check=lambda e: e.kind is Kind.EXHAUSTED):
        await order(world)
    await order(world, "ben")
    await make(world, order_id=mine[2])
    await make(world, order_id=mine[1])
    newest = await order(world)
    assert [one.order_id for one in await listed(world)] == [newest, mine[4], mine[3], mine[2], mine[0]]


async def test_an_order_is_forgotten(world: World) -> None:
    """A while after it was made, or long after it was asked for; the next order of anybody sweeps it away."""
    await complained(world)
    made, unmade, kept = [await order(world) for _ in range(3)]
    await make(world, order_id=made)
    shift(world, made, made_real_ms=real_ms() - KEPT_MS - 1)
    shift(world, unmade, ordered_real_ms=real_ms() - UNMADE_MS - 1)
    shift(world, kept, ordered_real_ms=real_ms() - KEPT_MS - 1)
    assert [one.order_id for one in await listed(world)] == [kept]
    bens = await order(world, "ben")
    with world.authority.database.reader.connect() as connection:
        assert set(connection.execute(select(orders.c.order_id)).scalars()) == {kept, bens}


async def test_a_pack_that_is_made_again_counts_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what one person may make alone: a crash of ours costs nobody a pack."""
    monkeypatch.setattr(bulk, "ALONE_A_DAY", 1)
    await complained(world)
    order_id = await order(world)
    for _ in range(2):
        await make(world, order_id=order_id)
    with pytest.raises(Refusal, match="packs a day alone"):
        await make(world, order_id=await order(world))
