"""A bank's next carrier stands in while the first is down; and lookups at the carrier with growing pauses."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import update

from approval_service import leases, lookups, schema, templates
from approval_service.authority import Authority
from outreach.v1.policy_service_pb2 import CarrierChoice
from outreach.v1.template_service_pb2 import Filing, RecordFilingRequest
from outreach.v1.worker_service_pb2 import LeaseRequest, ListLookupsRequest, Outcome, Permit
from tests.service.approval_service.world import CARRIER, PEOPLE, World

PHONE = "13900000001"
SECOND = "cloud-sms"


async def ready(authority: Authority, second: CarrierChoice) -> World:
    world = World(authority)
    await world.hire(*PEOPLE)
    await world.open_bank(next_carriers=[second])
    await world.approve((await world.draft()).digest)
    await world.place("6200001", PHONE)
    await world.submit("6200001", PHONE)
    return world


async def lease(world: World, carrier_id: str, down: Sequence[str] = ()) -> list[Permit]:
    lease_id = f"{carrier_id}-{len(down)}-{world.now_ms()}"
    request = LeaseRequest(
        worker_id="w", carrier_ids=[carrier_id], max_permits=9, lease_id=lease_id, down_carrier_ids=down
    )
    return list((await world.authority.write(leases.lease, request)).permits)


async def test_the_next_carrier_stands_in_only_while_the_first_is_down(authority: Authority) -> None:
    """Messages leave through the first carrier of the policy that is not down, whoever asks."""
    world = await ready(authority, CarrierChoice(carrier_id=SECOND))
    assert not await lease(world, SECOND)
    (permit,) = await lease(world, SECOND, down=[CARRIER])
    assert permit.carrier_id == SECOND


async def test_what_the_next_carrier_has_no_copy_of_waits_for_the_first(authority: Authority) -> None:
    """A version that is not filed with the stand-in is not cancelled for that: it leaves when the first is back."""
    world = await ready(authority, CarrierChoice(carrier_id=SECOND, renders_registered_copy=True))
    assert not await lease(world, SECOND, down=[CARRIER])
    (permit,) = await lease(world, CARRIER)
    assert permit.carrier_id == CARRIER


async def test_only_a_copy_that_was_compared_stands_for_the_text(authority: Authority) -> None:
    """A carrier's copy on record, of a carrier that the policy does not name as rendering it, is not asked for."""
    world = await ready(authority, CarrierChoice(carrier_id=SECOND))
    digest = (await world.draft(name="second")).digest
    await world.approve(digest)
    filing = Filing(carrier_id=CARRIER, template_code="SMS_1", registered_text="立即还款", state=Filing.STATE_PASSED)
    await world.write(templates.record_filing, "ann", RecordFilingRequest(digest=digest, filing=filing))
    await world.place("6200002", "13900000002")
    await world.submit("6200002", "13900000002", template_name="second")
    codes = {permit.template_digest: permit.carrier_template_code for permit in await lease(world, CARRIER)}
    assert codes[digest] == ""


async def test_lookups_come_with_growing_pauses_while_records_last(authority: Authority) -> None:
    """An unconfirmed attempt is asked about at once, then after ever longer pauses, until the records end."""
    world = await ready(authority, CarrierChoice(carrier_id=SECOND))
    (permit,) = await world.lease()
    await world.report(permit.attempt_id, Outcome.OUTCOME_UNKNOWN)
    request = ListLookupsRequest(carrier_id=CARRIER, max_age_ms=86_400_000)

    async def taken() -> list[str]:
        return [lookup.phone_number for lookup in (await authority.write(lookups.take, request)).lookups]

    def released(ago_ms: int) -> None:
        with authority.database.writer.begin() as connection:
            column = schema.attempt.c.released_real_ms
            connection.execute(update(schema.attempt).values(released_real_ms=column - ago_ms, next_lookup_real_ms=0))

    assert await taken() == [PHONE]
    assert await taken() == []
    released(0)
    assert await taken() == [PHONE]
    released(86_400_000)
    assert await taken() == []
    assert await taken() == []
    pauses = [lookups.pause_ms(count) for count in range(30)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (60_000, 6 * 3_600_000)
