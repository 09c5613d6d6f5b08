"""Evidence packs: asked for with a purpose, made while one waits or goes elsewhere, and fetched."""

from __future__ import annotations

from collections.abc import AsyncIterator

import grpc
from starlette.responses import RedirectResponse, Response

from gateway.console.desk import Desk
from gateway.console.forms import text
from gateway.console.packs import KEEP_S, Pack
from gateway.console.visit import Visit
from gateway.pdfs import Pdfs
from outreach.domain.errors import Kind, Refusal
from outreach.evidence.assembly import Made, Step, Tell, assemble
from outreach.runtime.errors import refusal_of
from outreach.v1.evidence_service_pb2 import (
    DropEvidenceOrderRequest,
    EvidenceOrder,
    ExportEvidenceRequest,
    ListEvidenceOrdersRequest,
    OrderEvidenceRequest,
)
from outreach.v1.mailroom_service_pb2 import FetchLetterPdfRequest, FetchReturnScanRequest

SUBJECTS = {"outreach_id": "触达编号", "letter_number": "函号", "account_number": "账号"}
STEPS = {
    Step.COLLECTING: "正在收集内容，并逐条证明账目",
    Step.ORIGINALS: "正在取信函原件",
    Step.WRITING: "正在写汇总",
    None: "服务暂时不可用，正在自动重试",
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
        packs=await _packs(visit),
        minutes=int(KEEP_S // 60),
    )


async def order(visit: Visit) -> Response:
    """The authority keeps the order; the page that one is led to begins it."""
    visit.desk.require("EvidenceService/OrderEvidence")
    form = await visit.form()
    subject, value = text(form, "subject"), text(form, "value")
    if subject not in SUBJECTS:
        raise Refusal(Kind.INVALID, "subject: 请选择对象。Choose the subject.", field="subject")
    if subject == "letter_number":
        value = value.upper()
    wanted = ExportEvidenceRequest(bank_id=visit.bank, purpose=text(form, "purpose"), **{subject: value})
    ordered = await visit.ask("EvidenceService/OrderEvidence", OrderEvidenceRequest(wanted=wanted))
    return visit.done(f"/evidence/{ordered.order_id}", "已开始制作；可以离开，回来时还在")


async def show(visit: Visit) -> Response:
    """One pack: how far it is, or what it holds."""
    visit.desk.require("EvidenceService/ExportEvidence")
    return visit.page("evidence_one.html", pack=await _pack(visit), steps=STEPS, minutes=int(KEEP_S // 60))


async def download(visit: Visit) -> Response:
    """The ZIP; the page of the pack while it is being made again."""
    visit.desk.require("EvidenceService/ExportEvidence")
    pack = await _pack(visit)
    if pack.made is None:
        return RedirectResponse(f"/evidence/{pack.order.order_id}", 303)
    headers = {"Content-Disposition": f'attachment; filename="evidence-{pack.made.evidence.evidence_id}.zip"'}
    return Response(pack.made.file, media_type="application/zip", headers=headers)


async def again(visit: Visit) -> Response:
    """Makes it anew of the order as it stands: nothing is typed again."""
    visit.desk.require("EvidenceService/ExportEvidence")
    await visit.form()
    order_id = visit.request.path_params["order_id"]
    visit.console.packs.forget(_person(visit), order_id)
    return RedirectResponse(f"/evidence/{order_id}", 303)


async def drop(visit: Visit) -> Response:
    visit.desk.require("EvidenceService/DropEvidenceOrder")
    await visit.form()
    order_id = visit.request.path_params["order_id"]
    await visit.ask("EvidenceService/DropEvidenceOrder", DropEvidenceOrderRequest(order_id=order_id))
    visit.console.packs.forget(_person(visit), order_id)
    return visit.done("/evidence", "证据包已移除")


async def _packs(visit: Visit) -> list[Pack]:
    """All that the person has ordered. What a restart lost, or another gateway made, is made here, with what the person
    may see now."""
    listed = await visit.ask("EvidenceService/ListEvidenceOrders", ListEvidenceOrdersRequest())
    desk, pdfs = visit.desk, visit.console.pdfs

    async def make(order: EvidenceOrder, tell: Tell) -> Made:
        return await _assembled(desk, pdfs, order, tell)

    return visit.console.packs.of(_person(visit), listed.orders, make)


async def _pack(visit: Visit) -> Pack:
    wanted = visit.request.path_params["order_id"]
    here = visit.console.packs.get(_person(visit), wanted)
    found = here or next((one for one in await _packs(visit) if one.order.order_id == wanted), None)
    if found is None:
        raise _gone()
    return found


async def _assembled(desk: Desk, pdfs: Pdfs, order: EvidenceOrder, tell: Tell) -> Made:
    """The pack, with the originals that the person may have."""

    async def letter_pdf(number: str) -> AsyncIterator[bytes]:
        asked = FetchLetterPdfRequest(letter_number=number, reason=order.purpose)
        try:
            async for piece in pdfs.letter(desk.principal, asked):
                yield piece.chunk
        except grpc.aio.AioRpcError as error:
            raise refusal_of(error) from None

    async def return_scan(number: str) -> AsyncIterator[bytes]:
        asked = FetchReturnScanRequest(letter_number=number, reason=order.purpose)
        yield (await desk.ask("MailroomService/FetchReturnScan", asked)).image

    request = ExportEvidenceRequest(bank_id=order.bank_id, purpose=order.purpose, order_id=order.order_id)
    parts = desk.follow("EvidenceService/ExportEvidence", request, EXPORT_TIMEOUT_S)
    return await assemble(parts, letter_pdf, return_scan, tell)


def _gone() -> Refusal:
    return Refusal(
        Kind.NOT_FOUND,
        "这个证据包已不在了：保留时间已过，或已移除，请重新制作。The pack is not here any more: its time is over, or "
        "it was removed. Have it made again.",
    )


def _person(visit: Visit) -> str:
    principal = visit.desk.principal
    return f"{principal.caller_id}/{principal.employee_id}"


ROUTES = (
    ("/evidence", ["GET"], listing),
    ("/evidence", ["POST"], order),
    ("/evidence/{order_id}", ["GET"], show),
    ("/evidence/{order_id}/evidence.zip", ["GET"], download),
    ("/evidence/{order_id}/again", ["POST"], again),
    ("/evidence/{order_id}/drop", ["POST"], drop),
)
