"""The commands of templates, policies, holds and operations: what they ask for, and what they show."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from openpyxl import load_workbook

from outreach.v1.common_pb2 import Finding, State
from outreach.v1.hold_service_pb2 import (
    CloseContactRequest,
    Hold,
    HoldKind,
    ListHoldsResponse,
    NoContactReason,
    PlaceHoldResponse,
)
from outreach.v1.operations_service_pb2 import (
    GetDailyReportResponse,
    GetSummaryResponse,
    ListUnconfirmedResponse,
    UnconfirmedAttempt,
)
from outreach.v1.outreach_service_pb2 import ListRepliesResponse, Reply, ReplyKind
from outreach.v1.policy_service_pb2 import GetPolicyResponse, ListPoliciesResponse, Policy, PolicyVersion
from outreach.v1.template_service_pb2 import (
    GetTemplateResponse,
    LintTemplateResponse,
    ListTemplatesResponse,
    PlaceholderType,
    RecordField,
    RecordFilingResponse,
    Template,
    TemplateContent,
    TemplateState,
)
from tests.fakes.gateway import Answer, FakeGateway
from tests.unit.cli.conftest import Run

TEMPLATE_FILE = """
bank_id: demo-bank
name: due-reminder
signature: 示例银行
text: "{name}您好，尾号{last_four}"
placeholders:
  - {name: name, type: NAME, record_field: RECIPIENT_NAME}
  - {name: last_four, type: last-four, record_field: account-last-four}
effective_from: 2026-03-01T00:00:00+08:00
"""


def template(digit: str, text: str, state: TemplateState.ValueType = TemplateState.TEMPLATE_STATE_DRAFT) -> Template:
    content = TemplateContent(bank_id="demo-bank", name="due", signature="示例银行", text=text)
    return Template(digest=digit * 64, content=content, state=state, drafted_by="agency/drafter")


def serve_templates(gateway: FakeGateway, *templates: Template) -> None:
    by_digest = {entry.digest: entry for entry in templates}
    gateway.answers["ListTemplates"] = lambda request: ListTemplatesResponse(templates=templates)
    gateway.answers["GetTemplate"] = lambda request: GetTemplateResponse(template=by_digest[request.digest])


def test_a_template_file_becomes_content(gateway: FakeGateway, run: Run, tmp_path: Path) -> None:
    """Enum names with or without prefix, times with offset, and lists are read; the draft is shown."""
    path = tmp_path / "t.yaml"
    path.write_text(TEMPLATE_FILE)
    assert run("template", "draft", path).exit_code == 0
    (request,) = gateway.asked("DraftTemplate")
    first, second = request.content.placeholders
    assert first.type == PlaceholderType.PLACEHOLDER_TYPE_NAME
    assert second.record_field == RecordField.RECORD_FIELD_ACCOUNT_LAST_FOUR
    assert request.content.effective_from.ToJsonString() == "2026-02-28T16:00:00Z"


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (("type: NAME", "type: NOISE"), "placeholders[0].type"),
        (("signature:", "signatur:"), "no such field"),
        (("2026-03-01T00:00:00+08:00", "2026-03-01"), "effective_from"),
        (("placeholders:", "placeholders: none\nx:"), "placeholders"),
        (("name: due-reminder", "name: [due]"), "name"),
        (("bank_id:", "bank_id: {"), "YAML"),
        ((TEMPLATE_FILE, "- 1"), "file"),
    ],
)
def test_a_spoiled_file_is_told_by_field(run: Run, tmp_path: Path, change: tuple[str, str], word: str) -> None:
    """What is wrong with a YAML file is told with the field's path, and nothing is sent."""
    path = tmp_path / "t.yaml"
    path.write_text(TEMPLATE_FILE.replace(*change))
    ended = run("template", "draft", path)
    assert ended.exit_code == 1
    assert word in ended.stderr


def lint_answer(finding: Finding) -> Answer:
    return lambda request: LintTemplateResponse(findings=[finding])


def test_lint_ends_as_the_draft_would(gateway: FakeGateway, run: Run, tmp_path: Path) -> None:
    """Exit code 1 if a draft would be refused, 0 for softer findings."""
    path = tmp_path / "t.yaml"
    path.write_text(TEMPLATE_FILE)
    for waits, code in ((True, 0), (False, 1)):
        finding = Finding(code="CONTENT_PROHIBITED", reason="a threat", field="text", waits=waits)
        gateway.answers["LintTemplate"] = lint_answer(finding)
        ended = run("template", "lint", path)
        assert (ended.exit_code, "a threat" in ended.stdout) == (code, True)


