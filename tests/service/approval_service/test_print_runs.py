"""Print runs: the first permit, laying out, and handing out the PDF."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from approval_service import schema
from approval_service.calls import Call
from approval_service.mailroom import rendering, views
from approval_service.store import letters as store
from approval_service.store import stops
from outreach.domain import states
from outreach.domain.errors import Kind, Refusal
from outreach.domain.letter_numbers import is_letter_number
from outreach.v1.mailroom_service_pb2 import GetQueueRequest, LetterState, ListRunsRequest, RunState
from tests.service.approval_service.letters import grant_quantity
from tests.service.approval_service.mailroom import Mailroom, clerk, hash_of, open_mailroom
from tests.service.approval_service.world import BANK, DAY_MS, World

NUMBERS = ("7001", "7002", "7003")


@pytest.fixture
async def room(world: World) -> Mailroom:
    room = await open_mailroom(world)
    await room.place(*NUMBERS)
    return room


async def queue(room: Mailroom) -> list[tuple[str, int]]:
    authority = room.world.authority
    catalog = await authority.read(authority.catalogs.at, 0)
    call = Call(clerk(), GetQueueRequest(bank_id=BANK))
    return [(line.envelope, line.due) for line in (await authority.read(views.get_queue, catalog, call)).lines]


async def test_a_run_takes_what_is_due(room: Mailroom) -> None:
    """Each letter gets a number that is never used again, and its permit says what the record says."""
    decisions = await room.ask(*NUMBERS)
    assert await queue(room) == [("DL", 3)]
    run = await room.start()
    assert (run.state, run.letters, run.pending, run.envelope) == (RunState.RUN_STATE_RENDERING, 3, 3, "DL")
    assert await queue(room) == []
    permits = await room.permits(run.run_id)
    assert {permit.outreach_id for permit in permits} == {decision.outreach_id for decision in decisions}
    assert len({permit.letter_number for permit in permits}) == 3
    assert all(is_letter_number(permit.letter_number) for permit in permits)
    (first, *_) = permits
    assert (first.recipient_name, first.letter_date, first.authorization) == ("张三丰", "2026-11-24", "BA-2026-1")
    assert {value.name: value.text for value in first.values}["overdue"] == "1,234.56"
    row = await room.outreach_of(first.letter_number)
    assert (row.state, row.attempt_id) == (states.RELEASED, first.letter_number)


async def test_a_run_is_sorted_for_the_mailroom(room: Mailroom) -> None:
    """By postcode, those without one last; the numbers follow the order."""
    for number, postcode in zip(NUMBERS, ("310013", "", "200000"), strict=True):
        await room.ask(number, postcode=postcode)
    permits = await room.permits((await room.start()).run_id)
    assert [permit.postcode for permit in permits] == ["200000", "310013", ""]
    numbers = [permit.letter_number for permit in permits]
    assert numbers == sorted(numbers)


async def test_the_same_request_gets_the_same_run(room: Mailroom) -> None:
    """A lost answer makes no second run, and a run without letters is none."""
    assert not (await room.start()).run_id
    await room.ask("7001")
    first = await room.start(run_request_id="r")
    await room.ask("7002")
    assert await room.start(run_request_id="r") == first
    assert (await room.start()).letters == 1


async def test_the_rules_run_again(room: Mailroom) -> None:
    """What was admitted and may not leave any more is cancelled with its code; what waits is not due."""
    settled, stale = [decision.outreach_id for decision in await room.ask("7001", "7002")]
    await room.repay("7001", 2)
    room.world.set_clock(room.world.now_ms() + 2 * DAY_MS)
    assert not (await room.start()).run_id
    assert ((await room.world.outreach(settled)).state, (await room.world.outreach(settled)).cause) == (
        states.CANCELLED,
        "REPAID_IN_FULL",
    )
    row = await room.world.outreach(stale)
    assert (row.state, row.waiting_for, row.due_ms) == (states.ADMITTED, "BALANCE_UNCONFIRMED", None)


async def test_one_that_cannot_be_judged_is_set_aside(room: Mailroom) -> None:
    """What is sealed in it was spoiled: the others are printed, it waits, and no later run falls over it."""
    spoiled, *_ = [decision.outreach_id for decision in await room.ask(*NUMBERS)]
    with room.world.authority.database.writer.begin() as connection:
        table = schema.outreach
        connection.execute(update(table).where(table.c.outreach_id == spoiled).values(request_sealed=b"x" * 40))
    assert (await room.start()).letters == 2
    row = await room.world.outreach(spoiled)
    assert (row.state, row.waiting_for, row.due_ms) == (states.ADMITTED, "SET_ASIDE", None)
    assert not (await room.start()).run_id


async def test_one_letter_about_an_account_at_a_time(room: Mailroom) -> None:
    """Two requests about one account never share a run, nor two runs, however many parts fill it."""
    await room.ask("7001", "7002", "7002", "7001")
    assert (await room.start(max_letters=3)).letters == 2
    assert not (await room.start()).run_id


async def test_no_run_on_an_unproven_feed(room: Mailroom) -> None:
    """What the bank said last may not be known here."""
    await room.ask("7001")
    await room.world.authority.write(_unprove, None)
    with pytest.raises(Refusal) as caught:
        await room.start()
    assert (caught.value.kind, caught.value.reason) == (Kind.UNAVAILABLE, "FEED_UNPROVEN")


async def test_no_permits_while_the_clock_may_be_wrong(room: Mailroom) -> None:
    """Neither into a run nor to the post."""
    _, (letter,) = await room.printed("7001")
    await room.ask("7002")
    await room.world.authority.write(_jump, None)
    for step in (room.start(), room.mail(letter)):
        with pytest.raises(Refusal) as caught:
            await step
        assert caught.value.reason == "PERMITS_STOPPED"


def _jump(tx: Any, calls: Any) -> list[None]:
    tx.set_head(wall_clock_jumped=True)
    return [None for _ in calls]


def _unprove(tx: Any, calls: Any) -> list[None]:
    stops.put_feed(tx.connection, BANK, proven_real_ms=0)
    return [None for _ in calls]


async def test_only_designated_people(room: Mailroom) -> None:
    """Neither a clerk of the team nor a supervisor starts a run."""
    with pytest.raises(Refusal) as caught:
        await room.confirm("DEMO-1", who=clerk("dan", "supervisor"))
    assert (caught.value.kind, caught.value.reason) == (Kind.DENIED, "NOT_DESIGNATED")


async def test_a_run_is_laid_out_once(room: Mailroom) -> None:
    """It is listed until its report is taken; the same report again is taken, another one is not."""
    await room.ask(*NUMBERS)
    run_id = (await room.start()).run_id
    listed = await room.world.authority.read(rendering.list_renderings)
    assert [(one.run_id, one.letters, one.version.digest) for one in listed.renderings] == [(run_id, 3, room.digest)]
    assert listed.renderings[0].version.content.source
    permits = await room.permits(run_id)
    await room.report(run_id, permits)
    await room.report(run_id, permits)
    assert (await room.world.authority.read(rendering.list_renderings)).renderings == []
    assert await room.permits(run_id) == []
    with pytest.raises(Refusal):
        await room.report(run_id, permits, refused=[permits[0].letter_number])
    run = await room.get_run(run_id)
    assert (run.state, run.sheets, bool(run.pdf_sha256)) == (RunState.RUN_STATE_READY, 3, True)
    kept = {entry["attempt"]: entry["pdf_sha256"] for entry in await room.world.entries("laid_out")}
    assert kept == {permit.letter_number: hash_of(permit.letter_number) for permit in permits}


async def test_a_letter_withdrawn_meanwhile(room: Mailroom) -> None:
    """The report is refused, and the run is laid out anew without it; its place in the quantity is free again."""
    await room.ask(*NUMBERS)
    run_id = (await room.start()).run_id
    permits = await room.permits(run_id)
    assert (await room.repay("7002", 2)).cancelled == 1
    with pytest.raises(Refusal) as caught:
        await room.report(run_id, permits)
    assert (caught.value.kind, caught.value.reason) == (Kind.PRECONDITION, "RUN_CHANGED")
    rest = await room.permits(run_id)
    (gone,) = {permit.letter_number for permit in permits} - {permit.letter_number for permit in rest}
    assert (await room.letter(gone)).state == LetterState.LETTER_STATE_WITHDRAWN
    assert (await room.outreach_of(gone)).state == states.CANCELLED
    await room.report(run_id, rest)
    run = await room.get_run(run_id)
    assert (run.letters, run.withdrawn, run.pending) == (3, 1, 2)
    (given_back,) = await room.world.entries("quantity_given_back")
    assert len(given_back["letters"]) == 1


async def test_a_run_that_loses_every_letter_is_closed(room: Mailroom) -> None:
    """There is nothing to lay out."""
    await room.ask("7001")
    run_id = (await room.start()).run_id
    await room.repay("7001", 2)
    assert (await room.get_run(run_id)).state == RunState.RUN_STATE_CLOSED
    assert (await room.world.authority.read(rendering.list_renderings)).renderings == []


async def test_the_layout_refuses_a_letter(room: Mailroom) -> None:
    """It is cancelled before it prints, and the others go on; a run of which none is left is closed."""
    await room.ask("7001", "7002")
    run_id = (await room.start()).run_id
    permits = await room.permits(run_id)
    refused = permits[0].letter_number
    await room.report(run_id, permits, refused=[refused])
    row = await room.outreach_of(refused)
    assert (row.state, row.cause) == (states.CANCELLED, "VARIABLE_INVALID")
    run = await room.get_run(run_id)
    assert (run.state, run.withdrawn, run.pending) == (RunState.RUN_STATE_READY, 1, 1)
    await room.ask("7003")
    other = (await room.start()).run_id
    permits = await room.permits(other)
    await room.report(other, permits, refused=[permits[0].letter_number])
    assert (await room.get_run(other)).state == RunState.RUN_STATE_CLOSED


async def test_a_pdf_is_released_once(room: Mailroom) -> None:
    """To one station, which may fetch it again for ten minutes; again only with a reason; each is in the ledger."""
    run_id, _ = await room.run("7001")
    pdf = await room.release_pdf(run_id)
    assert pdf == (await room.get_run(run_id)).pdf_sha256
    assert await room.release_pdf(run_id) == pdf
    with pytest.raises(Refusal) as caught:
        await room.release_pdf(run_id, "room-2")
    assert caught.value.reason == "PDF_RELEASED"
    await room.release_pdf(run_id, "room-2", "打印机故障 the printer broke")
    assert (await room.get_run(run_id)).releases == 2
    kinds = [entry["kind"] for entry in await room.world.entries() if entry["kind"].startswith("run_pdf")]
    assert kinds == ["run_pdf_released", "run_pdf_fetched_again", "run_pdf_released"]
    with pytest.raises(Refusal) as caught:
        await room.release_pdf(run_id, who=clerk("dan", "inspector"))
    assert caught.value.reason == "NOT_DESIGNATED"


async def test_numbers_are_never_reused(room: Mailroom) -> None:
    """Neither after a withdrawal nor by another run."""
    await room.ask("7001")
    first = await room.permits((await room.start()).run_id)
    await room.repay("7001", 2)
    await room.ask("7002")
    second = await room.permits((await room.start()).run_id)
    assert first[0].letter_number < second[0].letter_number


async def test_runs_and_letters_are_listed(room: Mailroom) -> None:
    """By pages, newest run first, letters in the order of the run; names and addresses are masked."""
    runs = [(await room.run(number))[0] for number in NUMBERS]
    call = Call(clerk(), ListRunsRequest(bank_id=BANK, page_size=2))
    page = await room.world.authority.read(views.list_runs, call)
    assert [run.run_id for run in page.runs] == runs[:0:-1]
    call = Call(clerk(), ListRunsRequest(bank_id=BANK, page_token=page.next_page_token))
    rest = await room.world.authority.read(views.list_runs, call)
    assert ([run.run_id for run in rest.runs], rest.next_page_token) == (runs[:1], "")
    (letter,) = await room.letters(run_id=runs[0])
    assert (letter.masked_name, letter.masked_address) == ("张**", "浙江省杭州市****")
    assert [one.run_id for one in await room.letters()] == runs
    with pytest.raises(Refusal) as caught:
        await room.letters(page_token="nonsense")
    assert caught.value.kind is Kind.INVALID
    assert len(await room.letters(page_token=f"{runs[0]}.1")) == 2


async def test_places_are_used_once(world: World) -> None:
    """A quantity of one letter lets one into a run, and the next waits for another grant."""
    room = await open_mailroom(world, places=1)
    await room.place("7001", "7002")
    decisions = await room.ask("7001", "7002")
    assert [decision.state for decision in decisions] == [states.ADMITTED, states.AWAITING_QUANTITY]
    assert (await room.start()).letters == 1
    await grant_quantity(world, 1)
    assert (await room.start()).letters == 1
    assert len(await world.authority.read(store.of_outreach, [one.outreach_id for one in decisions])) == 2
