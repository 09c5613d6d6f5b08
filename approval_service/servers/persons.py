"""PersonService: personal data as its subject's own matter."""

from __future__ import annotations

from collections.abc import AsyncIterator

from approval_service.authority import Authority
from approval_service.calls import Call
from approval_service.catalog import Catalog
from approval_service.evidence import PIECE_BYTES
from approval_service.personal_data import exports, replay, requests, restriction, retention, subjects
from approval_service.store.head import read_catalog_version
from outreach.runtime.server import Context
from outreach.runtime.tokens import principal_of
from outreach.v1 import person_service_pb2 as pb
from outreach.v1.person_service_pb2_grpc import PersonServiceServicer


class PersonServer(PersonServiceServicer):
    def __init__(self, authority: Authority) -> None:
        self._authority = authority

    async def GetPerson(self, request: pb.GetPersonRequest, context: Context) -> pb.GetPersonResponse:
        call = Call(principal_of(context), request)
        return await self._authority.read(subjects.get_person, self._authority.keys, await self._catalog(), call)

    async def _catalog(self) -> Catalog:
        version = await self._authority.read(read_catalog_version)
        return await self._authority.read(self._authority.catalogs.at, version)

    async def RestrictPerson(self, request: pb.RestrictPersonRequest, context: Context) -> pb.RestrictPersonResponse:
        return await self._authority.write(restriction.restrict, Call(principal_of(context), request), urgent=True)

    async def AskForPerson(self, request: pb.AskForPersonRequest, context: Context) -> pb.AskForPersonResponse:
        return await self._authority.write(requests.ask, Call(principal_of(context), request))

    async def DecideForPerson(self, request: pb.DecideForPersonRequest, context: Context) -> pb.DecideForPersonResponse:
        return await self._authority.write(requests.decide, Call(principal_of(context), request))

    async def ListPersonRequests(
        self, request: pb.ListPersonRequestsRequest, context: Context
    ) -> pb.ListPersonRequestsResponse:
        return await self._authority.read(requests.list_requests, Call(principal_of(context), request))

    async def FetchPersonExport(
        self, request: pb.FetchPersonExportRequest, context: Context
    ) -> AsyncIterator[pb.FetchPersonExportResponse]:
        call = Call(principal_of(context), request)
        made = await self._authority.read(exports.collect, self._authority.keys, call)
        content = await self._authority.write(exports.record, made)
        for start in range(0, len(content), PIECE_BYTES):
            yield pb.FetchPersonExportResponse(content=content[start : start + PIECE_BYTES])

    async def GetRetention(self, request: pb.GetRetentionRequest, context: Context) -> pb.GetRetentionResponse:
        call = Call(principal_of(context), request)
        return await self._authority.read(retention.get_retention, await self._catalog(), call)

    async def AskRetention(self, request: pb.AskRetentionRequest, context: Context) -> pb.AskRetentionResponse:
        call = Call(principal_of(context), request)
        asked = await self._authority.read(retention.find, await self._catalog(), call)
        return await self._authority.write(retention.ask, asked)

    async def ReplayErasures(self, request: pb.ReplayErasuresRequest, context: Context) -> pb.ReplayErasuresResponse:
        asked = replay.Replay(Call(principal_of(context), request), self._authority.signer.verifier_key)
        return await self._authority.write(replay.replay, asked)
