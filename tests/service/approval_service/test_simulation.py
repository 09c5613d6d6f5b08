"""A simulation says what really happens once the draft is in force: the same days are lived through under both."""

from __future__ import annotations

import random
from contextlib import suppress
from typing import Any

import pytest

from approval_service import bank_events, cancellation, policies
from approval_service.database import Database
from approval_service.simulation import reading
from approval_service.simulation.past import UNKNOWN
from approval_service.simulation.replay import NOT_AFTER
from outreach.domain.clocks import real_ms
from outreach.domain.errors import Refusal
from outreach.v1.bank_service_pb2 import Balance, BankEvent
from outreach.v1.outreach_service_pb2 import CancelRequest, SmsItem
from outreach.v1.policy_service_pb2 import ActivatePolicyRequest, CarrierChoice, DraftPolicyRequest, Policy
from tests.service.approval_service.simulated import MINUTE_MS, Days, Story, story
from tests.service.approval_service.world import (
    AGENCY,
    BANK,
    CARRIER,
    DAY_MS,
    HOTLINE,
    NOW_MS,
    PEOPLE,
    World,
    clear,
    phone_of,
    running_authority,
)

HOUR_MS = 60 * MINUTE_MS
OTHER_HOTLINE = "95511"
BASE: dict[str, Any] = {
    "hotlines": [HOTLINE, OTHER_HOTLINE],
    "sms_per_day": 2,
    "sms_gap_minutes": 120,
    "balance_max_age_minutes": 10_080,
}
NUMBERS = ("7001", "7002", "7003", "7004")


async def draft(world: World, **thresholds: Any) -> int:
    named = {"bank_name": "示例银行", "agency_id": AGENCY, "agency_name": "示例催收"}
    policy = Policy(**(named | {"carriers": [CarrierChoice(carrier_id=CARRIER)]} | BASE | thresholds))
    drafted = await world.write(policies.draft, "ann", DraftPolicyRequest(bank_id=BANK, policy=policy))
    return drafted.version.version


async def put_in_force(world: World, **thresholds: Any) -> int:
    version = await draft(world, **thresholds)
    await world.write(policies.activate, "ben", ActivatePolicyRequest(bank_id=BANK, version=version))
    return version


async def begin(world: World, **thresholds: Any) -> None:
    """A bank with a template, whose policy has the thresholds."""
    await world.hire(*PEOPLE)
    await put_in_force(world)
    await world.authority.write(bank_events.prove_feeds, (BANK, real_ms()))
    await Days(world).mark_feed()
    await world.approve((await world.draft()).digest)
    await put_in_force(world, **thresholds)
    for number in NUMBERS:
        await world.place(number, phone_of("7001" if number == "7002" else number))


async def tell_amounts(world: World, sequence: int) -> None:
    """Nothing grows old."""
    for number in NUMBERS:
        balance = Balance(account_number=number, sequence=sequence, overdue_amount_fen=100, outstanding_amount_fen=200)
        balance.as_of_time.FromMilliseconds(world.now_ms())
        await world.apply(BankEvent(balance=balance))
    await Days(world).mark_feed()


async def live(world: World, seed: int, *, cancels: bool) -> None:
    """Five days of requests, and of what happens meanwhile: the same for the same seed."""
    chance, days = random.Random(seed), Days(world)  # reproducible on purpose
    moments = sorted(chance.randrange(5 * 24 * 60) for _ in range(30))
    for index, minute in enumerate(moments):
        await days.until(NOW_MS + minute * MINUTE_MS)
        await tell_amounts(world, sequence=index + 2)
        number = chance.choice(NUMBERS)
        match chance.randrange(12):
            case 0 if cancels:
                request = CancelRequest(bank_id=BANK, account_number=number, reason="客户来电")
                await world.write(cancellation.cancel_requested, "dan", request)
            case _:
                fields = _item(world, chance, f"asked{index}")
                with suppress(Refusal):  # it asks to wait longer than the policy allows
                    await world.submit(number, phone_of("7001" if number == "7002" else number), **fields)
        await days.until(world.now_ms())
    await days.until(NOW_MS + 8 * DAY_MS)


def _item(world: World, chance: random.Random, request_id: str) -> dict[str, Any]:
    item = SmsItem(request_id=request_id, variables={"line": chance.choice([HOTLINE, OTHER_HOTLINE])})
    if chance.randrange(3) == 0:
        item.not_before.FromMilliseconds(world.now_ms() + chance.randrange(20) * HOUR_MS)
    if chance.randrange(4) == 0:
        item.not_after.FromMilliseconds(world.now_ms() + (21 + chance.randrange(30)) * HOUR_MS)
    return {field.name: value for field, value in item.ListFields()}


async def lived(
    database: Database, seed: int, thresholds: dict[str, Any], drafted: dict[str, Any], *, cancels: bool
) -> Story:
    """The days under a policy, and what a simulation of a draft says of them."""
    async with running_authority(database) as authority:
        world = World(authority)
        await begin(world, **thresholds)
        await live(world, seed, cancels=cancels)
        return await story(world, await draft(world, **drafted))


DRAFTS: dict[str, dict[str, Any]] = {
    "the same": {},
    "shorter hours": {"contact_from_minute": 600, "contact_until_minute": 1080},
    "fewer": {"sms_per_day": 1, "sms_per_seven_days": 2, "sms_gap_minutes": 1_440},
    "more": {"sms_per_day": 4, "sms_per_seven_days": 28, "sms_gap_minutes": 30},
    "another name": {"agency_name": "另一机构"},
    "one hotline": {"hotlines": [OTHER_HOTLINE]},
    "short lives": {"request_lifetime_minutes": 1_500},
    "approval over": {"approval_life_days": 3},
    "all of it": {
        "contact_from_minute": 540,
        "sms_per_day": 1,
        "sms_gap_minutes": 600,
        "hotlines": [HOTLINE],
        "request_lifetime_minutes": 4_000,
        "approval_life_days": 4,
    },
}


@pytest.mark.parametrize("name", DRAFTS)
async def test_it_says_what_really_happens_under_the_draft(
    database: Database, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each request's outcome and codes, of a looser, a stricter and the same policy; read in the smallest batches."""
    monkeypatch.setattr(reading, "SUBJECTS", 2)
    monkeypatch.setattr(reading, "REQUESTS", 3)
    cancels = name in ("the same", "more")  # what waits longer may be cancelled while it does: nobody can know
    seed = list(DRAFTS).index(name)
    simulated = await lived(database, seed, {}, DRAFTS[name], cancels=cancels)
    clear(database)
    under_draft = await lived(database, seed, DRAFTS[name], {}, cancels=cancels)
    told = {request_id: become for request_id, become in simulated.would.items() if become.outcome != UNKNOWN}
    really = {request_id: become for request_id, become in under_draft.really.items() if request_id in told}
    assert {key: (one.outcome, sorted(one.codes)) for key, one in really.items()} == {
        key: (told[key].outcome, sorted(told[key].codes)) for key in really
    }
    refused = {request_id for request_id, become in told.items() if NOT_AFTER in become.codes}
    assert refused == simulated.would.keys() - under_draft.really.keys()
    assert len(told) > len(simulated.would) / 2
