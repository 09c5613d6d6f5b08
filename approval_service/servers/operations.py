"""OperationsService: counts, clocks, employees, and unknown fates."""

from __future__ import annotations

from approval_service import daily_report, operations
from approval_service.authority import Authority
from approval_service.calls import Call
from outreach.runtime.server import Context
from outreach.runtime.tokens import principal_of
from outreach.v1 import operations_service_pb2 as pb
from outreach.v1.operations_service_pb2_grpc import OperationsServiceServicer


class OperationsServer(OperationsServiceServicer):
    def __init__(self, authority: Authority) -> None:
        self._authority = authority

    async def GetSummary(self, request: pb.GetSummaryRequest, context: Context) -> pb.GetSummaryResponse:
        call = Call(principal_of(context), request)
        return await self._authority.read(operations.get_summary, call)

    async def GetDailyReport(self, request: pb.GetDailyReportRequest, context: Context) -> pb.GetDailyReportResponse:
        call = Call(principal_of(context), request)
        return await self._authority.read(daily_report.get_daily_report, call)

    async def SetBusinessClock(
        self, request: pb.SetBusinessClockRequest, context: Context
    ) -> pb.SetBusinessClockResponse:
        call = Call(principal_of(context), request)
        operations.require_simulated(self._authority.simulated_clock)
        return await self._authority.write(operations.set_business_clock, call, urgent=True)

    async def ConfirmWallClock(
        self, request: pb.ConfirmWallClockRequest, context: Context
    ) -> pb.ConfirmWallClockResponse:
        call = Call(principal_of(context), request)
        response = await self._authority.write(operations.confirm_wall_clock, call)
        self._authority.guard.confirm()
        return response

    async def SetEmployee(self, request: pb.SetEmployeeRequest, context: Context) -> pb.SetEmployeeResponse:
        call = Call(principal_of(context), request)
        return await self._authority.write(operations.set_employee, call)

    async def ListUnconfirmed(self, request: pb.ListUnconfirmedRequest, context: Context) -> pb.ListUnconfirmedResponse:
        call = Call(principal_of(context), request)
        return await self._authority.read(operations.list_unconfirmed, call)

    async def ResolveUnconfirmed(
        self, request: pb.ResolveUnconfirmedRequest, context: Context
    ) -> pb.ResolveUnconfirmedResponse:
        call = Call(principal_of(context), request)
        return await self._authority.write(operations.resolve_unconfirmed, call)
