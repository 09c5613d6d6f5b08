from __future__ import annotations

import asyncio
from typing import Any

import pytest

from approval_service import cancellation
from approval_service.calls import Call
from outreach.domain import states
from outreach.domain.errors import Kind, Refusal
from outreach.v1.common_pb2 import Principal
from outreach.v1.outreach_service_pb2 import CancelRequest, CancelResponse, OutreachIds
from outreach.v1.worker_service_pb2 import Outcome
from tests.service.approval_service.world import BANK, World

NUMBERS = ("6001", "6002", "6003", "6004", "6005")


@pytest.fixture
async def ready(world: World) -> World:
    await world.ready(*NUMBERS, "6009")
    return world


async def cancel(world: World, **scope: Any) -> CancelResponse:
    request = CancelRequest(**({"bank_id": BANK, "reason": "客户来电"} | scope))
    return await world.write(cancellation.cancel_requested, "dan", request)


@pytest.mark.parametrize("by", ["case", "ids"])
async def test_the_answer_names_all_of_its_scope(ready: World, by: str) -> None:
    """Withdrawn, possibly leaving in each of its states, and ended; and nothing of it leaves afterwards."""
    asked = [await ready.ask(number, case_id="case") for number in NUMBERS[:4]]
    attempts = {permit.outreach_id: permit.attempt_id for permit in await ready.lease()}
    refused, sent, unknown, released = (attempts[decision.outreach_id] for decision in asked)
    await ready.report(refused, Outcome.OUTCOME_REFUSED)
    await ready.report(sent, Outcome.OUTCOME_ACCEPTED)
    await ready.report(unknown, Outcome.OUTCOME_UNKNOWN)
    pending = await ready.ask(NUMBERS[4], case_id="case")
    other = await ready.ask("6009", case_id="another")
    ids = [decision.outreach_id for decision in (*asked, pending)]
    answer = await cancel(ready, **({"case_id": "case"} if by == "case" else {"outreach_ids": OutreachIds(ids=ids)}))
    assert list(answer.cancelled_ids) == [pending.outreach_id]
    assert {(one.attempt_id, one.state) for one in answer.possibly_leaving} == {
        (sent, states.SENT),
        (unknown, states.UNCONFIRMED),
        (released, states.RELEASED),
    }
    assert list(answer.ended_ids) == ids[:1]
    named = {entry["attempt"] for entry in await ready.entries("possibly_leaving")}
    assert named == {sent, unknown, released}
    for attempt_id in (unknown, released):
        await ready.report(attempt_id, Outcome.OUTCOME_NOT_SENT)
    assert [permit.outreach_id for permit in await ready.lease()] == [other.outreach_id]


async def test_an_account_is_cancelled_and_may_be_asked_for_again(ready: World) -> None:
    """A cancellation covers what was admitted before it, and only that."""
    first = await ready.ask("6001")
    assert list((await cancel(ready, account_number="6001")).cancelled_ids) == [first.outreach_id]
    second = await ready.ask("6001")
    assert [permit.outreach_id for permit in await ready.lease()] == [second.outreach_id]
    (entry,) = await ready.entries("cancelled")
    assert (entry["codes"], entry["by"]) == (["REQUESTED"], "agency/dan")


async def test_cancelling_again_names_the_same_attempts(ready: World) -> None:
    """The second answer is as complete as the first."""
    await ready.ask("6001")
    (permit,) = await ready.lease()
    first, second = [await cancel(ready, account_number="6001") for _ in range(2)]
    assert first == second
    assert [one.attempt_id for one in first.possibly_leaving] == [permit.attempt_id]


async def test_a_cancellation_that_crosses_leases(ready: World) -> None:
    """Whatever the order: each message is withdrawn, or its attempt is named, and never both."""
    asked = [await ready.ask(number, case_id="case") for number in NUMBERS]
    first, second, answer = await asyncio.gather(ready.lease(2), ready.lease(2), cancel(ready, case_id="case"))
    permits = {permit.attempt_id for permit in (*first, *second)}
    assert {one.attempt_id for one in answer.possibly_leaving} == permits
    assert len(answer.cancelled_ids) == len(asked) - len(permits)
    assert await ready.lease() == []


async def test_another_banks_outreach_is_out_of_reach(ready: World) -> None:
    """Neither by a token that does not cover the bank, nor by naming ids under another bank."""
    decision = await ready.ask("6001")
    with pytest.raises(Refusal) as caught:
        await cancel(ready, bank_id="other-bank", case_id="case")
    assert caught.value.kind is Kind.DENIED
    request = CancelRequest(bank_id="other-bank", outreach_ids=OutreachIds(ids=[decision.outreach_id]), reason="r")
    answer = await ready.write(cancellation.cancel_requested, "dan", request, banks=["*"])
    assert answer == CancelResponse(unknown_ids=[decision.outreach_id])
    assert len(await ready.lease()) == 1


@pytest.mark.parametrize("by", ["case", "ids", "account"])
async def test_another_callers_outreach_is_out_of_reach(ready: World, by: str) -> None:
    """A case system withdraws its own only, as it sees only its own; a supervisor of the bank withdraws any."""
    decision = await ready.ask("6001", case_id="case")
    scopes: dict[str, dict[str, Any]] = {
        "case": {"case_id": "case"},
        "ids": {"outreach_ids": OutreachIds(ids=[decision.outreach_id])},
        "account": {"account_number": "6001"},
    }
    request = CancelRequest(bank_id=BANK, reason="r", **scopes[by])
    await ready.hire_at("another", "fay")

    async def ask(*roles: str) -> CancelResponse:
        stranger = Principal(caller_id="another", employee_id="fay", roles=roles, bank_ids=[BANK])
        return await ready.authority.write(cancellation.cancel_requested, Call(stranger, request))

    unknown = [decision.outreach_id] if by == "ids" else []
    assert await ask("case_system") == CancelResponse(unknown_ids=unknown)
    assert await ask("supervisor") == CancelResponse(cancelled_ids=[decision.outreach_id])


async def test_an_unknown_id_is_named(ready: World) -> None:
    """What can be withdrawn is; an id that was mistyped does not pass for withdrawn."""
    decision = await ready.ask("6001")
    answer = await cancel(ready, outreach_ids=OutreachIds(ids=["none", decision.outreach_id]))
    assert answer == CancelResponse(cancelled_ids=[decision.outreach_id], unknown_ids=["none"])


async def test_a_reason_holds_no_numbers(ready: World) -> None:
    """It goes into the ledger; an account that was never placed is not found."""
    for scope, kind in (({"reason": "13800136001"}, Kind.INVALID), ({"account_number": "9999"}, Kind.NOT_FOUND)):
        with pytest.raises(Refusal) as caught:
            await cancel(ready, **({"account_number": "6001"} | scope))
        assert caught.value.kind is kind
    assert await ready.entries("cancel_requested") == []
