from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import event

from approval_service import daily_report, expiry, holds
from approval_service.calls import Call
from approval_service.database import Database
from approval_service.store import days
from outreach.domain import states
from outreach.domain.errors import Kind, Refusal
from outreach.v1.hold_service_pb2 import HoldKind, PlaceHoldRequest
from outreach.v1.mailroom_service_pb2 import ReturnReason
from outreach.v1.operations_service_pb2 import GetDailyReportRequest, GetDailyReportResponse
from outreach.v1.worker_service_pb2 import Outcome
from tests.service.approval_service.mailroom import open_mailroom
from tests.service.approval_service.world import BANK, DAY_MS, World, principal


async def report(world: World, date: str) -> GetDailyReportResponse:
    call = Call(principal("ann"), GetDailyReportRequest(bank_id=BANK, date=date))
    return await world.authority.read(daily_report.get_daily_report, call)


@pytest.fixture
async def world(world: World) -> World:
    """With an approved version and six accounts."""
    for number in range(1, 7):
        await world.place(f"600{number}", f"1380013800{number}")
    await world.approve((await world.draft()).digest)
    return world


async def submit(world: World, number: int) -> str:
    return (await world.submit(f"600{number}", f"1380013800{number}")).outreach_id


async def test_a_day_counts_what_happened_on_it(world: World) -> None:
    """Requests and blocks count on the day they came, permits on the day they were given, the rest when it moved."""
    for number in range(1, 6):
        await submit(world, number)
    await world.submit("9999", "13800138009")
    outcomes = (Outcome.OUTCOME_ACCEPTED, Outcome.OUTCOME_REFUSED, Outcome.OUTCOME_UNKNOWN, Outcome.OUTCOME_NOT_SENT)
    for permit, outcome in zip(await world.lease(4), outcomes, strict=True):
        await world.report(permit.attempt_id, outcome)
    hold = PlaceHoldRequest(bank_id=BANK, account_number="6005", kind=HoldKind.HOLD_KIND_DISPUTE, reason="争议")
    await world.write(holds.place_hold, "ann", hold)
    assert await report(world, "2026-11-24") == GetDailyReportResponse(
        asked=6,
        sent=2,
        undelivered=1,
        blocked={"NOT_PLACED": 1},
        cancelled={"ACCOUNT_ON_HOLD": 1},
        unconfirmed=1,
    )


async def test_a_day_counts_its_letters(world: World) -> None:
    """Printed, mailed, returned, and put on the pull list; each on the day it happened."""
    room = await open_mailroom(world)
    await room.place("7001", "7002", "7003")
    _, letters = await room.printed("7001", "7002", "7003")
    await room.mail(*letters[:2])
    await room.repay("7003", 2)
    world.set_clock(world.now_ms() + DAY_MS)
    await room.send_back(letters[0], ReturnReason.RETURN_REASON_MOVED)
    assert await report(world, "2026-11-24") == GetDailyReportResponse(asked=3, printed=3, mailed=2, to_pull=1)
    assert await report(world, "2026-11-25") == GetDailyReportResponse(returned=1)


async def test_days_do_not_run_into_one_another(world: World) -> None:
    """What is asked on one local day and expires on a later one counts on each for its own."""
    await submit(world, 1)
    midnight = world.now_ms() + 12 * 3_600_000
    world.set_clock(midnight - 1)
    await submit(world, 2)
    world.set_clock(midnight)
    await submit(world, 3)
    world.set_clock(midnight + 8 * DAY_MS)
    await world.authority.write(expiry.sweep, None)
    assert (await report(world, "2026-11-24")).asked == 2
    assert (await report(world, "2026-11-25")).asked == 1
    assert (await report(world, "2026-12-03")) == GetDailyReportResponse(expired=3)


async def test_a_day_that_does_not_exist_is_refused(world: World) -> None:
    """The refusal names the field."""
    for date in ("2026-02-30", "0000-01-01", "9999-12-31"):
        with pytest.raises(Refusal, check=lambda e: (e.kind, e.field) == (Kind.INVALID, "date")):
            await report(world, date)


def test_a_day_is_read_from_its_indexes(database: Database) -> None:
    """No table is read from end to end for a report."""
    ran: list[tuple[str, Any]] = []
    event.listen(database.reader, "before_cursor_execute", lambda *args: ran.append((args[2], args[3])))
    with database.reader.connect() as connection:
        days.count_asked(connection, BANK, 0, 1)
        days.count_sent(connection, BANK, 0, 1)
        days.count_moves(connection, BANK, 0, 1, [states.DELIVERED, states.RETURNED])
        days.count_blocked(connection, BANK, 0, 1)
        list(days.cancellations(connection, BANK, 0, 1))
        queries = ran.copy()
        if not database.is_sqlite:
            # Empty tables are read faster without an index; the question is whether one serves.
            connection.exec_driver_sql("SET enable_seqscan = off")
        explain = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"
        for statement, parameters in queries:
            plan = str(connection.exec_driver_sql(f"{explain} {statement}", parameters).all())
            if database.is_sqlite:
                assert re.search(r"(outreach|attempt|change)_(by_day|blocked)", plan), plan
            else:  # which of the indexes that serve is a matter of numbers that empty tables do not have
                assert "Index Cond" in plan, plan
            assert "by_day (bank_id=? AND state>?)" not in plan
    assert len(queries) == 6
