"""Hands public calls to the authority as they came, once identity, banks, rate and shape are right."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Any, TypeAlias

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

from gateway.door import Door
from gateway.shape import Shape
from outreach.runtime.server import DEFAULT_DEADLINE_S, Context
from outreach.runtime.tokens import check_bank, principal_metadata
from outreach.v1 import (
    bank_service_pb2,
    hold_service_pb2,
    ledger_service_pb2,
    letter_service_pb2,
    letter_version_service_pb2,
    mailroom_service_pb2,
    operations_service_pb2,
    outreach_service_pb2,
    policy_service_pb2,
    quantity_service_pb2,
    template_service_pb2,
    user_service_pb2,
)
from outreach.v1.common_pb2 import Principal

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"

SERVICES: tuple[ServiceDescriptor, ...] = tuple(
    service
    for module in (
        outreach_service_pb2,
        bank_service_pb2,
        hold_service_pb2,
        template_service_pb2,
        policy_service_pb2,
        ledger_service_pb2,
        operations_service_pb2,
        letter_service_pb2,
        letter_version_service_pb2,
        mailroom_service_pb2,
        quantity_service_pb2,
        user_service_pb2,
    )
    for service in module.DESCRIPTOR.services_by_name.values()
)


class Forwarder:
    """Makes a handler for every public rpc from the contract's descriptors. Bytes pass through unchanged."""

    def __init__(self, channel: grpc.aio.Channel, door: Door) -> None:
        self._channel: Any = channel  # bytes in, bytes out: there is no stub to type it
        self._door = door

    def handlers(self, own: dict[str, Handler]) -> Iterable[grpc.GenericRpcHandler]:
        """Handlers of all public services; `own` ones, by full method name, instead of forwarding."""
        for service in SERVICES:
            methods = {}
            for method in service.methods:
                name = f"/{service.full_name}/{method.name}"
                methods[method.name] = own.get(name) or self._handler(name, method)
            yield grpc.method_handlers_generic_handler(service.full_name, methods)

    def _handler(self, name: str, method: MethodDescriptor) -> Handler:
        shape = Shape(method.input_type)
        if method.server_streaming:
            return grpc.unary_stream_rpc_method_handler(self._stream(name, shape))
        return grpc.unary_unary_rpc_method_handler(self._unary(name, shape))

    def _unary(self, name: str, shape: Shape) -> Any:
        call = self._channel.unary_unary(name)

        async def forward(raw: bytes, context: Context) -> bytes:
            metadata = principal_metadata(self._check(raw, context, shape))
            remaining = context.time_remaining()
            timeout = DEFAULT_DEADLINE_S if remaining is None else min(remaining, DEFAULT_DEADLINE_S)
            response: bytes = await call(raw, timeout=timeout, metadata=metadata)
            return response

        return forward

    def _stream(self, name: str, shape: Shape) -> Any:
        call = self._channel.unary_stream(name)

        async def forward(raw: bytes, context: Context) -> AsyncIterator[bytes]:
            metadata = principal_metadata(self._check(raw, context, shape))
            # A stream may have no deadline: it must not wait for ever for an authority that is down.
            responses = call(raw, timeout=context.time_remaining(), metadata=metadata, wait_for_ready=False)
            try:
                async for response in responses:
                    yield response
            finally:
                responses.cancel()

        return forward

    def _check(self, raw: bytes, context: Context, shape: Shape) -> Principal:
        principal = self._door.enter(context)
        message = shape.read(raw)
        for bank_id in shape.banks(message):
            check_bank(principal, bank_id)
        self._door.count_items(principal, shape.items(message))
        return principal
