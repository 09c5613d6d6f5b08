"""How often the address screening is right, by class, on labelled real addresses kept outside the project.

`python -m bench.accuracy [FOLDER]`; without it $OUTREACH_SHARED_DATA/addresses, else ../shared/data/addresses. Exit
code 1 where a class is under its goal.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from approval_service.screening.address import judge, normal, read

_REPOSITORY = Path(__file__).parents[1]
_ROUNDS = 3


@dataclass(slots=True)
class Class:
    """Addresses of which the same is expected."""

    name: str
    goal: float
    right: int = 0
    total: int = 0

    def count(self, right: bool) -> None:
        self.right += right
        self.total += 1

    @property
    def share(self) -> float:
        return self.right / self.total


def folder() -> Path:
    """Where the labelled addresses are, if they are at hand."""
    data = os.environ.get("OUTREACH_SHARED_DATA", _REPOSITORY.parent / "shared" / "data")
    return Path(data) / "addresses"


def measure(data: Path) -> list[Class]:
    """Every class of every file."""
    return [
        *_classes(data / "verdicts.jsonl", lambda row: row["expect"], _right_verdict, 0.97),
        *_classes(data / "near_sensitive.jsonl", lambda _: "only looks sensitive", _kept, 0.97),
        *_classes(data / "undeliverable.jsonl", _divisions, _right_divisions, 0.99),
        *_classes(data / "pairs.jsonl", lambda row: f"pairs {row['kind']}", _right_pair, 0.98),
    ]


def _classes(path: Path, name_of: Callable[[Any], str], right: Callable[[Any], bool], goal: float) -> Iterator[Class]:
    classes: dict[str, Class] = {}
    for row in _rows(path):
        name = name_of(row)
        classes.setdefault(name, Class(name, goal)).count(right(row))
    return (found for name, found in sorted(classes.items()) if not name.startswith("pairs ccks"))  # only a hint


def _rows(path: Path) -> Iterator[Any]:
    return map(orjson.loads, path.read_bytes().splitlines())


def _codes(text: str) -> list[str]:
    return [finding.code.removeprefix("ADDRESS_") for finding in judge(read(text))] or ["OK"]


def _right_verdict(row: Any) -> bool:
    return bool({row["expect"], *row["also"]} & set(_codes(row["text"])))


def _kept(row: Any) -> bool:
    return "SENSITIVE" not in _codes(row["text"])


def _divisions(row: Any) -> str:
    return "divisions consistent" if row["expect"] == "OK" else "divisions contradict"


def _right_divisions(row: Any) -> bool:
    return ("UNDELIVERABLE" in _codes(row["text"])) is (row["expect"] == "UNDELIVERABLE")


def _right_pair(row: Any) -> bool:
    same: bool = row["same"]
    return (normal(read(row["a"])) == normal(read(row["b"]))) == same


def microseconds(data: Path) -> float:
    """The time of one address, read and judged, in the best of some rounds."""
    texts = [row["text"] for row in _rows(data / "verdicts.jsonl")]
    best = float("inf")
    for _ in range(_ROUNDS):
        start = time.perf_counter()
        for text in texts:
            judge(read(text))
        best = min(best, time.perf_counter() - start)
    return best / len(texts) * 1e6


def main() -> int:
    data = Path(sys.argv[1]) if len(sys.argv) > 1 else folder()
    if not data.is_dir():
        print(f"{data}: 没有数据 no labelled addresses there; name their folder: python -m bench.accuracy FOLDER")
        return 1
    classes = measure(data)
    print(f"{'':22}{'right':>7}{'of':>7}{'share':>9}{'goal':>7}")
    for found in classes:
        mark = "" if found.share >= found.goal else "  under the goal"
        print(f"{found.name:22}{found.right:7}{found.total:7}{found.share:9.4f}{found.goal:7.2f}{mark}")
    print(f"one address, read and judged: {microseconds(data):.0f} us")
    return 0 if all(found.share >= found.goal for found in classes) else 1


if __name__ == "__main__":
    sys.exit(main())
