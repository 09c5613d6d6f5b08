"""Rotation of the master key: nothing waits for it, nothing is lost, and a kill in its middle changes nothing."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest
from sqlalchemy import func, select, update

from approval_service import credentials, key_rotation, schema, users
from approval_service.calls import Call
from approval_service.database import Database
from approval_service.masters import LocalMaster, Master, MasterError
from approval_service.store import keys as store
from outreach.domain.errors import Refusal
from outreach.v1 import key_service_pb2 as pb
from outreach.v1.key_service_pb2 import KeyKind
from outreach.v1.user_service_pb2 import CreateUserRequest
from tests.service.approval_service.authorities import MASTER, custodian_of, open_authority
from tests.service.approval_service.world import NOW_MS, PEOPLE, World, phone_of, principal

NEW = LocalMaster("m2", b"n" * 32)
NUMBERS = tuple(f"70{index:02}" for index in range(30))


@asynccontextmanager
async def opened(database: Database, masters: list[Master]) -> AsyncIterator[World]:
    authority = open_authority(database, masters)
    yield World(authority)
    await asyncio.to_thread(authority.writer.close)


@pytest.fixture
async def masters() -> list[Master]:
    """What the source of `rotated` gives; a test puts another one first."""
    return [MASTER]


@pytest.fixture
async def world(database: Database, masters: list[Master]) -> AsyncIterator[World]:
    """A bank with 30 people, and an account of the console."""
    async with opened(database, masters) as world:
        with database.writer.begin() as connection:
            connection.execute(update(schema.head).values(clock_business_ms=NOW_MS, clock_rate=0.0))
        await world.hire(*PEOPLE)
        await world.open_bank()
        await world.ready(*NUMBERS)
        request = CreateUserRequest(user_id="olga", roles=["operator"], bank_ids=["*"])
        secrets = users.Secrets("p", credentials.hash_password("p"), credentials.totp_secret())
        await world.authority.write(users.create_user, (Call(principal("ann", banks=["*"]), request), secrets))
        yield world


async def ask(world: World, employee: str = "ann", kind: KeyKind.ValueType = KeyKind.KEY_KIND_MASTER) -> None:
    await world.write(key_rotation.ask, employee, pb.AskRotationRequest(kind=kind), banks=["*"])


async def approve(world: World, employee: str = "ben") -> None:
    call = Call(principal(employee, banks=["*"]), pb.ApproveRotationRequest(kind=KeyKind.KEY_KIND_MASTER))
    prepared = await asyncio.to_thread(key_rotation.prepare_master, world.authority.custodian, call)
    await world.authority.write(key_rotation.approve_master, (call, prepared))


async def shown(world: World) -> pb.ListKeysResponse:
    call = Call(principal("ann", banks=["*"]), pb.ListKeysRequest())
    return await world.authority.read(key_rotation.list_keys, world.authority, call)


async def until(done: Callable[[], Awaitable[bool]]) -> None:
    end = time.monotonic() + 120
    while not await done():
        assert time.monotonic() < end, "it took too long"
        await asyncio.sleep(0.02)


async def finished(world: World) -> bool:
    return (await shown(world)).rewrapping.HasField("finish_time")


async def done(world: World, count: int) -> bool:
    """True if this pass has looked at so many rows."""
    return (await shown(world)).rewrapping.done == count


async def begun_again(world: World) -> bool:
    return not await done(world, 31)


async def left(world: World) -> int:
    """How many keys the one in use has not wrapped."""
    return await world.authority.read(store.count_otherwise_wrapped, world.authority.keys.wrapping_prefix)


@asynccontextmanager
async def working(*worlds: World) -> AsyncIterator[None]:
    """The background job of each, as in main."""
    tasks = [asyncio.create_task(key_rotation.work(world.authority)) for world in worlds]
    yield
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_rotation, "BATCH", 3)
    monkeypatch.setattr(key_rotation, "PAUSE_S", 0.005)
    monkeypatch.setattr(key_rotation, "IDLE_S", 0.02)


async def names(world: World) -> set[str]:
    """Everybody's name, unsealed."""

    def read(connection: Any) -> set[str]:
        people = connection.execute(select(schema.person)).all()
        keys = world.authority.keys
        return {keys.person(one.wrapped_key).unseal(one.name_sealed).decode() for one in people}

    return await world.authority.read(read)


