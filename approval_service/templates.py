"""Template versions and their gates: drafted, reviewed, and approved by the bank's approver or by its document.

Each step is done by another person. A version is never edited; what is approved is what its digest names.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection

from approval_service import templates_lint
from approval_service.calls import Call, covers, require_plain
from approval_service.catalog import copy_problem
from approval_service.paging import bad_token, page_size
from approval_service.people import require_another, require_employee
from approval_service.store import catalog as store
from approval_service.store.head import read_clock
from approval_service.writer import Tx, one_by_one
from outreach.domain.errors import Kind, Refusal, invalid, not_found, precondition
from outreach.v1.common_pb2 import Finding
from outreach.v1.policy_service_pb2 import PolicyVersion
from outreach.v1.template_service_pb2 import (
    ApproveTemplateRequest,
    ApproveTemplateResponse,
    BankDocument,
    DraftTemplateRequest,
    DraftTemplateResponse,
    Filing,
    GetTemplateRequest,
    GetTemplateResponse,
    LintTemplateRequest,
    LintTemplateResponse,
    ListTemplatesRequest,
    ListTemplatesResponse,
    RecordBankDocumentRequest,
    RecordBankDocumentResponse,
    RecordFilingRequest,
    RecordFilingResponse,
    ReviewTemplateRequest,
    ReviewTemplateResponse,
    Template,
    TemplateState,
    VerifyBankDocumentRequest,
    VerifyBankDocumentResponse,
)

DRAFT = TemplateState.TEMPLATE_STATE_DRAFT
REVIEWED = TemplateState.TEMPLATE_STATE_REVIEWED
DOCUMENTED = TemplateState.TEMPLATE_STATE_DOCUMENTED
APPROVED = TemplateState.TEMPLATE_STATE_APPROVED
SUSPENDED = TemplateState.TEMPLATE_STATE_SUSPENDED
REJECTED = TemplateState.TEMPLATE_STATE_REJECTED
OPEN = (DRAFT, REVIEWED, DOCUMENTED, APPROVED, SUSPENDED)
"""States that are not final."""


def find(connection: Connection, call: Call[Any]) -> Template:
    """The version that a request's digest names. NOT_FOUND also for one of a bank that the token does not cover."""
    row = store.get_template(connection, call.request.digest)
    if row is None or not covers(call.principal, row.bank_id):
        raise not_found(
            "digest: 没有此模板版本，请用 ListTemplates 查看。No such version: ListTemplates shows a bank's versions."
        )
    return Template.FromString(row.body)


def require_state(template: Template, allowed: Collection[TemplateState.ValueType]) -> None:
    """FAILED_PRECONDITION unless the version stands in one of the states."""
    if template.state not in allowed:
        wanted = " or ".join(map(_name, allowed))
        raise precondition(
            f"模板版本状态为 {_name(template.state)}，须为 {wanted}。The version is {_name(template.state)}, and this "
            f"needs {wanted}.",
            "TEMPLATE_STATE",
            "digest",
        )


def save(tx: Tx, template: Template, **columns: Any) -> None:
    """Stores what changed of a version; what is approved or suspended takes effect with this transaction."""
    values = {"state": template.state, "body": template.SerializeToString(), **columns}
    store.update_template(tx.connection, template.digest, values)
    tx.touch_catalog()


def record(tx: Tx, kind: str, template: Template, by: str, **fields: Any) -> None:
    content = template.content
    tx.record(kind, content.bank_id, template=template.digest, name=content.name, by=by, **fields)


def _name(state: TemplateState.ValueType) -> str:
    return TemplateState.Name(state).removeprefix("TEMPLATE_STATE_")


