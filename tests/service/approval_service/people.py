"""A person to erase, restrict or export: an account that ended long ago, and what was sent about it."""

from __future__ import annotations

from typing import Any, TypeVar

from approval_service.calls import Call
from approval_service.personal_data import erasing, requests, restriction, subjects
from approval_service.store.head import read_catalog_version
from approval_service.writer import Handler
from outreach.v1.person_service_pb2 import (
    AskForPersonRequest,
    DecideForPersonRequest,
    DecideForPersonResponse,
    GetPersonRequest,
    GetPersonResponse,
    PersonRequest,
    PersonRequestKind,
    RestrictPersonRequest,
    RestrictPersonResponse,
)
from tests.service.approval_service.world import BANK, DAY_MS, World, principal

P = TypeVar("P")
R = TypeVar("R")

ERASURE = PersonRequestKind.PERSON_REQUEST_KIND_ERASURE
LIFT = PersonRequestKind.PERSON_REQUEST_KIND_LIFT
EXPORT = PersonRequestKind.PERSON_REQUEST_KIND_EXPORT
RETENTION_DAYS = 1095
LATER_MS = (90 + RETENTION_DAYS + 1) * DAY_MS
"""After that, what World.place placed is kept no longer."""


class People:
    """What people do about a person, on a world: ann asks, ben decides."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def write(self, handler: Handler[Call[P], R], employee: str, request: P) -> R:
        return await self.world.authority.write(handler, Call(principal(employee), request))

    def years_later(self) -> None:
        self.world.set_clock(self.world.now_ms() + LATER_MS)

    async def get(self, number: str, *roles: str, **subject: str) -> GetPersonResponse:
        """The person of an account's customer."""
        authority = self.world.authority
        catalog = await authority.read(authority.catalogs.at, await authority.read(read_catalog_version))
        request = GetPersonRequest(bank_id=BANK, **(subject or {"customer_id": f"C{number}"}))
        call = Call(principal("ann", roles=roles), request)
        return await authority.read(subjects.get_person, authority.keys, catalog, call)

    async def ask(self, number: str, kind: PersonRequestKind.ValueType = ERASURE, **changes: Any) -> PersonRequest:
        request = AskForPersonRequest(bank_id=BANK, customer_id=f"C{number}", kind=kind, reason="本人来函 LTR-17")
        request.MergeFrom(AskForPersonRequest(**changes))
        return (await self.write(requests.ask, "ann", request)).request

    async def decide(
        self, request_id: str, *, employee: str = "ben", approve: bool = True, accept: bool = False
    ) -> DecideForPersonResponse:
        request = DecideForPersonRequest(request_id=request_id, approve=approve, accept_unconfirmed_loss=accept)
        return await self.write(requests.decide, employee, request)

    async def sweep(self) -> int:
        return await erasing.round_of(self.world.authority)

    async def erase(self, number: str, *, accept: bool = False) -> str:
        """The whole way. Returns the person's former id."""
        asked = await self.ask(number)
        await self.decide(asked.request_id, accept=accept)
        await self.sweep()
        return asked.person_id

    async def restrict(self, number: str) -> RestrictPersonResponse:
        request = RestrictPersonRequest(bank_id=BANK, customer_id=f"C{number}", reason="依法保存 kept by law")
        return await self.write(restriction.restrict, "ann", request)
