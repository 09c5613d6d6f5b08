"""Letter versions: drafting with page images, what a letter must say, and the two ways to be authorized."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from starlette.datastructures import FormData
from starlette.responses import Response

from gateway.console import pictures
from gateway.console.comparing import sides
from gateway.console.force import force_marks, in_force
from gateway.console.forms import day, document, file_of, text
from gateway.console.pages.templates import STATES
from gateway.console.visit import Visit
from outreach.domain.errors import Kind, Refusal, not_found
from outreach.v1.letter_service_pb2 import PreviewLetterRequest, PreviewValues
from outreach.v1.letter_version_service_pb2 import (
    ApproveLetterVersionRequest,
    DraftLetterVersionRequest,
    GetLetterVersionRequest,
    LetterContent,
    LetterVersion,
    LintLetterVersionRequest,
    ListLetterVersionsRequest,
    RecordLetterDocumentRequest,
    RenewLetterVersionRequest,
    ResumeLetterVersionRequest,
    RetireLetterVersionRequest,
    ReviewLetterVersionRequest,
    SuspendLetterVersionRequest,
    VerifyLetterDocumentRequest,
)
from outreach.v1.template_service_pb2 import TemplateState


async def listing(visit: Visit) -> Response:
    request = ListLetterVersionsRequest(bank_id=visit.bank, page_size=1000)
    listed = await visit.ask("LetterVersionService/ListLetterVersions", request)
    marks = {version.digest: mark for version, mark in force_marks(listed.versions, listed.business_time)}
    return visit.page("letter_versions.html", versions=listed.versions, states=STATES, marks=marks)


async def show(visit: Visit) -> Response:
    """One version: its pages as sample and at worst, what differs from the one in force, and what can be done."""
    version = await _version(visit, visit.request.path_params["digest"])
    request = ListLetterVersionsRequest(bank_id=version.content.bank_id, name=version.content.name)
    listed = await visit.ask("LetterVersionService/ListLetterVersions", request)
    current = in_force((one for one in listed.versions if one.digest != version.digest), listed.business_time)
    compared = None
    if current is not None:
        old = await _version(visit, current.digest)
        compared = sides(
            old.content.source.decode("utf-8", "replace"), version.content.source.decode("utf-8", "replace")
        )
    worst = visit.request.query_params.get("values") == "worst"
    images, refusals = await _images(visit, version.content, worst=worst)
    return visit.page(
        "letter_version.html",
        version=version,
        states=STATES,
        old=current,
        compared=compared,
        worst=worst,
        deeds=_deeds(visit, version),
        images=images,
        refusals=refusals,
    )


async def new(visit: Visit) -> Response:
    visit.desk.require("LetterVersionService/DraftLetterVersion")
    content = LetterContent(bank_id=visit.bank)
    if digest := visit.request.query_params.get("from"):
        content = (await _version(visit, digest)).content
    return visit.page("letter_version_new.html", content=content, problem="", findings=[], images=[], checked=False)


async def check(visit: Visit) -> Response:
    """The form again, with what the lint finds and what it looks like. Stores nothing."""
    content = await _content(visit, await visit.form())
    problem, findings, images = "", list[Any](), list[str]()
    try:
        lint = await visit.ask("LetterVersionService/LintLetterVersion", LintLetterVersionRequest(content=content))
        images, refusals = await _images(visit, content, worst=False)
        findings = [*lint.findings, *refusals]
    except Refusal as refusal:
        if refusal.kind is not Kind.INVALID:
            raise
        problem = visit.words.of(refusal.message)
    return visit.page(
        "letter_version_new.html",
        content=content,
        problem=problem,
        findings=findings,
        images=images,
        checked=True,
    )


async def draft(visit: Visit) -> Response:
    content = await _content(visit, await visit.form())
    request = DraftLetterVersionRequest(content=content)
    version = (await visit.ask("LetterVersionService/DraftLetterVersion", request)).version
    return visit.done(f"/letter-versions/{version.digest}", "草稿已保存，等待总部审核")


async def act(visit: Visit) -> Response:
    form, deed = await visit.form(), visit.request.path_params["deed"]
    if deed not in _ACTS:
        raise not_found("没有这个操作。There is no such deed.")
    rpc, make, said = _ACTS[deed]
    answer = await visit.ask(f"LetterVersionService/{rpc}", make(visit.request.path_params["digest"], form))
    return visit.done(f"/letter-versions/{answer.version.digest}", said)


def _review(digest: str, form: FormData, *, passed: bool) -> ReviewLetterVersionRequest:
    request = ReviewLetterVersionRequest(
        digest=digest, comment=text(form, "comment"), filing_number=text(form, "filing_number") if passed else ""
    )
    setattr(request, "pass", passed)  # a keyword of Python's
    return request


_ACTS: dict[str, tuple[str, Callable[[str, FormData], Any], str]] = {
    "pass": ("ReviewLetterVersion", lambda digest, form: _review(digest, form, passed=True), "已通过总部审核"),
    "reject": ("ReviewLetterVersion", lambda digest, form: _review(digest, form, passed=False), "已驳回"),
    "approve": (
        "ApproveLetterVersion",
        lambda digest, form: ApproveLetterVersionRequest(digest=digest, approve=True, comment=text(form, "comment")),
        "已授权为银行正式版本",
    ),
    "refuse": (
        "ApproveLetterVersion",
        lambda digest, form: ApproveLetterVersionRequest(digest=digest, approve=False, comment=text(form, "comment")),
        "银行已驳回",
    ),
    "record": (
        "RecordLetterDocument",
        lambda digest, form: RecordLetterDocumentRequest(digest=digest, document=document(form)),
        "银行文件已登记，等待另一人核对",
    ),
    "verify": (
        "VerifyLetterDocument",
        lambda digest, form: VerifyLetterDocumentRequest(digest=digest, document=document(form)),
        "银行文件已核对，版本获授权",
    ),
    "suspend": (
        "SuspendLetterVersion",
        lambda digest, form: SuspendLetterVersionRequest(digest=digest, reason=text(form, "comment")),
        "已暂停：未打印的等待，已打印的抽出",
    ),
    "resume": (
        "ResumeLetterVersion",
        lambda digest, form: ResumeLetterVersionRequest(digest=digest, reason=text(form, "comment")),
        "已恢复",
    ),
    "renew": (
        "RenewLetterVersion",
        lambda digest, _form: RenewLetterVersionRequest(digest=digest),
        "已申请续批；批准之前照常使用",
    ),
    "retire": (
        "RetireLetterVersion",
        lambda digest, form: RetireLetterVersionRequest(digest=digest, reason=text(form, "comment")),
        "已停用：未交寄的取消或抽出",
    ),
}
_OFFERED = {
    TemplateState.TEMPLATE_STATE_DRAFT: ("pass", "reject"),
    TemplateState.TEMPLATE_STATE_REVIEWED: ("approve", "refuse", "record"),
    TemplateState.TEMPLATE_STATE_DOCUMENTED: ("verify",),
    TemplateState.TEMPLATE_STATE_APPROVED: ("renew", "suspend", "retire"),
    TemplateState.TEMPLATE_STATE_SUSPENDED: ("resume", "retire"),
}


def _deeds(visit: Visit, version: LetterVersion) -> list[str]:
    offered = _OFFERED.get(version.state, ())
    if version.HasField("renewal"):
        offered = (*_OFFERED[version.renewal.state], *(deed for deed in offered if deed != "renew"))
    return [deed for deed in offered if visit.desk.may(f"LetterVersionService/{_ACTS[deed][0]}")]


async def _version(visit: Visit, digest: str) -> LetterVersion:
    request = GetLetterVersionRequest(digest=digest)
    version: LetterVersion = (await visit.ask("LetterVersionService/GetLetterVersion", request)).version
    return version


async def _images(visit: Visit, content: LetterContent, *, worst: bool) -> tuple[list[str], list[Any]]:
    """The pages as data: addresses, and what the layout refuses."""
    if not visit.desk.may("LetterService/PreviewLetter"):
        return [], []
    values = PreviewValues.PREVIEW_VALUES_WORST_CASE if worst else PreviewValues.PREVIEW_VALUES_SAMPLE
    request = PreviewLetterRequest(content=content, values=values, show_window=True)
    answer = await visit.ask("LetterService/PreviewLetter", request)
    images = await pictures.previews(answer.pdf) if answer.pdf else ()
    return ["data:image/png;base64," + base64.b64encode(image).decode() for image in images], list(answer.findings)


async def _content(visit: Visit, form: FormData) -> LetterContent:
    source = text(form, "source").replace("\r\n", "\n")
    return LetterContent(
        bank_id=visit.bank,
        name=text(form, "name"),
        source=(source + "\n").encode(),
        letterhead_image=await file_of(form, "letterhead"),
        official_pdf=await file_of(form, "official_pdf"),
        effective_from=day(form, "effective_from"),
        effective_until=day(form, "effective_until"),
    )


ROUTES = (
    ("/letter-versions", ["GET"], listing),
    ("/letter-versions", ["POST"], draft),
    ("/letter-versions/new", ["GET"], new),
    ("/letter-versions/check", ["POST"], check),
    ("/letter-versions/{digest}", ["GET"], show),
    ("/letter-versions/{digest}/{deed}", ["POST"], act),
)
