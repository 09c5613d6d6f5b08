"""HoldService: holds, no-contact marks, and what is known of numbers and addresses. Stops go before what waits."""

from __future__ import annotations

import asyncio

from approval_service import addresses, contacts, holds, marks
from approval_service.authority import Authority
from approval_service.calls import Call
from outreach.runtime.server import Context
from outreach.runtime.tokens import principal_of
from outreach.v1 import hold_service_pb2 as pb
from outreach.v1.hold_service_pb2_grpc import HoldServiceServicer


class HoldServer(HoldServiceServicer):
    def __init__(self, authority: Authority) -> None:
        self._authority = authority

    async def PlaceHold(self, request: pb.PlaceHoldRequest, context: Context) -> pb.PlaceHoldResponse:
        call = Call(principal_of(context), request)
        return await self._authority.write(holds.place_hold, call, urgent=True)

    async def RequestLift(self, request: pb.RequestLiftRequest, context: Context) -> pb.RequestLiftResponse:
        call = Call(principal_of(context), request)
        return await self._authority.write(holds.request_lift, call)

    async def ApproveLift(self, request: pb.ApproveLiftRequest, context: Context) -> pb.ApproveLiftResponse:
        call = Call(principal_of(context), request)
        return await self._authority.write(holds.approve_lift, call)

    async def ListHolds(self, request: pb.ListHoldsRequest, context: Context) -> pb.ListHoldsResponse:
        call = Call(principal_of(context), request)
        return await self._authority.read(holds.list_holds, self._authority.keys, call)

    async def MarkNoContact(self, request: pb.MarkNoContactRequest, context: Context) -> pb.MarkNoContactResponse:
        call = Call(principal_of(context), request)
        return await self._authority.write(marks.mark_no_contact, call, urgent=True)

    async def ConfirmContact(self, request: pb.ConfirmContactRequest, context: Context) -> pb.ConfirmContactResponse:
        call = Call(principal_of(context), request)
        return await self._authority.write(contacts.confirm, call)

    async def CloseContact(self, request: pb.CloseContactRequest, context: Context) -> pb.CloseContactResponse:
        call = Call(principal_of(context), request)
        return await self._authority.write(contacts.close, call, urgent=True)

    async def ConfirmAddress(self, request: pb.ConfirmAddressRequest, context: Context) -> pb.ConfirmAddressResponse:
        call = Call(principal_of(context), request)
        return await self._authority.write(addresses.confirm, call)

    async def MarkAddressBad(self, request: pb.MarkAddressBadRequest, context: Context) -> pb.MarkAddressBadResponse:
        call = Call(principal_of(context), request)
        return await self._authority.write(addresses.mark_bad, call, urgent=True)

    async def ListBadAddresses(
        self, request: pb.ListBadAddressesRequest, context: Context
    ) -> pb.ListBadAddressesResponse:
        call = Call(principal_of(context), request)
        return await self._authority.read(addresses.list_bad, self._authority.keys, call)

    async def CheckAddresses(self, request: pb.CheckAddressesRequest, context: Context) -> pb.CheckAddressesResponse:
        return await asyncio.to_thread(addresses.check, request)
