"""SMS templates: the versions of a bank, drafting with a live preview, and the two gates."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.datastructures import FormData
from starlette.responses import Response

from gateway.console.comparing import marked, sides
from gateway.console.force import force_marks, in_force
from gateway.console.forms import day, document
from gateway.console.forms import text as text_of
from gateway.console.gaps import FILLINGS, chosen, filled, filling_of
from gateway.console.visit import Visit
from outreach.domain.errors import Kind, Refusal, not_found
from outreach.domain.templating import signed
from outreach.v1.template_service_pb2 import (
    ApproveTemplateRequest,
    DraftTemplateRequest,
    GetTemplateRequest,
    LintTemplateRequest,
    ListTemplatesRequest,
    ListTemplatesResponse,
    RecordBankDocumentRequest,
    RenewTemplateRequest,
    ResumeTemplateRequest,
    RetireTemplateRequest,
    ReviewTemplateRequest,
    SuspendTemplateRequest,
    Template,
    TemplateContent,
    TemplateState,
    VerifyBankDocumentRequest,
)

STATES = {
    TemplateState.TEMPLATE_STATE_DRAFT: ("待内部审核", "wait"),
    TemplateState.TEMPLATE_STATE_REVIEWED: ("待银行批准", "wait"),
    TemplateState.TEMPLATE_STATE_DOCUMENTED: ("银行文件待核对", "wait"),
    TemplateState.TEMPLATE_STATE_APPROVED: ("已批准", "good"),
    TemplateState.TEMPLATE_STATE_SUSPENDED: ("已暂停", "warn"),
    TemplateState.TEMPLATE_STATE_REJECTED: ("已驳回", "bad"),
    TemplateState.TEMPLATE_STATE_RETIRED: ("已停用", "calm"),
}


async def listing(visit: Visit) -> Response:
    """Every version of the bank, by name; which one is in force stands out."""
    listed = await _listed(visit)
    by_name: dict[str, list[Template]] = {}
    for version in listed.templates:
        by_name.setdefault(version.content.name, []).append(version)
    marks = {version.digest: mark for version, mark in force_marks(listed.templates, listed.business_time)}
    return visit.page("templates.html", by_name=dict(sorted(by_name.items())), marks=marks, states=STATES)


async def show(visit: Visit) -> Response:
    """One version: what it says, how it differs from the one in force, who did what, and what can be done now."""
    version = await _version(visit)
    content = version.content
    listed = await _listed(visit, content.name)
    others = [one for one in listed.templates if one.digest != version.digest]
    old = in_force(others, listed.business_time)
    gaps = list(content.placeholders)
    text = signed(content.signature, content.text)
    before = signed(old.content.signature, old.content.text) if old is not None else ""
    return visit.page(
        "template_one.html",
        version=version,
        states=STATES,
        old=old,
        compared=sides(before, text) if old is not None else None,
        sample=filled(text, gaps, worst=False),
        worst=filled(text, gaps, worst=True),
        shown=marked(text, [finding.reason for finding in version.findings]),
        gaps=[(gap.name, filling_of(gap).name) for gap in gaps],
        deeds=_deeds(visit, version),
    )


async def new(visit: Visit) -> Response:
    """The form, empty or with the texts of an earlier version."""
    visit.desk.require("TemplateService/DraftTemplate")
    content = TemplateContent(bank_id=visit.bank)
    if digest := visit.request.query_params.get("from"):
        content = (await visit.ask("TemplateService/GetTemplate", GetTemplateRequest(digest=digest))).template.content
    return visit.page("template_new.html", content=content, **await _previewed(visit, content), problem="")


async def preview(visit: Visit) -> Response:
    """The part of the form that follows the text as it is typed."""
    content = _content(visit, await visit.form())
    return visit.page("template_preview.html", content=content, **await _previewed(visit, content))


async def draft(visit: Visit) -> Response:
    content = _content(visit, await visit.form())
    try:
        answer = await visit.ask("TemplateService/DraftTemplate", DraftTemplateRequest(content=content))
    except Refusal as refusal:
        if refusal.kind not in (Kind.INVALID, Kind.CONFLICT):
            raise
        values = await _previewed(visit, content)
        problem = visit.words.of(refusal.message)
        return visit.page("template_new.html", 422, content=content, problem=problem, **values)
    return visit.done(f"/templates/{answer.template.digest}", "草稿已保存，等待内部审核")


async def act(visit: Visit) -> Response:
    """A gate, a stop or its end, by name."""
    form, deed = await visit.form(), visit.request.path_params["deed"]
    if deed not in _ACTS:
        raise not_found("没有这个操作。There is no such deed.")
    name, make, said = _ACTS[deed]
    request = make(visit.request.path_params["digest"], form)
    answer = await visit.ask(f"TemplateService/{name}", request)
    return visit.done(f"/templates/{answer.template.digest}", said)


def _review(digest: str, form: FormData, *, passed: bool) -> ReviewTemplateRequest:
    request = ReviewTemplateRequest(digest=digest, comment=text_of(form, "comment"))
    setattr(request, "pass", passed)  # a keyword of Python's
    return request


def _approve(digest: str, form: FormData, *, approve: bool) -> ApproveTemplateRequest:
    return ApproveTemplateRequest(digest=digest, approve=approve, comment=text_of(form, "comment"))


_ACTS: dict[str, tuple[str, Callable[[str, FormData], Any], str]] = {
    "pass": ("ReviewTemplate", lambda digest, form: _review(digest, form, passed=True), "已通过内部审核"),
    "reject": ("ReviewTemplate", lambda digest, form: _review(digest, form, passed=False), "已驳回"),
    "approve": ("ApproveTemplate", lambda digest, form: _approve(digest, form, approve=True), "已批准"),
    "refuse": ("ApproveTemplate", lambda digest, form: _approve(digest, form, approve=False), "银行已驳回"),
    "record": (
        "RecordBankDocument",
        lambda digest, form: RecordBankDocumentRequest(digest=digest, document=document(form)),
        "银行文件已登记，等待另一人核对",
    ),
    "verify": (
        "VerifyBankDocument",
        lambda digest, form: VerifyBankDocumentRequest(digest=digest, document=document(form)),
        "银行文件已核对，版本生效",
    ),
    "suspend": (
        "SuspendTemplate",
        lambda digest, form: SuspendTemplateRequest(digest=digest, reason=text_of(form, "comment")),
        "已暂停：未发出的等待恢复",
    ),
    "resume": (
        "ResumeTemplate",
        lambda digest, form: ResumeTemplateRequest(digest=digest, reason=text_of(form, "comment")),
        "已恢复",
    ),
    "renew": (
        "RenewTemplate",
        lambda digest, _form: RenewTemplateRequest(digest=digest),
        "已申请续批；批准之前照常使用",
    ),
    "retire": (
        "RetireTemplate",
        lambda digest, form: RetireTemplateRequest(digest=digest, reason=text_of(form, "comment")),
        "已停用：未发出的已取消",
    ),
}
_OFFERED = {
    TemplateState.TEMPLATE_STATE_DRAFT: ("pass", "reject"),
    TemplateState.TEMPLATE_STATE_REVIEWED: ("approve", "refuse", "record"),
    TemplateState.TEMPLATE_STATE_DOCUMENTED: ("verify",),
    TemplateState.TEMPLATE_STATE_APPROVED: ("renew", "suspend", "retire"),
    TemplateState.TEMPLATE_STATE_SUSPENDED: ("resume", "retire"),
}


def _deeds(visit: Visit, version: Template) -> list[str]:
    """What the person may do with the version now."""
    offered = _OFFERED.get(version.state, ())
    if version.HasField("renewal"):
        offered = (*_OFFERED[version.renewal.state], *(deed for deed in offered if deed != "renew"))
    return [deed for deed in offered if visit.desk.may(f"TemplateService/{_ACTS[deed][0]}")]


async def _version(visit: Visit) -> Template:
    request = GetTemplateRequest(digest=visit.request.path_params["digest"])
    version: Template = (await visit.ask("TemplateService/GetTemplate", request)).template
    return version


async def _listed(visit: Visit, name: str = "") -> ListTemplatesResponse:
    request = ListTemplatesRequest(bank_id=visit.bank, name=name, page_size=1000)
    listed: ListTemplatesResponse = await visit.ask("TemplateService/ListTemplates", request)
    return listed


async def _previewed(visit: Visit, content: TemplateContent) -> dict[str, Any]:
    gaps, lint, problem = list(content.placeholders), None, ""
    if content.text:
        try:
            lint = await visit.ask("TemplateService/LintTemplate", LintTemplateRequest(content=content))
        except Refusal as refusal:
            if refusal.kind is not Kind.INVALID:
                raise
            problem = visit.words.of(refusal.message)
    text = signed(content.signature, content.text)
    findings = list(lint.findings) if lint else []
    return {
        "fillings": FILLINGS,
        "gaps": [(gap.name, filling_of(gap).key) for gap in gaps],
        "lint": lint,
        "lint_problem": problem,
        "findings": findings,
        "shown": marked(text, [finding.reason for finding in findings]) if content.text else "",
        "worst": filled(text, gaps, worst=True) if content.text else "",
    }


def _content(visit: Visit, form: FormData) -> TemplateContent:
    text = text_of(form, "text").replace("\r\n", "\n")
    keys = {name.removeprefix("gap_"): str(value) for name, value in form.items() if name.startswith("gap_")}
    return TemplateContent(
        bank_id=visit.bank,
        name=text_of(form, "name"),
        signature=text_of(form, "signature"),
        text=text,
        placeholders=chosen(text, keys),
        effective_from=day(form, "effective_from"),
        effective_until=day(form, "effective_until"),
    )


Handler = Callable[[Visit], Awaitable[Response]]
ROUTES: tuple[tuple[str, list[str], Handler], ...] = (
    ("/templates", ["GET"], listing),
    ("/templates", ["POST"], draft),
    ("/templates/new", ["GET"], new),
    ("/templates/preview", ["POST"], preview),
    ("/templates/{digest}", ["GET"], show),
    ("/templates/{digest}/{deed}", ["POST"], act),
)