def _draft(tx: Tx, call: Call[DraftTemplateRequest]) -> DraftTemplateResponse:
    content = call.request.content
    call.require_bank(content.bank_id)
    actor = require_employee(tx, call)
    version = tx.catalog.policy_at(content.bank_id, tx.now_ms)
    findings = templates_lint.lint(content, version.policy if version else None)
    _require_submittable(findings)
    digest = templates_lint.digest(content)
    known = store.get_template(tx.connection, digest)
    if known is not None:
        raise Refusal(
            Kind.CONFLICT,
            f"内容完全相同的版本已存在（{digest[:12]}，{_name(known.state)}）；请使用该版本，或修改文本、日期后再提交。"
            "This very version exists: use it, or change its text or dates to make another one.",
            field="content",
        )
    template = Template(digest=digest, content=content, state=DRAFT, drafted_by=actor, findings=findings)
    template.create_time.FromMilliseconds(tx.now_ms)
    values = {
        "digest": digest,
        "bank_id": content.bank_id,
        "name": content.name,
        "body": template.SerializeToString(),
        "state": DRAFT,
        "created_ms": tx.now_ms,
    }
    store.insert_template(tx.connection, values)
    record(tx, "template_drafted", template, actor, findings=[finding.code for finding in findings])
    return DraftTemplateResponse(template=template)


draft = one_by_one(_draft)
"""Handler of DraftTemplate."""


def _require_submittable(findings: Collection[Finding]) -> None:
    violations = tuple((f.field, f"{f.code}: {f.reason}") for f in findings if not f.waits)
    if violations:
        raise Refusal(
            Kind.INVALID,
            "模板内容不可提交，请按各条修改；LintTemplate 可先行检查。The content may not be submitted: mend what each "
            f"violation names, and check with LintTemplate. {'; '.join(message for _, message in violations)}",
            reason="TEMPLATE_REFUSED",
            violations=violations,
        )


def lint(connection: Connection, call: Call[LintTemplateRequest]) -> LintTemplateResponse:
    """Read of LintTemplate: what DraftTemplate would find now."""
    content = call.request.content
    call.require_bank(content.bank_id)
    row = store.policy_in_force(connection, content.bank_id, read_clock(connection).now_ms())
    characters, segments = templates_lint.longest(content)
    return LintTemplateResponse(
        findings=templates_lint.lint(content, PolicyVersion.FromString(row.body).policy if row else None),
        digest=templates_lint.digest(content),
        longest_characters=characters,
        longest_segments=segments,
    )


def _review(tx: Tx, call: Call[ReviewTemplateRequest]) -> ReviewTemplateResponse:
    request = call.request
    template = find(tx.connection, call)
    actor = require_employee(tx, call)
    comment = _comment(request.comment, needed=not getattr(request, "pass"))
    require_state(template, [DRAFT])
    require_another(actor, _makers(template))
    template.state = REVIEWED if getattr(request, "pass") else REJECTED
    template.reviewed_by = actor
    save(tx, template)
    record(tx, "template_reviewed", template, actor, state=_name(template.state), comment=comment)
    return ReviewTemplateResponse(template=template)


review = one_by_one(_review)
"""Handler of ReviewTemplate, the agency's gate: not by the drafter."""


def _approve(tx: Tx, call: Call[ApproveTemplateRequest]) -> ApproveTemplateResponse:
    request = call.request
    template = find(tx.connection, call)
    actor = require_employee(tx, call)
    comment = _comment(request.comment, needed=not request.approve)
    require_state(template, [REVIEWED])
    require_another(actor, _makers(template))
    template.approved_by = actor
    _decide(tx, template, approved=request.approve)
    record(tx, "template_approved" if request.approve else "template_rejected", template, actor, comment=comment)
    return ApproveTemplateResponse(template=template)


approve = one_by_one(_approve)
"""Handler of ApproveTemplate, the bank's gate by its own approver: neither drafter nor reviewer."""


def _document(tx: Tx, call: Call[RecordBankDocumentRequest]) -> RecordBankDocumentResponse:
    template = find(tx.connection, call)
    actor = require_employee(tx, call)
    # A document entered with a mistake is entered again; the verifier must then be another than who did that.
    require_state(template, [REVIEWED, DOCUMENTED])
    template.documented_by = ""
    require_another(actor, _makers(template))
    template.state = DOCUMENTED
    template.documented_by = actor
    template.bank_document.CopyFrom(call.request.document)
    save(tx, template)
    record(tx, "template_documented", template, actor, **_document_fields(tx, template.bank_document))
    return RecordBankDocumentResponse(template=template)


document = one_by_one(_document)
"""Handler of RecordBankDocument: neither by the drafter nor by the reviewer."""


