from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from approval_service import preview, search, views
from approval_service.calls import Call
from outreach.domain import states
from outreach.domain.errors import Kind, Refusal
from outreach.v1.bank_service_pb2 import BankEvent, Recall
from outreach.v1.common_pb2 import Principal
from outreach.v1.outreach_service_pb2 import GetRequest, ListRequest, Outreach, SmsItem, StatusChange, WatchRequest
from outreach.v1.worker_service_pb2 import Outcome
from tests.service.approval_service.world import BANK, DAY_MS, HOTLINE, NOW_MS, World, phone_of, principal

OWNER = principal("dan", roles=["case_system"])
STRANGER = Principal(caller_id="other", employee_id="x", roles=["case_system"], bank_ids=[BANK])
SUPERVISOR = Principal(caller_id="console", employee_id="x", roles=["supervisor"], bank_ids=[BANK])
OTHER_BANK = Principal(caller_id="console", employee_id="x", roles=["supervisor"], bank_ids=["other-bank"])


@pytest.fixture
async def ready(world: World) -> World:
    await world.ready("6001", "6002")
    return world


async def get(world: World, outreach_id: str, who: Principal = OWNER) -> Outreach:
    return (await world.authority.read(views.get, Call(who, GetRequest(outreach_id=outreach_id)))).outreach


async def page(world: World, who: Principal = OWNER, **wanted: Any) -> tuple[list[str], str]:
    call = Call(who, ListRequest(**({"bank_id": BANK} | wanted)))
    response = await world.authority.read(views.list_page, world.authority.keys, call)
    return [one.outreach_id for one in response.outreach], response.next_page_token


async def changes(world: World, after: int = 0, who: Principal = OWNER, **wanted: Any) -> Sequence[StatusChange]:
    return await world.authority.read(views.changes, Call(who, WatchRequest(bank_id=BANK, **wanted)), after)


async def test_one_outreach_with_its_attempts(ready: World) -> None:
    """As it stands, masked, each permit with what came of it."""
    decision = await ready.ask("6001", case_id="case")
    (first,) = await ready.lease()
    await ready.report(first.attempt_id, Outcome.OUTCOME_NOT_SENT)
    (second,) = await ready.lease()
    shown = await get(ready, decision.outreach_id)
    assert (shown.masked_phone_number, shown.masked_account_number) == ("138****6001", "****")
    assert (shown.state, shown.case_id, shown.employee_id) == (states.RELEASED, "case", "dan")
    assert [(one.attempt_id, one.state) for one in shown.attempts] == [
        (first.attempt_id, states.ADMITTED),
        (second.attempt_id, states.RELEASED),
    ]
    by_request = Call(OWNER, GetRequest(request_id=shown.request_id))
    assert (await ready.authority.read(views.get, by_request)).outreach == shown


async def test_findings_are_those_of_the_last_decision(ready: World) -> None:
    """A refused request shows its codes with their reasons; a waiting one what it waits for."""
    blocked, waiting = await ready.ask("6001", customer_id="nobody"), await ready.submit("6001", "13800139999")
    assert [finding.code for finding in (await get(ready, blocked.outreach_id)).findings] == ["THIRD_PARTY_DISCLOSURE"]
    shown = await get(ready, waiting.outreach_id)
    assert (shown.waiting_for, shown.HasField("due_time")) == ("CONTACT_UNVERIFIED", False)


async def test_what_was_found_later_waits_while_it_may_still_leave(ready: World) -> None:
    """A rule that stopped a permit shows as one that waits, or as a refusal once it cancelled."""
    kept, gone = await ready.ask("6001"), await ready.ask("6002")
    ready.set_clock(NOW_MS + DAY_MS + 60_000)
    await ready.apply(BankEvent(recall=Recall(account_number="6002")))
    assert not await ready.lease()
    stale, recalled = await get(ready, kept.outreach_id), await get(ready, gone.outreach_id)
    assert [(one.code, one.waits) for one in stale.findings] == [("BALANCE_UNCONFIRMED", True)]
    assert [(one.code, one.waits) for one in recalled.findings] == [("CASE_RECALLED", False)]


TWICE_A_STRANGER = Principal(caller_id="other", employee_id="x", roles=["case_system"] * 2, bank_ids=[BANK])
DRAFTING_STRANGER = Principal(caller_id="other", employee_id="x", roles=["case_system", "drafter"], bank_ids=[BANK])


@pytest.mark.parametrize(
    ("who", "sees"),
    [
        (OWNER, True),
        (STRANGER, False),
        (TWICE_A_STRANGER, False),
        (DRAFTING_STRANGER, False),
        (SUPERVISOR, True),
        (OTHER_BANK, False),
    ],
)
async def test_who_sees_it(ready: World, who: Principal, sees: bool) -> None:
    """A case system its own, others those of their banks; what may not be seen is not found."""
    decision = await ready.ask("6001")
    if sees:
        assert (await get(ready, decision.outreach_id, who)).outreach_id == decision.outreach_id
    else:
        with pytest.raises(Refusal) as caught:
            await get(ready, decision.outreach_id, who)
        assert caught.value.kind is Kind.NOT_FOUND
    if who is not OTHER_BANK:
        assert (await page(ready, who))[0] == ([decision.outreach_id] if sees else [])
        assert [change.outreach_id for change in await changes(ready, who=who)] == (
            [decision.outreach_id] if sees else []
        )


