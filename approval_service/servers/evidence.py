"""EvidenceService: all that is known of what was sent to a person, with its proof."""

from __future__ import annotations

from collections.abc import AsyncIterator

from approval_service import evidence, evidence_orders
from approval_service.authority import Authority
from approval_service.calls import Call
from outreach.runtime.server import Context
from outreach.runtime.tokens import principal_of
from outreach.v1 import evidence_service_pb2 as pb
from outreach.v1.evidence_service_pb2_grpc import EvidenceServiceServicer


class EvidenceServer(EvidenceServiceServicer):
    def __init__(self, authority: Authority) -> None:
        self._authority = authority

    async def ExportEvidence(
        self, request: pb.ExportEvidenceRequest, context: Context
    ) -> AsyncIterator[pb.ExportEvidenceResponse]:
        async for part in evidence.make(self._authority, Call(principal_of(context), request)):
            yield part

    async def OrderEvidence(self, request: pb.OrderEvidenceRequest, context: Context) -> pb.OrderEvidenceResponse:
        return await evidence_orders.order(self._authority, Call(principal_of(context), request))

    async def ListEvidenceOrders(
        self, request: pb.ListEvidenceOrdersRequest, context: Context
    ) -> pb.ListEvidenceOrdersResponse:
        call = Call(principal_of(context), request)
        return await self._authority.read(evidence_orders.list_orders, self._authority.keys, call)

    async def DropEvidenceOrder(
        self, request: pb.DropEvidenceOrderRequest, context: Context
    ) -> pb.DropEvidenceOrderResponse:
        return await self._authority.write(evidence_orders.drop, Call(principal_of(context), request))