def _verify(tx: Tx, call: Call[VerifyBankDocumentRequest]) -> VerifyBankDocumentResponse:
    template = find(tx.connection, call)
    actor = require_employee(tx, call)
    require_state(template, [DOCUMENTED])
    require_another(actor, _makers(template))
    if call.request.document != template.bank_document:
        raise precondition(
            "与录入的银行文件不符；请核对原件，录入有误的用 RecordBankDocument 重新录入。It differs from the document "
            "entered: look at the original; if it was entered wrongly, RecordBankDocument enters it again.",
            "DOCUMENT_DIFFERS",
            "document",
        )
    template.approved_by = actor
    _decide(tx, template, approved=True)
    record(tx, "template_approved", template, actor, **_document_fields(tx, template.bank_document))
    return VerifyBankDocumentResponse(template=template)


verify = one_by_one(_verify)
"""Handler of VerifyBankDocument, the bank's gate by its document: by nobody who had a hand in the version before."""


def _makers(template: Template) -> dict[str, str]:
    return {
        "起草此版本": template.drafted_by,
        "评审此版本": template.reviewed_by,
        "录入银行文件": template.documented_by,
    }


def _decide(tx: Tx, template: Template, *, approved: bool) -> None:
    template.state = APPROVED if approved else REJECTED
    save(tx, template, **({"approved_ms": tx.now_ms} if approved else {}))


def _comment(text: str, *, needed: bool) -> str:
    if needed and not text.strip():
        raise invalid("comment", "驳回须写明理由。Say why it is rejected.")
    return require_plain("comment", text)


def _document_fields(tx: Tx, document: BankDocument) -> dict[str, str]:
    """A reference may look like an account number, so the ledger has its keyed hash."""
    return {
        "document_date": document.date,
        "document_scan": document.scan_sha256,
        "document_reference": tx.keys.hash("reference", document.reference),
    }


def _file(tx: Tx, call: Call[RecordFilingRequest]) -> RecordFilingResponse:
    template = find(tx.connection, call)
    actor = require_employee(tx, call)
    require_state(template, OPEN)
    usable = put_filing(tx, template, call.request.filing, actor)
    return RecordFilingResponse(template=_with_filings(tx.connection, template), usable=usable)


record_filing = one_by_one(_file)
"""Handler of RecordFiling."""


def put_filing(tx: Tx, template: Template, filing: Filing, by: str) -> bool:
    """Keeps what is known of a carrier's registered copy. True if it may be used."""
    usable = not copy_problem(filing, template.content)
    store.put_filing(tx.connection, template.digest, filing.carrier_id, filing.SerializeToString())
    tx.touch_catalog()
    record(
        tx,
        "template_filed",
        template,
        by,
        carrier=filing.carrier_id,
        code=filing.template_code,
        state=Filing.State.Name(filing.state).removeprefix("STATE_"),
        usable=usable,
    )
    return usable


def get(connection: Connection, call: Call[GetTemplateRequest]) -> GetTemplateResponse:
    """Read of GetTemplate."""
    return GetTemplateResponse(template=_with_filings(connection, find(connection, call)))


def list_versions(connection: Connection, call: Call[ListTemplatesRequest]) -> ListTemplatesResponse:
    """Read of ListTemplates. A page token is the creation time and the digest of the last one shown."""
    request = call.request
    call.require_bank(request.bank_id)
    size = page_size(request.page_size)
    before = _parse_token(request.page_token)
    rows = store.list_templates(connection, request.bank_id, request.name, before, size + 1)
    page, more = rows[:size], len(rows) > size
    return ListTemplatesResponse(
        templates=[_with_filings(connection, Template.FromString(row.body)) for row in page],
        next_page_token=f"{page[-1].created_ms}-{page[-1].digest}" if more else "",
    )


def _parse_token(token: str) -> tuple[int, str] | None:
    created, _, digest = token.partition("-")
    if token and not (created.isascii() and created.isdigit() and digest):
        raise bad_token()
    return (int(created), digest) if token else None


def _with_filings(connection: Connection, template: Template) -> Template:
    template.filings.extend(Filing.FromString(row.body) for row in store.filings(connection, template.digest))
    return template
