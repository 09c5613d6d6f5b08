from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from approval_service import policies
from approval_service.calls import Call
from outreach.domain.errors import Kind, Refusal
from outreach.v1.policy_service_pb2 import (
    ActivatePolicyRequest,
    CarrierChoice,
    DraftPolicyRequest,
    GetPolicyRequest,
    ListPoliciesRequest,
    Policy,
    PolicyVersion,
)
from tests.service.approval_service.world import BANK, CARRIER, World, actor, principal

HOUR_MS = 3_600_000


async def draft(world: World, effective_ms: int | None = None, **thresholds: Any) -> PolicyVersion:
    policy = Policy(
        bank_name="示例银行",
        agency_id="demo-agency",
        agency_name="示例催收",
        carriers=[CarrierChoice(carrier_id=CARRIER)],
        **thresholds,
    )
    request = DraftPolicyRequest(bank_id=BANK, policy=policy)
    if effective_ms is not None:
        request.effective_from.FromMilliseconds(effective_ms)
    return (await world.write(policies.draft, "ann", request)).version


async def activate(world: World, version: int, by: str = "ben") -> PolicyVersion:
    request = ActivatePolicyRequest(bank_id=BANK, version=version)
    return (await world.write(policies.activate, by, request)).version


async def get(world: World, version: int = 0, banks: Sequence[str] = (BANK,)) -> PolicyVersion:
    call = Call(principal("ann", banks=banks), GetPolicyRequest(bank_id=BANK, version=version))
    return (await world.authority.read(policies.get, call)).version


async def test_unset_thresholds_take_the_defaults(world: World) -> None:
    """A stored version says what decides: every default is filled in, and what was set stays, zero included."""
    policy = (await draft(world, sms_per_day=0, contact_from_minute=540)).policy
    assert policy.agency_must_be_named
    assert (policy.contact_from_minute, policy.contact_until_minute) == (540, 1260)
    assert (policy.sms_per_day, policy.sms_per_seven_days, policy.sms_gap_minutes) == (0, 3, 1440)
    assert (policy.balance_max_age_minutes, policy.request_lifetime_minutes) == (1440, 10080)
    assert policy.time_zone == "Asia/Shanghai"


async def test_a_drafter_does_not_activate(world: World) -> None:
    """A version decides nothing until somebody else activates it, once; both are in the ledger."""
    before = await get(world)
    drafted = await draft(world, sms_per_day=2)
    assert drafted.version == before.version + 1
    assert await get(world) == before
    with pytest.raises(Refusal, check=lambda e: (e.kind, e.reason) == (Kind.DENIED, "SAME_PERSON")):
        await activate(world, drafted.version, by="ann")
    active = await activate(world, drafted.version)
    assert active.activated_by == actor("ben")
    assert await get(world) == active
    with pytest.raises(Refusal, check=lambda e: e.reason == "POLICY_ACTIVE"):
        await activate(world, drafted.version, by="cat")
    assert [(e["version"], e["by"]) for e in await world.entries("policy_activated")][-1] == (
        drafted.version,
        actor("ben"),
    )


async def test_the_ledger_shows_what_a_version_said(world: World) -> None:
    """Both entries have the digest of its thresholds, so that an edit of the stored version shows."""
    first, second = await draft(world, sms_per_day=2), await draft(world, sms_per_day=3)
    await activate(world, first.version)
    digests = {entry["version"]: entry["digest"] for entry in await world.entries("policy_drafted")}
    assert digests[first.version] == policies.digest(first.policy) != digests[second.version]
    assert (await world.entries("policy_activated"))[-1]["digest"] == policies.digest((await get(world)).policy)


async def test_a_version_rules_from_its_effective_time(world: World) -> None:
    """Activated for later, it waits for its time; without one, it rules from its activation."""
    now = world.now_ms()
    current = await get(world)
    later = await draft(world, now + HOUR_MS)
    await activate(world, later.version)
    assert (await get(world)).version == current.version
    world.set_clock(now + HOUR_MS)
    assert (await get(world)).version == later.version
    at_once = await draft(world)
    active = await activate(world, at_once.version)
    assert active.effective_from.ToMilliseconds() == now + HOUR_MS
    assert (await get(world)).version == at_once.version


async def test_rules_are_not_changed_for_the_past(world: World) -> None:
    """A draft whose effective time passed more than a minute ago is activated no more."""
    drafted = await draft(world, world.now_ms() + HOUR_MS)
    world.set_clock(drafted.effective_from.ToMilliseconds() + 60_001)
    with pytest.raises(Refusal, check=lambda e: e.reason == "EFFECTIVE_TIME_PASSED"):
        await activate(world, drafted.version)
    world.set_clock(drafted.effective_from.ToMilliseconds() + 60_000)
    assert (await activate(world, drafted.version)).activated_by


@pytest.mark.parametrize(
    ("thresholds", "field"),
    [
        ({"contact_from_minute": 1000, "contact_until_minute": 1000}, "policy.contact_until_minute"),
        ({"time_zone": "Asia/Peking"}, "policy.time_zone"),
        ({"time_zone": "../etc"}, "policy.time_zone"),
    ],
)
async def test_thresholds_that_make_no_sense_are_refused(world: World, thresholds: dict[str, Any], field: str) -> None:
    """The refusal names the field."""
    with pytest.raises(Refusal) as caught:
        await draft(world, **thresholds)
    assert (caught.value.kind, caught.value.field) == (Kind.INVALID, field)


async def test_versions_are_listed_newest_first_and_by_bank(world: World) -> None:
    """Pages follow one another; another bank's token sees nothing."""
    for _ in range(3):
        await draft(world)
    request = ListPoliciesRequest(bank_id=BANK, page_size=3)
    first = await world.authority.read(policies.list_versions, Call(principal("ann"), request))
    request.page_token = first.next_page_token
    second = await world.authority.read(policies.list_versions, Call(principal("ann"), request))
    assert [v.version for v in [*first.versions, *second.versions]] == [4, 3, 2, 1]
    assert second.next_page_token == ""
    with pytest.raises(Refusal, check=lambda e: e.kind is Kind.DENIED):
        await get(world, banks=["other-bank"])


async def test_a_bank_without_policy_says_so(world: World) -> None:
    """NOT_FOUND tells that none is in force, and that a version does not exist."""
    call = Call(principal("ann", banks=["*"]), GetPolicyRequest(bank_id="new-bank"))
    with pytest.raises(Refusal, check=lambda e: e.kind is Kind.NOT_FOUND):
        await world.authority.read(policies.get, call)
    with pytest.raises(Refusal, check=lambda e: e.kind is Kind.NOT_FOUND):
        await get(world, version=99)


def test_the_defaults_are_those_of_the_contract() -> None:
    """Each optional threshold has a default, and nothing else does."""
    optional = {field.name for field in Policy.DESCRIPTOR.fields if field.has_presence}
    assert set(policies.DEFAULTS) == optional
