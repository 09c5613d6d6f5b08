"""Evidence packs: asked for with a purpose, made while one waits or goes elsewhere, and fetched."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import urlencode

import grpc
from starlette.responses import Response

from gateway.console.forms import text
from gateway.console.packs import KEEP_S, Order
from gateway.console.visit import Visit
from outreach.domain.errors import Kind, Refusal
from outreach.domain.masking import mask_account
from outreach.evidence.assembly import Made, Step, Tell, assemble
from outreach.runtime.errors import refusal_of
from outreach.v1.evidence_service_pb2 import ExportEvidenceRequest
from outreach.v1.mailroom_service_pb2 import FetchLetterPdfRequest, FetchReturnScanRequest

SUBJECTS = {"outreach_id": "触达编号", "letter_number": "函号", "account_number": "账号"}
STEPS = {
    Step.COLLECTING: "正在收集内容，并逐条证明账目",
    Step.ORIGINALS: "正在取信函原件",
    Step.WRITING: "正在写汇总",
}
EXPORT_TIMEOUT_S = 300.0


async def listing(visit: Visit) -> Response:
    """The form, filled in by the page that one comes from; and the packs that wait for the person."""
    visit.desk.require("EvidenceService/ExportEvidence")
    query = visit.request.query_params
    subject = next((name for name in SUBJECTS if query.get(name)), "outreach_id")
    return visit.page(
        "evidence.html",
        subjects=SUBJECTS,
        subject=subject,
        value=query.get(subject, ""),
        orders=visit.console.packs.of(_person(visit)),
        minutes=int(KEEP_S // 60),
    )


async def order(visit: Visit) -> Response:
    visit.desk.require("EvidenceService/ExportEvidence")
    form = await visit.form()
    subject, value = text(form, "subject"), text(form, "value")
    if subject not in SUBJECTS:
        raise Refusal(Kind.INVALID, "subject: 请选择对象。Choose the subject.", field="subject")
    if subject == "letter_number":
        value = value.upper()
    request = ExportEvidenceRequest(bank_id=visit.bank, purpose=text(form, "purpose"), **{subject: value})
    visit.desk.check(request)

    async def make(tell: Tell) -> Made:
        return await _assembled(visit, request, tell)

    shown = mask_account(value) if subject == "account_number" else value
    again = f"/evidence?{urlencode({subject: value})}"
    made = visit.console.packs.order(_person(visit), Order(shown, request.purpose, again), make)
    return visit.done(f"/evidence/{made.order_id}", "已开始制作；可以离开，回来时还在")


async def show(visit: Visit) -> Response:
    """One pack: how far it is, or what it holds."""
    visit.desk.require("EvidenceService/ExportEvidence")
    return visit.page("evidence_one.html", order=_order(visit), steps=STEPS, minutes=int(KEEP_S // 60))


async def download(visit: Visit) -> Response:
    visit.desk.require("EvidenceService/ExportEvidence")
    made = _order(visit).made
    if made is None:
        raise _gone()
    headers = {"Content-Disposition": f'attachment; filename="evidence-{made.evidence.evidence_id}.zip"'}
    return Response(made.file, media_type="application/zip", headers=headers)


async def _assembled(visit: Visit, request: ExportEvidenceRequest, tell: Tell) -> Made:
    """The pack, with the originals that the person may have."""
    desk, pdfs = visit.desk, visit.console.pdfs

    async def letter_pdf(number: str) -> AsyncIterator[bytes]:
        asked = FetchLetterPdfRequest(letter_number=number, reason=request.purpose)
        try:
            async for piece in pdfs.letter(desk.principal, asked):
                yield piece.chunk
        except grpc.aio.AioRpcError as error:
            raise refusal_of(error) from None

    async def return_scan(number: str) -> AsyncIterator[bytes]:
        asked = FetchReturnScanRequest(letter_number=number, reason=request.purpose)
        yield (await desk.ask("MailroomService/FetchReturnScan", asked)).image

    parts = desk.follow("EvidenceService/ExportEvidence", request, EXPORT_TIMEOUT_S)
    return await assemble(parts, letter_pdf, return_scan, tell)


def _order(visit: Visit) -> Order:
    wanted = visit.request.path_params["order_id"]
    for one in visit.console.packs.of(_person(visit)):
        if one.order_id == wanted:
            return one
    raise _gone()


def _gone() -> Refusal:
    return Refusal(
        Kind.NOT_FOUND,
        "这个证据包已不在了：保留时间已过，或网关重启过，请重新制作。The pack is not here any more: its time was "
        "over, or the gateway was restarted. Have it made again.",
    )


def _person(visit: Visit) -> str:
    principal = visit.desk.principal
    return f"{principal.caller_id}/{principal.employee_id}"


ROUTES = (
    ("/evidence", ["GET"], listing),
    ("/evidence", ["POST"], order),
    ("/evidence/{order_id}", ["GET"], show),
    ("/evidence/{order_id}/evidence.zip", ["GET"], download),
)
