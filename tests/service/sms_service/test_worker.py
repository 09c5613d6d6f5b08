"""The worker against a real gRPC authority and the real simulator."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from outreach.v1.worker_service_pb2 import AttemptReport, Permit
from sms_service import worker
from sms_service.carriers.account import Account
from sms_service.carriers.registry import open_carrier
from sms_service.carriers.seam import ACCEPTED, NOT_SENT, UNKNOWN, Message, SendResult
from sms_service.reporter import Reporter
from sms_service.worker import Channel
from tests.service.sms_service.authority import Authority, serving_authority
from tests.service.sms_service.parts import Simulator, aliyun_account, eventually, permit, simulating

if TYPE_CHECKING:
    from outreach.v1.worker_service_pb2_grpc import WorkerServiceAsyncStub


@asynccontextmanager
async def working(
    account: Account, authority: WorkerServiceAsyncStub
) -> AsyncIterator[tuple[Channel, asyncio.Task[None]]]:
    """A worker of one channel; it is stopped gracefully at the end unless it was already."""
    carrier = open_carrier(account)
    await carrier.start()
    reporter = Reporter(authority)
    channel = Channel(carrier, account.rate_per_s, account.max_in_flight, authority, reporter)
    task = asyncio.create_task(worker.run([channel], "w1", reporter))
    try:
        yield channel, task
    finally:
        channel.stop()
        await task
        await carrier.close()


@asynccontextmanager
async def stage(tmp_path: Path) -> AsyncIterator[tuple[Authority, WorkerServiceAsyncStub, Simulator]]:
    async with serving_authority() as (authority, stub), simulating(tmp_path) as simulator:
        yield authority, stub, simulator


def permits(count: int, suffix: str = "") -> list[Permit]:
    return [permit(f"1380000{suffix or f'{i:04d}'}", f"A{i:04d}", send_within_ms=5000) for i in range(count)]


def outcomes(authority: Authority) -> set[tuple[int, str]]:
    return {(report.outcome, report.carrier_code) for report in authority.reports.values()}


async def test_every_permit_is_sent_once_and_reported(tmp_path: Path) -> None:
    """200 permits are 200 messages at the carrier and 200 reports; a lease asks for a quarter of the window to half."""
    async with stage(tmp_path) as (authority, stub, simulator):
        authority.due.extend(permits(200))
        async with working(aliyun_account(simulator.url, max_in_flight=16, rate_per_s=1e6), stub):
            await authority.reported(200)
        assert sorted(line["out_id"] for line in simulator.messages()) == sorted(authority.reports)
        assert outcomes(authority) == {(ACCEPTED, "OK")}
        assert {lease.max_permits for lease in authority.leases} <= set(range(4, 9))


async def test_reports_are_repeated_until_taken(tmp_path: Path) -> None:
    """An authority that is away for a while misses no report."""
    async with stage(tmp_path) as (authority, stub, simulator):
        authority.due.extend(permits(5))
        authority.refuse_reports = 3
        async with working(aliyun_account(simulator.url), stub):
            await authority.reported(5)


async def test_a_lost_lease_is_asked_for_again_by_its_id(tmp_path: Path) -> None:
    """Permits whose answer was lost are given again to the same lease, and sent once."""
    async with stage(tmp_path) as (authority, stub, simulator):
        authority.due.extend(permits(3))
        authority.lose_answers = 2
        async with working(aliyun_account(simulator.url), stub):
            await authority.reported(3)
        assert len({lease.lease_id for lease in authority.leases[:3]}) == 1
        assert len(simulator.messages()) == 3


async def test_a_graceful_stop_finishes_and_reports_what_is_in_flight(tmp_path: Path) -> None:
    """After stop there is no new lease; what was written is awaited, and its report is taken before the end."""
    async with stage(tmp_path) as (authority, stub, simulator):
        authority.due.extend(permits(4, "9912"))
        account = aliyun_account(simulator.url, timeout_s=0.5)
        async with working(account, stub) as (channel, task):
            await eventually(lambda: len(simulator.messages()) == 4)
            authority.due.extend(permits(1))
            channel.stop()
            await task
        assert outcomes(authority) == {(UNKNOWN, "timeout")}
        assert len(authority.reports) == 4
        assert len(authority.due) == 1


async def test_a_permit_that_came_too_late_is_not_sent(tmp_path: Path) -> None:
    """send_within_ms counts from before the lease was asked for: what is too old by then is NOT_SENT."""
    async with stage(tmp_path) as (authority, stub, simulator):
        authority.due.append(permit(send_within_ms=100))
        authority.lose_answers = 1
        async with working(aliyun_account(simulator.url), stub):
            await authority.reported(1)
        assert outcomes(authority) == {(NOT_SENT, "send_deadline_passed")}
        assert not (tmp_path / "messages.jsonl").read_bytes()


async def test_a_wake_up_asks_at_once(tmp_path: Path) -> None:
    """A worker told to wait a minute leases at once when it is woken."""
    async with (
        stage(tmp_path) as (authority, stub, simulator),
        working(aliyun_account(simulator.url), stub) as (channel, _),
    ):
        await eventually(lambda: bool(authority.leases))
        await asyncio.sleep(0.05)
        authority.due.extend(permits(1))
        channel.wake()
        await authority.reported(1)


async def test_a_stopped_account_stops_the_channel(tmp_path: Path) -> None:
    """After an account stop nothing more goes to that carrier: the rest is handed back and no lease asks for more."""
    async with stage(tmp_path) as (authority, stub, simulator):
        authority.due.extend(permits(1, "9904"))
        async with working(aliyun_account(simulator.url, max_in_flight=4), stub) as (channel, _):
            await authority.reported(1)
            leases = len(authority.leases)
            authority.due.extend(permits(3))
            channel.wake()
            await asyncio.sleep(0.2)
            assert len(authority.leases) == leases
        report = next(iter(authority.reports.values()))
        assert (report.outcome, report.carrier_code) == (NOT_SENT, "isv.AMOUNT_NOT_ENOUGH")
        assert report.retry_after_ms > 0


async def test_an_unreachable_carrier_opens_the_circuit(tmp_path: Path) -> None:
    """Messages to a carrier that is down come back as NOT_SENT, and after some failures it is not hammered."""
    async with stage(tmp_path) as (authority, stub, _):
        authority.due.extend(permits(50))
        async with working(aliyun_account("http://127.0.0.1:9", max_in_flight=4), stub):
            await authority.reported(5)
            await asyncio.sleep(0.3)
            assert len(authority.reports) <= 12
        assert {outcome for outcome, _ in outcomes(authority)} == {NOT_SENT}


async def test_a_channel_says_which_others_are_down(tmp_path: Path) -> None:
    """Once a carrier does not answer, the leases of the other name it, so that it may stand in; its own never do."""
    async with stage(tmp_path) as (authority, stub, simulator):
        accounts = [
            aliyun_account("http://127.0.0.1:9", carrier_id="first", max_in_flight=8),
            aliyun_account(simulator.url, carrier_id="second"),
        ]
        reporter = Reporter(stub)
        channels = [Channel(open_carrier(a), a.rate_per_s, a.max_in_flight, stub, reporter) for a in accounts]
        for channel in channels:
            await channel.carrier.start()
        authority.due.extend(permits(400))
        task = asyncio.create_task(worker.run(channels, "w1", reporter))
        await eventually(lambda: any(lease.down_carrier_ids for lease in authority.leases))
        for channel in channels:
            channel.stop()
        await task
        for channel in channels:
            await channel.carrier.close()
        named = {(lease.carrier_ids[0], tuple(lease.down_carrier_ids)) for lease in authority.leases}
        assert ("second", ("first",)) in named
        assert not [down for carrier, down in named if carrier in down]


async def test_the_rate_is_kept(tmp_path: Path) -> None:
    """A carrier of 20 messages a second gets no more, and nothing is leased that could not be sent yet."""
    async with stage(tmp_path) as (authority, stub, simulator):
        authority.due.extend(permits(30))
        started = asyncio.get_running_loop().time()
        async with working(aliyun_account(simulator.url, rate_per_s=20.0), stub):
            await authority.reported(20)
            assert asyncio.get_running_loop().time() - started >= 0.85
        assert max(lease.max_permits for lease in authority.leases) <= 2


async def test_a_permit_that_cannot_be_rendered_is_handed_back(tmp_path: Path) -> None:
    """A missing value sends nothing and says why."""
    async with stage(tmp_path) as (authority, stub, simulator):
        broken = permit()
        del broken.values[:]
        authority.due.append(broken)
        async with working(aliyun_account(simulator.url), stub):
            await authority.reported(1)
        assert outcomes(authority) == {(NOT_SENT, "placeholder_missing")}
        assert not (tmp_path / "messages.jsonl").read_bytes()


async def test_what_an_adapter_raises_is_unknown(tmp_path: Path) -> None:
    """A defect in an adapter may have come after the first byte: UNKNOWN, and the worker lives on."""

    class Defective:
        carrier_id = "aliyun-demo"
        records_days = 0
        can_send = True

        async def send(self, message: Message) -> SendResult:
            raise ZeroDivisionError(message.permit.phone_number)

    async with serving_authority() as (authority, stub):
        authority.due.extend(permits(2))
        reporter = Reporter(stub)
        channel = Channel(Defective(), 100.0, 4, stub, reporter)  # type: ignore[arg-type]  # only send is called
        task = asyncio.create_task(worker.run([channel], "w1", reporter))
        await authority.reported(2)
        channel.stop()
        await task
        expected = AttemptReport(attempt_id="A0000", outcome=UNKNOWN, carrier_code="internal_error")
        assert authority.reports["A0000"] == expected
