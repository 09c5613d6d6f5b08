"""What happens now: status changes as they commit, and how fresh each bank's feed is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from starlette.responses import Response, StreamingResponse

from gateway.console.signing_in import SignedOut
from gateway.console.visit import Visit
from outreach.domain.errors import Kind, Refusal
from outreach.v1.ledger_service_pb2 import GetCheckpointRequest
from outreach.v1.operations_service_pb2 import GetSummaryRequest
from outreach.v1.outreach_service_pb2 import WatchRequest

RECENT = 40
ENTRIES_READ = (100, 1000)
"""The second where the first hold too few changes."""
CHECK_S = 5.0
"""A stream looks so often whether its session is over."""
_DIGITS = 18
"""More than a position has."""


async def listing(visit: Visit) -> Response:
    summaries = {
        bank: await visit.ask("OperationsService/GetSummary", GetSummaryRequest(bank_id=bank, open_only=True))
        for bank in visit.banks
    }
    recent, position = await _recent(visit) if visit.desk.may("OutreachService/Watch") else ([], 0)
    return visit.page("events.html", summaries=summaries, recent=recent, position=position)


async def _recent(visit: Visit) -> tuple[list[Any], int]:
    """The last changes, the newest first, and the position that the live ones follow."""
    checkpoint = await visit.ask("LedgerService/GetCheckpoint", GetCheckpointRequest())
    size = int(checkpoint.checkpoint.split("\n")[1])
    recent: list[Any] = []
    for read in ENTRIES_READ:
        # The last entries hold the last changes.
        watch = WatchRequest(bank_id=visit.bank, after_position=max(size - read, 0), only_past=True)
        recent = [response.change async for response in visit.desk.follow("OutreachService/Watch", watch)][-RECENT:]
        if len(recent) == RECENT:
            break
    return recent[::-1], recent[-1].position if recent else size


async def stream(visit: Visit) -> Response:
    """Server-sent events: each change as a row of the table."""
    visit.desk.require("OutreachService/Watch")
    after = visit.request.headers.get("Last-Event-ID") or visit.request.query_params.get("after", "0")
    position = int(after) if after.isdecimal() and len(after) <= _DIGITS else 0
    watch = WatchRequest(bank_id=visit.bank, after_position=position)
    return StreamingResponse(_rows(visit, watch), media_type="text/event-stream")


async def _rows(visit: Visit, watch: WatchRequest) -> AsyncIterator[str]:
    """Until the session is over or the authority is gone; the browser then connects again, and is told."""
    template = visit.console.templates.get_template("event_row.html")
    while True:
        try:
            async for response in visit.desk.follow("OutreachService/Watch", watch, CHECK_S):
                row = template.render(change=response.change, visit=visit, _=visit.words)
                watch.after_position = response.change.position
                yield f"id: {watch.after_position}\ndata: " + row.replace("\n", " ") + "\n\n"
        except Refusal as refusal:
            if refusal.kind is not Kind.UNAVAILABLE:
                return
        try:
            await visit.console.sessions.of(visit.request)
        except (SignedOut, Refusal):
            return
        yield ": still here\n\n"


ROUTES = (
    ("/events", ["GET"], listing),
    ("/events/stream", ["GET"], stream),
)
