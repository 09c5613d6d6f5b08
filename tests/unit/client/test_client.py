"""The client library against a real gRPC server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from outreach.client import Client, Kind, Refusal
from outreach.v1.common_pb2 import State
from outreach.v1.hold_service_pb2 import PlaceHoldRequest
from outreach.v1.hold_service_pb2_grpc import HoldServiceStub
from outreach.v1.outreach_service_pb2 import (
    CancelResponse,
    Decision,
    ItemError,
    ItemResult,
    ListResponse,
    Outreach,
    SmsItem,
    StatusChange,
    SubmitBatchResponse,
    SubmitResponse,
    WatchResponse,
)
from tests.fakes.gateway import BANK, FakeGateway


def item(number: int) -> SmsItem:
    return SmsItem(request_id=f"r-{number}", bank_id=BANK)


def lost() -> Refusal:
    return Refusal(Kind.UNAVAILABLE, "temporarily unavailable")


def decide(request: Any) -> SubmitBatchResponse:
    """Admits each item under an id made of its request id."""
    results = [ItemResult(decision=Decision(outreach_id=f"o-{entry.request_id}")) for entry in request.items]
    return SubmitBatchResponse(results=results)


async def test_a_call_names_who_makes_it(gateway: FakeGateway) -> None:
    """The gateway knows caller, employee, team, roles and banks from the token."""
    gateway.answers["Submit"] = lambda request: SubmitResponse(decision=Decision(outreach_id="o-1"))
    async with gateway.serving(), gateway.client() as client:
        assert (await client.submit(item(1))).outreach_id == "o-1"
    (principal,) = gateway.principals
    assert (principal.caller_id, principal.employee_id, principal.team) == ("caller-1", "employee-1", "team-1")
    assert list(principal.bank_ids) == [BANK]


async def test_a_busy_gateway_is_given_the_time_it_asks_for(gateway: FakeGateway) -> None:
    """After RESOURCE_EXHAUSTED with RetryInfo the next attempt waits at least as long, whatever the call is."""
    gateway.refusals = [Refusal(Kind.EXHAUSTED, "slow down", retry_after_s=0.3)]
    async with gateway.serving(), gateway.client() as client:
        begun = time.monotonic()
        await client.call(HoldServiceStub(client.channel).PlaceHold, PlaceHoldRequest())
        assert time.monotonic() - begun >= 0.3
    assert len(gateway.asked("PlaceHold")) == 2


async def test_a_lost_answer_is_asked_for_again_only_where_that_is_safe(gateway: FakeGateway) -> None:
    """Submitting is repeated under the same request id; placing a hold is not."""
    gateway.refusals = [lost(), lost()]
    async with gateway.serving(), gateway.client() as client:
        await client.submit(item(1))
        assert [request.item.request_id for request in gateway.asked("Submit")] == ["r-1"] * 3
        gateway.refusals = [lost()]
        with pytest.raises(Refusal) as raised:
            await client.call(HoldServiceStub(client.channel).PlaceHold, PlaceHoldRequest())
        assert raised.value.kind is Kind.UNAVAILABLE
    assert len(gateway.asked("PlaceHold")) == 1


async def test_what_is_wrong_is_told_at_once(gateway: FakeGateway) -> None:
    """A refusal that waiting cannot help comes back with its field, after one attempt."""
    gateway.refusals = [Refusal(Kind.INVALID, "item.phone_number: too long", field="item.phone_number")]
    async with gateway.serving(), gateway.client() as client:
        with pytest.raises(Refusal) as raised:
            await client.submit(item(1))
    assert raised.value.violations == (("item.phone_number", "item.phone_number: too long"),)
    assert len(gateway.asked("Submit")) == 1


async def test_patience_ends(gateway: FakeGateway) -> None:
    """A gateway that stays down ends in the refusal it gave, after the time that was asked for."""
    gateway.refusals = [lost() for _ in range(100)]
    async with gateway.serving(), gateway.client(patience_s=0.5) as client:
        begun = time.monotonic()
        with pytest.raises(Refusal, match="temporarily"):
            await client.submit(item(1))
        assert time.monotonic() - begun < 1
    assert 2 <= len(gateway.asked("Submit")) < 10


async def test_many_are_answered_in_order(gateway: FakeGateway) -> None:
    """Answers come in the items' order, each with its item, in batches of the size asked for; few are under way."""
    under_way, most = 0, 0

    async def slowly(request: Any) -> SubmitBatchResponse:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.02 if "r-0" in request.items[0].request_id else 0.001)
        under_way -= 1
        return decide(request)

    gateway.answers["SubmitBatch"] = slowly
    async with gateway.serving(), gateway.client() as client:
        answers = [
            (sent.request_id, result.decision.outreach_id)
            async for sent, result in client.submit_many(map(item, range(95)), batch_size=10, concurrency=3)
        ]
    assert answers == [(f"r-{number}", f"o-r-{number}") for number in range(95)]
    assert [len(request.items) for request in gateway.asked("SubmitBatch")] == [10] * 9 + [5]
    assert most <= 3