async def totp(world: World) -> str:
    def read(connection: Any) -> str:
        (account,) = connection.execute(select(schema.user_account)).all()
        return world.authority.keys.person(account.wrapped_key).unseal(account.totp_sealed).decode()

    return await world.authority.read(read)


async def held_by(world: World) -> set[str]:
    rows = await world.authority.read(store.all_keys)
    return {row.master_id for row in rows}


async def test_requests_and_permits_go_on_while_keys_are_rewrapped(
    world: World, masters: list[Master], database: Database, small_steps: None
) -> None:
    """What was placed before is asked for during it, and what is placed during it too; all of it leaves. Then the old
    master is needed no more: the database opens with the new one alone, and with the old one alone it does not."""
    secret = await totp(world)
    masters.insert(0, NEW)
    await ask(world)
    permits = []
    async with working(world):
        await approve(world)
        for index, number in enumerate(NUMBERS):
            await world.ask(number)
            await world.place(f"71{index:02}", phone_of(f"71{index:02}"))
            await world.ask(f"71{index:02}")
            permits += await world.lease(limit=2)
        await until(lambda: finished(world))
    assert len(permits) == 60
    assert {permit.phone_number for permit in permits} == {phone_of(n) for n in NUMBERS} | {
        phone_of(f"71{index:02}") for index in range(30)
    }
    told = await shown(world)
    assert told.rewrapping.done >= told.rewrapping.total
    assert [(one.key_id, one.known, one.wraps, one.wrapped_keys > 0) for one in told.masters] == [
        ("m2", True, True, True),
        ("m1", True, False, False),
    ]
    assert await held_by(world) == {"m2"}
    del masters[1]
    async with opened(database, [NEW]) as again:
        assert await names(again) == {"张三"}
        assert await totp(again) == secret
    with pytest.raises(MasterError, match="needs m2, and here is m1"):
        custodian_of(database).open()


async def test_the_ledger_says_who_rotated(world: World, masters: list[Master], small_steps: None) -> None:
    masters.insert(0, NEW)
    await ask(world)
    async with working(world):
        await approve(world)
        await until(lambda: finished(world))
    (changed,), (retired,) = await world.entries("master_key_changed"), await world.entries("master_key_retired")
    assert (changed["key"], changed["asked_by"], changed["by"]) == ("m2", "agency/ann", "agency/ben")
    assert (retired["key"], retired["rewrapped"]) == ("m2", 31)


async def test_it_takes_two_and_a_new_master(world: World, masters: list[Master]) -> None:
    with pytest.raises(Refusal, match="no new master key"):
        await approve(world)
    masters.insert(0, NEW)
    with pytest.raises(Refusal, match="ask first"):
        await approve(world)
    await ask(world)
    with pytest.raises(Refusal, match="Maker and checker differ"):
        await approve(world, "ann")
    assert [(one.kind, one.asked_by) for one in (await shown(world)).requests] == [
        (KeyKind.KEY_KIND_MASTER, "agency/ann")
    ]
    del masters[1]
    with pytest.raises(Refusal, match="present master key is gone"):
        await approve(world)
    assert await held_by(world) == {"m1"}
    masters.append(MASTER)
    await approve(world)
    assert not (await shown(world)).requests
    with pytest.raises(Refusal, match="still runs"):
        await ask(world)


async def test_another_replica_goes_on_and_may_learn_of_the_new_master_later(
    world: World, masters: list[Master], database: Database, small_steps: None
) -> None:
    """It has the old one alone, and reads and writes all the time, also after the old one wraps nothing any more."""
    other_database = Database(database.url.render_as_string(hide_password=False))
    async with opened(other_database, [MASTER]) as other:
        assert await names(other) == {"张三"}
        masters.insert(0, NEW)
        await ask(world)
        await approve(world)
        assert await names(other) == {"张三"}
        await other.place("7201", phone_of("7201"))
        async with working(world, other):
            await until(lambda: finished(world))
        assert await names(other) == {"张三"}
        await other.place("7202", phone_of("7202"))
        assert await names(world) == {"张三"}
        assert await left(world) == 0
    other_database.close()


