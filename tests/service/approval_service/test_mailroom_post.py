"""What the post says and brings back, the closing of a run, and the release of a small amount."""

from __future__ import annotations

from typing import Any

import pytest

from approval_service.mailroom import care, post
from outreach.domain import states
from outreach.domain.errors import Kind, Refusal
from outreach.v1.mailroom_service_pb2 import (
    AcceptedItem,
    LetterState,
    RecordAcceptanceRequest,
    RecordAcceptanceResponse,
    RecordDeliveryRequest,
    RecordDeliveryResponse,
    ReleaseCareRequest,
    ReturnReason,
    RunState,
)
from tests.service.approval_service.mailroom import (
    ORDINARY,
    REGISTERED,
    Mailroom,
    address_of,
    clerk,
    open_mailroom,
)
from tests.service.approval_service.world import BANK, World, principal

NUMBERS = ("7301", "7302", "7303")
ITEMS = ("RA473124829CN", "RA123456785CN", "RA000000080CN")
MAILED, RETURNED = LetterState.LETTER_STATE_MAILED, LetterState.LETTER_STATE_RETURNED


@pytest.fixture
async def room(world: World) -> Mailroom:
    room = await open_mailroom(world)
    await room.place(*NUMBERS)
    return room


async def mailed(room: Mailroom, *numbers: str) -> tuple[str, list[str]]:
    run_id, letters = await room.printed(*numbers, postal_class=REGISTERED)
    assert all(one.ok for one in await room.mail(*letters, items=ITEMS))
    return run_id, letters


async def accept(room: Mailroom, run_id: str, *items: AcceptedItem) -> RecordAcceptanceResponse:
    request = RecordAcceptanceRequest(run_id=run_id, reference="20261124001", items=items)
    return await room.write(post.record_acceptance, request)


async def deliver(room: Mailroom, *items: AcceptedItem) -> RecordDeliveryResponse:
    request = RecordDeliveryRequest(bank_id=BANK, reference="20261126001", items=items)
    return await room.write(post.record_delivery, request)


async def test_the_posts_acceptance_list(room: Mailroom) -> None:
    """By letter or item number; what differs is named, and another list completes the first."""
    run_id, letters = await mailed(room, *NUMBERS)
    lines = [
        AcceptedItem(letter_number=letters[0]),
        AcceptedItem(item_number=ITEMS[1]),
        AcceptedItem(item_number="RA999999999CN"),
        AcceptedItem(letter_number=letters[2], item_number=ITEMS[0]),
    ]
    answer = await accept(room, run_id, *lines)
    assert (answer.accepted, list(answer.missing_letter_numbers)) == (2, [letters[2]])
    assert list(answer.unknown_items) == ["RA999999999CN", letters[2]]
    again = await accept(room, run_id, AcceptedItem(item_number=ITEMS[2]))
    assert (again.accepted, list(again.missing_letter_numbers)) == (3, [])
    assert [letter.accepted for letter in await room.letters(run_id=run_id)] == [True] * 3
    assert "20261124001" not in str(await room.world.entries("accepted_by_post"))


async def test_what_the_post_delivered(room: Mailroom) -> None:
    """It ends the outreach; a repeated list counts it again and moves nothing."""
    _, letters = await mailed(room, "7301", "7302")
    line = AcceptedItem(item_number=ITEMS[0])
    unknown = AcceptedItem(letter_number="DEMO-1")
    answer = await deliver(room, line, unknown)
    assert (answer.delivered, list(answer.unknown_items)) == (1, ["DEMO-1"])
    assert await deliver(room, line, unknown) == answer
    assert (await room.outreach_of(letters[0])).state == states.DELIVERED
    assert len(await room.world.entries("delivered")) == 1


@pytest.mark.parametrize(
    ("reason", "for_all"),
    [(ReturnReason.RETURN_REASON_PERSON_UNKNOWN, False), (ReturnReason.RETURN_REASON_DEMOLISHED, True)],
)
async def test_a_letter_that_came_back_closes_the_address(
    room: Mailroom, reason: ReturnReason.ValueType, for_all: bool
) -> None:
    """In another spelling, too; for everybody where there is no such door, else for this person. The second scan gets
    the first answer."""
    _, (letter,) = await mailed(room, "7301")
    first = await room.send_back(letter, reason)
    assert (first.result.ok, first.result.state, first.address_closed) == (True, RETURNED, True)
    assert await room.send_back(letter, reason) == first
    assert (await room.outreach_of(letter)).state == states.RETURNED
    (mark,) = await room.world.entries("address_bad")
    assert bool(mark.get("person")) is not for_all
    spelling = "杭州市西湖区文三路18号3号楼7301室"
    (same,) = await room.ask("7301", address=spelling)
    assert "ADDRESS_KNOWN_BAD" in {finding.code for finding in same.findings}
    (other,) = await room.ask("7302", address=spelling)
    assert ("ADDRESS_KNOWN_BAD" in {finding.code for finding in other.findings}) is for_all


async def test_a_reason_that_the_policy_exempts(room: Mailroom) -> None:
    """The bank may let uncollected and misdelivered mail be tried again; every other reason closes the address."""
    await room.world.open_bank(exempt_return_reasons=[7])
    _, letters = await mailed(room, "7301", "7302")
    kept = await room.send_back(letters[0], ReturnReason.RETURN_REASON_NOT_COLLECTED)
    closed = await room.send_back(letters[1], ReturnReason.RETURN_REASON_MISDELIVERED)
    assert (kept.address_closed, closed.address_closed) == (False, True)
    other = await room.send_back(letters[0], ReturnReason.RETURN_REASON_REFUSED)
    assert (other.address_closed, bool(other.result.warning)) == (False, True)


