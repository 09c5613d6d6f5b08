"""A long message at a carrier that sends a receipt for each segment."""

from __future__ import annotations

from typing import Any

import pytest

from approval_service import reports
from approval_service.authority import Authority
from outreach.domain import states
from outreach.v1.worker_service_pb2 import AttemptReport, Outcome, Receipt
from tests.service.approval_service.world import CARRIER, PEOPLE, World

PHONE = "13900000001"


async def sent(
    authority: Authority, outcome: Outcome.ValueType, ids: tuple[str, ...], segments: int = 2
) -> tuple[World, str]:
    """A world in which one long message was sent; its outreach."""
    world = World(authority)
    await world.hire(*PEOPLE)
    await world.open_bank()
    await world.approve((await world.draft()).digest)
    await world.place("6200001", PHONE)
    decision = await world.submit("6200001", PHONE)
    (permit,) = await world.lease()
    first_id = ids[0] if ids else ""
    report = AttemptReport(
        attempt_id=permit.attempt_id,
        outcome=outcome,
        carrier_message_id=first_id,
        segments=segments,
        segment_message_ids=ids,
    )
    await authority.write_many(reports.report, [report])
    return world, decision.outreach_id


async def state_after(world: World, outreach_id: str, message_id: str, **fields: Any) -> int:
    receipt = Receipt(carrier_id=CARRIER, carrier_message_id=message_id, segments=1, carrier_code="C", **fields)
    assert list(await world.authority.write_many(reports.receive, [receipt])) == [True]
    return int((await world.outreach(outreach_id)).state)


async def test_it_is_delivered_once_each_segment_is(authority: Authority) -> None:
    """The first receipt, and a repeat of it, tell nothing final; the last one does, in whatever order they come."""
    world, outreach_id = await sent(authority, Outcome.OUTCOME_ACCEPTED, ("m1", "m2"))
    assert await state_after(world, outreach_id, "m2", delivered=True) == states.SENT
    assert await state_after(world, outreach_id, "m2", delivered=True) == states.SENT
    assert await state_after(world, outreach_id, "m1", delivered=True) == states.DELIVERED


async def test_the_first_segment_that_fails_decides(authority: Authority) -> None:
    """A person who got half of it did not get it, whatever comes later."""
    world, outreach_id = await sent(authority, Outcome.OUTCOME_ACCEPTED, ("m1", "m2"))
    assert await state_after(world, outreach_id, "m2", delivered=False) == states.UNDELIVERED
    assert await state_after(world, outreach_id, "m1", delivered=True) == states.UNDELIVERED


async def test_half_a_message_never_counts_as_delivered(authority: Authority) -> None:
    """Of an unconfirmed message, only one segment is known to have been taken: its receipt is no proof of the rest."""
    world, outreach_id = await sent(authority, Outcome.OUTCOME_UNKNOWN, ("m1",))
    assert await state_after(world, outreach_id, "m1", delivered=True) == states.UNCONFIRMED


@pytest.mark.parametrize("numbers", [("m7", "m8")])
async def test_segments_without_a_known_id_are_matched_by_number(
    authority: Authority, numbers: tuple[str, str]
) -> None:
    """When every answer was lost, the receipts of all segments to the one candidate's number confirm it."""
    world, outreach_id = await sent(authority, Outcome.OUTCOME_UNKNOWN, ())
    first, second = numbers
    assert await state_after(world, outreach_id, first, delivered=True, phone_number=PHONE) == states.UNCONFIRMED
    assert await state_after(world, outreach_id, second, delivered=True, phone_number=PHONE) == states.DELIVERED
