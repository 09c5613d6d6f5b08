from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import func, select

from approval_service import admission, schema
from approval_service.authority import Authority
from approval_service.calls import Call
from approval_service.store.head import read_catalog_version
from approval_service.views import get
from outreach.domain import states
from outreach.domain.errors import Kind, Refusal
from outreach.v1.outreach_service_pb2 import Decision, GetRequest, SmsItem
from tests.service.approval_service.world import (
    BANK,
    DAY_MS,
    HOTLINE,
    NOW_MS,
    World,
    asked,
    decided,
    phone_of,
    principal,
)

MINUTE_MS = 60_000


@pytest.fixture
async def ready(world: World) -> World:
    await world.ready("6001", "6002")
    return world


def item(request_id: str = "r", number: str = "6001", **changes: Any) -> SmsItem:
    made = SmsItem(
        request_id=request_id,
        bank_id=BANK,
        account_number=number,
        phone_number=phone_of(number),
        template_name="reminder",
        variables={"line": HOTLINE},
    )
    made.MergeFrom(SmsItem(**changes))
    return made


def at(field: str, ms: int, request_id: str = "r") -> SmsItem:
    made = item(request_id)
    getattr(made, field).FromMilliseconds(ms)
    return made


async def admit(world: World, *items: SmsItem, caller: str = "") -> list[Decision | Exception]:
    who = principal("dan")
    who.caller_id = caller or who.caller_id
    answers = await world.authority.write_many(admission.admit, asked(world.authority, who, *items))
    return [decided(answer) for answer in answers]


async def refused(world: World, one: SmsItem, **changes: Any) -> Refusal:
    (answer,) = await admit(world, one, **changes)
    assert isinstance(answer, Refusal)
    return answer


def codes(answer: Decision | Exception) -> list[str]:
    assert isinstance(answer, Decision)
    return [finding.code for finding in answer.findings]


async def test_a_good_request_is_admitted_and_due_at_once(ready: World) -> None:
    """The decision names the version and the policy that made it; the ledger has both and a commitment."""
    decision = await ready.ask("6001")
    assert (decision.state, codes(decision)) == (states.ADMITTED, [])
    assert decision.due_time.ToMilliseconds() == NOW_MS
    (entry,) = await ready.entries("admitted")
    assert (entry["outreach"], entry["policy"], entry["by"]) == (decision.outreach_id, 1, "agency/dan")
    assert entry["template"] == decision.template_digest
    assert len(entry["commitment"]) == 32


async def test_the_same_request_gets_the_same_answer(ready: World) -> None:
    """Also after it was cancelled, under a hold, in the same batch, and while others ask at the same time."""
    first, second = await admit(ready, item(), item())
    assert first == second
    again = await asyncio.gather(*(admit(ready, item()) for _ in range(8)))
    assert all(answers == [first] for answers in again)
    await ready.lease()
    assert await admit(ready, item()) == [first]
    assert len(await ready.entries("admitted")) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"case_id": "c"},
        {"phone_number": "13800136002"},
        {"template_digest": "0" * 64},
        {"variables": {"more": "1"}},
        {"customer_id": "C6001"},
    ],
)
async def test_the_same_id_with_another_body_is_a_conflict(ready: World, changes: dict[str, Any]) -> None:
    """Nothing is stored of it, in a later call and within one batch."""
    await admit(ready, item())
    answer = await refused(ready, item(**changes))
    assert (answer.kind, answer.field or answer.violations[0][0]) == (Kind.CONFLICT, "request_id")
    _, same_batch = await admit(ready, item("r2"), item("r2", **changes))
    assert isinstance(same_batch, Refusal)
    assert len(await ready.entries("admitted")) == 2


async def test_request_ids_are_each_callers_own(ready: World) -> None:
    """Another caller's id says nothing of ours."""
    ours, theirs = await admit(ready, item()), await admit(ready, item(number="6002"), caller="other")
    assert codes(ours[0]) == []
    assert codes(theirs[0]) == ["OPERATOR_MISSING"]


async def test_a_batch_is_decided_item_by_item(ready: World) -> None:
    """In order; what is refused keeps nothing from the others."""
    answers = await admit(ready, item("a"), item("b", "9999"), at("not_after", NOW_MS, "c"), item("d", "6002"))
    assert [type(answer).__name__ for answer in answers] == ["Decision", "Decision", "Refusal", "Decision"]
    assert codes(answers[1]) == ["NOT_PLACED"]


