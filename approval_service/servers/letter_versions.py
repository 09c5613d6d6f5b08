"""LetterVersionService: versions of letters and their gates."""

from __future__ import annotations

from approval_service import letter_versions
from approval_service.authority import Authority
from approval_service.calls import Call
from outreach.runtime.server import Context
from outreach.runtime.tokens import principal_of
from outreach.v1 import letter_version_service_pb2 as pb
from outreach.v1.letter_version_service_pb2_grpc import LetterVersionServiceServicer


class LetterVersionServer(LetterVersionServiceServicer):
    def __init__(self, authority: Authority) -> None:
        self._authority = authority

    async def DraftLetterVersion(
        self, request: pb.DraftLetterVersionRequest, context: Context
    ) -> pb.DraftLetterVersionResponse:
        call = Call(principal_of(context), request)
        submission = await self._authority.read(letter_versions.submission, call)
        return await self._authority.write(letter_versions.draft, submission)

    async def LintLetterVersion(
        self, request: pb.LintLetterVersionRequest, context: Context
    ) -> pb.LintLetterVersionResponse:
        call = Call(principal_of(context), request)
        return await self._authority.read(letter_versions.lint, call)

    async def ReviewLetterVersion(
        self, request: pb.ReviewLetterVersionRequest, context: Context
    ) -> pb.ReviewLetterVersionResponse:
        call = Call(principal_of(context), request)
        return await self._authority.write(letter_versions.review, call)

    async def ApproveLetterVersion(
        self, request: pb.ApproveLetterVersionRequest, context: Context
    ) -> pb.ApproveLetterVersionResponse:
        call = Call(principal_of(context), request)
        return await self._authority.write(letter_versions.approve, call)

    async def RecordLetterDocument(
        self, request: pb.RecordLetterDocumentRequest, context: Context
    ) -> pb.RecordLetterDocumentResponse:
        call = Call(principal_of(context), request)
        return await self._authority.write(letter_versions.document, call)

    async def VerifyLetterDocument(
        self, request: pb.VerifyLetterDocumentRequest, context: Context
    ) -> pb.VerifyLetterDocumentResponse:
        call = Call(principal_of(context), request)
        return await self._authority.write(letter_versions.verify, call)

    async def SuspendLetterVersion(
        self, request: pb.SuspendLetterVersionRequest, context: Context
    ) -> pb.SuspendLetterVersionResponse:
        call = Call(principal_of(context), request)
        return await self._authority.write(letter_versions.suspend, call, urgent=True)

    async def ResumeLetterVersion(
        self, request: pb.ResumeLetterVersionRequest, context: Context
    ) -> pb.ResumeLetterVersionResponse:
        call = Call(principal_of(context), request)
        return await self._authority.write(letter_versions.resume, call)

    async def RetireLetterVersion(
        self, request: pb.RetireLetterVersionRequest, context: Context
    ) -> pb.RetireLetterVersionResponse:
        call = Call(principal_of(context), request)
        return await self._authority.write(letter_versions.retire, call, urgent=True)

    async def RenewLetterVersion(
        self, request: pb.RenewLetterVersionRequest, context: Context
    ) -> pb.RenewLetterVersionResponse:
        call = Call(principal_of(context), request)
        return await self._authority.write(letter_versions.renew, call)

    async def GetLetterVersion(
        self, request: pb.GetLetterVersionRequest, context: Context
    ) -> pb.GetLetterVersionResponse:
        call = Call(principal_of(context), request)
        return await self._authority.read(letter_versions.get, call)

    async def ListLetterVersions(
        self, request: pb.ListLetterVersionsRequest, context: Context
    ) -> pb.ListLetterVersionsResponse:
        call = Call(principal_of(context), request)
        return await self._authority.read(letter_versions.list_versions, call)
