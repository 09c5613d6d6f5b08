"""Gathering, without a network: what the service tests cannot bring about at will."""

from __future__ import annotations

import asyncio

import pytest

from gateway import admission
from gateway.admission import Admission
from outreach.domain.errors import Refusal
from outreach.v1.admission_service_pb2 import AdmitRequest, AdmitResponse, AdmitResult
from outreach.v1.common_pb2 import Principal
from outreach.v1.outreach_service_pb2 import Decision, SmsItem

CASES = Principal(caller_id="cases")


def items(*request_ids: str) -> list[SmsItem]:
    return [SmsItem(request_id=request_id) for request_id in request_ids]


async def echo(request: AdmitRequest) -> AdmitResponse:
    return AdmitResponse(
        results=[
            AdmitResult(decision=Decision(outreach_id=item.request_id).SerializeToString())
            for group in request.groups
            for item in group.items
        ]
    )


async def test_calls_of_the_same_turn_go_together() -> None:
    """Even when idle, calls that are ready at the same moment share one Admit, one group per principal in a row."""
    asked: list[AdmitRequest] = []

    async def admit(request: AdmitRequest) -> AdmitResponse:
        asked.append(request)
        return await echo(request)

    gatherer = Admission(admit)
    await asyncio.gather(*(gatherer.decide(CASES, items(str(n))) for n in range(10)))
    assert [[item.request_id for item in group.items] for group in asked[0].groups] == [[str(n) for n in range(10)]]
    assert len(asked) == 1


async def test_too_many_waiting_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the authority does not keep up, further requests are refused before anything of them is sent."""
    monkeypatch.setattr(admission, "MAX_WAITING", 4)
    gate = asyncio.Event()

    async def admit(request: AdmitRequest) -> AdmitResponse:
        await gate.wait()
        return await echo(request)

    gatherer = Admission(admit)
    held = []
    for n in range(5):
        held.append(asyncio.create_task(gatherer.decide(CASES, items(str(n)))))
        await asyncio.sleep(0.01)
    with pytest.raises(Refusal) as refused:
        await gatherer.decide(CASES, items("x"))
    assert refused.value.reason == "BUSY"
    gate.set()
    assert [Decision.FromString(result.decision).outreach_id for call in held for result in await call] == [
        "0",
        "1",
        "2",
        "3",
        "4",
    ]
    await gatherer.decide(CASES, items("x"))


async def test_a_wrong_number_of_answers_reaches_nobody() -> None:
    """If the authority answered another number of items, no caller gets somebody else's decision."""

    async def admit(_: AdmitRequest) -> AdmitResponse:
        return AdmitResponse(results=[AdmitResult()])

    gatherer = Admission(admit)
    outcomes = await asyncio.gather(*(gatherer.decide(CASES, items(str(n))) for n in range(3)), return_exceptions=True)
    assert all(isinstance(outcome, ValueError) for outcome in outcomes)


async def test_callers_that_all_left_leave_nothing_to_ask() -> None:
    """If every waiting caller has gone, no empty Admit is made, and the next caller is served."""
    asked = 0
    gate = asyncio.Event()

    async def admit(request: AdmitRequest) -> AdmitResponse:
        nonlocal asked
        asked += 1
        await gate.wait()
        return await echo(request)

    gatherer = Admission(admit)
    held = []
    for n in range(2):
        held.append(asyncio.create_task(gatherer.decide(CASES, items(str(n)))))
        await asyncio.sleep(0.01)
    left = asyncio.create_task(gatherer.decide(CASES, items("left")))
    await asyncio.sleep(0.01)
    left.cancel()
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(*held)
    assert asked == 2
    assert Decision.FromString((await gatherer.decide(CASES, items("next")))[0].decision).outreach_id == "next"
