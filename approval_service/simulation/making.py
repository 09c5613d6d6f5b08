"""SimulatePolicy: reads the period in batches, in a thread of its own, counts, and records that it was made."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from approval_service import policies
from approval_service.authority import Authority
from approval_service.calls import Call
from approval_service.people import require_employee
from approval_service.simulation import reading
from approval_service.simulation.counts import ChannelCounts
from approval_service.simulation.judging import DECIDED, Judging
from approval_service.simulation.letters import LetterJudging
from approval_service.simulation.past import BLOCKED, Become, Past, happened
from approval_service.simulation.reading import Archive, Batch
from approval_service.simulation.replay import Replay
from approval_service.simulation.sms import SmsJudging
from approval_service.store import catalog as catalog_store
from approval_service.store import simulation as store
from approval_service.store.head import read_catalog_version, read_clock
from approval_service.store.simulation import Period
from approval_service.writer import Tx, one_by_one
from outreach.domain.clocks import timestamp
from outreach.domain.codes import Code
from outreach.v1.outreach_service_pb2 import Channel
from outreach.v1.policy_service_pb2 import (
    PolicyOutcome,
    PolicySimulation,
    PolicyVersion,
    SimulatedCell,
    SimulatePolicyRequest,
    SimulatePolicyResponse,
    SimulationProgress,
)

SMS, LETTER = Channel.CHANNEL_SMS, Channel.CHANNEL_LETTER
_Read = Callable[[Connection, Archive, Judging[Any], str], Batch]


@dataclass(slots=True)
class _Simulation:
    """One simulation on its way."""

    call: Call[SimulatePolicyRequest]
    draft: PolicyVersion
    archive: Archive
    judgings: dict[Channel.ValueType, Judging[Any]]
    total: int
    done: int = 0
    counts: dict[Channel.ValueType, ChannelCounts] = field(
        default_factory=lambda: {SMS: ChannelCounts(), LETTER: ChannelCounts()}
    )

    def message(self) -> PolicySimulation:
        period = self.archive.period
        return PolicySimulation(
            bank_id=period.bank_id,
            version=self.draft.version,
            since=timestamp(period.start_ms),
            make_time=timestamp(period.end_ms),
            made_by=self.call.actor,
            channels=[counts.message(channel) for channel, counts in self.counts.items()],
        )


async def make(authority: Authority, call: Call[SimulatePolicyRequest]) -> AsyncGenerator[SimulatePolicyResponse]:
    """The parts of SimulatePolicy. Between two batches others get the processor for as long as a batch took."""
    simulation = await authority.read(_begin, authority, call)
    for channel, read in ((SMS, reading.read_sms), (LETTER, reading.read_letters)):
        after_id, more = "", True
        while more:
            progress = SimulationProgress(done=simulation.done, total=max(simulation.total, simulation.done))
            yield SimulatePolicyResponse(progress=progress)
            started = time.monotonic()
            after_id = await authority.read(_next_batch, simulation, channel, read, after_id)
            more = bool(after_id)
            await asyncio.sleep(time.monotonic() - started)
    made = simulation.message()
    await authority.write(record, (call, made))
    yield SimulatePolicyResponse(simulation=made)


def _begin(connection: Connection, authority: Authority, call: Call[SimulatePolicyRequest]) -> _Simulation:
    request = call.request
    call.require_bank(request.bank_id)
    draft = policies.find(connection, request.bank_id, request.version)
    now_ms = read_clock(connection).now_ms()
    period = Period(request.bank_id, now_ms - request.period.ToMilliseconds(), now_ms)
    catalog = authority.catalogs.at(connection, read_catalog_version(connection))
    archive = Archive(connection, authority.keys, catalog, period)
    simulation = _Simulation(call, draft, archive, judgings(draft, archive), store.count(connection, period))
    for row in store.count_of_nobody(connection, period):
        # Somebody unknown is written to under no policy.
        become = Become(BLOCKED, frozenset(row.codes.split(",")))
        simulation.counts[row.channel].add("", become, become, row.requests)
        simulation.done += row.requests
    return simulation


def judgings(draft: PolicyVersion, archive: Archive) -> dict[Channel.ValueType, Judging[Any]]:
    """What judges the past requests of each channel by the draft."""
    exempt = set(draft.policy.exempt_return_reasons)
    exempted_otherwise = any(set(one.policy.exempt_return_reasons) != exempt for one in archive.policies.values())
    marks = [Code.ADDRESS_KNOWN_BAD] if exempted_otherwise else []
    return {SMS: SmsJudging(draft, archive.policy_at), LETTER: LetterJudging(draft, archive.policy_at, marks)}


def _next_batch(
    connection: Connection, simulation: _Simulation, channel: Channel.ValueType, read: _Read, after_id: str
) -> str:
    """Counts one batch. Returns after which subject to go on; empty at the end."""
    judging, counts = simulation.judgings[channel], simulation.counts[channel]
    batch = read(connection, simulation.archive, judging, after_id)
    for past, would in replayed(batch, judging, simulation.archive.period.end_ms):
        counts.add(past.outreach_id, happened(past, DECIDED), would)
        simulation.done += 1
    return batch.next_id


def replayed(batch: Batch, judging: Judging[Any], now_ms: int) -> Iterator[tuple[Past, Become]]:
    """Each request of a batch, and what would have become of it."""
    for group in batch.groups:
        yield from Replay(judging, group.history, now_ms).run(group.pasts)


def _record(tx: Tx, made: tuple[Call[SimulatePolicyRequest], PolicySimulation]) -> None:
    call, simulation = made
    actor = require_employee(tx, call)
    values = {"simulation": simulation.SerializeToString()}
    catalog_store.update_policy(tx.connection, simulation.bank_id, simulation.version, values)
    tx.record(
        "policy_simulated",
        simulation.bank_id,
        version=simulation.version,
        since=simulation.since.ToJsonString(),
        requests=sum(channel.requests for channel in simulation.channels),
        counts=[
            f"{Channel.Name(channel.channel).removeprefix('CHANNEL_')} {_told(cell)}"
            for channel in simulation.channels
            for cell in channel.cells
        ],
        by=actor,
    )


record = one_by_one(_record)
"""Handler: who simulated which version, on what, and what came of it. The numbers stay with the version."""


def _told(cell: SimulatedCell) -> str:
    """Such as LET_THROUGH HELD 12: what happened, what would have happened, how often."""
    happened_, would = (PolicyOutcome.Name(one).removeprefix("POLICY_OUTCOME_") for one in (cell.happened, cell.would))
    return f"{happened_} {would} {cell.requests}"
