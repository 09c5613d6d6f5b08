"""Before the day begins: employees, policies, and the templates with their gates, each step by another person."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from examples.accounts import make_accounts
from examples.letter_versions import authorize_letters
from examples.office import BANKS
from examples.stage import FOLDER, Stage
from outreach.cli.fields import read_yaml
from outreach.cli.installation import read_installation
from outreach.client import Kind, Refusal
from outreach.v1.operations_service_pb2 import SetEmployeeRequest
from outreach.v1.policy_service_pb2 import ActivatePolicyRequest, DraftPolicyRequest
from outreach.v1.template_service_pb2 import (
    ApproveTemplateRequest,
    BankDocument,
    DraftTemplateRequest,
    Filing,
    LintTemplateRequest,
    RecordBankDocumentRequest,
    RecordFilingRequest,
    ReviewTemplateRequest,
    TemplateContent,
    VerifyBankDocumentRequest,
)

OPERATOR = "operator-1"
APPROVERS = {"demo-bank": "demo-approver", "sample-bank": "sample-approver"}
DRAFT_ONLY, REVIEWED_ONLY, REJECTED, BY_DOCUMENT = "new-wording", "awaiting-bank", "bank-refused", "minimum-payment"
FILED_AS_IT_IS, FILED_OTHERWISE = "due-reminder", "month-end"
FILING_CARRIER = "aliyun-demo"
FORBIDDEN = "再不还款我们就通知你的家人和单位，让你坐牢。"
"""A text that no gate may ever see."""


async def open_the_day(stage: Stage) -> None:
    await _register_people(stage)
    await make_accounts(stage)
    await stage.set_clock(stage.now)
    for bank in BANKS:
        await _policy(stage, bank)
        for path in sorted((FOLDER / bank / "templates").glob("*.yaml")):
            await _template(stage, path)
        stage.board.tell(stage.now, f"{bank} 策略生效，模板过两道关 · policy active, templates through both gates")
    await authorize_letters(stage)
    await _forbidden(stage)
    await stage.publish_placements()


async def _register_people(stage: Stage) -> None:
    people = read_installation(FOLDER / "installation.yaml").people
    operator = stage.office[OPERATOR]
    for name in sorted(people, key=lambda name: name != OPERATOR):  # the first one registered registers the others
        person = people[name]
        request = SetEmployeeRequest(
            caller_id=person["caller"], employee_id=name, team=person["team"], active=person.get("active", True)
        )
        await operator.ask(operator.operations.SetEmployee, request)


async def _policy(stage: Stage, bank: str) -> None:
    maker, approver = stage.office["policy-maker"], stage.office["policy-approver"]
    draft = DraftPolicyRequest(bank_id=bank)
    read_yaml(FOLDER / bank / "policy.yaml", draft.policy)
    version = (await maker.ask(maker.policies.DraftPolicy, draft)).version
    with approver.once():
        request = ActivatePolicyRequest(bank_id=bank, version=version.version)
        await approver.ask(approver.policies.ActivatePolicy, request)


async def _template(stage: Stage, path: Path) -> None:
    content = TemplateContent()
    read_yaml(path, content)
    drafter, reviewer = stage.office["drafter-1"], stage.office["reviewer-1"]
    digest = (await drafter.ask(drafter.templates.LintTemplate, LintTemplateRequest(content=content))).digest
    stage.digests[content.bank_id, content.name] = digest
    with drafter.once():
        await drafter.ask(drafter.templates.DraftTemplate, DraftTemplateRequest(content=content))
    if content.name == DRAFT_ONLY:
        return
    with reviewer.once():
        review = ReviewTemplateRequest(digest=digest)
        setattr(review, "pass", True)  # a keyword of Python's
        await reviewer.ask(reviewer.templates.ReviewTemplate, review)
    if content.name == BY_DOCUMENT:
        await _by_document(stage, digest)
    elif content.name != REVIEWED_ONLY:
        await _by_approver(stage, content, digest)
    if content.name in (FILED_AS_IT_IS, FILED_OTHERWISE) and content.bank_id == "sample-bank":
        await _file(stage, content, digest)


async def _by_document(stage: Stage, digest: str) -> None:
    """The bank's letter, entered by one person and verified against the original by another."""
    document = BankDocument(
        reference="示银函〔2026〕7号", date="2026-03-02", scan_sha256=sha256(b"the scan of the letter").hexdigest()
    )
    enters, verifies = stage.office["drafter-2"], stage.office["reviewer-2"]
    with enters.once():
        request = RecordBankDocumentRequest(digest=digest, document=document)
        await enters.ask(enters.templates.RecordBankDocument, request)
    with verifies.once():
        verification = VerifyBankDocumentRequest(digest=digest, document=document)
        await verifies.ask(verifies.templates.VerifyBankDocument, verification)


async def _by_approver(stage: Stage, content: TemplateContent, digest: str) -> None:
    approver = stage.office[APPROVERS[content.bank_id]]
    refused = content.name == REJECTED
    request = ApproveTemplateRequest(digest=digest, approve=not refused, comment="语气不当" if refused else "")
    with approver.once():
        await approver.ask(approver.templates.ApproveTemplate, request)


async def _file(stage: Stage, content: TemplateContent, digest: str) -> None:
    """At the carrier, and then here: sms_service reads the carrier's copy again and again."""
    registered = content.text.replace("{", "${")
    if content.name == FILED_OTHERWISE:
        registered = registered.replace("月末", "本月")
    filing = Filing(
        carrier_id=FILING_CARRIER,
        template_code=f"SMS_{len(content.name):04d}",
        registered_text=registered,
        state=Filing.STATE_PASSED,
    )
    template = {"code": filing.template_code, "text": filing.registered_text, "state": "passed"}
    await stage.tell_simulator(carrier="aliyun", template=template)
    drafter = stage.office["drafter-1"]
    await drafter.ask(drafter.templates.RecordFiling, RecordFilingRequest(digest=digest, filing=filing))


async def _forbidden(stage: Stage) -> None:
    """A text that threatens is refused before anybody can approve it."""
    content = TemplateContent(
        bank_id="demo-bank", name="threat", signature="示例银行", text=f"{FORBIDDEN}受示例银行委托，示范服务公司。"
    )
    drafter = stage.office["drafter-1"]
    try:
        await drafter.ask(drafter.templates.DraftTemplate, DraftTemplateRequest(content=content))
    except Refusal as refusal:
        if refusal.kind is not Kind.INVALID:
            raise
        stage.board.tell(stage.now, "违规模板被拒，未入库 · a threatening template is refused (CONTENT_PROHIBITED)")
    else:
        raise RuntimeError("a threatening template was taken")
