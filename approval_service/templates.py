"""Template versions: drafted, passed through their gates, stopped, and filed with carriers."""

from __future__ import annotations

from sqlalchemy import Connection

from approval_service import cancellation, templates_lint
from approval_service.calls import Call
from approval_service.catalog import copy_problem
from approval_service.gates import Gates
from approval_service.store import catalog as store
from approval_service.store import outreach as outreach_store
from approval_service.store.head import read_clock
from approval_service.store.scopes import Scope
from approval_service.writer import Tx, one_by_one
from outreach.domain import states
from outreach.domain.codes import Code
from outreach.v1.policy_service_pb2 import PolicyVersion
from outreach.v1.template_service_pb2 import (
    ApproveTemplateRequest,
    ApproveTemplateResponse,
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
    RenewTemplateRequest,
    RenewTemplateResponse,
    ResumeTemplateRequest,
    ResumeTemplateResponse,
    RetireTemplateRequest,
    RetireTemplateResponse,
    ReviewTemplateRequest,
    ReviewTemplateResponse,
    SuspendTemplateRequest,
    SuspendTemplateResponse,
    Template,
    VerifyBankDocumentRequest,
    VerifyBankDocumentResponse,
)

GATES = Gates(
    message=Template,
    table=store.template,
    word="template",
    noun="模板版本",
    lists="ListTemplates",
    lints="LintTemplate",
    code=Code.TEMPLATE_NOT_APPROVED,
)


def _draft(tx: Tx, call: Call[DraftTemplateRequest]) -> DraftTemplateResponse:
    content = call.request.content
    call.require_bank(content.bank_id)
    version = tx.catalog.policy_at(content.bank_id, tx.now_ms)
    findings = templates_lint.lint(content, version.policy if version else None)
    template = Template(digest=templates_lint.digest(content), content=content)
    return DraftTemplateResponse(template=GATES.draft(tx, call, template, findings))


draft = one_by_one(_draft)
"""Handler of DraftTemplate."""


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
    return ReviewTemplateResponse(template=GATES.review(tx, call))


review = one_by_one(_review)
"""Handler of ReviewTemplate."""


def _approve(tx: Tx, call: Call[ApproveTemplateRequest]) -> ApproveTemplateResponse:
    return ApproveTemplateResponse(template=GATES.approve(tx, call))


approve = one_by_one(_approve)
"""Handler of ApproveTemplate."""


def _document(tx: Tx, call: Call[RecordBankDocumentRequest]) -> RecordBankDocumentResponse:
    return RecordBankDocumentResponse(template=GATES.document(tx, call))


document = one_by_one(_document)
"""Handler of RecordBankDocument."""


def _verify(tx: Tx, call: Call[VerifyBankDocumentRequest]) -> VerifyBankDocumentResponse:
    return VerifyBankDocumentResponse(template=GATES.verify(tx, call))


verify = one_by_one(_verify)
"""Handler of VerifyBankDocument."""


def _suspend(tx: Tx, call: Call[SuspendTemplateRequest]) -> SuspendTemplateResponse:
    template = GATES.suspend(tx, call)
    active = outreach_store.active(tx.connection, Scope(template_digest=template.digest))
    leaving = [row for row in active if row.state != states.ADMITTED]
    for row in leaving:
        cancellation.record_leaving(tx, row, row.state, GATES.code, template.suspended_by)
    return SuspendTemplateResponse(template=template, possibly_leaving_attempt_ids=[row.attempt_id for row in leaving])


suspend = one_by_one(_suspend)
"""Handler of SuspendTemplate. What holds a permit is named."""


def _resume(tx: Tx, call: Call[ResumeTemplateRequest]) -> ResumeTemplateResponse:
    template, resumed = GATES.resume(tx, call)
    return ResumeTemplateResponse(template=template, resumed=resumed)


resume = one_by_one(_resume)
"""Handler of ResumeTemplate."""


def _retire(tx: Tx, call: Call[RetireTemplateRequest]) -> RetireTemplateResponse:
    template, done = GATES.retire(tx, call)
    return RetireTemplateResponse(
        template=template, cancelled_ids=done.withdrawn, possibly_leaving_attempt_ids=done.leaving_attempts
    )


retire = one_by_one(_retire)
"""Handler of RetireTemplate."""


def _renew(tx: Tx, call: Call[RenewTemplateRequest]) -> RenewTemplateResponse:
    return RenewTemplateResponse(template=GATES.renew(tx, call))


renew = one_by_one(_renew)
"""Handler of RenewTemplate."""


def _file(tx: Tx, call: Call[RecordFilingRequest]) -> RecordFilingResponse:
    template, actor = GATES.find_open(tx, call)
    usable = put_filing(tx, template, call.request.filing, actor)
    return RecordFilingResponse(template=_with_filings(tx.connection, template), usable=usable)


record_filing = one_by_one(_file)
"""Handler of RecordFiling."""


def put_filing(tx: Tx, template: Template, filing: Filing, by: str) -> bool:
    """Keeps what is known of a carrier's registered copy. True if it may be used."""
    usable = not copy_problem(filing, template.content)
    store.put_filing(tx.connection, template.digest, filing.carrier_id, filing.SerializeToString())
    tx.touch_catalog()
    GATES.record(
        tx,
        "filed",
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
    return GetTemplateResponse(template=_with_filings(connection, GATES.get(connection, call)))


def list_versions(connection: Connection, call: Call[ListTemplatesRequest]) -> ListTemplatesResponse:
    """Read of ListTemplates."""
    templates, token = GATES.page(connection, call)
    response = ListTemplatesResponse(
        templates=[_with_filings(connection, template) for template in templates], next_page_token=token
    )
    response.business_time.FromMilliseconds(read_clock(connection).now_ms())
    return response


def _with_filings(connection: Connection, template: Template) -> Template:
    template.filings.extend(Filing.FromString(row.body) for row in store.filings(connection, template.digest))
    return template
