"""Exports of what is held of a person: a purpose, another person, once, within a day, on record."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson
import pytest

from approval_service import replies
from approval_service.calls import Call
from approval_service.personal_data import exports
from outreach.domain.errors import Refusal
from outreach.v1.person_service_pb2 import FetchPersonExportRequest, PersonRequestState
from outreach.v1.worker_service_pb2 import CarrierReply, Outcome
from tests.service.approval_service.mailroom import address_of, open_mailroom
from tests.service.approval_service.people import EXPORT, People
from tests.service.approval_service.test_erasure import refused
from tests.service.approval_service.world import CARRIER, DAY_MS, World, phone_of, principal

NUMBER = "6001"


@pytest.fixture
async def people(world: World) -> People:
    """Account 6001, whose debtor was written to and wrote back."""
    await world.ready(NUMBER)
    await world.ask(NUMBER)
    (permit,) = await world.lease()
    await world.report(permit.attempt_id, Outcome.OUTCOME_ACCEPTED)
    reply = CarrierReply(carrier_id=CARRIER, reply_id="m1", phone_number=phone_of(NUMBER), text="周五还")
    await world.authority.write(replies.receive, reply)
    return People(world)


async def fetch(people: People, request_id: str, employee: str = "ann", **fields: Any) -> bytes:
    authority = people.world.authority
    call = Call(principal(employee, **fields), FetchPersonExportRequest(request_id=request_id))
    return await authority.write(exports.record, await authority.read(exports.collect, authority.keys, call))


async def test_it_takes_two_and_is_fetched_once(people: People) -> None:
    asked = await people.ask(NUMBER, EXPORT)
    await refused(fetch(people, asked.request_id), "EXPORT_NOT_READY")
    await refused(people.decide(asked.request_id, employee="ann"), "SAME_PERSON")
    await people.decide(asked.request_id)
    await refused(fetch(people, asked.request_id, "ben"), "NOT_THE_ASKER")
    content = await fetch(people, asked.request_id)
    held = orjson.loads(content)
    assert held["purpose"] == "本人来函 LTR-17"
    assert held["person"]["name"] == "张三"
    assert [one["phone_number"] for one in held["phone_numbers"]] == [phone_of(NUMBER)]
    assert held["accounts"][0]["account_number"] == NUMBER
    (message,) = held["messages_and_letters"]
    assert message["asked"]["phone_number"] == phone_of(NUMBER)
    assert message["sent"][0]["as_sent"]["phoneNumber"] == phone_of(NUMBER)
    assert message["replies"][0]["text"] == "周五还"
    (entry,) = await people.world.entries("person_export_fetched")
    assert entry["content_sha256"] == hashlib.sha256(content).hexdigest()
    assert entry["purpose"] == "本人来函 LTR-17"
    await refused(fetch(people, asked.request_id), "EXPORT_NOT_READY")
    assert (await people.get(NUMBER)).requests[0].state == PersonRequestState.PERSON_REQUEST_STATE_DONE


async def test_after_a_day_it_is_asked_for_anew(people: People) -> None:
    asked = await people.ask(NUMBER, EXPORT)
    await people.decide(asked.request_id)
    people.world.set_clock(people.world.now_ms() + DAY_MS + 1)
    await refused(fetch(people, asked.request_id), "EXPORT_EXPIRED")
    assert (await people.get(NUMBER)).requests[0].state == PersonRequestState.PERSON_REQUEST_STATE_EXPIRED


async def test_another_bank_gets_nothing(people: People) -> None:
    asked = await people.ask(NUMBER, EXPORT)
    await people.decide(asked.request_id)
    with pytest.raises(Refusal, match="no such export"):
        await fetch(people, asked.request_id, banks=["other-bank"])


async def test_letters_are_told_as_they_were_printed(world: World) -> None:
    mailroom, people = await open_mailroom(world), People(world)
    await mailroom.place("7001")
    await mailroom.printed("7001")
    asked = await people.ask("7001", EXPORT)
    await people.decide(asked.request_id)
    (letter,) = orjson.loads(await fetch(people, asked.request_id))["messages_and_letters"]
    assert letter["asked"]["address"] == address_of("7001")
    assert letter["sent"][0]["as_printed"]["recipientName"] == "张三丰"


async def test_nothing_is_given_out_of_somebody_erased_meanwhile(people: People) -> None:
    people.years_later()
    asked = await people.ask(NUMBER, EXPORT)
    await people.decide(asked.request_id)
    await people.erase(NUMBER)
    await refused(fetch(people, asked.request_id), "PERSON_ABSENT")
