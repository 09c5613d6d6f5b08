"""The gates and stops of outreach template: review, approve, reject, document, suspend, resume, retire."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated

import typer

from outreach.cli.command import command
from outreach.cli.messages import Bank, possibly_leaving
from outreach.cli.output import details, plain
from outreach.cli.session import Session
from outreach.cli.template_view import Digest, full_digest, get_template, template_details
from outreach.v1.template_service_pb2 import (
    ApproveTemplateRequest,
    BankDocument,
    RecordBankDocumentRequest,
    ResumeTemplateRequest,
    RetireTemplateRequest,
    ReviewTemplateRequest,
    SuspendTemplateRequest,
    TemplateState,
    VerifyBankDocumentRequest,
)
from outreach.v1.template_service_pb2_grpc import TemplateServiceStub

_Comment = Annotated[str, typer.Option("--comment", help="意见 A comment.")]
_Reason = Annotated[str, typer.Option("--reason", help="原因 Why.")]
_Reference = Annotated[str, typer.Option("--reference", help="批文编号 The document's reference at the bank.")]
_Date = Annotated[str, typer.Option("--date", metavar="YYYY-MM-DD", help="批文日期 Its date.")]
_Scan = Annotated[Path | None, typer.Option("--scan", metavar="FILE", help="扫描件 Its scan; only the hash is sent.")]
_Hash = Annotated[str, typer.Option("--sha256", help="扫描件哈希 The scan's SHA-256, instead of --scan.")]


async def review(session: Session, digest: Digest, comment: _Comment = "", bank: Bank = "") -> None:
    """内审通过 Pass the agency's review; not by who drafted it."""
    async with session.client() as client:
        digest = await full_digest(session, client, bank, digest)
        request = ReviewTemplateRequest(digest=digest, **{"pass": True}, comment=comment)
        response = await client.call(TemplateServiceStub(client.channel).ReviewTemplate, request)
    session.output.show(plain(response), *template_details(response.template))


async def approve(session: Session, digest: Digest, comment: _Comment = "", bank: Bank = "") -> None:
    """银行批准 The bank's own approver approves a reviewed version."""
    async with session.client() as client:
        digest = await full_digest(session, client, bank, digest)
        request = ApproveTemplateRequest(digest=digest, approve=True, comment=comment)
        response = await client.call(TemplateServiceStub(client.channel).ApproveTemplate, request)
    session.output.show(plain(response), *template_details(response.template))


async def reject(
    session: Session,
    digest: Digest,
    comment: Annotated[str, typer.Option("--comment", help="理由 Why it is rejected.")],
    bank: Bank = "",
) -> None:
    """驳回 Reject a version at the gate where it stands: the agency's review, or the bank's approval."""
    async with session.client() as client:
        stub = TemplateServiceStub(client.channel)
        template = await get_template(client, await full_digest(session, client, bank, digest))
        if template.state == TemplateState.TEMPLATE_STATE_DRAFT:
            review_request = ReviewTemplateRequest(digest=template.digest, comment=comment)
            rejected = (await client.call(stub.ReviewTemplate, review_request)).template
        else:
            approve_request = ApproveTemplateRequest(digest=template.digest, comment=comment)
            rejected = (await client.call(stub.ApproveTemplate, approve_request)).template
    session.output.show({"template": plain(rejected)}, *template_details(rejected))


async def record(
    session: Session,
    digest: Digest,
    reference: _Reference,
    date: _Date,
    scan: _Scan = None,
    sha256: _Hash = "",
    bank: Bank = "",
) -> None:
    """登记批文 Enter the bank's written approval of a reviewed version."""
    document = _document(reference, date, scan, sha256)
    async with session.client() as client:
        digest = await full_digest(session, client, bank, digest)
        request = RecordBankDocumentRequest(digest=digest, document=document)
        response = await client.call(TemplateServiceStub(client.channel).RecordBankDocument, request)
    session.output.show(plain(response), *template_details(response.template))


async def verify(
    session: Session,
    digest: Digest,
    reference: _Reference,
    date: _Date,
    scan: _Scan = None,
    sha256: _Hash = "",
    bank: Bank = "",
) -> None:
    """复核批文 Verify the entered document as you read it yourself, which approves the version."""
    document = _document(reference, date, scan, sha256)
    async with session.client() as client:
        digest = await full_digest(session, client, bank, digest)
        request = VerifyBankDocumentRequest(digest=digest, document=document)
        response = await client.call(TemplateServiceStub(client.channel).VerifyBankDocument, request)
    session.output.show(plain(response), *template_details(response.template))


async def suspend(session: Session, digest: Digest, reason: _Reason, bank: Bank = "") -> None:
    """暂停 Stop a version at once; what is pending with it waits. Names what may be leaving."""
    async with session.client() as client:
        digest = await full_digest(session, client, bank, digest)
        request = SuspendTemplateRequest(digest=digest, reason=reason)
        response = await client.call(TemplateServiceStub(client.channel).SuspendTemplate, request)
    leaving = possibly_leaving(list(response.possibly_leaving_attempt_ids))
    session.output.show(plain(response), *template_details(response.template), leaving)


async def resume(session: Session, digest: Digest, reason: _Reason, bank: Bank = "") -> None:
    """恢复 Lift a suspension; not by who suspended it. What waited is due again."""
    async with session.client() as client:
        digest = await full_digest(session, client, bank, digest)
        request = ResumeTemplateRequest(digest=digest, reason=reason)
        response = await client.call(TemplateServiceStub(client.channel).ResumeTemplate, request)
    resumed = details("", [("恢复待发 Due again", response.resumed)])
    session.output.show(plain(response), *template_details(response.template), resumed)


async def retire(session: Session, digest: Digest, reason: _Reason, bank: Bank = "") -> None:
    """停用 End a version for good and cancel what is pending with it. Names what may be leaving."""
    async with session.client() as client:
        digest = await full_digest(session, client, bank, digest)
        request = RetireTemplateRequest(digest=digest, reason=reason)
        response = await client.call(TemplateServiceStub(client.channel).RetireTemplate, request)
    cancelled = details("", [("因此取消 Cancelled", len(response.cancelled_ids))])
    leaving = possibly_leaving(list(response.possibly_leaving_attempt_ids))
    session.output.show(plain(response), *template_details(response.template), cancelled, leaving)


def register(template: typer.Typer) -> None:
    command(template, "review")(review)
    command(template, "approve")(approve)
    command(template, "reject")(reject)
    document = typer.Typer(help="银行批文 The bank's written approval.", no_args_is_help=True)
    command(document, "record")(record)
    command(document, "verify")(verify)
    template.add_typer(document, name="document")
    command(template, "suspend")(suspend)
    command(template, "resume")(resume)
    command(template, "retire")(retire)


def _document(reference: str, date: str, scan: Path | None, sha256: str) -> BankDocument:
    if (scan is None) == (not sha256):
        raise typer.BadParameter(
            "用 --scan 给出扫描件，或用 --sha256 给出其哈希 give the scan by --scan, or its hash by --sha256"
        )
    if scan is not None:
        with scan.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return BankDocument(reference=reference, date=date, scan_sha256=sha256.lower())