def test_a_digest_may_be_short(gateway: FakeGateway, run: Run) -> None:
    """The beginning of a digest names the version if it is the only one; else nothing is done."""
    serve_templates(gateway, template("a", "x"), template("b", "y"), Template(digest="bc" * 32))
    assert run("template", "approve", "aaaa").exit_code == 0
    assert gateway.asked("ApproveTemplate")[0].digest == "a" * 64
    assert run("template", "approve", "b").exit_code == 1
    assert run("template", "approve", "c").exit_code == 1
    assert len(gateway.asked("ApproveTemplate")) == 1


def test_reject_finds_the_gate(gateway: FakeGateway, run: Run) -> None:
    """A draft is rejected by the review, a reviewed version by the bank."""
    serve_templates(gateway, template("a", "x"), template("b", "y", TemplateState.TEMPLATE_STATE_REVIEWED))
    run("template", "reject", "a" * 64, "--comment", "no")
    run("template", "reject", "b" * 64, "--comment", "no")
    (review,), (approval,) = gateway.asked("ReviewTemplate"), gateway.asked("ApproveTemplate")
    assert (getattr(review, "pass"), review.comment, approval.approve) == (False, "no", False)
    run("template", "review", "a" * 64)
    assert getattr(gateway.asked("ReviewTemplate")[1], "pass")


def test_the_scan_stays_here(gateway: FakeGateway, run: Run, tmp_path: Path) -> None:
    """Of the bank's document only the hash is sent, computed from the file or given."""
    scan = tmp_path / "scan.pdf"
    scan.write_bytes(b"paper")
    digest = hashlib.sha256(b"paper").hexdigest()
    document = ("a" * 64, "--reference", "R-1", "--date", "2026-03-01")
    assert run("template", "document", "record", *document, "--scan", scan).exit_code == 0
    assert run("template", "document", "verify", *document, "--sha256", digest.upper()).exit_code == 0
    assert gateway.asked("RecordBankDocument")[0].document == gateway.asked("VerifyBankDocument")[0].document
    assert gateway.asked("VerifyBankDocument")[0].document.scan_sha256 == digest
    assert run("template", "document", "record", *document).exit_code == 2


def test_versions_are_compared_side_by_side(gateway: FakeGateway, run: Run) -> None:
    """Only what differs is shown, with placeholders and words kept whole and the changed parts marked."""
    serve_templates(gateway, template("a", "您逾期{amount}元"), template("b", "您逾期{minimum}元整"))
    shown = run("template", "diff", "a", "b").stdout
    assert "[-{amount}-]元" in shown
    assert "{+{minimum}+}元{+整+}" in shown
    assert "due" not in shown
    assert json.loads(run("template", "diff", "a", "a", "--json").stdout)["same"] is True


def test_filing_suspension_and_end(gateway: FakeGateway, run: Run, tmp_path: Path) -> None:
    """A filing sends the carrier's text as the file has it; stops carry their reason."""
    gateway.answers["RecordFiling"] = lambda request: RecordFilingResponse(usable=False)
    text = tmp_path / "copy.txt"
    text.write_text("${name}您好\n")
    options = ("--carrier", "aliyun", "--code", "SMS_1", "--state", "passed", "--text-file", text)
    assert "not usable" in run("template", "filing", "a" * 64, *options).stdout
    assert gateway.asked("RecordFiling")[0].filing.registered_text == "${name}您好"
    for verb in ("suspend", "resume", "retire"):
        assert run("template", verb, "a" * 64, "--reason", "why").exit_code == 0
        assert gateway.asked(f"{verb.capitalize()}Template")[0].reason == "why"
    serve_templates(gateway, template("a", "您好"))
    assert "待内审 DRAFT" in run("template", "list").stdout
    assert "agency/drafter" in run("template", "show", "a").stdout


def test_policies(gateway: FakeGateway, run: Run, tmp_path: Path) -> None:
    """A policy's file becomes a draft; versions are shown, listed, compared and activated."""
    versions = {1: PolicyVersion(version=1, policy=Policy(bank_name="示例银行", sms_per_day=1))}
    versions[2] = PolicyVersion(version=2, policy=Policy(bank_name="示例银行", sms_per_day=2), activated_by="x")
    gateway.answers["GetPolicy"] = lambda request: GetPolicyResponse(version=versions[request.version or 1])
    gateway.answers["ListPolicies"] = lambda request: ListPoliciesResponse(versions=versions.values())
    path = tmp_path / "p.yaml"
    path.write_text("bank_name: 示例银行\nagency_must_be_named: false\nsms_per_day: 2\nhotlines: [95588]\n")
    assert run("policy", "draft", path, "--effective-from", "2026-03-01T00:00:00+08:00").exit_code == 0
    (request,) = gateway.asked("DraftPolicy")
    policy = request.policy
    assert (policy.HasField("agency_must_be_named"), policy.agency_must_be_named) == (True, False)
    assert (policy.sms_per_day, list(policy.hotlines), request.effective_from.seconds) == (2, ["95588"], 1772294400)
    assert run("policy", "activate", 2).exit_code == 0
    assert "示例银行" in run("policy", "show").stdout
    compared = run("policy", "diff", 1, 2).stdout
    assert ("[-1-]" in compared, "示例银行" in compared) == (True, False)
    assert [entry["version"] for entry in json.loads(run("policy", "list", "--json").stdout)] == ["1", "2"]


