"""A restricted person: written to no more, shown to nobody but an inspector, lifted by two."""

from __future__ import annotations

import asyncio

import pytest

from approval_service import accounts, holds, replies, views
from approval_service.calls import Call
from approval_service.personal_data import requests
from outreach.domain import states
from outreach.domain.errors import Refusal
from outreach.domain.roles import INSPECTOR, SUPERVISOR
from outreach.v1.bank_service_pb2 import GetAccountRequest
from outreach.v1.hold_service_pb2 import HoldKind, ListHoldsRequest, PlaceHoldRequest
from outreach.v1.outreach_service_pb2 import GetRequest, ListRepliesRequest, ListRequest
from outreach.v1.person_service_pb2 import DecideForPersonRequest, ListPersonRequestsRequest, PersonState
from outreach.v1.worker_service_pb2 import CarrierReply, Outcome
from tests.service.approval_service.people import LIFT, People
from tests.service.approval_service.test_erasure import refused
from tests.service.approval_service.world import BANK, CARRIER, World, phone_of, principal

NUMBER = "6001"


@pytest.fixture
async def people(world: World) -> People:
    """Accounts 6001 and 6002, to each of whose debtors a message was sent and one waits; 6001's wrote back."""
    await world.open_bank(sms_per_day=4, sms_gap_minutes=30)
    await world.ready(NUMBER, "6002")
    for number in (NUMBER, "6002"):
        await world.ask(number)
        await world.ask(number)
    for permit in await world.lease():
        await world.report(permit.attempt_id, Outcome.OUTCOME_ACCEPTED)
    reply = CarrierReply(carrier_id=CARRIER, reply_id="m1", phone_number=phone_of(NUMBER), text="周五还")
    await world.authority.write(replies.receive, reply)
    return People(world)


async def shown(people: People, *roles: str) -> int:
    """How many outreach a list shows."""
    authority = people.world.authority
    call = Call(principal("ann", roles=roles), ListRequest(bank_id=BANK))
    return len((await authority.read(views.list_page, authority.keys, call)).outreach)


async def test_nothing_more_is_sent_at_the_door_and_at_the_permit(people: People) -> None:
    done = await people.restrict(NUMBER)
    assert len(done.cancelled_ids) == 1
    decision = await people.world.ask(NUMBER)
    assert decision.state == states.BLOCKED
    assert "DO_NOT_CONTACT" in {finding.code for finding in decision.findings}
    assert (await people.world.ask("6002")).state == states.ADMITTED
    await refused(people.restrict(NUMBER), "RESTRICTED_ALREADY")
    (entry,) = await people.world.entries("person_restricted")
    assert entry["reason"] == "依法保存 kept by law"


async def test_it_shows_in_no_list_but_an_inspector_s(people: People) -> None:
    world, authority = people.world, people.world.authority
    assert await shown(people, SUPERVISOR) == 4
    place = PlaceHoldRequest(
        bank_id=BANK, account_number=NUMBER, kind=HoldKind.HOLD_KIND_DISPUTE, reason="有异议 disputed"
    )
    await world.write(holds.place_hold, "cat", place)
    await people.restrict(NUMBER)
    assert await shown(people, SUPERVISOR) == 2
    assert await shown(people, INSPECTOR) == 4
    found = await people.get(NUMBER, SUPERVISOR)
    assert (found.state, found.masked_name, list(found.masked_accounts)) == (
        PersonState.PERSON_STATE_RESTRICTED,
        "",
        [],
    )
    assert (await people.get(NUMBER, INSPECTOR)).masked_name == "张*"
    account = Call(principal("ann", roles=[SUPERVISOR]), GetAccountRequest(bank_id=BANK, account_number=NUMBER))
    await refused(authority.read(accounts.get_account, authority.keys, account), "PERSON_RESTRICTED")
    told = await world.write(replies.list_replies, "ann", ListRepliesRequest(bank_id=BANK))
    assert list(told.replies) == []
    listed = Call(principal("ann"), ListHoldsRequest(bank_id=BANK))
    (hold,) = (await authority.read(holds.list_holds, authority.keys, listed)).holds
    assert (hold.masked_account_number, hold.reason) == ("", "")
    rows = [await world.outreach(entry["outreach"]) for entry in await world.entries("sent")]
    (restricted,) = [row for row in rows if row.person_id == found.person_id]
    with pytest.raises(Refusal):
        await authority.read(views.get, Call(principal("ann"), GetRequest(outreach_id=restricted.outreach_id)))


async def test_lifting_takes_another_person_and_revives_nothing(people: People) -> None:
    with pytest.raises(Refusal, match="not restricted"):
        await people.ask(NUMBER, LIFT)
    (cancelled,) = (await people.restrict(NUMBER)).cancelled_ids
    asked = await people.ask(NUMBER, LIFT)
    await refused(people.ask(NUMBER, LIFT), "ASKED_ALREADY")
    await refused(people.decide(asked.request_id, employee="ann"), "SAME_PERSON")
    assert (await people.world.ask(NUMBER)).state == states.BLOCKED
    await people.decide(asked.request_id)
    assert (await people.get(NUMBER)).state == PersonState.PERSON_STATE_NORMAL
    assert (await people.world.outreach(cancelled)).state == states.CANCELLED
    assert (await people.world.ask(NUMBER)).state == states.ADMITTED
    assert await shown(people, SUPERVISOR) == 6


async def test_a_restricted_person_is_erased_in_the_end(people: People) -> None:
    await people.restrict(NUMBER)
    people.years_later()
    await people.erase(NUMBER)
    assert (await people.get(NUMBER)).state == PersonState.PERSON_STATE_ERASED
    await people.world.place(NUMBER, phone_of(NUMBER))
    assert (await people.get(NUMBER)).state == PersonState.PERSON_STATE_NORMAL


async def test_another_bank_s_people_are_unknown(people: People) -> None:
    asked_for = ListPersonRequestsRequest(bank_id="other-bank")
    reading = people.world.authority.read(requests.list_requests, Call(principal("ann"), asked_for))
    await refused(reading, "BANK_NOT_COVERED")
    found = await people.get(NUMBER)
    await people.world.hire_at("elsewhere", "zoe")
    people.years_later()
    asked = await people.ask(NUMBER)
    with pytest.raises(Refusal, match="No such request"):
        await people.world.write(
            requests.decide, "ben", DecideForPersonRequest(request_id=asked.request_id), banks=["other-bank"]
        )
    assert found.person_id == asked.person_id


async def test_no_permit_comes_after_a_restriction(world: World) -> None:
    """Leases and restrictions at once: in the ledger's order nothing is released to a person once restricted, and what
    was released before is named in the answer."""
    numbers = [f"80{number:02}" for number in range(30)]
    await world.ready(*numbers)
    asked = {number: (await world.ask(number)).outreach_id for number in numbers}
    people = People(world)

    async def lease() -> None:
        for _ in range(15):
            await world.lease(2)

    restricted = [people.restrict(number) for number in numbers]
    answers = (await asyncio.gather(lease(), *restricted, lease()))[1:-1]
    entries = await world.entries()
    barred = {entry["person"]: entry["seq"] for entry in entries if entry["kind"] == "person_restricted"}
    released = {entry["outreach"]: entry for entry in entries if entry["kind"] == "released"}
    for number, answer in zip(numbers, answers, strict=True):
        assert answer is not None
        left = released.get(asked[number])
        assert left is None or left["seq"] < barred[answer.person_id]
        assert list(answer.possibly_leaving_attempt_ids) == ([left["attempt"]] if left else [])
    assert len(barred) == len(numbers)
