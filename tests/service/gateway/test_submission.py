"""Submit and SubmitBatch through the gateway: gathering, order, errors of single items, unknown outcomes."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import grpc
import pytest

from gateway.main import gateway
from outreach.domain.errors import Kind, Refusal
from outreach.runtime import tls
from outreach.runtime.client import open_channel
from outreach.runtime.errors import refusal_of
from outreach.v1.admission_service_pb2 import AdmitRequest
from outreach.v1.outreach_service_pb2 import (
    SmsItem,
    SubmitBatchRequest,
    SubmitBatchResponse,
    SubmitRequest,
    SubmitResponse,
)
from tests.service.gateway.conftest import (
    SUBMIT,
    SUBMIT_BATCH,
    Edge,
    FakeAuthority,
    as_caller,
    item,
    running_edge,
    settings_for,
)


async def submit(edge: Edge, request_id: str, timeout_s: float = 10) -> SubmitResponse:
    response: SubmitResponse = await edge.call(
        SUBMIT, SubmitRequest(item=item(request_id)), SubmitResponse, timeout_s=timeout_s
    )
    return response


async def refusal(edge: Edge, request_id: str) -> Refusal:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await submit(edge, request_id)
    return refusal_of(raised.value)


async def batch(edge: Edge, items: list[SmsItem]) -> SubmitBatchResponse:
    response: SubmitBatchResponse = await edge.call(SUBMIT_BATCH, SubmitBatchRequest(items=items), SubmitBatchResponse)
    return response


async def test_each_caller_gets_its_own_answer(edge: Edge, authority: FakeAuthority) -> None:
    """Of many concurrent submits each gets the answer to its item, and the authority is asked few times."""

    async def commit(_: AdmitRequest) -> None:
        await asyncio.sleep(0.01)

    authority.before_admit = commit
    answers = await asyncio.gather(*(submit(edge, f"r{n}") for n in range(300)))
    assert [answer.decision.outreach_id for answer in answers] == [f"o-r{n}" for n in range(300)]
    assert len(authority.admits) < 60


async def test_what_arrives_while_an_admit_is_in_flight_goes_together(edge: Edge, authority: FakeAuthority) -> None:
    """With one call held up, single submits wait for the next one, in order of arrival; a large batch does not."""
    gate = asyncio.Event()

    async def hold_up(_: AdmitRequest) -> None:
        await gate.wait()

    authority.before_admit = hold_up
    first = asyncio.create_task(submit(edge, "first"))
    await reaches(authority, 1)
    singles = [asyncio.create_task(submit(edge, f"s{n}")) for n in range(50)]
    await asyncio.sleep(0.5)
    assert len(authority.admits) == 1
    large = asyncio.create_task(batch(edge, [item(f"b{n}") for n in range(100)]))
    await reaches(authority, 2)
    more = asyncio.create_task(batch(edge, [item(f"m{n}") for n in range(10)]))
    await asyncio.sleep(0.2)
    assert len(authority.admits) == 2
    gate.set()
    await asyncio.gather(first, large, more, *singles)
    asked = [[item.request_id for group in admit.groups for item in group.items] for admit in authority.admits]
    assert asked[0] == ["first"]
    assert asked[1][-100:] == [f"b{n}" for n in range(100)]
    assert asked[-1][-10:] == [f"m{n}" for n in range(10)]
    assert len(asked) <= 4


async def test_no_admit_carries_more_than_a_thousand_items(edge: Edge, authority: FakeAuthority) -> None:
    """Concurrent batches are gathered up to the authority's limit and no further."""
    await asyncio.gather(*(batch(edge, [item(f"{k}-{n}") for n in range(400)]) for k in range(8)))
    assert max(sum(len(group.items) for group in admit.groups) for admit in authority.admits) <= 1000


async def test_callers_are_told_apart(edge: Edge, authority: FakeAuthority) -> None:
    """Items gathered from several callers go under the principal that each belongs to."""
    request = SubmitRequest(item=item("x"))
    await asyncio.gather(
        *(edge.call(SUBMIT, request, SubmitResponse, as_caller(name)) for name in ("cases", "people") for _ in range(5))
    )
    asked = [(group.principal.caller_id, len(group.items)) for admit in authority.admits for group in admit.groups]
    assert sum(count for caller, count in asked if caller == "cases") == 5
    assert sum(count for caller, count in asked if caller == "people") == 5


async def test_bad_items_are_answered_in_place_and_good_ones_go_on(edge: Edge, authority: FakeAuthority) -> None:
    """A batch's answers stand in its order: decisions, bad shapes, another bank's item, and the authority's errors."""
    odd = item("odd").SerializeToString() + b"\xf8\x07\x01"
    items = [
        item("a"),
        item("bad phone", phone_number=""),
        item("b"),
        item("c", bank_id="other-bank"),
        item("conflict"),
        SmsItem.FromString(odd),
        item("d", variables={"x": "a\0b"}),
        item("e"),
    ]
    results = (await batch(edge, items)).results
    told = [(r.decision.outreach_id, r.error.code, r.error.field) for r in results]
    assert told == [
        ("o-a", 0, ""),
        ("", 3, "request_id"),
        ("o-b", 0, ""),
        ("", 7, "bank_id"),
        ("", 6, "request_id"),
        ("", 3, "127"),
        ("", 3, "variables[x]"),
        ("o-e", 0, ""),
    ]
    assert "phone_number" in results[1].error.message
    assert [r.error.reason for r in results[1:5]] == ["INVALID", "", "BANK_NOT_ALLOWED", "REUSED"]
    asked = [item.request_id for admit in authority.admits for group in admit.groups for item in group.items]
    assert asked == ["a", "b", "conflict", "e"]


