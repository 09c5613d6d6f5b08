"""Retention: who goes is told before anybody goes, a batch takes two people, and it survives a kill at any moment."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from approval_service import holds, schema
from approval_service.calls import Call
from approval_service.personal_data import erasing, erasure, requests, retention
from approval_service.store.head import read_catalog_version
from outreach.domain.errors import Refusal
from outreach.v1.hold_service_pb2 import HoldKind, PlaceHoldRequest
from outreach.v1.person_service_pb2 import (
    AskRetentionRequest,
    AskRetentionResponse,
    DecideForPersonRequest,
    DecideForPersonResponse,
    GetRetentionRequest,
    GetRetentionResponse,
    PersonRequestState,
)
from outreach.v1.worker_service_pb2 import Outcome
from tests.service.approval_service.people import RETENTION_DAYS, People
from tests.service.approval_service.test_erasure import refused
from tests.service.approval_service.world import BANK, DAY_MS, World, phone_of, principal

NUMBERS = [f"60{number:02}" for number in range(25)]
HELD, RECENT = "7001", "7002"


@pytest.fixture
async def people(world: World) -> People:
    """25 accounts whose retention period will be over, one on hold and one that the bank placed only lately."""
    await world.ready(*NUMBERS, HELD)
    await world.ask(NUMBERS[0])
    (permit,) = await world.lease()
    await world.report(permit.attempt_id, Outcome.OUTCOME_ACCEPTED)
    place = PlaceHoldRequest(
        bank_id=BANK, account_number=HELD, kind=HoldKind.HOLD_KIND_LITIGATION, reason="诉讼 in court"
    )
    await world.write(holds.place_hold, "cat", place)
    people = People(world)
    people.years_later()
    await world.place(RECENT, phone_of(RECENT))
    return people


async def report(people: People, **fields: Any) -> GetRetentionResponse:
    authority = people.world.authority
    catalog = await authority.read(authority.catalogs.at, await authority.read(read_catalog_version))
    call = Call(principal("ann"), GetRetentionRequest(bank_id=BANK, **fields))
    return await authority.read(retention.get_retention, catalog, call)


async def ask(people: People, limit: int = 0) -> AskRetentionResponse:
    authority = people.world.authority
    catalog = await authority.read(authority.catalogs.at, await authority.read(read_catalog_version))
    request = AskRetentionRequest(bank_id=BANK, limit=limit, reason="到期清理 2030Q1")
    asked = await authority.read(retention.find, catalog, Call(principal("ann"), request))
    return await authority.write(retention.ask, asked)


async def decide(people: People, batch_id: str, employee: str = "ben") -> DecideForPersonResponse:
    return await people.write(requests.decide, employee, DecideForPersonRequest(batch_id=batch_id, approve=True))


def held_persons(people: People) -> int:
    with people.world.authority.database.reader.connect() as connection:
        return len(connection.execute(select(schema.person.c.person_id)).all())


async def test_the_report_tells_who_goes_before_anybody_goes(people: People) -> None:
    told = await report(people, page_size=10)
    assert (told.retention_days, told.total, len(told.lines)) == (RETENTION_DAYS, len(NUMBERS), 10)
    assert all(line.retained_until.ToMilliseconds() <= people.world.now_ms() for line in told.lines)
    seen = [line.person_id for line in told.lines]
    while told.next_page_token:
        told = await report(people, page_size=10, page_token=told.next_page_token)
        seen += [line.person_id for line in told.lines]
    assert len(set(seen)) == len(NUMBERS)
    for number in (HELD, RECENT):
        assert (await people.get(number)).person_id not in seen
    assert held_persons(people) == len(NUMBERS) + 2


async def test_a_policy_s_own_period_counts(people: People) -> None:
    await people.world.open_bank(retention_days=1100)
    told = await report(people)
    assert (told.retention_days, told.total) == (1100, 0)
    people.world.set_clock(people.world.now_ms() + 5 * DAY_MS)
    assert (await report(people)).total == len(NUMBERS)


async def test_a_batch_is_erased_by_two(people: People) -> None:
    batch = await ask(people)
    assert batch.people == len(NUMBERS)
    assert (await report(people)).total == 0
    await refused(decide(people, batch.batch_id, "ann"), "SAME_PERSON")
    assert await people.sweep() == 0
    assert (await decide(people, batch.batch_id)).decided == len(NUMBERS)
    assert await people.sweep() == len(NUMBERS)
    assert held_persons(people) == 2
    assert len(await people.world.entries("person_erased")) == len(NUMBERS)
    with pytest.raises(Refusal, match="Nobody"):
        await ask(people)


async def test_somebody_of_a_batch_who_must_be_kept_after_all_is_left_out(people: People) -> None:
    batch = await ask(people)
    place = PlaceHoldRequest(
        bank_id=BANK, account_number=NUMBERS[3], kind=HoldKind.HOLD_KIND_COMPLAINT, reason="投诉 complaint"
    )
    await people.world.write(holds.place_hold, "cat", place)
    await decide(people, batch.batch_id)
    assert await people.sweep() == len(NUMBERS) - 1
    found = await people.get(NUMBERS[3])
    assert found.requests[0].state == PersonRequestState.PERSON_REQUEST_STATE_STOPPED


async def test_a_killed_batch_goes_on_where_it_was(people: People) -> None:
    """Each part is a transaction of its own, and what is left to do stands in the database for the next process."""
    batch = await ask(people)
    await decide(people, batch.batch_id)
    authority = people.world.authority
    first = await authority.write(erasure.sweep, "")
    assert first.erased == erasure.PART
    assert held_persons(people) == len(NUMBERS) + 2 - erasure.PART
    # The next process knows nothing of `first`.
    assert await erasing.round_of(authority) == len(NUMBERS) - erasure.PART
    assert await erasing.round_of(authority) == 0
    erased = [entry["person"] for entry in await people.world.entries("person_erased")]
    assert len(erased) == len(set(erased)) == len(NUMBERS)


async def test_a_part_that_fails_leaves_everything_as_it_was(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a kill in the midst of a transaction."""
    batch = await ask(people)
    await decide(people, batch.batch_id)
    destroy, calls = erasure.destroy, []

    def dies(*args: Any) -> None:
        destroy(*args)
        calls.append(args)
        if len(calls) == 4:
            raise RuntimeError("killed")

    monkeypatch.setattr(erasure, "destroy", dies)
    with pytest.raises(RuntimeError):
        await people.sweep()
    assert held_persons(people) == len(NUMBERS) + 2
    assert await people.world.entries("person_erased") == []
    monkeypatch.setattr(erasure, "destroy", destroy)
    assert await people.sweep() == len(NUMBERS)


async def test_permits_do_not_wait_for_a_batch(people: People) -> None:
    """A lease that is asked for while a batch is erased is answered between its parts."""
    batch = await ask(people)
    await decide(people, batch.batch_id)
    await people.world.open_bank()  # its feed is fresh again
    await people.world.ask(RECENT)
    sweeping = asyncio.create_task(people.sweep())
    await asyncio.sleep(0)
    permits = await people.world.lease()
    left = held_persons(people)
    assert await sweeping == len(NUMBERS)
    assert [permit.phone_number for permit in permits] == [phone_of(RECENT)]
    assert left > 2  # the batch was not over yet
