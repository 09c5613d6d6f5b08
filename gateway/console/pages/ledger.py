"""The ledger: its newest checkpoint, its entries with filters and a reproducible sample, verification and export."""

from __future__ import annotations

import asyncio
import csv
import io
import random
import tempfile
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import orjson
from starlette.responses import Response, StreamingResponse

from gateway.console.visit import CHINA, Visit
from gateway.console.words import ENGLISH, Words
from outreach.domain.errors import Kind, Refusal
from outreach.ledger import proof as ledger_proof
from outreach.ledger.export import header
from outreach.ledger.verify import verify_export
from outreach.v1.ledger_service_pb2 import ExportRequest, GetCheckpointRequest, GetProofRequest, ListEntriesRequest
from outreach.wording.formats import inert
from outreach.wording.ledger_words import KINDS as LEDGER_KINDS

PAGE_SIZE = 100
MAX_SAMPLE = 200
_FIXED = ("seq", "time", "kind", "bank")


async def listing(visit: Visit) -> Response:
    """The newest entries, or those from an index back; of a kind, a bank or with a text."""
    query = visit.request.query_params
    checkpoint = await visit.ask("LedgerService/GetCheckpoint", GetCheckpointRequest())
    start = min(_number(query.get("from", ""), _size(checkpoint) - 1), _size(checkpoint) - 1)
    request = ListEntriesRequest(
        start_index=start,
        page_size=PAGE_SIZE,
        newest_first=True,
        kind=query.get("kind", ""),
        bank=query.get("ledger_bank", ""),
        containing=query.get("word", "").strip(),
    )
    answer = await visit.ask("LedgerService/ListEntries", request)
    kinds = sorted(LEDGER_KINDS, key=lambda kind: kind_name(kind, visit.words))
    return visit.page(
        "ledger.html",
        entries=[_shown(visit, orjson.loads(entry.body)) for entry in answer.entries],
        size=_size(checkpoint),
        checkpoint=checkpoint,
        request=request,
        older=urlencode({**query, "from": answer.next_index}) if answer.next_index >= 0 else "",
        kinds=[(kind, kind_name(kind, visit.words)) for kind in kinds],
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
    lines = _lines(visit.desk.follow("LedgerService/Export", ExportRequest()), checkpoint)
    begun = [await anext(lines), await anext(lines)]  # what is refused must still be told as a page

    async def written() -> AsyncIterator[bytes]:
        for line in begun:
            yield line
        async for line in lines:
            yield line

    return StreamingResponse(written(), media_type="application/jsonl", headers=headers)


async def one(visit: Visit) -> Response:
    """One entry, each of its fields, and its proof to take away."""
    proven = await _proven(visit)
    entry = orjson.loads(proven.entry.body)
    rest = {name: _plain(value) for name, value in entry.items() if name not in _FIXED}
    return visit.page(
        "ledger_one.html",
        shown=_shown(visit, entry),
        rest=rest,
        body=proven.entry.body.decode(),
        signed=_size(proven),
        verifier_key=proven.verifier_key,
        file=_proof_file(proven),
    )


async def proof(visit: Visit) -> Response:
    """The entry with its proof, in the form that `outreach ledger verify-proof` checks."""
    proven = await _proven(visit)
    headers = {"Content-Disposition": f'attachment; filename="{_proof_file(proven)}"'}
    return Response(ledger_proof.write(ledger_proof.of(proven)), media_type="text/plain", headers=headers)


async def _proven(visit: Visit) -> Any:
    index = _number(visit.request.path_params["index"], 0)
    return await visit.ask("LedgerService/GetProof", GetProofRequest(index=index))


def _proof_file(proven: Any) -> str:
    return f"entry-{proven.entry.index}{ledger_proof.SUFFIX}"


async def verify(visit: Visit) -> Response:
    """Checks every entry, the tree and the signature now, as the command does on another machine."""
    await visit.form()
    checkpoint = await visit.ask("LedgerService/GetCheckpoint", GetCheckpointRequest())
    parts = visit.desk.follow("LedgerService/Export", ExportRequest())
    # Not in memory, which a ledger of years would fill; the disk is waited for in a thread.
    with tempfile.TemporaryDirectory(prefix="ledger-") as folder:
        path = Path(folder) / "ledger.jsonl"
        async for line in _lines(parts, checkpoint):
            await asyncio.to_thread(_append, path, line)
        report = await asyncio.to_thread(verify_export, path, checkpoint.verifier_key)
    return visit.page("ledger_verified.html", report=report)


async def _lines(parts: AsyncIterator[Any], newest: Any) -> AsyncIterator[bytes]:
    yield header(newest.checkpoint.partition("\n")[0], newest.handovers)
    async for part in parts:
        if part.WhichOneof("part") == "entries":
            yield b"".join(entry.body + b"\n" for entry in part.entries.entries)
        else:
            yield b"\n" + part.checkpoint.encode()


def _append(path: Path, line: bytes) -> None:
    with path.open("ab") as file:
        file.write(line)


def _size(checkpoint: Any) -> int:
    return int(checkpoint.checkpoint.split("\n")[1])


def _number(written: str, default: int) -> int:
    if not written:
        return default
    if not (written.isascii() and written.isdecimal() and len(written) < 16):
        raise Refusal(Kind.INVALID, "请填写整数。Write a whole number.")
    return int(written)


def kind_name(kind: str, words: Words) -> str:
    """released as 放行 or Released."""
    return kind.replace("_", " ").capitalize() if words.language == ENGLISH else LEDGER_KINDS.get(kind, kind)


def _shown(visit: Visit, entry: dict[str, Any]) -> tuple[Any, ...]:
    rest = "  ".join(f"{name}={_plain(value)}" for name, value in entry.items() if name not in _FIXED)
    time = datetime.fromisoformat(entry["time"]).astimezone(CHINA)
    return entry["seq"], time, entry["kind"], kind_name(entry["kind"], visit.words), entry["bank"], rest


def _plain(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


ROUTES = (
    ("/ledger", ["GET"], listing),
    ("/ledger/sample.csv", ["GET"], sample),
    ("/ledger/export.jsonl", ["GET"], export),
    ("/ledger/verify", ["POST"], verify),
    ("/ledger/{index}", ["GET"], one),
    ("/ledger/{index}/proof", ["GET"], proof),
)
