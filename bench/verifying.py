"""ledger_verify: entries a second that a person checks of an exported ledger, against their bare hashes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from bench.results import TURNS, Result, rate_by_turns
from bench.world import acting
from outreach.ledger import export
from outreach.ledger.checkpoint import Verifier, parse_and_verify
from outreach.ledger.verify import verify_export
from outreach.runtime.config import Settings
from outreach.v1.ledger_service_pb2 import ExportRequest, GetCheckpointRequest
from outreach.v1.ledger_service_pb2_grpc import LedgerServiceStub


async def measure(settings: Settings, folder: Path) -> Result:
    bodies, checkpoint, key = await _ledger(settings)
    path = folder / "ledger.txt"
    with path.open("wb") as file:
        export.write(file, parse_and_verify(checkpoint, Verifier.from_key(key)).origin, bodies, checkpoint)

    rates, limits = [], []
    for _ in range(TURNS):
        limits.append(_hash(bodies))
        rates.append(_verify(path, key))
    return rate_by_turns("ledger_verify", rates, "entries/s", limits)


def _verify(path: Path, key: str) -> float:
    begun = time.perf_counter()
    report = verify_export(path, key)
    if not report.ok:
        raise RuntimeError(f"the ledger is not proven: {report.problems[0]}")
    return report.entries / (time.perf_counter() - begun)


def _hash(bodies: Sequence[bytes]) -> float:
    begun = time.perf_counter()
    for body in bodies:
        sha256(body).digest()
    return len(bodies) / (time.perf_counter() - begun)


async def _ledger(settings: Settings) -> tuple[list[bytes], str, str]:
    """All entries, their checkpoint, and the key it is verified by."""
    bodies: list[bytes] = []
    checkpoint = ""
    async with acting(settings, "inspector-1") as inspector:
        stub = LedgerServiceStub(inspector.channel)
        key = (await inspector.call(stub.GetCheckpoint, GetCheckpointRequest())).verifier_key
        async for response in stub.Export(ExportRequest(), metadata=inspector.metadata()):
            bodies.extend(entry.body for entry in response.entries.entries)
            checkpoint = response.checkpoint or checkpoint
    return bodies, checkpoint, key
