"""The scans that follow a letter: printed, spoiled, sealed, mailed. A repeated scan gets the first answer."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from approval_service import operations, schema, views
from approval_service.calls import Call
from approval_service.mailroom import mailing, printing
from outreach.domain import states
from outreach.domain.errors import Kind, Refusal
from outreach.v1.mailroom_service_pb2 import (
    ConfirmPrintedRequest,
    LetterSelection,
    LetterState,
    MailRequest,
    SealRequest,
)
from outreach.v1.operations_service_pb2 import SetEmployeeRequest
from outreach.v1.outreach_service_pb2 import GetRequest
from tests.service.approval_service.mailroom import REGISTERED, Mailroom, open_mailroom
from tests.service.approval_service.world import CALLER, DAY_MS, World, principal

NUMBERS = ("7101", "7102", "7103")
ITEM = "RA473124829CN"
RELEASED, PRINTED, MAILED = (
    LetterState.LETTER_STATE_RELEASED,
    LetterState.LETTER_STATE_PRINTED,
    LetterState.LETTER_STATE_MAILED,
)
SPOILED, TO_PULL = LetterState.LETTER_STATE_SPOILED, LetterState.LETTER_STATE_TO_PULL


@pytest.fixture
async def room(world: World) -> Mailroom:
    room = await open_mailroom(world)
    await room.place(*NUMBERS)
    return room


async def test_what_came_out_of_the_printer(room: Mailroom) -> None:
    """It is confirmed once; a second scan gets the first answer and records nothing."""
    run_id, letters = await room.run(*NUMBERS)
    first = await room.confirm(*letters[:2])
    assert [(one.ok, one.state) for one in first] == [(True, PRINTED), (True, PRINTED)]
    assert await room.confirm(*letters[:2]) == first
    assert [entry["attempt"] for entry in await room.world.entries("printed")] == letters[:2]
    run = await room.get_run(run_id)
    assert (run.printed, run.in_pile, run.pending) == (2, 2, 1)


async def test_ordinary_letters_by_range(room: Mailroom) -> None:
    """By position, with exceptions; what nobody holds is passed over."""
    run_id, letters = await room.run(*NUMBERS)
    selection = LetterSelection(run_id=run_id, first_position=1, last_position=3, except_letter_numbers=[letters[1]])
    confirmed = await room.write(printing.confirm_printed, ConfirmPrintedRequest(letters=selection))
    assert [one.letter_number for one in confirmed.results] == [letters[0], letters[2]]
    await room.write(printing.seal, SealRequest(letters=selection, counter_before=10, counter_after=12))
    await room.spoil(letters[0])
    mailed = await room.write(mailing.mail, MailRequest(range=selection))
    assert [(one.letter_number, one.state) for one in mailed.results] == [(letters[2], MAILED)]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"letter_numbers": ["A"], "run_id": "r"},
        {"run_id": "r", "first_position": 2, "last_position": 1},
        {"run_id": "r", "last_position": 1},
    ],
)
async def test_a_selection_is_one_of_two(room: Mailroom, fields: dict[str, Any]) -> None:
    """Numbers or a range that begins before it ends."""
    with pytest.raises(Refusal) as caught:
        await room.write(printing.confirm_printed, ConfirmPrintedRequest(letters=LetterSelection(**fields)))
    assert caught.value.kind is Kind.INVALID


async def test_a_mistyped_number_is_told_from_an_unknown_one(room: Mailroom) -> None:
    """The check character says which it is."""
    _, (letter,) = await room.run("7101")
    wrong = letter[:-1] + ("0" if letter[-1] != "0" else "1")
    (mistyped, unknown) = await room.confirm(wrong, "DEMO-261124-9999999" + "6")
    assert (mistyped.ok, unknown.ok) == (False, False)
    assert "校验位" in mistyped.message


async def test_nothing_is_printed_before_it_is_laid_out(room: Mailroom) -> None:
    """A letter of a run that is being laid out cannot have been printed."""
    await room.ask("7101")
    (permit,) = await room.permits((await room.start()).run_id)
    (result,) = await room.confirm(permit.letter_number)
    assert (result.ok, result.state) == (False, RELEASED)
    assert not (await room.spoil(permit.letter_number)).result.ok


async def test_a_spoiled_letter_is_made_anew(room: Mailroom) -> None:
    """Under a new number in another run, without another place in a quantity; the old number names the new one."""
    run_id, (letter,) = await room.printed("7101")
    spoiled = await room.spoil(letter)
    assert (spoiled.result.ok, spoiled.result.state) == (True, SPOILED)
    row = await room.outreach_of(letter)
    assert (row.state, row.outreach_id) == (states.ADMITTED, spoiled.waiting_outreach_id)
    assert await room.spoil(letter) == spoiled
    assert not (await room.mail(letter))[0].ok
    (permit,) = await room.permits((await room.start()).run_id)
    assert permit.outreach_id == row.outreach_id
    assert (await room.letter(letter)).replaced_by == permit.letter_number
    assert await room.world.entries("quantity_given_back") == []
    assert (await room.close(run_id)).run.spoiled == 1


async def test_the_stamp_is_counted(room: Mailroom) -> None:
    """The counter goes up by the letters that are sealed now; a repeated call changes nothing."""
    _, letters = await room.run(*NUMBERS)
    await room.confirm(*letters)
    with pytest.raises(Refusal) as caught:
        await room.seal(*letters, before=7, after=9)
    assert caught.value.kind is Kind.INVALID
    first = await room.seal(*letters, before=7, after=10)
    assert all(one.ok for one in first)
    assert await room.seal(*letters, before=7, after=10) == first
    (entry,) = await room.world.entries("seals_used")
    assert (entry["letters"], entry["before"], entry["after"]) == (3, 7, 10)


async def test_only_what_is_printed_is_sealed_and_only_what_is_sealed_is_mailed(room: Mailroom) -> None:
    """Each step is taken in its turn."""
    _, (letter,) = await room.run("7101")
    assert [one.ok for one in await room.seal(letter)] == [False]
    assert [one.ok for one in await room.mail(letter)] == [False]
    await room.confirm(letter)
    (unsealed,) = await room.mail(letter)
    assert (unsealed.ok, unsealed.state, list(unsealed.codes)) == (False, PRINTED, [])


async def test_registered_mail_needs_its_item_number(room: Mailroom) -> None:
    """A wrong S10 check digit warns; the same item number again, or another one for the letter, is refused."""
    _, letters = await room.printed(*NUMBERS, postal_class=REGISTERED)
    (without,) = await room.mail(letters[0])
    assert (without.ok, without.state) == (False, PRINTED)
    first = await room.mail(letters[0], items=[ITEM])
    assert [(one.ok, one.state, one.warning) for one in first] == [(True, MAILED, "")]
    assert await room.mail(letters[0], items=[ITEM]) == first
    assert [one.ok for one in await room.mail(letters[0], items=["RA473124815CN"])] == [False]
    assert [one.ok for one in await room.mail(letters[1], items=[ITEM])] == [False]
    (warned,) = await room.mail(letters[1], items=["RA473124828CN"])
    assert warned.ok
    assert "校验位" in warned.warning
    assert (await room.outreach_of(letters[0])).state == states.MAILED


async def test_an_item_number_comes_again_after_a_year(room: Mailroom) -> None:
    """UPU S10 lets the post use it again."""
    _, (letter,) = await room.printed("7101", postal_class=REGISTERED)
    await room.mail(letter, items=[ITEM])
    room.world.set_clock(room.world.now_ms() + 400 * DAY_MS)
    await room.world.open_bank(balance_max_age_minutes=10_080)
    await room.place("7109")
    _, (other,) = await room.printed("7109", postal_class=REGISTERED)
    assert [one.ok for one in await room.mail(other, items=[ITEM])] == [True]


async def test_two_letters_of_one_call_share_no_item_number(room: Mailroom) -> None:
    """Nor is a letter scanned twice in one."""
    _, letters = await room.printed("7101", "7102", postal_class=REGISTERED)
    assert [one.ok for one in await room.mail(*letters, items=[ITEM, ITEM])] == [True, False]
    with pytest.raises(Refusal):
        await room.mail(letters[1], letters[1], items=[ITEM, ITEM])


async def test_every_rule_runs_again_as_it_is_handed_over(room: Mailroom) -> None:
    """An employee who left asked for it: it is to be pulled, and the second scan says the same."""
    run_id, (letter, other) = await room.printed("7101", "7102")
    leaver = SetEmployeeRequest(caller_id=CALLER, employee_id="dan", team="t1", active=False)
    await room.world.write(operations.set_employee, "ann", leaver, banks=["*"])
    first = await room.mail(letter)
    assert [(one.ok, one.state, list(one.codes)) for one in first] == [(False, TO_PULL, ["OPERATOR_MISSING"])]
    assert await room.mail(letter) == first
    row = await room.outreach_of(letter)
    assert (row.state, row.cause) == (states.TO_PULL, "OPERATOR_MISSING")
    await room.pull(letter)
    assert (await room.outreach_of(letter)).state == states.PULLED
    assert (await room.get_run(run_id)).in_pile == 1
    assert (await room.outreach_of(other)).state == states.PRINTED


async def test_an_amount_that_is_no_more_owed_does_not_leave(room: Mailroom) -> None:
    """The scan compares what the letter shows with the bank's record, whatever changed it."""
    _, (letter,) = await room.printed("7101")
    with room.world.authority.database.writer.begin() as connection:
        connection.execute(update(schema.account).values(overdue_fen=100))
    (result,) = await room.mail(letter)
    assert (result.state, list(result.codes)) == (TO_PULL, ["REPAID_IN_PART"])
    await room.pull(letter)
    assert (await room.outreach_of(letter)).state == states.ADMITTED


