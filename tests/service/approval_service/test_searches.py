"""What a list looks at: by name, state and wait all that there is, however much else came since."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from approval_service import schema, search
from approval_service.store import searches as store
from outreach.domain import states
from outreach.domain.roles import INSPECTOR, SUPERVISOR
from outreach.v1.worker_service_pb2 import Outcome
from tests.service.approval_service.people import People
from tests.service.approval_service.plans import explained
from tests.service.approval_service.test_views import STRANGER, page
from tests.service.approval_service.world import World, phone_of, principal

SUPERVISOR_OF_ALL = principal("ann", roles=[SUPERVISOR])


@pytest.fixture
async def named(world: World) -> World:
    """Accounts of three people, to each of whom a message waits: 王小明 (6001), 王大力 (6002), 欧阳小明 (6003)."""
    await world.open_bank(sms_per_day=4, sms_gap_minutes=30)
    await world.ready()
    for number, name in (("6001", "王小明"), ("6002", "王大力"), ("6003", "欧阳小明")):
        await world.place(number, phone_of(number), name=name)
        await world.ask(number)
    return world


async def accounts(world: World, name: str, **wanted: Any) -> list[str]:
    """Of the outreach found by a name: their numbers' ends, oldest first."""
    found, _ = await page(world, SUPERVISOR_OF_ALL, masked_name=name, **wanted)
    return [(await world.outreach(outreach_id)).masked_phone[-4:] for outreach_id in sorted(found)]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("王**", ["6001", "6002"]),
        (" 王＊＊ ", ["6001", "6002"]),
        ("王小明", ["6001", "6002"]),
        ("欧***", ["6003"]),
        ("王*", []),
        ("李四", []),
    ],
)
async def test_a_masked_name_finds_all_who_are_shown_so(named: World, name: str, found: list[str]) -> None:
    """Also where a name was typed in full: who shares its masked form is found with it."""
    assert await accounts(named, name) == found