async def test_an_item_s_own_error_stops_no_other(gateway: FakeGateway) -> None:
    """One bad item of a batch is answered with its error, the others with their decisions."""
    good, bad = (
        ItemResult(decision=Decision(outreach_id="o")),
        ItemResult(error=ItemError(code=3, field="phone_number")),
    )
    gateway.answers["SubmitBatch"] = lambda request: SubmitBatchResponse(results=[good, bad, good])
    async with gateway.serving(), gateway.client() as client:
        results = [result async for _, result in client.submit_many(map(item, range(3)))]
    assert [result.WhichOneof("result") for result in results] == ["decision", "error", "decision"]


async def test_a_batch_that_fails_for_good_ends_the_rest(gateway: FakeGateway) -> None:
    """What came before the failed batch is yielded; then the refusal is raised."""

    def third_fails(request: Any) -> SubmitBatchResponse:
        if request.items[0].request_id == "r-2":
            raise Refusal(Kind.DENIED, "not for this role")
        return decide(request)

    gateway.answers["SubmitBatch"] = third_fails
    seen = []

    async def submit(client: Client) -> None:
        async for sent, _ in client.submit_many(map(item, range(9)), batch_size=1, concurrency=2):
            seen.append(sent.request_id)

    async with gateway.serving(), gateway.client() as client:
        with pytest.raises(Refusal, match="role"):
            await submit(client)
    assert seen == ["r-0", "r-1"]


async def test_listing_fetches_every_page(gateway: FakeGateway) -> None:
    """All pages are listed, by their tokens."""
    pages = {"": (["a", "b"], "two"), "two": (["c"], "three"), "three": ([], "")}

    def page(request: Any) -> ListResponse:
        ids, following = pages[request.page_token]
        return ListResponse(outreach=[Outreach(outreach_id=name) for name in ids], next_page_token=following)

    gateway.answers["List"] = page
    async with gateway.serving(), gateway.client() as client:
        found = [entry.outreach_id async for entry in client.list(BANK, case_id="c-1", state=State.STATE_SENT)]
    assert found == ["a", "b", "c"]
    assert {(request.case_id, request.state) for request in gateway.asked("List")} == {("c-1", State.STATE_SENT)}


async def test_cancelling_names_its_scope(gateway: FakeGateway) -> None:
    """Ids, account and case each become the request's scope."""
    gateway.answers["Cancel"] = lambda request: CancelResponse(cancelled_ids=["o-1"])
    async with gateway.serving(), gateway.client() as client:
        await client.cancel(BANK, "why", outreach_ids=["o-1"])
        await client.cancel(BANK, "why", account_number="6222")
        assert list((await client.cancel(BANK, "why", case_id="c-1")).cancelled_ids) == ["o-1"]
    assert [request.WhichOneof("scope") for request in gateway.asked("Cancel")] == [
        "outreach_ids",
        "account_number",
        "case_id",
    ]


def changes_up_to(gateway: FakeGateway, last: int) -> None:
    """The gateway tells positions after the one asked for, up to `last`, and then keeps the stream open."""

    async def tell(request: Any) -> AsyncIterator[WatchResponse]:
        for position in range(request.after_position + 1, last + 1):
            yield WatchResponse(change=StatusChange(position=position))
        if not request.only_past:
            await asyncio.sleep(60)

    gateway.answers["Watch"] = tell


async def test_watching_goes_on_when_the_gateway_restarts(gateway: FakeGateway) -> None:
    """Over a restart no change is lost and none told twice."""
    changes_up_to(gateway, 3)
    seen: list[int] = []
    three_seen = asyncio.Event()

    async def watch() -> None:
        async for change in client.watch(BANK):
            seen.append(change.position)
            if change.position == 3:
                three_seen.set()
            if change.position == 6:
                return

    async with gateway.serving():
        client = gateway.client()
        watching = asyncio.create_task(watch())
        await asyncio.wait_for(three_seen.wait(), 10)
    changes_up_to(gateway, 6)
    async with gateway.serving():
        await asyncio.wait_for(watching, 10)
        await client.__aexit__()
    assert seen == [1, 2, 3, 4, 5, 6]
    assert gateway.asked("Watch")[-1].after_position == 3


async def test_watching_the_past_ends(gateway: FakeGateway) -> None:
    """With `only_past` the iteration ends after the changes there are."""
    changes_up_to(gateway, 3)
    async with gateway.serving(), gateway.client() as client:
        assert [c.position async for c in client.watch(BANK, after_position=1, only_past=True)] == [2, 3]


async def test_watching_without_leave_raises(gateway: FakeGateway) -> None:
    """A refusal that a later attempt cannot change ends the watch."""
    gateway.refusals = [Refusal(Kind.DENIED, "not this bank")]
    async with gateway.serving(), gateway.client() as client:
        with pytest.raises(Refusal, match="bank"):
            await anext(client.watch(BANK))
