"""CallerService, and the check by which the authority itself lets no caller through that is shut out."""

from __future__ import annotations

from approval_service import callers
from approval_service.authority import Authority
from approval_service.calls import Call
from outreach.domain.callers import require_active
from outreach.runtime.access import ROLES, check_certificate
from outreach.runtime.server import Authorize, Context
from outreach.runtime.tokens import principal_of
from outreach.v1 import caller_service_pb2 as pb
from outreach.v1.caller_service_pb2_grpc import CallerServiceServicer


def authorizer(authority: Authority) -> Authorize:
    """How the authority authorizes: as every service does, and no caller that is shut out."""

    def authorize(method: str, context: Context) -> None:
        check_certificate(method, context)
        if method in ROLES:
            require_active(principal_of(context).caller_id, authority.deactivated_callers)

    return authorize


class CallerServer(CallerServiceServicer):
    def __init__(self, authority: Authority) -> None:
        self._authority = authority

    async def ListCallers(self, request: pb.ListCallersRequest, context: Context) -> pb.ListCallersResponse:
        return await self._authority.read(callers.list_callers, Call(principal_of(context), request))

    async def GetCaller(self, request: pb.GetCallerRequest, context: Context) -> pb.GetCallerResponse:
        return await self._authority.read(callers.get_caller, Call(principal_of(context), request))

    async def DeactivateCaller(
        self, request: pb.DeactivateCallerRequest, context: Context
    ) -> pb.DeactivateCallerResponse:
        call = Call(principal_of(context), request)
        caller = await self._authority.write(callers.deactivate, call, urgent=True)
        await self._authority.follow_callers()
        # Counted after the commit: nothing is added any more, and the write lock is not held for it.
        work = await self._authority.read(callers.work_of, request.caller_id)
        return pb.DeactivateCallerResponse(caller=caller, work=work)

    async def ReactivateCaller(
        self, request: pb.ReactivateCallerRequest, context: Context
    ) -> pb.ReactivateCallerResponse:
        caller = await self._authority.write(callers.reactivate, Call(principal_of(context), request))
        await self._authority.follow_callers()
        return pb.ReactivateCallerResponse(caller=caller)
