from __future__ import annotations

import pytest

from approval_service import holds
from approval_service.calls import Call
from outreach.domain import states
from outreach.domain.errors import Kind, Refusal
from outreach.v1.bank_service_pb2 import BankEvent, HoldInstruction
from outreach.v1.common_pb2 import Principal
from outreach.v1.hold_service_pb2 import (
    ApproveLiftRequest,
    Hold,
    HoldKind,
    ListHoldsRequest,
    PlaceHoldRequest,
    RequestLiftRequest,
)
from outreach.v1.worker_service_pb2 import Outcome
from tests.service.approval_service.world import BANK, World, actor, principal

PHONE = "13800138001"
COMPLAINT = HoldKind.HOLD_KIND_COMPLAINT


@pytest.fixture
async def world(world: World) -> World:
    """With an approved version and an account to write to."""
    await world.place("6001-0001", PHONE)
    await world.approve((await world.draft()).digest)
    return world


def hold_request(reason: str = "客户投诉") -> PlaceHoldRequest:
    return PlaceHoldRequest(bank_id=BANK, account_number="6001-0001", kind=COMPLAINT, reason=reason)


async def list_holds(world: World, *, lifted: bool = False, to_lift: bool = False) -> list[Hold]:
    request = ListHoldsRequest(bank_id=BANK, include_lifted=lifted, lift_requested=to_lift)
    call = Call(principal("ann"), request)
    return list((await world.authority.read(holds.list_holds, world.authority.keys, call)).holds)


async def test_a_hold_stops_what_is_pending_and_what_comes(world: World) -> None:
    """What is pending is cancelled with a notice, and a request that comes later is blocked; the ledger says why."""
    pending = await world.submit("6001-0001", PHONE)
    placed = await world.write(holds.place_hold, "ann", hold_request())
    assert list(placed.cancelled_ids) == [pending.outreach_id]
    assert (await world.outreach(pending.outreach_id)).cause == "ACCOUNT_ON_HOLD"
    assert [entry["outreach"] for entry in await world.entries("notice")] == [pending.outreach_id]
    blocked = await world.submit("6001-0001", PHONE)
    assert (blocked.state, blocked.findings[0].code) == (states.BLOCKED, "ACCOUNT_ON_HOLD")
    (entry,) = await world.entries("hold_placed")
    assert (entry["hold_kind"], entry["reason"], entry["by"]) == ("COMPLAINT", "客户投诉", actor("ann"))


async def test_a_hold_names_what_may_be_leaving(world: World) -> None:
    """A message whose permit was given before is named; handed back unsent, it is cancelled."""
    released = await world.submit("6001-0001", PHONE)
    (permit,) = await world.lease()
    placed = await world.write(holds.place_hold, "ann", hold_request())
    assert list(placed.possibly_leaving_attempt_ids) == [permit.attempt_id]
    await world.report(permit.attempt_id, Outcome.OUTCOME_NOT_SENT)
    assert (await world.outreach(released.outreach_id)).state == states.CANCELLED


async def test_lifting_takes_a_reason_and_another_person(world: World) -> None:
    """Nobody lifts what they asked to lift, by whatever caller; a lifted hold revives nothing, later requests pass."""
    cancelled = await world.submit("6001-0001", PHONE)
    hold = (await world.write(holds.place_hold, "ann", hold_request())).hold
    approval = ApproveLiftRequest(hold_id=hold.hold_id)
    with pytest.raises(Refusal, check=lambda e: e.reason == "LIFT_NOT_REQUESTED"):
        await world.write(holds.approve_lift, "cat", approval)
    request = RequestLiftRequest(hold_id=hold.hold_id, reason="投诉已结案")
    await world.write(holds.request_lift, "ben", request)
    with pytest.raises(Refusal, check=lambda e: e.reason == "LIFT_REQUESTED"):
        await world.write(holds.request_lift, "cat", request)
    with pytest.raises(Refusal, check=lambda e: (e.kind, e.reason) == (Kind.DENIED, "SAME_PERSON")):
        await world.write(holds.approve_lift, "ben", approval)
    await world.hire_at("elsewhere", "ben")
    elsewhere = Principal(caller_id="elsewhere", employee_id="ben", bank_ids=[BANK])
    with pytest.raises(Refusal, check=lambda e: e.reason == "SAME_PERSON"):
        await world.authority.write(holds.approve_lift, Call(elsewhere, approval))
    assert (await world.submit("6001-0001", PHONE)).state == states.BLOCKED
    lifted = (await world.write(holds.approve_lift, "cat", approval)).hold
    assert (lifted.lift_requested_by, lifted.lifted_by) == (actor("ben"), actor("cat"))
    assert (await world.outreach(cancelled.outreach_id)).state == states.CANCELLED
    assert (await world.submit("6001-0001", PHONE)).state == states.ADMITTED
    with pytest.raises(Refusal, check=lambda e: e.reason == "HOLD_LIFTED"):
        await world.write(holds.approve_lift, "dan", approval)


