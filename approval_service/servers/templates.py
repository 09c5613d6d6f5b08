"""TemplateService: versions of templates and their gates."""

from __future__ import annotations

from approval_service import templates
from approval_service.authority import Authority
from approval_service.calls import Call
from outreach.runtime.server import Context
from outreach.runtime.tokens import principal_of
from outreach.v1 import template_service_pb2 as pb
from outreach.v1.template_service_pb2_grpc import TemplateServiceServicer


class TemplateServer(TemplateServiceServicer):
    def __init__(self, authority: Authority) -> None:
        self._authority = authority

    async def DraftTemplate(self, request: pb.DraftTemplateRequest, context: Context) -> pb.DraftTemplateResponse:
        call = Call(principal_of(context), request)
        return await self._authority.write(templates.draft, call)

    async def LintTemplate(self, request: pb.LintTemplateRequest, context: Context) -> pb.LintTemplateResponse:
        call = Call(principal_of(context), request)
        return await self._authority.read(templates.lint, call)

    async def ReviewTemplate(self, request: pb.ReviewTemplateRequest, context: Context) -> pb.ReviewTemplateResponse:
        call = Call(principal_of(context), request)
        return await self._authority.write(templates.review, call)

    async def ApproveTemplate(self, request: pb.ApproveTemplateRequest, context: Context) -> pb.ApproveTemplateResponse:
        call = Call(principal_of(context), request)
        return await self._authority.write(templates.approve, call)

    async def RecordBankDocument(
        self, request: pb.RecordBankDocumentRequest, context: Context
    ) -> pb.RecordBankDocumentResponse:
        call = Call(principal_of(context), request)
        return await self._authority.write(templates.document, call)

    async def VerifyBankDocument(
        self, request: pb.VerifyBankDocumentRequest, context: Context
    ) -> pb.VerifyBankDocumentResponse:
        call = Call(principal_of(context), request)
        return await self._authority.write(templates.verify, call)

    async def SuspendTemplate(self, request: pb.SuspendTemplateRequest, context: Context) -> pb.SuspendTemplateResponse:
        call = Call(principal_of(context), request)
        return await self._authority.write(templates.suspend, call, urgent=True)

    async def ResumeTemplate(self, request: pb.ResumeTemplateRequest, context: Context) -> pb.ResumeTemplateResponse:
        call = Call(principal_of(context), request)
        return await self._authority.write(templates.resume, call)

    async def RetireTemplate(self, request: pb.RetireTemplateRequest, context: Context) -> pb.RetireTemplateResponse:
        call = Call(principal_of(context), request)
        return await self._authority.write(templates.retire, call, urgent=True)

    async def RenewTemplate(self, request: pb.RenewTemplateRequest, context: Context) -> pb.RenewTemplateResponse:
        call = Call(principal_of(context), request)
        return await self._authority.write(templates.renew, call)

    async def RecordFiling(self, request: pb.RecordFilingRequest, context: Context) -> pb.RecordFilingResponse:
        call = Call(principal_of(context), request)
        return await self._authority.write(templates.record_filing, call)

    async def GetTemplate(self, request: pb.GetTemplateRequest, context: Context) -> pb.GetTemplateResponse:
        call = Call(principal_of(context), request)
        return await self._authority.read(templates.get, call)

    async def ListTemplates(self, request: pb.ListTemplatesRequest, context: Context) -> pb.ListTemplatesResponse:
        call = Call(principal_of(context), request)
        return await self._authority.read(templates.list_versions, call)
