"""Hands public calls on as they came, once identity, banks, rate and shape are right."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, TypeAlias

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message

from gateway.door import Door
from gateway.shape import Shape
from outreach.runtime.server import DEFAULT_DEADLINE_S, Context
from outreach.runtime.tokens import check_bank, principal_metadata
from outreach.v1 import (
    bank_service_pb2,
    caller_service_pb2,
    evidence_service_pb2,
    hold_service_pb2,
    key_service_pb2,
    ledger_service_pb2,
    letter_service_pb2,
    letter_version_service_pb2,
    mailroom_service_pb2,
    operations_service_pb2,
    outreach_service_pb2,
    person_service_pb2,
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
        evidence_service_pb2,
        key_service_pb2,
        operations_service_pb2,
        person_service_pb2,
        letter_service_pb2,
        letter_version_service_pb2,
        mailroom_service_pb2,
        quantity_service_pb2,
        user_service_pb2,
        caller_service_pb2,
    )
    for service in module.DESCRIPTOR.services_by_name.values()
)


class Forwarder:
    """Makes a handler for every public rpc from the contract's descriptors. Bytes pass through unchanged."""

    def __init__(self, authority: grpc.aio.Channel, others: Mapping[str, grpc.aio.Channel], door: Door) -> None:
        """`others`: channels by the full names of those services that the authority does not answer itself."""
        self._authority = authority
        self._others = others
        self._door = door

    def handlers(self, own: dict[str, Handler]) -> Iterable[grpc.GenericRpcHandler]:
        """Handlers of all public services; `own` ones, by full method name, instead of forwarding."""
        for service in SERVICES:
            channel: Any = self._others.get(service.full_name, self._authority)  # bytes in and out: no stub types it
            methods = {}
            for method in service.methods:
                name = f"/{service.full_name}/{method.name}"
                methods[method.name] = own.get(name) or self._handler(channel, name, method)
            yield grpc.method_handlers_generic_handler(service.full_name, methods)

    def _handler(self, channel: Any, name: str, method: MethodDescriptor) -> Handler:
        shape = Shape(method.input_type)
        if method.server_streaming:
            return grpc.unary_stream_rpc_method_handler(self._stream(channel.unary_stream(name), shape))
        return grpc.unary_unary_rpc_method_handler(self._unary(channel.unary_unary(name), shape))

    def _unary(self, call: Any, shape: Shape) -> Any:

        async def forward(raw: bytes, context: Context) -> bytes:
            principal, _ = enter(self._door, raw, context, shape)
            remaining = context.time_remaining()
            timeout = DEFAULT_DEADLINE_S if remaining is None else min(remaining, DEFAULT_DEADLINE_S)
            response: bytes = await call(raw, timeout=timeout, metadata=principal_metadata(principal))
            return response

        return forward

    def _stream(self, call: Any, shape: Shape) -> Any:

        async def forward(raw: bytes, context: Context) -> AsyncIterator[bytes]:
            principal, _ = enter(self._door, raw, context, shape)
            # A stream may have no deadline: it must not wait for ever for a server that is down.
            metadata = principal_metadata(principal)
            responses = call(raw, timeout=context.time_remaining(), metadata=metadata, wait_for_ready=False)
            try:
                async for response in responses:
                    yield response
            finally:
                responses.cancel()

        return forward


def enter(door: Door, raw: bytes, context: Context, shape: Shape) -> tuple[Principal, Message]:
    """Who makes the call, and what it asks, once identity, rate, shape and banks are right. Raises Refusal."""
    principal = door.enter(context)
    message = shape.read(raw)
    for bank_id in shape.banks(message):
        check_bank(principal, bank_id)
    door.count_items(principal, shape.items(message))
    return principal, message