async def test_a_death_puts_the_account_on_hold(room: Mailroom) -> None:
    """What is pending about it is cancelled."""
    _, letters = await mailed(room, "7301")
    (waiting,) = await room.ask("7301", address=address_of("7302"))
    answer = await room.send_back(letters[0], ReturnReason.RETURN_REASON_DEATH)
    assert answer.hold_id
    assert await room.send_back(letters[0], ReturnReason.RETURN_REASON_DEATH) == answer
    (hold,) = await room.world.entries("hold_placed")
    assert (hold["hold"], hold["hold_kind"]) == (answer.hold_id, "DEATH")
    assert (await room.world.outreach(waiting.outreach_id)).state == states.CANCELLED


async def test_a_letter_that_was_delivered_and_comes_back(room: Mailroom) -> None:
    """The outreach has ended, and the letter's return is recorded and closes the address all the same."""
    _, letters = await mailed(room, "7301")
    await deliver(room, AcceptedItem(item_number=ITEMS[0]))
    answer = await room.send_back(letters[0], ReturnReason.RETURN_REASON_MOVED)
    assert (answer.result.state, answer.address_closed) == (RETURNED, True)
    assert (await room.outreach_of(letters[0])).state == states.DELIVERED
    (entry,) = await room.world.entries("contradicted")
    assert entry["attempt"] == letters[0]


async def test_only_mailed_letters_come_back(room: Mailroom) -> None:
    """A letter in the pile has not left."""
    _, (letter,) = await room.printed("7301")
    answer = await room.send_back(letter, ReturnReason.RETURN_REASON_OTHER)
    assert (answer.result.ok, answer.address_closed) == (False, False)


async def test_a_run_is_closed_when_the_numbers_meet(room: Mailroom) -> None:
    """Not before; then once, and again with the same answer."""
    run_id, letters = await room.printed(*NUMBERS)
    await room.mail(*letters[:2])
    await room.repay("7303", 2)
    for _ in range(2):
        with pytest.raises(Refusal) as caught:
            await room.close(run_id, "少一封 one is missing")
        assert (caught.value.kind, caught.value.reason) == (Kind.PRECONDITION, "RUN_DIFFERS")
    await room.pull(letters[2])
    closed = await room.close(run_id)
    assert (closed.run.state, closed.waits_for_second_person) == (RunState.RUN_STATE_CLOSED, False)
    assert await room.close(run_id) == closed
    (entry,) = await room.world.entries("run_closed")
    assert (entry["approved"], entry["printed"], entry["mailed"], entry["pulled"]) == (3, 3, 2, 1)


async def test_a_difference_takes_two_people(room: Mailroom) -> None:
    """Each explains it; the letters stay where they were last seen, and are no more mailed."""
    run_id, letters = await room.printed(*NUMBERS)
    await room.mail(*letters[:2])
    first = await room.close(run_id, "清点少一封 one is missing")
    assert (first.run.state, first.waits_for_second_person) == (RunState.RUN_STATE_READY, True)
    with pytest.raises(Refusal) as caught:
        await room.close(run_id, "清点少一封 one is missing")
    assert caught.value.reason == "SAME_PERSON"
    closed = await room.close(run_id, "复核属实 confirmed", employee="ann")
    assert closed.run.state == RunState.RUN_STATE_CLOSED
    (entry,) = await room.world.entries("run_closed")
    assert (entry["explained_by"], entry["by"]) == ("agency/eve", "agency/ann")
    (late,) = await room.mail(letters[2])
    assert not late.ok
    await room.repay("7303", 2)
    assert [one.ok for one in await room.pull(letters[2])] == [True]


async def test_a_small_amount_waits_for_a_reviewer(world: World) -> None:
    """Not the clerk who asked; then it goes into the next run."""
    room = await open_mailroom(world)
    await world.open_bank(care_amount_fen=200_000)
    await room.place("7301")
    (decision,) = await room.ask("7301")
    assert (await world.outreach(decision.outreach_id)).waiting_for == "CARE_AMOUNT"
    request = ReleaseCareRequest(outreach_id=decision.outreach_id, reason="已核对 checked")
    with pytest.raises(Refusal) as caught:
        await room.write(care.release_care, request, clerk("dan", "reviewer"))
    assert caught.value.reason == "SAME_PERSON"
    released = await room.write(care.release_care, request, clerk("cat", "reviewer"))
    assert released.outreach.waiting_for == ""
    assert await room.write(care.release_care, request, clerk("cat", "reviewer")) == released
    assert (await room.start()).letters == 1


async def test_other_banks_letters_are_unknown(room: Mailroom) -> None:
    """A token of another bank sees neither runs nor letters."""
    run_id, (letter,) = await room.printed("7301")
    stranger = principal("eve", banks=["other-bank"], roles=["mailroom"])
    (result,) = await room.confirm(letter, who=stranger)
    assert (result.ok, result.state) == (False, LetterState.LETTER_STATE_UNSPECIFIED)
    with pytest.raises(Refusal) as caught:
        await room.release_pdf(run_id, who=stranger)
    assert caught.value.kind is Kind.NOT_FOUND


@pytest.mark.parametrize("postal_class", [ORDINARY, REGISTERED])
async def test_no_personal_data_in_the_ledger(room: Mailroom, postal_class: Any) -> None:
    """Letter numbers are in it; names, addresses and accounts are not."""
    _, letters = await room.printed("7301", postal_class=postal_class)
    await room.mail(*letters, items=ITEMS[:1])
    await room.send_back(letters[0], ReturnReason.RETURN_REASON_MOVED)
    said = b"\n".join(await room.world.bodies()).decode()
    assert letters[0] in said
    for secret in ("张三", "文三路", address_of("7301"), "C7301"):
        assert secret not in said