async def test_pages_hold_each_once_newest_first(ready: World) -> None:
    """By tokens, and filtered by case, account and state."""
    asked = [(await ready.ask(number, case_id=case)).outreach_id for number, case in (("6001", "a"), ("6002", "b")) * 3]
    newest_first = sorted(asked, reverse=True)
    seen: list[str] = []
    token = ""
    while True:
        found, token = await page(ready, page_size=4, page_token=token)
        seen += found
        if not token:
            break
    assert seen == newest_first
    assert set((await page(ready, case_id="a"))[0]) == set(asked[::2])
    assert set((await page(ready, account_number="6002"))[0]) == set(asked[1::2])
    assert (await page(ready, account_number="9999"))[0] == []
    assert (await page(ready, state=states.SENT))[0] == []


async def test_pages_by_state_code_and_time(ready: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What meets the filters; where few do, a page may hold nothing and the next one goes on."""
    first = await ready.ask("6001")
    ready.set_clock(NOW_MS + 1000)
    blocked = await ready.ask("6001", customer_id="nobody")
    ready.set_clock(NOW_MS + 2000)
    waiting = await ready.submit("6001", "13800139999")
    later = Timestamp()
    later.FromMilliseconds(NOW_MS + 1000)
    assert await page(ready, state=states.BLOCKED) == ([blocked.outreach_id], "")
    assert await page(ready, code="CONTACT_UNVERIFIED") == ([waiting.outreach_id], "")
    assert await page(ready, created_from=later) == ([waiting.outreach_id, blocked.outreach_id], "")
    assert await page(ready, created_before=later) == ([first.outreach_id], "")
    monkeypatch.setattr(search, "LOOKED_AT", 2)
    nothing, token = await page(ready, created_before=later, state=states.BLOCKED)
    assert (nothing, token) == ([], "")
    nothing, token = await page(ready, state=states.ADMITTED, code="NOBODY_SAYS_THIS")
    assert nothing == []
    assert await page(ready, page_token=token) == ([first.outreach_id], "")
    with pytest.raises(Refusal, match="page_token"):
        await page(ready, page_token="nonsense")


async def test_changes_of_one_outreach(ready: World) -> None:
    """Those of it alone, though others were made in the same moment."""
    ours, other = [await ready.ask("6001"), await ready.ask("6002")]
    for permit in await ready.lease():
        await ready.report(permit.attempt_id, Outcome.OUTCOME_ACCEPTED)
    told = await changes(ready, outreach_id=ours.outreach_id)
    assert [change.state for change in told] == [states.ADMITTED, states.RELEASED, states.SENT]
    assert {change.outreach_id for change in told} == {ours.outreach_id}
    assert len(await changes(ready)) == 2 * len(told)
    assert other.outreach_id != ours.outreach_id


async def test_changes_are_told_in_order_and_resumed(ready: World) -> None:
    """From the last position received on nothing is missed and nothing is told twice."""
    decision = await ready.ask("6001", case_id="a")
    await ready.ask("6002", case_id="b")
    past = await changes(ready)
    (permit,) = [one for one in await ready.lease() if one.outreach_id == decision.outreach_id]
    await ready.report(permit.attempt_id, Outcome.OUTCOME_ACCEPTED)
    told = [*past, *await changes(ready, past[-1].position)]
    assert [change.position for change in told] == sorted({change.position for change in told})
    mine = [states.name(change.state) for change in told if change.outreach_id == decision.outreach_id]
    assert mine == ["ADMITTED", "RELEASED", "SENT"]
    assert told == list(await changes(ready))
    assert {change.case_id for change in await changes(ready, case_id="a")} == {"a"}


async def test_a_preflight_shows_the_text_with_the_name_masked(ready: World) -> None:
    """And counts its segments with the name as it is."""
    item = SmsItem(
        request_id="r",
        bank_id=BANK,
        account_number="6001",
        phone_number=phone_of("6001"),
        template_name="reminder",
        variables={"line": HOTLINE},
    )
    authority = ready.authority
    response = await authority.read(preview.preflight, authority.keys, authority.catalogs, Call(OWNER, item))
    assert response.masked_text.startswith("【示例银行】尊敬的张*，您尾号6001的账户逾期123.45元")
    assert response.segments == 1
    assert response.decision.state == states.ADMITTED


async def test_a_supervisor_finds_a_request_by_its_id_whoever_asked(ready: World) -> None:
    """Case systems find their own requests only; who sees all outreach of a bank finds every caller's."""
    decision = await ready.ask("6001", request_id="found-by-id")
    request = GetRequest(request_id="found-by-id")
    found = await ready.authority.read(views.get, Call(SUPERVISOR, request))
    assert found.outreach.outreach_id == decision.outreach_id
    for who in (STRANGER, OTHER_BANK):
        with pytest.raises(Refusal):
            await ready.authority.read(views.get, Call(who, request))


@pytest.mark.parametrize("outreach_id", ["no id", "Z" * 26, "0" * 25])
async def test_what_is_no_id_cannot_be_followed(world: World, outreach_id: str) -> None:
    """It is told so, with its field."""
    call = Call(principal("dan"), WatchRequest(bank_id=BANK, outreach_id=outreach_id))
    with pytest.raises(Refusal) as refused:
        await world.authority.read(views.changes, call, 0)
    assert refused.value.violations[0][0] == "outreach_id"
