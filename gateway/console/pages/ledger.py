"""The ledger: its newest checkpoint, its entries with filters and a reproducible sample, verification and export."""

from __future__ import annotations

import asyncio
import csv
import io
import random
import tempfile
from collections.abc import AsyncIterator
from typing import Any

import orjson
from starlette.responses import Response, StreamingResponse

from gateway.console.visit import Visit
from outreach.domain.errors import Kind, Refusal
from outreach.ledger.export import FORMAT
from outreach.ledger.verify import verify_export
from outreach.v1.ledger_service_pb2 import ExportRequest, GetCheckpointRequest, ListEntriesRequest
from outreach.wording.formats import inert

PAGE_SIZE = 100
MAX_SAMPLE = 200
_FIXED = ("seq", "time", "kind", "bank")


async def listing(visit: Visit) -> Response:
    """The newest entries, or those before an index; filtered among themselves by kind, bank or any word."""
    query = visit.request.query_params
    checkpoint = await visit.ask("LedgerService/GetCheckpoint", GetCheckpointRequest())
    size = _size(checkpoint)
    before = min(_number(query.get("before", ""), size), size)
    start = max(before - PAGE_SIZE, 0)
    answer = await visit.ask(
        "LedgerService/ListEntries", ListEntriesRequest(start_index=start, page_size=max(before - start, 1))
    )
    entries = [orjson.loads(entry.body) for entry in answer.entries][::-1]
    word = query.get("word", "").strip()
    if word:
        entries = [entry for entry in entries if word in orjson.dumps(entry).decode()]
    return visit.page(
        "ledger.html",
        entries=[_shown(entry) for entry in entries],
        size=size,
        checkpoint=checkpoint,
        before=before,
        start=start,
        word=word,
    )


async def sample(visit: Visit) -> Response:
    """A random sample that anybody can draw again from the same seed, as CSV."""
    query = visit.request.query_params
    size = _size(await visit.ask("LedgerService/GetCheckpoint", GetCheckpointRequest()))
    seed, count = query.get("seed", "1")[:40], min(_number(query.get("count", ""), 25), MAX_SAMPLE, size)
    indexes = sorted(random.Random(seed).sample(range(size), count))  # noqa: S311  # reproducible on purpose
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(["seed", "tree_size", "index", "entry"])
    for index in indexes:
        request = ListEntriesRequest(start_index=index, page_size=1)
        (entry,) = (await visit.ask("LedgerService/ListEntries", request)).entries
        writer.writerow([inert(seed), size, index, entry.body.decode()])
    headers = {"Content-Disposition": f'attachment; filename="ledger-sample-{count}.csv"'}
    return Response("\ufeff" + written.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


async def export(visit: Visit) -> Response:
    """The whole ledger in the form that `outreach ledger verify` checks."""
    checkpoint = await visit.ask("LedgerService/GetCheckpoint", GetCheckpointRequest())
    headers = {"Content-Disposition": 'attachment; filename="ledger.jsonl"'}
    parts = visit.desk.follow("LedgerService/Export", ExportRequest())
    return StreamingResponse(_lines(parts, checkpoint), media_type="application/jsonl", headers=headers)


async def verify(visit: Visit) -> Response:
    """Checks every entry, the tree and the signature now, as the command does on another machine."""
    await visit.form()
    checkpoint = await visit.ask("LedgerService/GetCheckpoint", GetCheckpointRequest())
    parts = visit.desk.follow("LedgerService/Export", ExportRequest())
    with tempfile.NamedTemporaryFile(prefix="ledger-", suffix=".jsonl") as file:
        async for line in _lines(parts, checkpoint):
            file.write(line)
        file.flush()
        report = await asyncio.to_thread(verify_export, file.name, checkpoint.verifier_key)
    return visit.page("ledger_verified.html", report=report)


async def _lines(parts: AsyncIterator[Any], newest: Any) -> AsyncIterator[bytes]:
    origin = newest.checkpoint.partition("\n")[0]
    yield orjson.dumps({"format": FORMAT, "origin": origin}) + b"\n"
    async for part in parts:
        if part.WhichOneof("part") == "entries":
            yield b"".join(entry.body + b"\n" for entry in part.entries.entries)
        else:
            yield b"\n" + part.checkpoint.encode()


def _size(checkpoint: Any) -> int:
    return int(checkpoint.checkpoint.split("\n")[1])


def _number(written: str, default: int) -> int:
    if not written:
        return default
    if not (written.isascii() and written.isdecimal() and len(written) < 16):
        raise Refusal(Kind.INVALID, "请填写整数。Write a whole number.")
    return int(written)


def _shown(entry: dict[str, Any]) -> tuple[Any, ...]:
    rest = "  ".join(f"{name}={_plain(value)}" for name, value in entry.items() if name not in _FIXED)
    return entry["seq"], entry["time"], entry["kind"], entry["bank"], rest


def _plain(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


ROUTES = (
    ("/ledger", ["GET"], listing),
    ("/ledger/sample.csv", ["GET"], sample),
    ("/ledger/export.jsonl", ["GET"], export),
    ("/ledger/verify", ["POST"], verify),
)
