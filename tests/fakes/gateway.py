"""A gateway for tests of its callers: real gRPC, TLS and tokens in front of answers that the test sets."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import grpc
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf.message_factory import GetMessageClass

from outreach.client import Client, Identity, write_identity
from outreach.domain import roles
from outreach.domain.errors import Refusal
from outreach.runtime import access, server, tls
from outreach.runtime.secret_files import write_private
from outreach.runtime.tokens import Verifier, public_key_text
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

Answer = Callable[[Any], Any]
"""Makes the response, or an iterable of responses, of a request. May raise Refusal."""

_SERVICES = [
    module.DESCRIPTOR.services_by_name[name]
    for module, name in (
        (outreach_service_pb2, "OutreachService"),
        (bank_service_pb2, "BankService"),
        (hold_service_pb2, "HoldService"),
        (template_service_pb2, "TemplateService"),
        (letter_version_service_pb2, "LetterVersionService"),
        (quantity_service_pb2, "QuantityService"),
        (letter_service_pb2, "LetterService"),
        (mailroom_service_pb2, "MailroomService"),
        (policy_service_pb2, "PolicyService"),
        (ledger_service_pb2, "LedgerService"),
        (evidence_service_pb2, "EvidenceService"),
        (person_service_pb2, "PersonService"),
        (operations_service_pb2, "OperationsService"),
        (user_service_pb2, "UserService"),
        (key_service_pb2, "KeyService"),
        (caller_service_pb2, "CallerService"),
    )
]
BANK = "demo-bank"
ROLES = tuple(sorted(roles.ALL_ROLES))


class FakeGateway:
    """Answers each rpc as `answers` says, by the rpc's name, and keeps what it was asked.

    An rpc that `answers` does not name gets the empty response. `refusals` are raised first, one a call. The state
    directory gets the identity `all`, which may do everything for demo-bank.
    """

    def __init__(self, state_dir: Path) -> None:
        self.state_dir = state_dir
        self.answers: dict[str, Answer] = {}
        self.refusals: list[Refusal] = []
        self.requests: list[tuple[str, Any]] = []
        self.principals: list[Principal] = []
        self.address = ""
        key = Ed25519PrivateKey.generate()
        self.identity = Identity("caller-1", "employee-1", ROLES, (BANK,), key, "team-1")
        write_identity(state_dir, "all", self.identity)
        entry = {
            "active": True,
            "public_keys": [public_key_text(key)],
            "roles": list(ROLES),
            "banks": [BANK],
            "requests_per_second": 1000,
        }
        write_private(state_dir / "callers.yaml", yaml.safe_dump({"callers": {"caller-1": entry}}).encode())
        tls.ensure_local_ca(state_dir)
        tls.ensure_certificate(state_dir, "gateway")
        self._verifier = Verifier(state_dir / "callers.yaml")

    def client(self, **options: Any) -> Client:
        """A client of this gateway as the identity `all`."""
        return Client(self.address, tls.ca_certificate(self.state_dir), self.identity, **options)

    def asked(self, rpc: str) -> list[Any]:
        """The requests of that rpc so far."""
        return [request for name, request in self.requests if name == rpc]

    def verify(self, token: str) -> Principal:
        """Whom a token speaks for. Raises Refusal."""
        return self._verifier.verify(token)

    @asynccontextmanager
    async def serving(self, *, grace_s: float = 0.0) -> AsyncIterator[None]:
        """Serves in this event loop; again on the same port the next time."""
        async with server.running(
            self.address or "127.0.0.1:0",
            tls.server_credentials(self.state_dir, "gateway", require_client=False),
            services=[service.full_name for service in _SERVICES],
            register=self._register,
            authorize=self._authorize,
            grace_s=grace_s,
        ) as running:
            self.address = f"127.0.0.1:{running.port}"
            await running.set_ready(True)
            yield

    @contextmanager
    def in_thread(self) -> Iterator[None]:
        """Serves in a thread, for commands that bring their own event loop."""
        loop, ready, stopped = asyncio.new_event_loop(), threading.Event(), asyncio.Event()

        async def serve() -> None:
            async with self.serving():
                ready.set()
                await stopped.wait()

        thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
        thread.start()
        assert ready.wait(10)
        try:
            yield
        finally:
            loop.call_soon_threadsafe(stopped.set)
            thread.join(10)
            loop.close()

    def _authorize(self, method: str, context: server.Context) -> None:
        principal = self._verifier.principal_of(context)
        access.check_roles(method, principal)
        self.principals.append(principal)

    def _register(self, grpc_server: grpc.aio.Server) -> None:
        for service in _SERVICES:
            handlers = {method.name: self._handler(method) for method in service.methods}
            generic = grpc.method_handlers_generic_handler(service.full_name, handlers)
            grpc_server.add_generic_rpc_handlers((generic,))

    def _handler(self, method: Any) -> grpc.RpcMethodHandler[Any, Any]:
        response_class = GetMessageClass(method.output_type)
        codec: dict[str, Any] = {
            "request_deserializer": GetMessageClass(method.input_type).FromString,
            "response_serializer": response_class.SerializeToString,
        }

        async def unary(request: Any, context: server.Context) -> Any:
            return await self._answer(method.name, request, response_class())

        async def stream(request: Any, context: server.Context) -> AsyncIterator[Any]:
            answer = await self._answer(method.name, request, ())
            if isinstance(answer, AsyncIterator):
                async for response in answer:
                    yield response
            else:
                for response in answer:
                    yield response

        if method.server_streaming:
            return grpc.unary_stream_rpc_method_handler(stream, **codec)
        return grpc.unary_unary_rpc_method_handler(unary, **codec)

    async def _answer(self, rpc: str, request: Any, empty: Any) -> Any:
        self.requests.append((rpc, request))
        if self.refusals:
            raise self.refusals.pop(0)
        if rpc not in self.answers:
            return empty
        answer = self.answers[rpc](request)
        return await answer if inspect.isawaitable(answer) else answer
