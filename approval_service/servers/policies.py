"""PolicyService: the thresholds of the rules."""

from __future__ import annotations

from collections.abc import AsyncIterator

from approval_service import policies
from approval_service.authority import Authority
from approval_service.calls import Call
from approval_service.simulation import making
from outreach.runtime.server import Context
from outreach.runtime.tokens import principal_of
from outreach.v1 import policy_service_pb2 as pb
from outreach.v1.policy_service_pb2_grpc import PolicyServiceServicer


class PolicyServer(PolicyServiceServicer):
    def __init__(self, authority: Authority) -> None:
        self._authority = authority

    async def DraftPolicy(self, request: pb.DraftPolicyRequest, context: Context) -> pb.DraftPolicyResponse:
        call = Call(principal_of(context), request)
        return await self._authority.write(policies.draft, call)

    async def ActivatePolicy(self, request: pb.ActivatePolicyRequest, context: Context) -> pb.ActivatePolicyResponse:
        call = Call(principal_of(context), request)
        return await self._authority.write(policies.activate, call)

    async def GetPolicy(self, request: pb.GetPolicyRequest, context: Context) -> pb.GetPolicyResponse:
        call = Call(principal_of(context), request)
        return await self._authority.read(policies.get, call)

    async def ListPolicies(self, request: pb.ListPoliciesRequest, context: Context) -> pb.ListPoliciesResponse:
        call = Call(principal_of(context), request)
        return await self._authority.read(policies.list_versions, call)

    async def SimulatePolicy(
        self, request: pb.SimulatePolicyRequest, context: Context
    ) -> AsyncIterator[pb.SimulatePolicyResponse]:
        async for part in making.make(self._authority, Call(principal_of(context), request)):
            yield part