async def test_holds_are_shown_masked(world: World) -> None:
    """A list shows the last four characters of the number only, and lifted holds only when asked."""
    hold = (await world.write(holds.place_hold, "ann", hold_request())).hold
    assert hold.masked_account_number == "****0001"
    assert await list_holds(world) == [hold]
    assert await list_holds(world, to_lift=True) == []
    asked = (await world.write(holds.request_lift, "ben", RequestLiftRequest(hold_id=hold.hold_id, reason="r"))).hold
    assert await list_holds(world, to_lift=True) == [asked]
    await world.write(holds.approve_lift, "cat", ApproveLiftRequest(hold_id=hold.hold_id))
    assert await list_holds(world) == await list_holds(world, to_lift=True) == []
    assert [hold.lifted_by for hold in await list_holds(world, lifted=True)] == [actor("cat")]


async def test_the_list_is_paged(world: World) -> None:
    """Every hold comes once, newest first."""
    placed = [(await world.write(holds.place_hold, "ann", hold_request())).hold.hold_id for _ in range(3)]
    seen: list[str] = []
    request = ListHoldsRequest(bank_id=BANK, page_size=2)
    while not seen or request.page_token:
        call = Call(principal("ann"), request)
        page = await world.authority.read(holds.list_holds, world.authority.keys, call)
        seen.extend(hold.hold_id for hold in page.holds)
        request.page_token = page.next_page_token
    assert seen == sorted(placed, reverse=True)


async def test_what_is_not_known_is_not_found(world: World) -> None:
    """An unplaced account and another bank's hold are NOT_FOUND alike."""
    unknown = PlaceHoldRequest(bank_id=BANK, account_number="9999", kind=COMPLAINT, reason="r")
    with pytest.raises(Refusal, check=lambda e: e.kind is Kind.NOT_FOUND):
        await world.write(holds.place_hold, "ann", unknown)
    hold = (await world.write(holds.place_hold, "ann", hold_request())).hold
    request = RequestLiftRequest(hold_id=hold.hold_id, reason="r")
    with pytest.raises(Refusal, check=lambda e: e.kind is Kind.NOT_FOUND):
        await world.write(holds.request_lift, "ben", request, banks=["other-bank"])


async def test_reasons_hold_no_numbers(world: World) -> None:
    """A reason with what may be a phone number is refused; one of the bank's own holds the account all the same."""
    with pytest.raises(Refusal, check=lambda e: (e.kind, e.field) == (Kind.INVALID, "reason")):
        await world.write(holds.place_hold, "ann", hold_request("来电 138-0013-8001"))
    instruction = HoldInstruction(account_number="6001-0001", kind=COMPLAINT, reason="来电 13800138001")
    await world.apply(BankEvent(hold=instruction))
    assert (await world.submit("6001-0001", PHONE)).state == states.BLOCKED
    assert not any(b"13800138001" in body for body in await world.bodies())


async def test_a_date_is_no_number(world: World) -> None:
    """A reason may name a day."""
    placed = await world.write(holds.place_hold, "ann", hold_request("2026-11-24 来函"))
    assert placed.hold.reason == "2026-11-24 来函"


async def test_only_an_active_employee_holds_and_lifts(world: World) -> None:
    """Somebody who is not in service changes no hold."""
    with pytest.raises(Refusal, check=lambda e: e.reason == "OPERATOR_MISSING"):
        await world.write(holds.place_hold, "", hold_request())


async def test_a_reason_does_not_name_the_parties(world: World) -> None:
    """A person must leave the name out; the bank's event takes effect, and the ledger is not told its wording."""
    request = hold_request()
    request.reason = "张三来电投诉"
    with pytest.raises(Refusal, check=lambda e: (e.kind, e.field) == (Kind.INVALID, "reason")):
        await world.write(holds.place_hold, "ann", request)
    told = HoldInstruction(account_number=request.account_number, kind=request.kind, reason=request.reason)
    await world.apply(BankEvent(hold=told))
    (entry,) = await world.entries("hold_placed")
    assert "reason" not in entry
