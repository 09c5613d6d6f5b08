"""How the console calls the public services: as the person who is signed in, checked for shape as at the gRPC edge."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import cache
from typing import Any

import grpc
from google.protobuf.descriptor import Descriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from gateway.forwarding import SERVICES
from gateway.shape import Shape
from outreach.domain.errors import Kind, Refusal
from outreach.runtime.access import OF_ALL_BANKS, ROLES, check_principal, check_roles
from outreach.runtime.errors import refusal_of
from outreach.runtime.tokens import ALL_BANKS, check_bank, principal_metadata
from outreach.v1.common_pb2 import Principal

CALL_TIMEOUT_S = 10.0
_METHODS: dict[str, MethodDescriptor] = {
    f"{service.name}/{method.name}": method for service in SERVICES for method in service.methods
}


class Desk:
    """One person's calls. `name` is such as TemplateService/ListTemplates."""

    def __init__(self, principal: Principal, channel_of: dict[str, grpc.aio.Channel]) -> None:
        self.principal = principal
        self._channel_of = channel_of

    def may(self, name: str) -> bool:
        """True if one of the person's roles may call it, and the person's banks are all if it concerns every bank."""
        path = f"/outreach.v1.{name}"
        covered = path not in OF_ALL_BANKS or ALL_BANKS in self.principal.bank_ids
        return covered and not ROLES[path].isdisjoint(self.principal.roles)

    def require(self, name: str, *others: str) -> None:
        """Raises Refusal unless the person may call one of them: for pages that ask nothing themselves."""
        if not any(map(self.may, others)):
            check_roles(f"/outreach.v1.{name}", self.principal)

    async def ask(self, name: str, request: Message) -> Any:
        """The response. Raises Refusal."""
        method, path = self._enter(name, request)
        call = self._channel(method).unary_unary(
            path,
            request_serializer=type(request).SerializeToString,
            response_deserializer=GetMessageClass(method.output_type).FromString,
        )
        try:
            return await call(request, timeout=CALL_TIMEOUT_S, metadata=principal_metadata(self.principal))
        except grpc.aio.AioRpcError as error:
            raise refusal_at_page(error) from None

    async def follow(self, name: str, request: Message, timeout_s: float | None = None) -> AsyncIterator[Any]:
        """The responses of a stream, until it ends, the time is over or the reader goes away. Raises Refusal."""
        method, path = self._enter(name, request)
        stream = self._channel(method).unary_stream(
            path,
            request_serializer=type(request).SerializeToString,
            response_deserializer=GetMessageClass(method.output_type).FromString,
        )
        call = stream(request, timeout=timeout_s, metadata=principal_metadata(self.principal), wait_for_ready=False)
        try:
            async for response in call:
                yield response
        except grpc.aio.AioRpcError as error:
            raise refusal_at_page(error) from None
        finally:
            call.cancel()

    def _enter(self, name: str, request: Message) -> tuple[MethodDescriptor, str]:
        """What the gRPC edge refuses is refused here. Returns the method and its path."""
        method = _METHODS[name]
        path = f"/{method.containing_service.full_name}/{method.name}"
        check_principal(path, self.principal)
        self.check(request)
        return method, path

    def _channel(self, method: MethodDescriptor) -> Any:
        service = method.containing_service.name
        return self._channel_of.get(service) or self._channel_of[""]

    def check(self, request: Message) -> None:
        """Raises Refusal for a request of a bad shape, or of a bank that is not the person's."""
        shape = _shape(request.DESCRIPTOR)
        for bank_id in shape.banks(shape.read(request.SerializeToString())):
            check_bank(self.principal, bank_id)


@cache
def _shape(descriptor: Descriptor) -> Shape:
    return Shape(descriptor)


def refusal_at_page(error: grpc.aio.AioRpcError) -> Refusal:
    """What a page says of a call that failed. A server that cannot be reached is UNAVAILABLE, without its address."""
    if error.code() in (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE):
        return Refusal(
            Kind.UNAVAILABLE,
            "服务暂时不可用，请稍后重试；您填写的内容仍在。Temporarily unavailable: try again; your input is kept.",
        )
    return refusal_of(error)
