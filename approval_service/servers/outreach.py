"""OutreachService and AdmissionService: requests in, decisions out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from approval_service import admission, cancellation, doors, letter_admission, preview, replies, views
from approval_service.authority import Authority
from approval_service.calls import Call
from outreach.domain.callers import require_active
from outreach.domain.errors import Kind, Refusal
from outreach.runtime.server import Context
from outreach.runtime.tokens import principal_of
from outreach.v1 import admission_service_pb2, admission_service_pb2_grpc
from outreach.v1 import outreach_service_pb2 as pb
from outreach.v1.outreach_service_pb2_grpc import OutreachServiceServicer

GRPC_CODES = {Kind.INVALID: 3, Kind.CONFLICT: 6, Kind.DENIED: 7, Kind.PRECONDITION: 9, Kind.UNAVAILABLE: 14}
WATCH_POLL_S = 1.0


class AdmissionServer(admission_service_pb2_grpc.AdmissionServiceServicer):
    def __init__(self, authority: Authority) -> None:
        self._authority = authority

    async def Admit(
        self, request: admission_service_pb2.AdmitRequest, context: Context
    ) -> admission_service_pb2.AdmitResponse:
        # Read here: the write lock is not for what depends on nothing that is stored.
        asked = [one for group in request.groups for one in admission.read(self._authority.keys, group)]
        decisions = await self._authority.write_many(admission.admit, asked)
        answer = admission_service_pb2.AdmitResult
        return admission_service_pb2.AdmitResponse(
            results=[answer(decision=one) if isinstance(one, bytes) else answer(error=_error(one)) for one in decisions]
        )

    async def AdmitLetters(
        self, request: admission_service_pb2.AdmitLettersRequest, context: Context
    ) -> admission_service_pb2.AdmitLettersResponse:
        await asyncio.to_thread(doors.read_ahead, [item.address for item in request.items])
        calls = [Call(request.principal, item) for item in request.items]
        decisions = await self._authority.write_many(letter_admission.admit, calls)
        return admission_service_pb2.AdmitLettersResponse(results=[_result(decision) for decision in decisions])

    async def ListDeactivatedCallers(
        self, request: admission_service_pb2.ListDeactivatedCallersRequest, context: Context
    ) -> admission_service_pb2.ListDeactivatedCallersResponse:
        found = sorted(self._authority.deactivated_callers)
        return admission_service_pb2.ListDeactivatedCallersResponse(caller_ids=found)


def _result(decision: bytes | Exception) -> pb.ItemResult:
    if isinstance(decision, bytes):
        return pb.ItemResult(decision=pb.Decision.FromString(decision))
    return pb.ItemResult(error=_error(decision))


def _error(error: Exception) -> pb.ItemError:
    if not isinstance(error, Refusal):
        raise error
    field = error.violations[0][0] if error.violations else ""
    return pb.ItemError(code=GRPC_CODES[error.kind], message=error.message, field=field, reason=error.reason)


class OutreachServer(OutreachServiceServicer):
    """All but the gateway's own: it turns what is submitted into Admit and AdmitLetters."""

    Submit = OutreachServiceServicer.Submit
    SubmitBatch = OutreachServiceServicer.SubmitBatch
    SubmitLetters = OutreachServiceServicer.SubmitLetters

    def __init__(self, authority: Authority) -> None:
        self._authority = authority

    async def Preflight(self, request: pb.PreflightRequest, context: Context) -> pb.PreflightResponse:
        authority = self._authority
        call = Call(principal_of(context), request.item)
        return await authority.read(preview.preflight, authority.keys, authority.catalogs, call)

    async def PreflightLetter(self, request: pb.PreflightLetterRequest, context: Context) -> pb.PreflightLetterResponse:
        authority = self._authority
        call = Call(principal_of(context), request.item)
        return await authority.read(letter_admission.preflight, authority.keys, authority.catalogs, call)

    async def Get(self, request: pb.GetRequest, context: Context) -> pb.GetResponse:
        return await self._authority.read(views.get, Call(principal_of(context), request))

    async def List(self, request: pb.ListRequest, context: Context) -> pb.ListResponse:
        call = Call(principal_of(context), request)
        return await self._authority.read(views.list_page, self._authority.keys, call)

    async def Cancel(self, request: pb.CancelRequest, context: Context) -> pb.CancelResponse:
        call = Call(principal_of(context), request)
        return await self._authority.write(cancellation.cancel_requested, call, urgent=True)

    async def ListReplies(self, request: pb.ListRepliesRequest, context: Context) -> pb.ListRepliesResponse:
        return await self._authority.write(replies.list_replies, Call(principal_of(context), request))

    async def Watch(self, request: pb.WatchRequest, context: Context) -> AsyncIterator[pb.WatchResponse]:
        call = Call(principal_of(context), request)
        call.require_bank(request.bank_id)
        position = request.after_position
        while True:
            require_active(call.principal.caller_id, self._authority.deactivated_callers)
            upcoming = self._authority.changes.upcoming()
            changes = await self._authority.read(views.changes, call, position)
            for change in changes:
                position = change.position
                yield pb.WatchResponse(change=change)
            if changes:
                continue
            if request.only_past:
                return
            await self._authority.changes.wait(upcoming, WATCH_POLL_S)
