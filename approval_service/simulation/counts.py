"""What happened and what would have happened, counted, with a few requests named for each change."""

from __future__ import annotations

from collections import Counter, defaultdict

from approval_service.simulation.past import UNKNOWN, Become
from outreach.v1.outreach_service_pb2 import Channel
from outreach.v1.policy_service_pb2 import PolicyOutcome, SimulatedCell, SimulatedChannel, SimulatedCode

NAMED = 20
"""How many requests are named for each change."""

_Cell = tuple[PolicyOutcome.ValueType, PolicyOutcome.ValueType]


class ChannelCounts:
    """The requests of one channel."""

    def __init__(self) -> None:
        self._cells: Counter[_Cell] = Counter()
        self._codes: dict[str, Counter[str]] = defaultdict(Counter)
        self._named: dict[_Cell | str, list[str]] = defaultdict(list)

    def add(self, outreach_id: str, happened: Become, would: Become, requests: int = 1) -> None:
        cell = happened.outcome, would.outcome
        self._cells[cell] += requests
        if happened.outcome != would.outcome:
            self._name(cell, outreach_id)
        for code in happened.codes:
            self._codes[code]["happened"] += requests
        for code in would.unknown:
            self._codes[code]["unknown"] += requests
        if would.outcome == UNKNOWN:
            return
        for code in would.codes:
            self._codes[code]["would"] += requests
        self._differ("added", would.codes - happened.codes, outreach_id)
        self._differ("removed", happened.codes - would.codes, outreach_id)

    def _differ(self, how: str, codes: frozenset[str], outreach_id: str) -> None:
        for code in codes:
            self._codes[code][how] += 1
            self._name(code, outreach_id)

    def _name(self, change: _Cell | str, outreach_id: str) -> None:
        named = self._named[change]
        if len(named) < NAMED:
            named.append(outreach_id)

    def message(self, channel: Channel.ValueType) -> SimulatedChannel:
        return SimulatedChannel(
            channel=channel,
            requests=self._cells.total(),
            cells=[
                SimulatedCell(happened=cell[0], would=cell[1], requests=count, outreach_ids=self._named.get(cell, ()))
                for cell, count in sorted(self._cells.items())
            ],
            codes=[
                SimulatedCode(code=code, outreach_ids=self._named.get(code, ()), **counted)
                for code, counted in sorted(self._codes.items())
            ],
        )
