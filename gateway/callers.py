"""The callers: who is registered, the gateway alone knows, from its file; who is shut out, the authority says."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, NoReturn

import grpc
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message_factory import GetMessageClass

from gateway.door import Door
from gateway.forwarding import Handler, enter
from gateway.shape import Shape
from outreach.domain.errors import Refusal, not_found
from outreach.runtime.logs import EventLogger
from outreach.runtime.server import Context, RunningServer
from outreach.runtime.tokens import Caller as Registered
from outreach.runtime.tokens import Verifier, principal_metadata
from outreach.v1 import caller_service_pb2
from outreach.v1.admission_service_pb2 import ListDeactivatedCallersRequest
from outreach.v1.admission_service_pb2_grpc import AdmissionServiceStub
from outreach.v1.caller_service_pb2 import (
    Caller,
    CallerRegistration,
    DeactivateCallerRequest,
    GetCallerResponse,
    ListCallersResponse,
)

FOLLOW_S = 1.0
FOLLOW_TIMEOUT_S = 2.0
TIMEOUT_S = 10.0
_SERVICE = caller_service_pb2.DESCRIPTOR.services_by_name["CallerService"]
_log = EventLogger("callers")


async def follow(
    authority: grpc.aio.Channel, verifier: Verifier, door: Door, edges: Sequence[RunningServer]
) -> NoReturn:
    """Keeps callers out that are shut out, there or in the file, and ends the streams that they have open."""
    stub, asked = AdmissionServiceStub(authority), ListDeactivatedCallersRequest()
    while True:
        try:
            with suppress(grpc.aio.AioRpcError):  # the authority is away, and takes nothing from anybody
                answer = await stub.ListDeactivatedCallers(asked, timeout=FOLLOW_TIMEOUT_S, wait_for_ready=False)
                verifier.deactivate(answer.caller_ids)
            for edge in edges:
                edge.recheck_streams(door.recheck)
        except Exception as error:  # noqa: BLE001  # whatever it was, the next second tries again
            _log.error("callers_not_followed", error)
        await asyncio.sleep(FOLLOW_S)


class Callers:
    """CallerService at the public edge: the authority's answers, completed by what the file says."""

    def __init__(self, door: Door, authority: grpc.aio.Channel) -> None:
        self._door = door
        self._authority: Any = authority  # bytes in: no stub types it

    def handlers(self) -> dict[str, Handler]:
        """By full method name, for gateway.forwarding."""
        return {f"/{_SERVICE.full_name}/{method.name}": self._handler(method) for method in _SERVICE.methods}

    def _handler(self, method: MethodDescriptor) -> Handler:
        shape, response = Shape(method.input_type), GetMessageClass(method.output_type)
        path = f"/{_SERVICE.full_name}/{method.name}"
        call = self._authority.unary_unary(path, response_deserializer=response.FromString)

        async def answer(raw: bytes, context: Context) -> Any:
            principal, message = enter(self._door, raw, context, shape)
            registered = self._door.callers()
            if isinstance(message, DeactivateCallerRequest):
                require_registered(message.caller_id, registered)
            metadata = principal_metadata(principal)
            return completed(await call(raw, timeout=TIMEOUT_S, metadata=metadata), registered)

        return grpc.unary_unary_rpc_method_handler(answer, response_serializer=response.SerializeToString)


def require_registered(caller_id: str, registered: Iterable[Registered]) -> None:
    """NOT_FOUND unless the file names the caller: one that is misspelt would not be shut out."""
    if caller_id not in {one.caller_id for one in registered}:
        raise _unknown()


def completed(answer: Any, registered: Sequence[Registered]) -> Any:
    """A response of CallerService with what the file says of its callers. Raises NOT_FOUND where GetCaller names one
    that is neither registered nor shut out."""
    if isinstance(answer, ListCallersResponse):
        return ListCallersResponse(callers=_joined(answer.callers, registered))
    caller_id = answer.caller.caller_id
    (caller,) = _joined([answer.caller], [one for one in registered if one.caller_id == caller_id])
    answer.caller.CopyFrom(caller)
    if isinstance(answer, GetCallerResponse) and caller == Caller(caller_id=caller_id):
        raise _unknown()
    return answer


def _joined(shut_out: Iterable[Caller], registered: Iterable[Registered]) -> list[Caller]:
    callers = {one.caller_id: one for one in shut_out}
    for one in registered:
        caller = callers.setdefault(one.caller_id, Caller(caller_id=one.caller_id))
        registration = CallerRegistration(active=one.active, roles=sorted(one.roles), bank_ids=sorted(one.banks))
        caller.registration.CopyFrom(registration)
    return [caller for _, caller in sorted(callers.items())]


def _unknown() -> Refusal:
    return not_found(
        "caller_id: 没有登记此调用方，可用 ListCallers 查看。No such caller is registered: ListCallers shows them."
    )
