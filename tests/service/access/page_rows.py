"""A row for every route of the console: the rpc whose roles may use it, what its path names, and what its form says."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from tests.service.access.bank_a import BankA
from tests.service.approval_service.letters import NAME, SOURCE
from tests.service.approval_service.mailroom import address_of
from tests.service.approval_service.world import TEXT

Maker = Callable[[BankA], Awaitable[str]]


class PageRow(NamedTuple):
    """`rpc` is `Service/Rpc`, or several after one another of which one is enough, or empty for whoever is signed in.
    `named` makes what stands for the path's parameter; a
    {digest} or the like in the form takes it, too."""

    rpc: str
    named: Maker | None = None
    form: dict[str, str] | None = None
    all_banks: bool = False
    values: Mapping[str, str] = MappingProxyType({})
    """Other parameters of the path."""
    grows: bool = False
    """What is not there is told within a page that has begun."""


async def _account(a: BankA) -> str:
    return await a.account()


async def _template(a: BankA) -> str:
    return await a.template()


async def _letter_version(a: BankA) -> str:
    return await a.letter_version()


async def _policy(a: BankA) -> str:
    return str(await a.policy())


async def _hold(a: BankA) -> str:
    return await a.hold()


async def _asked_hold(a: BankA) -> str:
    return await a.hold(lift_requested=True)


async def _caller(a: BankA) -> str:
    return await a.caller()


async def _deactivated_caller(a: BankA) -> str:
    return await a.caller(deactivated=True)


async def _run(a: BankA) -> str:
    return (await a.run())[0]


async def _printed(a: BankA) -> str:
    return (await a.run("printed"))[1]


async def _mailed(a: BankA) -> str:
    return (await a.run("mailed"))[1]


async def _user(a: BankA) -> str:
    return await a.user()


async def _active_user(a: BankA) -> str:
    return await a.user(approved=True)


async def _outreach(a: BankA) -> str:
    return await a.outreach_id()


async def _evidence_order(a: BankA) -> str:
    return await a.evidence_order("ann")


async def _care(a: BankA) -> str:
    return await a.care()


async def _quantity(a: BankA) -> str:
    return await a.quantity()


async def _unconfirmed(a: BankA) -> str:
    return await a.unconfirmed()


async def _export(a: BankA) -> str:
    return await a.export()


async def _person(a: BankA) -> str:
    return await a.person()


_TEMPLATE_FORM = {"name": "drafted-here", "signature": "示例银行", "text": TEXT}
_LETTER_FORM = {"name": "drafted-here", "source": SOURCE}

PAGES: dict[tuple[str, str], PageRow] = {
    ("GET", "/"): PageRow(""),
    ("GET", "/outreach"): PageRow("OutreachService/List"),
    ("POST", "/outreach"): PageRow("", form={"name": "张三"}),
    ("GET", "/outreach/{outreach_id}"): PageRow("OutreachService/Get", _outreach),
    ("POST", "/outreach/{outreach_id}/release-care"): PageRow(
        "MailroomService/ReleaseCare", _care, {"reason": "已核对"}
    ),
    ("GET", "/templates"): PageRow("TemplateService/ListTemplates"),
    ("POST", "/templates"): PageRow("TemplateService/DraftTemplate", form=_TEMPLATE_FORM),
    ("GET", "/templates/new"): PageRow("TemplateService/DraftTemplate"),
    ("POST", "/templates/preview"): PageRow("TemplateService/LintTemplate", form=_TEMPLATE_FORM),
    ("GET", "/templates/{digest}"): PageRow("TemplateService/GetTemplate", _template),
    ("POST", "/templates/{digest}/{deed}"): PageRow(
        "TemplateService/ReviewTemplate", _template, {"comment": "合规"}, values={"deed": "pass"}
    ),
    ("GET", "/letter-versions"): PageRow("LetterVersionService/ListLetterVersions"),
    ("POST", "/letter-versions"): PageRow("LetterVersionService/DraftLetterVersion", form=_LETTER_FORM),
    ("GET", "/letter-versions/new"): PageRow("LetterVersionService/DraftLetterVersion"),
    ("POST", "/letter-versions/check"): PageRow("LetterVersionService/LintLetterVersion", form=_LETTER_FORM),
    ("GET", "/letter-versions/{digest}"): PageRow("LetterVersionService/GetLetterVersion", _letter_version),
    ("POST", "/letter-versions/{digest}/{deed}"): PageRow(
        "LetterVersionService/ReviewLetterVersion", _letter_version, {"comment": "合规"}, values={"deed": "pass"}
    ),
    ("GET", "/policies"): PageRow("PolicyService/ListPolicies"),
    ("POST", "/policies"): PageRow("PolicyService/DraftPolicy", form={"bank_name": "示例银行"}),
    ("GET", "/policies/new"): PageRow("PolicyService/DraftPolicy"),
    ("GET", "/policies/{version:int}"): PageRow("PolicyService/GetPolicy", _policy),
    ("POST", "/policies/{version:int}/activate"): PageRow("PolicyService/ActivatePolicy", _policy, {}),
    ("POST", "/policies/{version:int}/simulate"): PageRow(
        "PolicyService/SimulatePolicy", _policy, {"days": "1"}, grows=True
    ),
    ("GET", "/accounts"): PageRow("HoldService/ListHolds"),
    ("POST", "/accounts/holds"): PageRow(
        "HoldService/PlaceHold", _account, {"account": "{named}", "kind": "DISPUTE", "reason": "有异议"}
    ),
    ("POST", "/accounts/marks"): PageRow(
        "HoldService/MarkNoContact",
        _account,
        {"subject": "account_number", "value": "{named}", "reason": "REFUSAL", "evidence": "rec-1"},
    ),
    ("POST", "/accounts/holds/{hold_id}/request-lift"): PageRow("HoldService/RequestLift", _hold, {"reason": "已说明"}),
    ("POST", "/accounts/holds/{hold_id}/approve-lift"): PageRow("HoldService/ApproveLift", _asked_hold, {}),
    ("GET", "/quantities"): PageRow("QuantityService/ListQuantities"),
    ("POST", "/quantities"): PageRow(
        "QuantityService/AskQuantity", form={"letter_name": NAME, "number": "3", "reason": "补寄"}
    ),
    ("POST", "/quantities/{quantity_id}"): PageRow("QuantityService/DecideQuantity", _quantity, {"granted": "5"}),
    ("GET", "/mailroom"): PageRow("MailroomService/ListRuns"),
    ("POST", "/mailroom/runs"): PageRow(
        "MailroomService/StartRun", form={"version": "0" * 64, "postal_class": "1", "request_id": "run-by-page"}
    ),
    ("GET", "/mailroom/returns"): PageRow("MailroomService/Return MailroomService/FetchReturnScan"),
    ("POST", "/mailroom/returns"): PageRow(
        "MailroomService/Return", _mailed, {"letter_number": "{named}", "reason": "MOVED"}
    ),
    ("POST", "/mailroom/returns/scan"): PageRow(
        "MailroomService/FetchReturnScan", _mailed, {"letter_number": "{named}", "reason": "核对"}
    ),
    ("POST", "/mailroom/copy"): PageRow(
        "MailroomService/FetchLetterPdf", _printed, {"letter_number": "{named}", "reason": "核对"}
    ),
    ("GET", "/mailroom/{run_id}"): PageRow("MailroomService/GetRun", _run),
    ("POST", "/mailroom/{run_id}/scan"): PageRow(
        "MailroomService/ConfirmPrinted", _run, {"step": "print", "first": "1", "last": "1"}
    ),
    ("POST", "/mailroom/{run_id}/pdf"): PageRow("MailroomService/FetchRunPdf", _run, {"station": "room-1"}),
    ("POST", "/mailroom/{run_id}/close"): PageRow("MailroomService/CloseRun", _run, {"explanation": "核对"}),
    ("GET", "/mailroom/{run_id}/manifest.csv"): PageRow("MailroomService/ListLetters", _run),
    ("GET", "/clinic"): PageRow("HoldService/CheckAddresses"),
    ("POST", "/clinic"): PageRow("HoldService/CheckAddresses", form={"addresses": address_of("999")}),
    ("GET", "/unconfirmed"): PageRow("OperationsService/ListUnconfirmed"),
    ("POST", "/unconfirmed/{attempt_id}"): PageRow(
        "OperationsService/ResolveUnconfirmed", _unconfirmed, {"end": "SENT", "evidence": "bill-1"}
    ),
    ("GET", "/events"): PageRow("OperationsService/GetSummary"),
    ("GET", "/events/stream"): PageRow("OutreachService/Watch"),
    ("GET", "/ledger"): PageRow("LedgerService/ListEntries", all_banks=True),
    ("GET", "/ledger/sample.csv"): PageRow("LedgerService/ListEntries", all_banks=True),
    ("GET", "/ledger/export.jsonl"): PageRow("LedgerService/Export", all_banks=True),
    ("POST", "/ledger/verify"): PageRow("LedgerService/Export", form={}, all_banks=True),
    ("GET", "/ledger/{index}"): PageRow("LedgerService/GetProof", values={"index": "0"}, all_banks=True),
    ("GET", "/ledger/{index}/proof"): PageRow("LedgerService/GetProof", values={"index": "0"}, all_banks=True),
    ("GET", "/evidence"): PageRow("EvidenceService/ExportEvidence"),
    ("POST", "/evidence"): PageRow(
        "EvidenceService/OrderEvidence",
        _account,
        {"subject": "account_number", "value": "{named}", "purpose": "投诉核对"},
    ),
    ("GET", "/evidence/{order_id}"): PageRow("EvidenceService/ExportEvidence", values={"order_id": "none"}),
    ("GET", "/evidence/{order_id}/evidence.zip"): PageRow(
        "EvidenceService/ExportEvidence", values={"order_id": "none"}
    ),
    ("POST", "/evidence/{order_id}/again"): PageRow(
        "EvidenceService/ExportEvidence", form={}, values={"order_id": "none"}
    ),
    ("POST", "/evidence/{order_id}/drop"): PageRow("EvidenceService/DropEvidenceOrder", _evidence_order, {}),
    ("GET", "/personal"): PageRow("PersonService/ListPersonRequests"),
    ("POST", "/personal/find"): PageRow(
        "PersonService/GetPerson", _account, {"subject": "account_number", "value": "{named}"}
    ),
    ("POST", "/personal/decide"): PageRow(
        "PersonService/DecideForPerson", _export, {"request": "{named}", "verdict": "refuse"}
    ),
    ("GET", "/personal/retention"): PageRow("PersonService/GetRetention"),
    ("POST", "/personal/retention"): PageRow("PersonService/AskRetention", form={"reason": "到期"}),
    ("POST", "/personal/exports/{request_id}"): PageRow("PersonService/FetchPersonExport", _export, {}),
    ("GET", "/personal/{person_id}"): PageRow("PersonService/GetPerson", _person),
    ("POST", "/personal/{person_id}/restrict"): PageRow(
        "PersonService/RestrictPerson", _person, {"reason": "依法保存"}
    ),
    ("POST", "/personal/{person_id}/{what}"): PageRow(
        "PersonService/AskForPerson", _person, {"reason": "来函"}, values={"what": "export"}
    ),
    ("GET", "/keys"): PageRow("KeyService/ListKeys", all_banks=True),
    ("GET", "/keys/callers/{caller_id}"): PageRow("CallerService/GetCaller", _caller, all_banks=True),
    ("POST", "/keys/callers/{caller_id}/deactivate"): PageRow(
        "CallerService/DeactivateCaller", _caller, {"reason": "私钥疑似泄露"}, all_banks=True
    ),
    ("POST", "/keys/callers/{caller_id}/reactivate"): PageRow(
        "CallerService/ReactivateCaller", _deactivated_caller, {"reason": "已换钥"}, all_banks=True
    ),
    ("GET", "/people"): PageRow("UserService/ListUsers", all_banks=True),
    ("POST", "/people"): PageRow(
        "UserService/CreateUser",
        form={"user_id": "made-by-page", "team": "t1", "roles": "reviewer", "banks": "demo-bank"},
        all_banks=True,
    ),
    ("GET", "/people/{user_id}"): PageRow("UserService/ListUsers", _user, all_banks=True),
    ("POST", "/people/{user_id}"): PageRow(
        "UserService/ChangeUser", _user, {"team": "t1", "roles": "drafter", "banks": "demo-bank"}, all_banks=True
    ),
    ("POST", "/people/{user_id}/approve"): PageRow("UserService/ApproveUser", _user, {}, all_banks=True),
    ("POST", "/people/{user_id}/reset"): PageRow("UserService/ResetUser", _active_user, {}, all_banks=True),
    ("POST", "/people/{user_id}/deactivate"): PageRow("UserService/DeactivateUser", _active_user, {}, all_banks=True),
    ("GET", "/oidc/{provider}/again"): PageRow("", values={"provider": "nobody"}),
    ("GET", "/sign-in-again"): PageRow(""),
    ("POST", "/sign-in-again"): PageRow("", form={"password": "wrong", "code": "000000"}),
    ("GET", "/password"): PageRow(""),
    ("POST", "/password"): PageRow("", form={"old": "wrong", "new": "x" * 12, "again": "y" * 12}),
}
"""By method and path. Those that need nobody signed in are in OPEN."""
OPEN = {
    ("GET", "/sign-in"),
    ("POST", "/sign-in"),
    ("GET", "/language/{language}"),
    ("GET", "/oidc/{provider}/start"),
    ("GET", "/oidc/{provider}/callback"),
    ("POST", "/oidc/{provider}/back-channel-logout"),
    ("GET", "/signed-out/{provider}"),
}
ENDING = {("POST", "/sign-out")}
"""They end the session with which they are asked."""
