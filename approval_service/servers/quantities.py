"""QuantityService: how many letters may leave, and the register of it."""

from __future__ import annotations

from approval_service import quantity_register
from approval_service.authority import Authority
from approval_service.calls import Call
from outreach.runtime.server import Context
from outreach.runtime.tokens import principal_of
from outreach.v1 import quantity_service_pb2 as pb
from outreach.v1.quantity_service_pb2_grpc import QuantityServiceServicer


class QuantityServer(QuantityServiceServicer):
    def __init__(self, authority: Authority) -> None:
        self._authority = authority

    async def AskQuantity(self, request: pb.AskQuantityRequest, context: Context) -> pb.AskQuantityResponse:
        call = Call(principal_of(context), request)
        return await self._authority.write(quantity_register.ask, call)

    async def DecideQuantity(self, request: pb.DecideQuantityRequest, context: Context) -> pb.DecideQuantityResponse:
        call = Call(principal_of(context), request)
        return await self._authority.write(quantity_register.decide, call)

    async def ListQuantities(self, request: pb.ListQuantitiesRequest, context: Context) -> pb.ListQuantitiesResponse:
        call = Call(principal_of(context), request)
        return await self._authority.read(quantity_register.list_quantities, call)
