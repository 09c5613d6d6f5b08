"""outreach person replay-erasures: after a backup was restored, people who were erased since are erased again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import orjson
import typer

from outreach.cli.failures import Failure
from outreach.cli.output import details
from outreach.cli.session import Session
from outreach.ledger.export import ExportError, Reader
from outreach.ledger.merkle import Prover, leaf_hash
from outreach.v1.evidence_service_pb2 import ProvenEntry
from outreach.v1.ledger_service_pb2 import LedgerEntry
from outreach.v1.person_service_pb2 import ReplayErasuresRequest
from outreach.v1.person_service_pb2_grpc import PersonServiceStub

PART = 50
"""Entries a call: the authority holds its write lock no longer than these take."""
_KIND = b'"kind":"person_erased"'


async def replay_erasures(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="EXPORT", help="最新导出的账本 The ledger as last exported.")],
) -> None:
    """重做删除 After a backup was restored: erase again whom the exported ledger proves to have been erased."""
    try:
        with file.open("rb") as opened:
            reader = Reader(opened)
            proven = read_proven(reader)
    except ExportError as error:
        raise Failure(f"{file}: {error}") from None
    erased = absent = 0
    async with session.client() as client:
        stub = PersonServiceStub(client.channel)
        for start in range(0, len(proven), PART):
            request = ReplayErasuresRequest(
                entries=proven[start : start + PART], checkpoint=reader.checkpoint, handovers=reader.handovers
            )
            told = await client.call(stub.ReplayErasures, request, repeatable=True)
            erased += told.erased
            absent += told.absent
    session.output.show(
        {"entries": len(proven), "erased": erased, "absent": absent},
        details(
            "重做删除 Erasures replayed",
            [("账目 Entries", len(proven)), ("重新删除 Erased again", erased), ("本已不在 Absent", absent)],
        ),
    )


def read_proven(reader: Reader) -> list[ProvenEntry]:
    """The entries of erasures, with proofs that lead to the reader's checkpoint. ExportError."""
    prover, found, index = Prover(), [], 0
    for block in _blocks(reader):
        entries = [
            LedgerEntry(index=index + place, body=body)
            for place, body in enumerate(block)
            if _KIND in body and orjson.loads(body)["kind"] == "person_erased"
        ]
        prover.add([leaf_hash(body) for body in block], keep=bool(entries))
        found += entries
        index += len(block)
    proofs = prover.proofs(entry.index for entry in found)
    return [ProvenEntry(entry=entry, proof=proof) for entry, proof in zip(found, proofs, strict=True)]


def _blocks(reader: Reader) -> Iterator[list[bytes]]:
    """The bodies in the blocks that the prover takes."""
    rest: list[bytes] = []
    for batch in reader.batches():
        rest += batch
        while len(rest) >= Prover.BLOCK:
            yield rest[: Prover.BLOCK]
            rest = rest[Prover.BLOCK :]
    if rest:
        yield rest
