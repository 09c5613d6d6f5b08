"""LedgerService: checkpoint, entries, export, proofs."""

from __future__ import annotations

from collections.abc import AsyncIterator

from approval_service import ledger_reads
from approval_service.authority import Authority
from approval_service.calls import Call
from outreach.runtime.server import Context
from outreach.runtime.tokens import principal_of
from outreach.v1 import ledger_service_pb2 as pb
from outreach.v1.ledger_service_pb2_grpc import LedgerServiceServicer


class LedgerServer(LedgerServiceServicer):
    def __init__(self, authority: Authority) -> None:
        self._authority = authority

    async def GetCheckpoint(self, _request: pb.GetCheckpointRequest, _context: Context) -> pb.GetCheckpointResponse:
        return await self._authority.read(ledger_reads.get_checkpoint, self._authority.signer.verifier_key)

    async def ListEntries(self, request: pb.ListEntriesRequest, context: Context) -> pb.ListEntriesResponse:
        return await self._authority.read(ledger_reads.list_entries, Call(principal_of(context), request))

    async def Export(self, request: pb.ExportRequest, context: Context) -> AsyncIterator[pb.ExportResponse]:
        async for part in ledger_reads.export(self._authority, Call(principal_of(context), request)):
            yield part

    async def GetProof(self, request: pb.GetProofRequest, context: Context) -> pb.GetProofResponse:
        first = self._authority.signer.verifier_key
        return await self._authority.read(ledger_reads.prove, first, Call(principal_of(context), request))
