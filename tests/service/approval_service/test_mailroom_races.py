"""Two scanners and a repayment meet at the same printed letter; a process dies between two steps of it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Iterator
from typing import TypeVar

import pytest

from approval_service.database import Database
from outreach.domain import states
from outreach.domain.errors import Refusal
from outreach.v1.bank_service_pb2 import EventResult
from outreach.v1.mailroom_service_pb2 import LetterState, RunState, ScanResult
from tests.service.approval_service.authorities import open_authority
from tests.service.approval_service.mailroom import Mailroom, open_mailroom
from tests.service.approval_service.world import World

MAILED, TO_PULL = LetterState.LETTER_STATE_MAILED, LetterState.LETTER_STATE_TO_PULL
ROUNDS, LETTERS = 4, 10
T = TypeVar("T")


@pytest.fixture
async def room(world: World) -> Mailroom:
    return await open_mailroom(world)


@pytest.mark.parametrize("new_amount", [None, 50_000], ids=["in full", "in part"])
async def test_mailed_or_pulled_never_both(room: Mailroom, new_amount: int | None) -> None:
    """Whichever comes first, on whichever replica: both scanners hear the same, the letter is mailed or pulled, and the
    run reconciles."""
    other = reopened(room)
    chance = random.Random(4)
    owner: dict[str, str] = {}
    ends = set()
    for turn in range(ROUNDS):
        accounts = [f"74{turn}{index}" for index in range(LETTERS)]
        await room.place(*accounts)
        asked = await room.ask(*accounts)
        owner |= {decision.outreach_id: account for decision, account in zip(asked, accounts, strict=True)}
        # What was re-priced in the round before is printed anew in this one.
        run_id, letters = await room.printed()
        heard = await _race((room, other), letters, owner, chance, turn + 2, new_amount)
        for letter, (first, second) in heard.items():
            assert (first.state, first.ok) == (second.state, second.ok)
            assert (await room.letter(letter)).state == first.state
            assert (first.state, first.ok) in ((MAILED, True), (TO_PULL, False))
            ends.add(first.state)
        to_pull = [letter for letter, (first, _) in heard.items() if first.state == TO_PULL]
        assert all(one.ok for one in await room.pull(*to_pull))
        assert not any(one.ok for one in await room.mail(*to_pull))
        run = (await room.close(run_id)).run
        assert (run.printed, run.mailed, run.pulled) == (len(letters), len(letters) - len(to_pull), len(to_pull))
    await closed(other)
    assert ends == {MAILED, TO_PULL}
    left = [entry["attempt"] for entry in await room.world.entries("mailed")]
    pulled = [entry["attempt"] for entry in await room.world.entries() if entry.get("taken") == "PULLED"]
    assert len(left) == len(set(left))
    assert not set(left) & set(pulled)


async def _race(
    rooms: tuple[Mailroom, Mailroom],
    letters: list[str],
    owner: dict[str, str],
    chance: random.Random,
    sequence: int,
    amount: int | None,
) -> dict[str, list[ScanResult]]:
    """What a scanner at each replica hears of each letter, while its account is repaid at one of them."""
    one, other = rooms
    steps: list[Awaitable[list[ScanResult] | EventResult]] = []
    for letter in letters:
        account = owner[(await one.letter(letter)).outreach_id]
        steps += [one.mail(letter), other.mail(letter), chance.choice(rooms).repay(account, sequence, amount)]
    chance.shuffle(steps)
    answers = await asyncio.gather(*(_soon(step, chance.uniform(0, 0.02)) for step in steps))
    return {letter: [scan for answer in answers for scan in _scans(answer, letter)] for letter in letters}


async def _soon(step: Awaitable[T], delay_s: float) -> T:
    await asyncio.sleep(delay_s)
    return await step


def _scans(answer: list[ScanResult] | EventResult, letter: str) -> Iterator[ScanResult]:
    if isinstance(answer, list):
        yield from (one for one in answer if one.letter_number == letter)


def reopened(room: Mailroom) -> Mailroom:
    """The same database under an authority that knows nothing but what was committed."""
    old = room.world.authority
    database = Database(old.database.url.render_as_string(hide_password=False))
    return Mailroom(World(open_authority(database)), room.digest)


async def closed(room: Mailroom) -> None:
    await asyncio.to_thread(room.world.authority.writer.close)
    room.world.authority.database.close()


async def test_a_crash_loses_no_letter_and_prints_none_twice(room: Mailroom) -> None:
    """After each step the process is gone, and the step is repeated: laid out, reported, released, confirmed, mailed.
    The same permits come back, the same answers too, and each number is printed, spoiled or mailed once."""
    accounts = ["7501", "7502", "7503"]
    await room.place(*accounts)
    decisions = await room.ask(*accounts)
    run = await room.start(run_request_id="the-run")
    permits = await room.permits(run.run_id)
    second = reopened(room)
    assert await second.start(run_request_id="the-run") == run
    assert await second.permits(run.run_id) == permits
    await second.report(run.run_id, permits)
    await closed(second)
    third = reopened(room)
    await third.report(run.run_id, permits)
    assert not (await third.start()).run_id
    letters = [permit.letter_number for permit in permits]
    assert await third.release_pdf(run.run_id)
    confirmed = await third.confirm(*letters)
    await third.seal(*letters)
    spoiled = await third.spoil(letters[0])
    mailed = await third.mail(*letters[1:])
    await closed(third)
    fourth = reopened(room)
    assert await fourth.release_pdf(run.run_id)
    with pytest.raises(Refusal):
        await fourth.release_pdf(run.run_id, "another-room")
    assert [one.ok for one in await fourth.confirm(*letters)] == [one.ok for one in confirmed]
    assert await fourth.spoil(letters[0]) == spoiled
    assert await fourth.mail(*letters[1:]) == mailed
    (again,) = await fourth.permits((await fourth.start()).run_id)
    assert again.letter_number not in letters
    await fourth.close(run.run_id)
    ended = {states.name((await fourth.world.outreach(one.outreach_id)).state) for one in decisions}
    assert ended == {"RELEASED", "MAILED"}
    assert (await fourth.get_run(run.run_id)).state == RunState.RUN_STATE_CLOSED
    for kind in ("printed", "mailed"):
        numbers = [entry["attempt"] for entry in await fourth.world.entries(kind)]
        assert len(numbers) == len(set(numbers))
    await closed(fourth)