async def test_a_name_is_found_among_many_and_with_other_filters(named: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await accounts(named, "王**", account_number="6002") == ["6002"]
    assert await accounts(named, "王**", state=states.ADMITTED) == ["6001", "6002"]
    assert await accounts(named, "王**", state=states.BLOCKED) == []
    monkeypatch.setattr(search, "LOOKED_AT", 2)
    monkeypatch.setattr(search, "FEW_PEOPLE", 2)
    assert await accounts(named, "欧***") == ["6003"]
    first, token = await page(named, SUPERVISOR_OF_ALL, masked_name="王**")
    second, end = await page(named, SUPERVISOR_OF_ALL, masked_name="王**", page_token=token)
    assert [(await named.outreach(one)).masked_phone[-4:] for one in first + second] == ["6002", "6001"]
    assert end == ""


async def test_a_name_stays_within_its_bank_and_its_caller(named: World) -> None:
    await named.place("6001", phone_of("6001"), bank_id="other-bank", name="王小明")
    assert await accounts(named, "王**") == ["6001", "6002"]
    other = principal("ann", roles=[SUPERVISOR], banks=["other-bank"])
    assert await page(named, other, bank_id="other-bank", masked_name="王**") == ([], "")
    assert await page(named, STRANGER, masked_name="王**") == ([], "")


async def test_a_changed_name_is_found_by_the_new_one_alone(named: World) -> None:
    await named.place("6001", phone_of("6001"), name="李小明")
    assert await accounts(named, "王**") == ["6002"]
    assert await accounts(named, "李**") == ["6001"]


async def test_a_restricted_person_is_found_by_an_inspector_alone(named: World) -> None:
    await People(named).restrict("6001")
    assert await accounts(named, "王**") == ["6002"]
    found, _ = await page(named, principal("ann", roles=[INSPECTOR]), masked_name="王**")
    assert len(found) == 2


async def test_an_erased_person_is_found_no_more(named: World) -> None:
    people = People(named)
    people.years_later()
    await people.erase("6003", accept=True)
    assert await accounts(named, "欧***") == []
    assert await accounts(named, "王**") == ["6001", "6002"]


async def test_a_rare_state_and_an_old_wait_are_found_behind_all_that_came_since(
    named: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not so what has a common state: the next page goes on."""
    (permit, *_) = await named.lease(1)
    await named.report(permit.attempt_id, Outcome.OUTCOME_UNKNOWN)
    waiting = await named.submit("6002", "13800139999")
    for _ in range(3):
        await named.ask("6001", customer_id="nobody")
    monkeypatch.setattr(search, "LOOKED_AT", 3)
    unconfirmed, _ = await page(named, SUPERVISOR_OF_ALL, state=states.UNCONFIRMED)
    assert unconfirmed == [permit.outreach_id]
    found, _ = await page(named, SUPERVISOR_OF_ALL, waiting_for="CONTACT_UNVERIFIED")
    assert found == [waiting.outreach_id]
    nothing, token = await page(named, SUPERVISOR_OF_ALL, code="CONTACT_UNVERIFIED")
    assert nothing == []
    assert (await page(named, SUPERVISOR_OF_ALL, code="CONTACT_UNVERIFIED", page_token=token))[0] == found
    monkeypatch.setattr(search, "LOOKED_AT", 4)
    assert len((await page(named, SUPERVISOR_OF_ALL, state=states.ADMITTED))[0]) == 3


async def test_each_rare_state_is_in_order(named: World) -> None:
    """Newest first by the page, none twice, none left out."""
    ids = [(await named.ask("6001", customer_id="nobody")).outreach_id for _ in range(4)]
    for state in sorted(store.RARE):
        with named.authority.database.writer.begin() as connection:
            moved = update(schema.outreach).where(schema.outreach.c.outreach_id.in_(ids))
            connection.execute(moved.values(state=state))
        first, token = await page(named, SUPERVISOR_OF_ALL, state=state, page_size=3)
        rest, end = await page(named, SUPERVISOR_OF_ALL, state=state, page_size=3, page_token=token)
        assert (first + rest, end) == (sorted(ids, reverse=True), "")


def test_no_search_reads_the_whole_table(tmp_path: Path) -> None:
    """Each goes by its own index, and only what has no order there is sorted."""
    with explained(tmp_path) as (connection, found):
        for part in (
            store.of_bank("one-bank"),
            store.of_state("one-bank", states.RETURNED),
            store.of_account("account"),
            store.of_case("one-bank", "case"),
            store.of_name("one-bank", "hash"),
            store.of_wait("one-bank", "CARE_AMOUNT"),
            store.admitted("one-bank"),
        ):
            store.newest(connection, part, 0, (5, ""), 3, with_names=False).all()
    plans = [" | ".join(plan) for plan in found]
    sort = " | USE TEMP B-TREE FOR ORDER BY"
    assert plans == [
        "SEARCH outreach USING INDEX outreach_by_day (bank_id=? AND created_ms>? AND created_ms<?)"
        " | USE TEMP B-TREE FOR RIGHT PART OF ORDER BY",
        "SEARCH outreach USING INDEX outreach_by_state (bank_id=? AND state=? AND created_ms>? AND created_ms<?)",
        "SEARCH outreach USING INDEX outreach_by_account (account_id=?)" + sort,
        "SEARCH outreach USING INDEX outreach_by_case (bank_id=? AND case_id=?)" + sort,
        "SEARCH outreach USING INDEX outreach_by_person (person_id=?) | LIST SUBQUERY 1"
        " | SEARCH person USING INDEX person_by_masked_name (bank_id=? AND masked_name_hash=?)" + sort,
        "SEARCH outreach USING INDEX outreach_waiting (waiting_for=? AND bank_id=?)" + sort,
        "SEARCH outreach USING INDEX outreach_due (channel=? AND bank_id=?)" + sort,
    ]
