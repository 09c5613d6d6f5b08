"""KeyService: masters are asked, and keys wrapped, outside the write lock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from approval_service import key_rotation
from approval_service.authority import Authority
from approval_service.calls import Call
from approval_service.key_custody import Custodian
from approval_service.masters import MasterError
from outreach.domain.errors import precondition
from outreach.runtime.server import Context
from outreach.runtime.tokens import principal_of
from outreach.v1 import key_service_pb2 as pb
from outreach.v1.key_service_pb2_grpc import KeyServiceServicer

R = TypeVar("R")
T = TypeVar("T")


class KeyServer(KeyServiceServicer):
    def __init__(self, authority: Authority) -> None:
        self._authority = authority

    async def ListKeys(self, request: pb.ListKeysRequest, context: Context) -> pb.ListKeysResponse:
        call = Call(principal_of(context), request)
        await self._with_masters(key_rotation.reread, call)
        return await self._authority.read(key_rotation.list_keys, self._authority, call)

    async def AskRotation(self, request: pb.AskRotationRequest, context: Context) -> pb.AskRotationResponse:
        return await self._authority.write(key_rotation.ask, Call(principal_of(context), request))

    async def ApproveRotation(self, request: pb.ApproveRotationRequest, context: Context) -> pb.ApproveRotationResponse:
        call = Call(principal_of(context), request)
        if request.kind == pb.KEY_KIND_LEDGER:
            next_key = await self._with_masters(key_rotation.prepare_ledger, call)
            return await self._authority.write(key_rotation.approve_ledger, (call, next_key))
        prepared = await self._with_masters(key_rotation.prepare_master, call)
        return await self._authority.write(key_rotation.approve_master, (call, prepared))

    async def _with_masters(self, function: Callable[[Custodian, Call[R]], T], call: Call[R]) -> T:
        """What the function makes in a thread of its own: a key service may take its time."""
        try:
            return await asyncio.to_thread(function, self._authority.custodian, call)
        except MasterError as error:
            raise precondition(str(error), "MASTER_MISSING") from None