async def test_a_note_and_a_hash_outlive_the_rotation(world: World, masters: list[Master], small_steps: None) -> None:
    keys = world.authority.keys
    note, found = keys.seal_note("他说明天还"), keys.hash("phone", "13800137000")
    masters.insert(0, NEW)
    await ask(world)
    async with working(world):
        await approve(world)
        await until(lambda: finished(world))
    assert keys.unseal_note(note) == "他说明天还"
    assert keys.hash("phone", "13800137000") == found
    assert keys.seal_note("x")[:2] != note[:2]


async def test_what_is_damaged_is_told_and_keeps_the_old_master(
    world: World, masters: list[Master], database: Database, small_steps: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that nobody can unwrap stops neither the authority nor the rest, and the rotation does not claim to be
    done."""
    monkeypatch.setattr(key_rotation, "RETRY_S", 0.05)
    with database.writer.begin() as connection:
        one = connection.execute(select(schema.person.c.person_id)).scalars().first()
        whole = connection.execute(
            select(schema.person.c.wrapped_key).where(schema.person.c.person_id == one)
        ).scalar_one()
        damaged = whole[:-1] + bytes([whole[-1] ^ 1])
        connection.execute(update(schema.person).where(schema.person.c.person_id == one).values(wrapped_key=damaged))
    masters.insert(0, NEW)
    await ask(world)
    async with working(world):
        await approve(world)
        await until(lambda: done(world, 31))
        await until(lambda: begun_again(world))
        assert await left(world) == 1
        assert not await finished(world)
        assert await held_by(world) == {"m1", "m2"}
        with database.writer.begin() as connection:
            connection.execute(update(schema.person).where(schema.person.c.person_id == one).values(wrapped_key=b""))
        await until(lambda: finished(world))


WORKER = """
import asyncio, sys
from approval_service import key_rotation
from approval_service.database import Database
from approval_service.masters import LocalMaster
from tests.service.approval_service.authorities import MASTER, open_authority
key_rotation.BATCH, key_rotation.PAUSE_S = 1, 0.02
async def main():
    await key_rotation.work(open_authority(Database(sys.argv[1]), [LocalMaster("m2", b"n" * 32), MASTER]))
asyncio.run(main())
"""


@contextmanager
def worker(database: Database) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that does the background job."""
    url = database.url.render_as_string(hide_password=False)
    with subprocess.Popen([sys.executable, "-c", WORKER, url]) as process:
        try:
            yield process
        finally:
            process.kill()


async def test_a_kill_in_the_middle(world: World, masters: list[Master], database: Database, small_steps: None) -> None:
    """The process is killed (SIGKILL) while it rewraps: everything can be read, and the next one goes on from there."""
    masters.insert(0, NEW)
    await ask(world)
    await approve(world)

    async def some() -> bool:
        return (await shown(world)).rewrapping.done > 4

    with worker(database) as process:
        await until(some)
        process.send_signal(signal.SIGKILL)
        process.wait()
    done = (await shown(world)).rewrapping.done
    assert 4 < done < 31
    assert await names(world) == {"张三"}
    async with working(world):
        await until(lambda: finished(world))
    assert (await shown(world)).rewrapping.done == 31
    assert await names(world) == {"张三"}


def test_a_start_with_the_wrong_master_is_told(database: Database) -> None:
    custodian_of(database).open()
    with pytest.raises(MasterError, match="needs m1, and here is m2"):
        custodian_of(database, [NEW]).open()
    with pytest.raises(MasterError, match="not the one that wrapped this"):
        custodian_of(database, [LocalMaster("m1", b"x" * 32)]).open()


def test_two_that_start_together_make_one_set_of_keys(database: Database) -> None:
    """The second one finds those of the first, though both looked before."""
    first, second = custodian_of(database), custodian_of(database)
    first.reread(), second.reread()
    first._make(MASTER)
    second._make(MASTER)
    assert first.open().hash("phone", "1") == second.open().hash("phone", "1")
    with database.reader.connect() as connection:
        assert connection.execute(select(func.count()).select_from(schema.installation_key)).scalar_one() == 4
