"""SimulatePolicy: reads the period in batches, in a thread of its own, counts, and records that it was made."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from sqlalchemy import Connection

from approval_service import policies
from approval_service.authority import Authority
from approval_service.calls import Call
from approval_service.people import require_employee
from approval_service.simulation.counts import ChannelCounts
from approval_service.simulation.judging import DECIDED
from approval_service.simulation.letters import LetterJudging
from approval_service.simulation.past import BLOCKED, Become, happened
from approval_service.simulation.reading import Archive, LetterReader, Reader, SmsReader
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
PROGRESS_S = 0.25


@dataclass(slots=True)
class _Simulation:
    """One simulation on its way."""

    call: Call[SimulatePolicyRequest]
    draft: PolicyVersion
    archive: Archive
    readers: dict[Channel.ValueType, Reader]
    total: int
    done: int = 0
    counts: dict[Channel.ValueType, ChannelCounts] = field(
        default_factory=lambda: {SMS: ChannelCounts(), LETTER: ChannelCounts()}
    )

    def progress(self) -> SimulationProgress:
        return SimulationProgress(done=self.done, total=max(self.total, self.done))

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
    told = 0.0
    for channel, reader in simulation.readers.items():
        while not reader.finished:
            started = time.monotonic()
            if started - told > PROGRESS_S:
                yield SimulatePolicyResponse(progress=simulation.progress())
                told = started
            await authority.read(_step, simulation, channel, reader)
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
    simulation = _Simulation(call, draft, archive, readers(draft, archive), store.count(connection, period))
    for row in store.count_of_nobody(connection, period):
        # Somebody unknown is written to under no policy.
        become = Become(BLOCKED, frozenset(row.codes.split(",")))
        simulation.counts[row.channel].add("", become, become, row.requests)
        simulation.done += row.requests
    return simulation


def readers(draft: PolicyVersion, archive: Archive) -> dict[Channel.ValueType, Reader]:
    """What reads the past requests of each channel and judges them by the draft."""
    exempt = set(draft.policy.exempt_return_reasons)
    exempted_otherwise = any(set(one.policy.exempt_return_reasons) != exempt for one in archive.policies.values())
    marks = [Code.ADDRESS_KNOWN_BAD] if exempted_otherwise else []
    return {
        SMS: SmsReader(archive, SmsJudging(draft, archive.policy_at)),
        LETTER: LetterReader(archive, LetterJudging(draft, archive.policy_at, marks)),
    }


def _step(connection: Connection, simulation: _Simulation, channel: Channel.ValueType, reader: Reader) -> None:
    """Counts one batch."""
    for past, would in reader.step(connection):
        simulation.counts[channel].add(past.outreach_id, happened(past, DECIDED), would)
        simulation.done += 1


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