def test_holds(gateway: FakeGateway, run: Run) -> None:
    """A hold's kind is named in words; its answer warns of what may be leaving; lists follow their pages."""
    answer = PlaceHoldResponse(cancelled_ids=["o-1"], possibly_leaving_attempt_ids=["attempt-7"])
    gateway.answers["PlaceHold"] = lambda request: answer
    shown = run("hold", "place", "--account", "6", "--kind", "suspected-fraud", "--reason", "r").stdout
    assert gateway.asked("PlaceHold")[0].kind == HoldKind.HOLD_KIND_SUSPECTED_FRAUD
    assert "attempt-7" in shown

    def page(request: Any) -> ListHoldsResponse:
        following = "" if request.page_token else "two"
        return ListHoldsResponse(holds=[Hold(hold_id=f"h-{following}")], next_page_token=following)

    gateway.answers["ListHolds"] = page
    listed = json.loads(run("hold", "list", "--lifted", "--json").stdout)
    assert [entry["hold_id"] for entry in listed] == ["h-two", "h-"]
    assert gateway.asked("ListHolds")[0].include_lifted


def test_contacts_and_marks(gateway: FakeGateway, run: Run) -> None:
    """What is known of a number, and who is not to be contacted."""
    number = ("--customer", "c-1", "--phone", "13800005678", "--evidence", "E-1")
    assert run("contact", "confirm", *number).exit_code == 0
    assert run("contact", "close", *number, "--finding", "not-this-person").exit_code == 0
    assert gateway.asked("CloseContact")[0].finding == CloseContactRequest.FINDING_NOT_THIS_PERSON
    assert run("mark", "--phone", "13800005678", "--reason", "opt-out", "--evidence", "E-1").exit_code == 0
    (request,) = gateway.asked("MarkNoContact")
    assert (request.WhichOneof("subject"), request.reason) == (
        "phone_number",
        NoContactReason.NO_CONTACT_REASON_OPT_OUT,
    )
    assert run("mark", "--reason", "opt-out", "--evidence", "E-1").exit_code == 2


def test_the_day_s_report(gateway: FakeGateway, run: Run, tmp_path: Path) -> None:
    """Numbers as a table, as JSON numbers, and as CSV rows that days can be put under one another with."""
    answer = GetDailyReportResponse(asked=7, delivered=3, blocked={"QUIET_HOURS": 2}, cancelled={"REQUESTED": 1})
    gateway.answers["GetDailyReport"] = lambda request: answer
    path = tmp_path / "report.csv"
    shown = run("report", "--day", "2026-03-17", "--csv", path).stdout
    assert "免打扰时段 QUIET_HOURS" in shown
    document = json.loads(run("report", "--day", "2026-03-17", "--json").stdout)
    assert (document["asked"], document["blocked"]) == (7, {"QUIET_HOURS": 2})
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["bank_id", "date", "item", "code", "count"]
    assert ["demo-bank", "2026-03-17", "blocked", "QUIET_HOURS", "2"] in rows