async def test_many_callers_share_commits(ready: World) -> None:
    """A hundred at the same time are each decided once."""
    answers = await asyncio.gather(*(admit(ready, item(f"r{n}", case_id=f"c{n}")) for n in range(100)))
    assert len({answer[0].outreach_id for answer in answers if isinstance(answer[0], Decision)}) == 100
    count = select(func.count()).select_from(schema.outreach)
    assert await ready.authority.read(lambda connection: connection.execute(count).scalar_one()) == 100


WINDOWS = [
    (at("not_after", NOW_MS), "not_after"),
    (at("not_after", NOW_MS + 7 * DAY_MS + 1), "not_after"),
    (at("not_before", NOW_MS + 7 * DAY_MS), "not_before"),
]


@pytest.mark.parametrize(("one", "field"), WINDOWS)
async def test_what_could_never_leave_is_refused(ready: World, one: SmsItem, field: str) -> None:
    """A time that has passed, one beyond the policy's longest wait, and a beginning after the end."""
    answer = await refused(ready, one)
    assert (answer.kind, answer.violations[0][0]) == (Kind.INVALID, field)
    assert await ready.entries("admitted") == []


async def test_it_is_not_due_before_the_callers_time_nor_in_quiet_hours(ready: World) -> None:
    """not_before within the quiet hours waits for their end."""
    (later,) = await admit(ready, at("not_before", NOW_MS + 5 * MINUTE_MS, "a"))
    (night,) = await admit(ready, at("not_before", NOW_MS + 10 * 60 * MINUTE_MS, "b"))
    assert isinstance(later, Decision)
    assert isinstance(night, Decision)
    assert later.due_time.ToMilliseconds() == NOW_MS + 5 * MINUTE_MS
    assert night.due_time.ToMilliseconds() == NOW_MS + 20 * 60 * MINUTE_MS


async def test_another_banks_token_may_not_ask(ready: World) -> None:
    """The token must cover the bank."""
    answer = await refused(ready, item(bank_id="other-bank"))
    assert answer.kind is Kind.DENIED


async def test_every_finding_is_named(ready: World) -> None:
    """A request that breaks several rules learns them all, each with its field; nothing waits in it."""
    ready.set_clock(NOW_MS + 10 * 60 * MINUTE_MS)
    (answer,) = await admit(ready, item(phone_number="12345", variables={"line": "1"}, template_digest="0" * 64))
    assert isinstance(answer, Decision)
    assert answer.state == states.BLOCKED
    assert not answer.HasField("due_time")
    assert {(f.code, f.field, f.waits) for f in answer.findings} == {
        ("PHONE_INVALID", "phone_number", False),
        ("TEMPLATE_NOT_APPROVED", "template_digest", False),
        ("VARIABLE_INVALID", "variables[line]", False),
        ("QUIET_HOURS", "", True),
    }


@pytest.mark.parametrize(
    "one",
    [item(), item(number="9999"), item(phone_number="13800136009"), item(customer_id="C7"), item(variables={"x": "1"})],
)
async def test_preflight_decides_as_admission_does(ready: World, one: SmsItem) -> None:
    """The same decision, but for the id; nothing is stored."""
    authority: Authority = ready.authority
    before = len(await ready.bodies())
    with authority.database.reader.connect() as connection:
        catalog = authority.catalogs.at(connection, read_catalog_version(connection))
        call = Call(principal("dan"), one)
        _, judged = admission.preflight(connection, authority.keys, catalog, NOW_MS, call)
    expected = admission.decision_of(judged, one)
    assert len(await ready.bodies()) == before
    (answer,) = await admit(ready, one)
    assert isinstance(answer, Decision)
    expected.outreach_id = answer.outreach_id
    assert answer == expected


async def test_personal_data_is_in_no_entry_and_in_no_plain_column(ready: World) -> None:
    """Number and name stand only sealed; what is shown is masked."""
    decision = await ready.ask("6001", case_id="case-1")
    shown = await ready.authority.read(get, Call(principal("dan"), GetRequest(outreach_id=decision.outreach_id)))
    assert shown.outreach.masked_phone_number == "138****6001"
    assert not any(secret in body for body in await ready.bodies() for secret in (b"13800136001", "张三".encode()))
    row = await ready.outreach(decision.outreach_id)
    assert not any("13800136001" in str(value) for value in row)