async def test_what_must_wait_stays_in_the_pile(room: Mailroom) -> None:
    """A stale balance is no reason to destroy a letter."""
    _, (letter,) = await room.printed("7101")
    room.world.set_clock(room.world.now_ms() + 2 * DAY_MS)
    (result,) = await room.mail(letter)
    assert (result.ok, result.state, list(result.codes)) == (False, PRINTED, ["BALANCE_UNCONFIRMED"])
    await room.world.open_bank(balance_max_age_minutes=10_080)
    assert [one.state for one in await room.mail(letter)] == [MAILED]


async def test_one_that_cannot_be_judged_keeps_no_other_from_the_post(room: Mailroom) -> None:
    """What is sealed in it was spoiled: it stays in the pile, and the rest of the range is mailed."""
    _, (spoiled, other) = await room.printed("7101", "7102")
    row = await room.outreach_of(spoiled)
    with room.world.authority.database.writer.begin() as connection:
        table = schema.outreach
        connection.execute(update(table).where(table.c.outreach_id == row.outreach_id).values(request_sealed=b"x" * 40))
    results = await room.mail(spoiled, other)
    assert [(one.ok, one.state) for one in results] == [(False, PRINTED), (True, MAILED)]
    assert (await room.outreach_of(spoiled)).state == states.PRINTED


async def test_an_outreach_shows_its_letters(room: Mailroom) -> None:
    """Each number that was given for it, and what became of it."""
    _, (letter,) = await room.printed("7101")
    spoiled = await room.spoil(letter)
    _, (again,) = await room.run()
    request = GetRequest(outreach_id=spoiled.waiting_outreach_id)
    got = await room.world.authority.read(views.get, Call(principal("dan"), request))
    assert [(one.letter_number, one.state) for one in got.outreach.letters] == [
        (letter, states.ADMITTED),
        (again, states.RELEASED),
    ]