@pytest.mark.parametrize("count", [0, 1001])
async def test_a_batch_of_a_wrong_size_is_refused(edge: Edge, authority: FakeAuthority, count: int) -> None:
    """None and more than a thousand items name the list; nothing of them is handed on."""
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await batch(edge, [item(str(n)) for n in range(count)])
    assert refusal_of(raised.value).field == "items"
    assert authority.admits == []


async def test_a_batch_costs_its_items(edge: Edge) -> None:
    """A batch may overdraw a caller's rate once; the next call waits for the debt."""
    slow = as_caller("slow-cases")
    request = SubmitBatchRequest(items=[item(str(n)) for n in range(20)])
    await edge.call(SUBMIT_BATCH, request, SubmitBatchResponse, slow)
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await edge.call(SUBMIT_BATCH, request, SubmitBatchResponse, slow)
    refused = refusal_of(raised.value)
    assert refused.kind is Kind.EXHAUSTED
    assert 0.5 < refused.retry_after_s < 4


async def test_an_error_of_the_item_is_the_call_s_error(edge: Edge) -> None:
    """A single submit that the authority cannot decide ends with the item's code, reason and field."""
    refused = await refusal(edge, "conflict")
    assert (refused.kind, refused.reason, refused.field) == (Kind.CONFLICT, "REUSED", "item.request_id")


async def test_an_unknown_outcome_says_that_it_may_be_sent_again(state_dir: Path) -> None:
    """If the authority dies with a request in hand, the caller gets UNAVAILABLE, RetryInfo and the way out."""
    authority = FakeAuthority(state_dir)

    async def hang(_: AdmitRequest) -> None:
        await asyncio.sleep(60)

    authority.before_admit = hang
    async with running_edge(state_dir, authority.address) as edge:
        async with authority.running(grace_s=0):
            call = asyncio.create_task(refusal(edge, "x"))
            await reaches(authority, 1)
        refused = await call
    assert (refused.kind, refused.reason) == (Kind.UNAVAILABLE, "OUTCOME_UNKNOWN")
    assert refused.retry_after_s > 0
    assert "same request_id" in refused.message


async def test_one_caller_s_poison_does_not_fail_the_others(edge: Edge, authority: FakeAuthority) -> None:
    """If the authority fails on a gathered call, each caller's items are asked about alone; only the culprit fails."""
    gate = asyncio.Event()

    async def fail_on_poison(request: AdmitRequest) -> None:
        await gate.wait()
        if any(item.request_id == "poison" for group in request.groups for item in group.items):
            raise ValueError("poison")

    authority.before_admit = fail_on_poison
    held = asyncio.create_task(submit(edge, "held"))
    await reaches(authority, 1)
    poison = asyncio.create_task(refusal(edge, "poison"))
    good = [asyncio.create_task(submit(edge, f"g{n}")) for n in range(5)]
    await asyncio.sleep(0.2)
    gate.set()
    await asyncio.gather(held, *good)
    assert (await poison).reason == "INTERNAL"


async def test_a_caller_that_left_is_not_asked_about(edge: Edge, authority: FakeAuthority) -> None:
    """A call whose deadline passed before its items were handed on is dropped, so that nothing is taken unseen."""
    gate = asyncio.Event()

    async def hold_up(_: AdmitRequest) -> None:
        await gate.wait()

    authority.before_admit = hold_up
    held = asyncio.create_task(submit(edge, "held"))
    await reaches(authority, 1)
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await submit(edge, "late", timeout_s=0.2)
    assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    await asyncio.sleep(0.5)
    gate.set()
    await held
    await submit(edge, "after")
    asked = [item.request_id for admit in authority.admits for group in admit.groups for item in group.items]
    assert asked == ["held", "after"]


async def test_a_stopping_gateway_answers_what_it_took(state_dir: Path, authority: FakeAuthority) -> None:
    """A submit in flight when the gateway is told to stop still gets its decision."""

    async def slow(_: AdmitRequest) -> None:
        await asyncio.sleep(0.3)

    authority.before_admit = slow
    async with AsyncExitStack() as stack:
        async with gateway(settings_for(state_dir, authority.address)) as running:
            address, credentials = f"127.0.0.1:{running.grpc_port}", tls.channel_credentials(state_dir)
            channel = await stack.enter_async_context(open_channel(address, credentials))
            call = asyncio.create_task(submit(Edge(running, channel), "x"))
            await reaches(authority, 1)
        assert (await call).decision.outreach_id == "o-x"


async def reaches(authority: FakeAuthority, count: int) -> None:
    for _ in range(500):
        if len(authority.admits) >= count:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"the authority was asked {len(authority.admits)} times, not {count}")
