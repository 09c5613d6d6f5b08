"""The people of the example at their desks, and the banks at theirs: every call goes through the public edge."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TypeVar

import grpc
from nats.aio.client import Client as Nats
from nats.errors import Error as NatsError

from outreach.client import Client, Kind, Refusal, identity_names, read_identity
from outreach.runtime import bus, nats_server, tls
from outreach.runtime.config import Settings
from outreach.v1.bank_service_pb2_grpc import BankServiceStub
from outreach.v1.hold_service_pb2_grpc import HoldServiceStub
from outreach.v1.ledger_service_pb2_grpc import LedgerServiceStub
from outreach.v1.letter_version_service_pb2_grpc import LetterVersionServiceStub
from outreach.v1.mailroom_service_pb2_grpc import MailroomServiceStub
from outreach.v1.operations_service_pb2_grpc import OperationsServiceStub
from outreach.v1.policy_service_pb2_grpc import PolicyServiceStub
from outreach.v1.quantity_service_pb2_grpc import QuantityServiceStub
from outreach.v1.template_service_pb2_grpc import TemplateServiceStub
from outreach.v1.user_service_pb2_grpc import UserServiceStub

Request = TypeVar("Request")
Response = TypeVar("Response")
BANKS = ("demo-bank", "sample-bank")
PUBLISH_TIMEOUT_S, PUBLISH_PAUSE_S, PUBLISH_PATIENCE_S = 5.0, 0.2, 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaySettings(Settings):
    """What the play needs beside the shared settings."""

    simulator_url: str
    """Where the carrier simulator listens."""
    day_seconds: float = 60.0
    """Real seconds that the ticking of the clock takes, from 07:00 to 21:30; 0 for no pauses."""
    rough: bool = False
    """Processes are being killed meanwhile: a step that is repeated may find itself done, and fates may be unknown."""


class Desk(Client):
    """One person's connection, with every service at hand."""

    def attach(self, *, rough: bool) -> None:
        self._rough = rough
        self.bank = BankServiceStub(self.channel)
        self.holds = HoldServiceStub(self.channel)
        self.ledger = LedgerServiceStub(self.channel)
        self.letter_versions = LetterVersionServiceStub(self.channel)
        self.mailroom = MailroomServiceStub(self.channel)
        self.operations = OperationsServiceStub(self.channel)
        self.policies = PolicyServiceStub(self.channel)
        self.quantities = QuantityServiceStub(self.channel)
        self.templates = TemplateServiceStub(self.channel)
        self.users = UserServiceStub(self.channel)

    async def ask(self, rpc: grpc.aio.UnaryUnaryMultiCallable[Request, Response], request: Request) -> Response:
        """A call that may be repeated. Raises Refusal. Who acts in the play is at the desk, and proven."""
        self.authenticated_s = time.time()
        return await self.call(rpc, request, repeatable=True)

    @contextmanager
    def once(self) -> Iterator[None]:
        """Where a lost answer made us repeat a step, "that is done already" is as good as done."""
        try:
            yield
        except Refusal as refusal:
            if not (self._rough and refusal.kind in (Kind.PRECONDITION, Kind.CONFLICT)):
                raise


class Office:
    """All desks by the people's names, and the banks' connections to NATS."""

    def __init__(self, settings: PlaySettings, desks: dict[str, Desk], nats: dict[str, Nats]) -> None:
        self.settings = settings
        self._desks = desks
        self._nats = nats

    def __getitem__(self, person: str) -> Desk:
        return self._desks[person]

    async def publish(self, bank: str, payload: bytes, event_id: str) -> None:
        """Publishes as the bank and returns once the event is kept.

        The message id lets it be published again after a lost answer. All banks share the stream, hence the bank in it.
        """
        js = self._nats[bank].jetstream(timeout=PUBLISH_TIMEOUT_S)
        headers = {bus.MESSAGE_ID: f"{bank}/{event_id}"}
        end = time.monotonic() + PUBLISH_PATIENCE_S
        while True:
            try:
                await js.publish(bus.events_subject(bank), payload, headers=headers)
            except (NatsError, TimeoutError):
                if time.monotonic() > end:
                    raise
                await asyncio.sleep(PUBLISH_PAUSE_S)
            else:
                return


@asynccontextmanager
async def open_office(settings: PlaySettings) -> AsyncIterator[Office]:
    """Everybody who has an identity in the state directory, and both banks."""
    ca = tls.ca_certificate(settings.state_dir)
    async with AsyncExitStack() as stack:
        desks = {}
        for name in identity_names(settings.state_dir):
            desk = Desk(settings.gateway_address, ca, read_identity(settings.state_dir, name))
            desks[name] = await stack.enter_async_context(desk)
            desk.attach(rough=settings.rough)
        nats = {bank: await bus.connect(settings, nats_server.bank_user(bank)) for bank in BANKS}
        for client in nats.values():
            stack.push_async_callback(client.close)
        yield Office(settings, desks, nats)
