"""The file of results beside a case file, FILE.results.csv: what was answered, so that a second run goes on there."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from typing import Any, Self

from google.rpc import code_pb2  # type: ignore[import-untyped]  # googleapis-common-protos ships no types

from outreach.cli.case_file import Case
from outreach.domain import states
from outreach.v1.outreach_service_pb2 import ItemResult
from outreach.wording.formats import inert

DECIDED = frozenset({"ADMITTED", "AWAITING_QUANTITY", "BLOCKED"})
ERROR = "ERROR"
BROKEN = "BROKEN"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a line. `outcome` is a state (decided for good), ERROR (the gateway took it not) or BROKEN (it was
    not sent); the last two are tried again by the next run.
    """

    line: int
    request_id: str
    outcome: str
    outreach_id: str = ""
    codes: str = ""
    reason: str = ""

    @property
    def final(self) -> bool:
        return self.outcome in DECIDED


def result_of(case: Case[Any], answer: ItemResult) -> Result:
    """The gateway's answer to a case."""
    if answer.WhichOneof("result") == "error":
        code = code_pb2.Code.Name(answer.error.code)
        return Result(case.line, case.request_id, ERROR, codes=code, reason=answer.error.message)
    decision = answer.decision
    return Result(
        case.line,
        case.request_id,
        states.name(decision.state),
        decision.outreach_id,
        " ".join(finding.code for finding in decision.findings),
        "; ".join(finding.reason for finding in decision.findings),
    )


class ResultsFile:
    """Opened for appending; holds the final results of earlier runs already. Lines are written through at once."""

    def __init__(self, case_file: Path) -> None:
        self.path = case_file.with_name(case_file.name + ".results.csv")
        self.earlier = _final_results(self.path)
        self._file = self.path.with_name(self.path.name + ".part").open("w", encoding="utf-8-sig", newline="")
        self._writer = csv.writer(self._file)
        self._writer.writerow(field.name for field in fields(Result))
        self.write(self.earlier.values())
        Path(self._file.name).replace(self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()

    def answered(self, case: Case[Any]) -> bool:
        """True if an earlier run got the final answer to this line."""
        return (case.line, case.request_id) in self.earlier

    def write(self, results: Iterable[Result]) -> None:
        self._writer.writerows(map(_cells, results))
        self._file.flush()


def _cells(result: Result) -> tuple[object, ...]:
    """A decided line keeps its request id as it is, which holds no formula; another's can be anything."""
    return astuple(result if result.final else replace(result, request_id=inert(result.request_id)))


def _final_results(path: Path) -> dict[tuple[int, str], Result]:
    """What an earlier run knows for good. A line that it was killed in the middle of counts as not written."""
    if not path.exists():
        return {}
    with path.open(encoding="utf-8-sig", newline="", errors="replace") as file:
        rows = list(csv.reader(file))
    results = [
        Result(int(row[0]), *row[1:]) for row in rows[1:] if len(row) == len(fields(Result)) and row[0].isdecimal()
    ]
    return {(result.line, result.request_id): result for result in results if result.final}