def test_the_report_as_a_sheet(gateway: FakeGateway, run: Run, tmp_path: Path) -> None:
    """Several banks under one another, headings in both languages, numbers as numbers, and no text as a formula."""
    answers = {
        "demo-bank": GetDailyReportResponse(asked=7, blocked={"QUIET_HOURS": 2}),
        "b-bank": GetDailyReportResponse(asked=1, cancelled={"=1+1": 3}),
    }
    gateway.answers["GetDailyReport"] = lambda request: answers[request.bank_id]
    path = tmp_path / "report.xlsx"
    asked = ("report", "--day", "2026-03-17", "--bank", "demo-bank", "--bank", "b-bank")
    ended = run(*asked, "--xlsx", path, "--csv", f"{path}.csv")
    assert ended.exit_code == 0
    assert "Daily report  b-bank  2026-03-17" in ended.stdout
    sheet = load_workbook(path).worksheets[0]
    rows = list(sheet.iter_rows(values_only=True))
    assert rows[0] == ("银行 Bank", "日期 Date", "项目 Item", "规则代码 Code", "规则 Rule", "数量 Count")
    assert ("demo-bank", "2026-03-17", "拦截 Blocked", "QUIET_HOURS", "免打扰时段", 2) in rows
    assert rows[-1][3:] == ("=1+1", None, 3)
    assert sheet.cell(len(rows), 4).data_type == "s"
    assert "'=1+1" in Path(f"{path}.csv").read_text(encoding="utf-8-sig")
    documents = json.loads(run(*asked, "--json").stdout)
    assert [(document["bank_id"], document["asked"]) for document in documents] == [("demo-bank", 7), ("b-bank", 1)]


def test_unknown_fates_say_who_acts_next(gateway: FakeGateway, run: Run) -> None:
    """Age by the business clock, lookups so far, and whether the carrier is asked again or an operator must act."""
    attempts = [
        UnconfirmedAttempt(attempt_id="a-1", carrier_code="timeout", lookups=4, handed_over=True),
        UnconfirmedAttempt(attempt_id="a-2", lookups=1, next_lookup_time=Timestamp(seconds=1_773_705_600)),
        UnconfirmedAttempt(attempt_id="a-3"),
    ]
    for attempt in attempts:
        attempt.release_time.seconds = 1_773_705_600
    answer = ListUnconfirmedResponse(attempts=attempts, business_time=Timestamp(seconds=1_773_705_600 + 90_061))
    gateway.answers["ListUnconfirmed"] = lambda request: answer
    lines = {line[:4].strip(): line for line in run("unconfirmed", "list").stdout.splitlines()}
    assert all(word in lines["a-1"] for word in ("timeout", "1 day, 1:01:01", " 4 ", "operator"))
    assert "asks again 2026-03-17 08:00:00" in lines["a-2"]
    assert "not asked yet" in lines["a-3"]


def test_replies(gateway: FakeGateway, run: Run) -> None:
    """Replies go on where the last page ended, in words and as JSON."""
    reply = Reply(reply_id="p-2", kind=ReplyKind.REPLY_KIND_NOT_ME, text="打错了", masked_phone_number="138****5678")
    gateway.answers["ListReplies"] = lambda request: ListRepliesResponse(replies=[reply])
    ended = run("replies", "list", "--after", "p-1", "--limit", 1)
    assert "非本人 NOT_ME" in ended.stdout
    assert "--after p-2" in ended.stderr
    (request,) = gateway.asked("ListReplies")
    assert (request.bank_id, request.after_reply_id, request.page_size) == ("demo-bank", "p-1", 1)
    assert [entry["text"] for entry in json.loads(run("replies", "list", "--json").stdout)] == ["打错了"]


def test_operations(gateway: FakeGateway, run: Run) -> None:
    """Summary, clocks, employees and unknown fates."""
    gateway.answers["GetSummary"] = lambda request: GetSummaryResponse(states={"SENT": 2}, permits_stopped="clock jump")
    assert "clock jump" in run("clock", "show").stdout
    assert json.loads(run("summary", "--json").stdout)["states"] == {"SENT": 2}
    assert "已发送 SENT" in run("summary").stdout
    assert run("clock", "set", "2026-03-17T08:00:00+08:00", "--rate", "720").exit_code == 0
    assert gateway.asked("SetBusinessClock")[0].rate == 720
    assert run("clock", "set", "tomorrow").exit_code == 2
    assert run("clock", "confirm", "--reason", "ntp").exit_code == 0
    assert run("employee", "set", "clerk-1", "--caller", "case-system", "--left").exit_code == 0
    assert not gateway.asked("SetEmployee")[0].active
    attempts = [UnconfirmedAttempt(attempt_id="a-1", cancellation_pending=True)]
    gateway.answers["ListUnconfirmed"] = lambda request: ListUnconfirmedResponse(attempts=attempts)
    assert "a-1" in run("unconfirmed", "list").stdout
    assert run("unconfirmed", "resolve", "a-1", "--state", "delivered", "--evidence", "L-1").exit_code == 0
    assert gateway.asked("ResolveUnconfirmed")[0].state == State.STATE_DELIVERED


def test_a_token_is_good_at_the_door(gateway: FakeGateway, run: Run) -> None:
    """The printed token names the caller and the employee."""
    principal = gateway.verify(run("token").stdout.strip())
    assert (principal.caller_id, principal.employee_id) == ("caller-1", "employee-1")
