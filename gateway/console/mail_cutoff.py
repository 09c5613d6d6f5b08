"""By when the mailroom must hand over, and what is left to hand over: shown where its people work."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from gateway.console.visit import Visit
from outreach.v1.mailroom_service_pb2 import (
    GetQueueRequest,
    GetQueueResponse,
    GetRunResponse,
    ListRunsRequest,
    ListRunsResponse,
    PrintRun,
    RunState,
)

_MOST_RUNS = 1000


class Cutoff(NamedTuple):
    """The next one."""

    time: datetime | None
    """None where no policy is in force."""
    seconds_left: int
    """By the business clock, as of the answer."""
    left: str
    """What is not handed over yet, in the visit's language; empty if nothing is."""


async def of_bank(visit: Visit, queue: GetQueueResponse) -> Cutoff:
    """For all of the bank's runs, however old."""
    ready = ListRunsRequest(bank_id=visit.bank, state=RunState.RUN_STATE_READY, page_size=_MOST_RUNS)
    runs: ListRunsResponse = await visit.ask("MailroomService/ListRuns", ready)
    unmailed, due = sum(bool(_letters_left(run)) for run in runs.runs), sum(line.due for line in queue.lines)
    words = [
        visit.words("{count} 批未交", count=unmailed) if unmailed else "",
        visit.words("{count} 封待打印", count=due) if due else "",
    ]
    return _cutoff(visit, queue, " · ".join(filter(None, words)))


def of_run(visit: Visit, found: GetRunResponse) -> Cutoff:
    """For one run."""
    left = _letters_left(found.run)
    return _cutoff(visit, found, visit.words("本批 {count} 封未交", count=left) if left else "")


async def at_home(visit: Visit) -> Cutoff | None:
    """For whoever hands over; None if nothing is left to be."""
    if not visit.desk.may("MailroomService/Mail"):
        return None
    queue = await visit.ask("MailroomService/GetQueue", GetQueueRequest(bank_id=visit.bank))
    cutoff = await of_bank(visit, queue)
    return cutoff if cutoff.left else None


def _letters_left(run: PrintRun) -> int:
    """Printed or to be printed, and neither mailed nor pulled yet."""
    return run.pending + run.in_pile if run.state == RunState.RUN_STATE_READY else 0


def _cutoff(visit: Visit, answer: GetQueueResponse | GetRunResponse, left: str) -> Cutoff:
    seconds_left = answer.next_cutoff_time.seconds - answer.business_time.seconds
    return Cutoff(visit.time(answer.next_cutoff_time), seconds_left, left)
