"""Cancellations, holds and repayments that meet letters in print: withdrawn, or to be pulled, until they are mailed."""

from __future__ import annotations

from typing import Any

import pytest

from approval_service import cancellation, holds, letter_versions
from outreach.domain import states
from outreach.v1.hold_service_pb2 import HoldKind, PlaceHoldRequest
from outreach.v1.letter_version_service_pb2 import RetireLetterVersionRequest, SuspendLetterVersionRequest
from outreach.v1.mailroom_service_pb2 import LetterState, RunState
from outreach.v1.outreach_service_pb2 import CancelRequest, CancelResponse
from tests.service.approval_service.mailroom import Mailroom, open_mailroom
from tests.service.approval_service.world import BANK, World

NUMBERS = ("7201", "7202", "7203", "7204")
PRINTED, MAILED, TO_PULL = (
    LetterState.LETTER_STATE_PRINTED,
    LetterState.LETTER_STATE_MAILED,
    LetterState.LETTER_STATE_TO_PULL,
)
PULLED = LetterState.LETTER_STATE_PULLED


@pytest.fixture
async def room(world: World) -> Mailroom:
    room = await open_mailroom(world)
    await room.place(*NUMBERS)
    return room


async def cancel(room: Mailroom, **scope: Any) -> CancelResponse:
    request = CancelRequest(bank_id=BANK, reason="客户来电", **scope)
    return await room.world.write(cancellation.cancel_requested, "dan", request)


async def test_a_cancellation_names_what_may_be_printed_or_has_left(room: Mailroom) -> None:
    """Withdrawn while its run is laid out; to be pulled once it can be printed; named once it is mailed."""
    _, letters = await room.printed(*NUMBERS[:3])
    await room.mail(letters[0])
    (waiting,) = await room.ask(NUMBERS[3])
    answers = [await cancel(room, account_number=number) for number in NUMBERS]
    named = {one.attempt_id: one.state for answer in answers for one in answer.possibly_leaving}
    assert named == {letters[0]: states.MAILED, letters[1]: states.TO_PULL, letters[2]: states.TO_PULL}
    assert [list(answer.cancelled_ids) for answer in answers if answer.cancelled_ids] == [[waiting.outreach_id]]
    assert [one.state for one in await room.mail(*letters)] == [MAILED, TO_PULL, TO_PULL]
    again = [await cancel(room, account_number=number) for number in NUMBERS[:3]]
    assert [answer.possibly_leaving for answer in again] == [answer.possibly_leaving for answer in answers[:3]]


async def test_a_hold_pulls_what_is_printed(room: Mailroom) -> None:
    """Its answer names the letter number, and a pulled letter has ended."""
    run_id, (letter,) = await room.printed("7201")
    request = PlaceHoldRequest(
        bank_id=BANK, account_number="7201", kind=HoldKind.HOLD_KIND_COMPLAINT, reason="投诉 complaint"
    )
    answer = await room.world.write(holds.place_hold, "ann", request)
    assert list(answer.possibly_leaving_attempt_ids) == [letter]
    (listed,) = await room.letters(state=TO_PULL)
    assert (listed.letter_number, listed.cause) == (letter, "ACCOUNT_ON_HOLD")
    first = await room.pull(letter)
    assert [(one.ok, one.state) for one in first] == [(True, PULLED)]
    assert await room.pull(letter) == first
    row = await room.outreach_of(letter)
    assert (row.state, row.cause) == (states.PULLED, "ACCOUNT_ON_HOLD")
    run = (await room.close(run_id)).run
    assert (run.printed, run.pulled, run.state) == (1, 1, RunState.RUN_STATE_CLOSED)


async def test_a_letter_that_was_never_printed(room: Mailroom) -> None:
    """It counts as withdrawn and gives its place back; one that was confirmed as printed is not believed to be such."""
    run_id, (never, printed) = await room.run("7201", "7202")
    await room.confirm(printed)
    for number in ("7201", "7202"):
        await room.repay(number, 2)
    results = await room.pull(never, printed, never_printed=True)
    assert [one.ok for one in results] == [True, False]
    await room.pull(printed)
    run = (await room.close(run_id)).run
    assert (run.letters, run.printed, run.withdrawn, run.pulled) == (2, 1, 1, 1)
    (given_back,) = await room.world.entries("quantity_given_back")
    assert len(given_back["letters"]) == 1


async def test_only_what_is_on_the_list_is_pulled(room: Mailroom) -> None:
    """A good letter is not destroyed by a slip."""
    _, (letter,) = await room.printed("7201")
    (result,) = await room.pull(letter)
    assert (result.ok, result.state) == (False, PRINTED)


