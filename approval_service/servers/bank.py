"""BankService: the bank's events by file or call, and what it has said of an account."""

from __future__ import annotations

from approval_service import accounts, bank_events
from approval_service.authority import Authority
from approval_service.calls import Call, require_bank
from outreach.domain.errors import Kind, Refusal
from outreach.runtime.server import Context
from outreach.runtime.tokens import principal_of
from outreach.v1 import bank_service_pb2 as pb
from outreach.v1.bank_service_pb2_grpc import BankServiceServicer


class BankServer(BankServiceServicer):
    def __init__(self, authority: Authority) -> None:
        self._authority = authority

    async def ApplyEvents(self, request: pb.ApplyEventsRequest, context: Context) -> pb.ApplyEventsResponse:
        principal = principal_of(context)
        for event in request.events:
            require_bank(principal, event.bank_id)
        calls = [Call(principal, event) for event in request.events]
        results = []
        for index, result in enumerate(await self._authority.write_many(bank_events.apply_called, calls, urgent=True)):
            if isinstance(result, Refusal):
                raise _at(index, result)
            if isinstance(result, Exception):
                raise result
            results.append(result)
        return pb.ApplyEventsResponse(results=results)

    async def GetAccount(self, request: pb.GetAccountRequest, context: Context) -> pb.GetAccountResponse:
        call = Call(principal_of(context), request)
        return await self._authority.read(accounts.get_account, self._authority.keys, call)


def _at(index: int, refusal: Refusal) -> Refusal:
    """The refusal, naming the event. The others of the call are applied; the call may be repeated."""
    kind = Kind.PRECONDITION if refusal.kind is Kind.NOT_FOUND else refusal.kind
    violations = tuple((f"events[{index}].{field}", message) for field, message in refusal.violations)
    return Refusal(kind, f"events[{index}]: {refusal.message}", reason=refusal.reason, violations=violations)
