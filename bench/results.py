"""What was measured: one line per benchmark, against a bare limit measured in the same run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import orjson
from rich.console import Console
from rich.table import Table

RUNS = 3
TURNS = 5
"""How often something is measured in turn with its limit, so that what else the machine does weighs on both alike."""


@dataclass(frozen=True, slots=True)
class Result:
    """`ratio` is the share of the bare limit that is reached: of its rate, or its time by ours."""

    name: str
    value: float
    unit: str
    against: float
    ratio: float


def rate(name: str, value: float, unit: str, against: float) -> Result:
    """More is better."""
    return Result(name, round(value), unit, round(against), round(value / against, 3))


def rate_by_turns(name: str, values: Sequence[float], unit: str, limits: Sequence[float]) -> Result:
    """More is better. The medians of the turns, and of their ratios."""
    ratio = median(value / limit for value, limit in zip(values, limits, strict=True))
    return Result(name, round(median(values)), unit, round(median(limits)), round(ratio, 3))


def duration(name: str, value: float, unit: str, against: float) -> Result:
    """Less is better."""
    return Result(name, round(value, 2), unit, round(against, 2), round(against / value, 3))


def write(results: Iterable[Result], path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(orjson.dumps([asdict(result) for result in results], option=orjson.OPT_INDENT_2) + b"\n")


def show(results: Iterable[Result]) -> None:
    table = Table("基准 benchmark", "结果 value", "单位 unit", "极限 bare limit", "比 ratio", title="outreach bench")
    for result in results:
        table.add_row(result.name, f"{result.value:,}", result.unit, f"{result.against:,}", f"{result.ratio:.2f}")
    Console().print(table)