async def test_a_letter_confirmed_after_it_was_stopped(room: Mailroom) -> None:
    """It was printed, counts as such, and stays on the pull list."""
    run_id, (letter,) = await room.run("7201")
    await room.repay("7201", 2)
    (result,) = await room.confirm(letter)
    assert (result.ok, result.state, bool(result.warning)) == (True, TO_PULL, True)
    run = await room.get_run(run_id)
    assert (run.printed, run.pending, run.to_pull) == (1, 0, 1)


async def test_a_partial_repayment_makes_a_printed_letter_anew(room: Mailroom) -> None:
    """The old amount never leaves; after it is pulled the letter goes under a new number with the bank's new amount."""
    _, (letter,) = await room.printed("7201")
    await room.repay("7201", 2, 50_000)
    (refused,) = await room.mail(letter)
    assert (refused.state, list(refused.codes)) == (TO_PULL, ["REPAID_IN_PART"])
    assert not (await room.start()).run_id
    await room.pull(letter)
    (permit,) = await room.permits((await room.start()).run_id)
    assert {value.name: value.text for value in permit.values}["overdue"] == "500.00"
    assert (permit.balance_sequence, (await room.letter(letter)).replaced_by) == (2, permit.letter_number)
    assert [entry["codes"] for entry in await room.world.entries("notice")] == [["REPAID_IN_PART"]]
    assert await room.world.entries("quantity_given_back") == []


async def test_a_partial_repayment_while_the_run_is_laid_out(room: Mailroom) -> None:
    """The letter leaves the run and goes into another one."""
    await room.ask("7201", "7202")
    run = await room.start()
    await room.repay("7201", 2, 50_000)
    assert (await room.get_run(run.run_id)).withdrawn == 1
    again = await room.start()
    assert [permit.balance_sequence for permit in await room.permits(again.run_id)] == [2]


async def test_a_full_repayment_after_a_partial_one(room: Mailroom) -> None:
    """What was to be made anew is not."""
    _, (letter,) = await room.printed("7201")
    await room.repay("7201", 2, 50_000)
    await room.repay("7201", 3)
    await room.pull(letter)
    row = await room.outreach_of(letter)
    assert (row.state, row.cause) == (states.PULLED, "REPAID_IN_FULL")


async def test_a_repayment_without_amounts(room: Mailroom) -> None:
    """Nobody knows what is owed: the letter is pulled for good."""
    _, (letter,) = await room.printed("7201")
    event = room.repayment_without_amounts("7201", 2)
    await room.world.apply(event)
    await room.pull(letter)
    assert (await room.outreach_of(letter)).state == states.PULLED


async def test_a_balance_that_shows_less(room: Mailroom) -> None:
    """A letter that asks for more than is owed is made anew; interest that ran on leaves it as it is."""
    _, letters = await room.printed("7201", "7202")
    await room.world.apply(room.balance_event("7201", 2, 123_000))
    await room.world.apply(room.balance_event("7202", 2, 124_000))
    assert [one.state for one in await room.mail(*letters)] == [TO_PULL, MAILED]


async def test_a_spoiled_letter_that_was_to_be_pulled(room: Mailroom) -> None:
    """It is destroyed either way, and does not come back."""
    run_id, (letter,) = await room.printed("7201")
    await room.repay("7201", 2)
    spoiled = await room.spoil(letter)
    assert (spoiled.result.ok, spoiled.waiting_outreach_id) == (True, "")
    assert (await room.outreach_of(letter)).state == states.PULLED
    assert (await room.close(run_id)).run.spoiled == 1


@pytest.mark.parametrize("stop", ["suspend", "retire"])
async def test_a_version_that_is_stopped(room: Mailroom, stop: str) -> None:
    """What is printed is pulled; what waits is parked, or cancelled for good."""
    _, (letter,) = await room.printed("7201")
    (waiting,) = await room.ask("7202")
    if stop == "suspend":
        request = SuspendLetterVersionRequest(digest=room.digest, reason="措辞有误 wrong wording")
        await room.world.write(letter_versions.suspend, "ben", request)
    else:
        retire = RetireLetterVersionRequest(digest=room.digest, reason="措辞有误 wrong wording")
        await room.world.write(letter_versions.retire, "ben", retire)
    assert (await room.letter(letter)).state == TO_PULL
    row = await room.outreach_of(letter)
    assert (row.state, row.cause) == (states.TO_PULL, "LETTER_NOT_AUTHORIZED")
    assert (await room.world.outreach(waiting.outreach_id)).state == (
        states.ADMITTED if stop == "suspend" else states.CANCELLED
    )
