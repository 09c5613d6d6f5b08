"""What the entries' own numbers say about an export: which are missing, doubled, or out of their place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

MAX_RUNS = 1_000
_MAX_NAMED = 20


@dataclass(slots=True)
class _Run:
    """Consecutive numbers in consecutive lines."""

    first: int
    length: int
    line: int

    @property
    def end(self) -> int:
        return self.first + self.length


@dataclass(slots=True)
class Order:
    """Collects the numbers ("seq") in the order of the file, as runs; a whole ledger is one run from 0."""

    runs: list[_Run] = field(default_factory=list)
    too_many: bool = False

    def add(self, seqs: Sequence[int | None], line: int) -> None:
        """Notes the numbers of consecutive lines, the first of which is `line`; None where a line has no number."""
        first = seqs[0] if seqs else None
        if first is not None and seqs == list(range(first, first + len(seqs))):
            self._add_run(first, len(seqs), line)
            return
        for at, seq in enumerate(seqs, line):
            if seq is not None:
                self._add_run(seq, 1, at)

    def _add_run(self, first: int, length: int, line: int) -> None:
        if self.runs and first == self.runs[-1].end:
            self.runs[-1].length += length
        elif len(self.runs) < MAX_RUNS:
            self.runs.append(_Run(first, length, line))
        else:
            self.too_many = True

    def problems(self, size: int | None) -> list[str]:
        """One sentence per finding. `size` is the number of entries there should be; None if nobody knows it."""
        if self.too_many:
            return [
                f"次序多处错乱 the order is broken in more than {MAX_RUNS} places; the first is {_place(self.runs[1])}"
            ]
        found = self._displaced() + self._gaps_and_doubles(size)
        more = len(found) - _MAX_NAMED
        return found if more <= 0 else [*found[:_MAX_NAMED], f"另有 and {more} more findings about the order"]

    def _displaced(self) -> list[str]:
        """Entries that stand after a higher number: moved, or put in."""
        found = []
        highest = -1
        for run in self.runs:
            if run.first < highest:
                found.append(f"次序错误 out of order: {_place(run)} stands after seq {highest}")
            highest = max(highest, run.end - 1)
        return found

    def _gaps_and_doubles(self, size: int | None) -> list[str]:
        found = []
        expected = 0
        for run in sorted(self.runs, key=lambda run: (run.first, run.line)):
            if run.first > expected:
                found.append(f"缺失 missing: {_numbers(expected, run.first)} (removed, or made unreadable)")
            elif run.first < expected:
                doubled = _numbers(run.first, min(expected, run.end))
                found.append(f"重复 twice: {doubled}, again at line {run.line}: one of the two was inserted")
            expected = max(expected, run.end)
        if size is not None and expected < size:
            found.append(f"缺失 missing: {_numbers(expected, size)} (the end was cut off)")
        if size is not None and expected > size:
            found.append(f"多出 too many: {_numbers(size, expected)} are beyond what the checkpoint covers")
        return found


def _place(run: _Run) -> str:
    return f"{_numbers(run.first, run.end)} at line {run.line}"


def _numbers(first: int, end: int) -> str:
    return f"seq {first}" if end - first == 1 else f"seq {first} to {end - 1}"
