"""THE table of who may call what. outreach.runtime.server enforces it; every rpc has a row, which a test proves.

CERTIFICATES: which service certificate (common name) may call which gRPC service of another process.
ROLES: which role may call which public rpc, by full method name.
"""

from __future__ import annotations

import time
from typing import Any

import grpc

from outreach.domain.errors import denied
from outreach.domain.roles import (
    ADMINISTRATION,
    BANK,
    BANK_APPROVER,
    CASE_SYSTEM,
    DRAFTER,
    INSPECTOR,
    MAILROOM,
    OPERATOR,
    POLICY_APPROVER,
    POLICY_MAKER,
    REVIEWER,
    SUPERVISOR,
    TEAM_LEAD,
)
from outreach.runtime.tokens import principal_of
from outreach.v1.common_pb2 import Principal

GATEWAY = "gateway"
SMS_SERVICE = "sms_service"
LETTER_SERVICE = "letter_service"
APPROVAL_SERVICE = "approval_service"

CERTIFICATES: dict[str, frozenset[str]] = {
    "outreach.v1.AdmissionService": frozenset({GATEWAY}),
    "outreach.v1.WorkerService": frozenset({SMS_SERVICE}),
    "outreach.v1.PrintService": frozenset({GATEWAY, LETTER_SERVICE}),
    "outreach.v1.ArchiveService": frozenset({GATEWAY}),
    "outreach.v1.LetterService": frozenset({GATEWAY}),
    "outreach.v1.LetterVersionService": frozenset({GATEWAY}),
    "outreach.v1.QuantityService": frozenset({GATEWAY}),
    "outreach.v1.MailroomService": frozenset({GATEWAY}),
    "outreach.v1.OutreachService": frozenset({GATEWAY}),
    "outreach.v1.BankService": frozenset({GATEWAY}),
    "outreach.v1.HoldService": frozenset({GATEWAY}),
    "outreach.v1.TemplateService": frozenset({GATEWAY}),
    "outreach.v1.PolicyService": frozenset({GATEWAY}),
    "outreach.v1.LedgerService": frozenset({GATEWAY}),
    "outreach.v1.EvidenceService": frozenset({GATEWAY}),
    "outreach.v1.PersonService": frozenset({GATEWAY}),
    "outreach.v1.OperationsService": frozenset({GATEWAY}),
    "outreach.v1.UserService": frozenset({GATEWAY}),
    "outreach.v1.CallerService": frozenset({GATEWAY}),
    "outreach.v1.KeyService": frozenset({GATEWAY}),
    "outreach.v1.SessionService": frozenset({GATEWAY}),
}

OPEN_SERVICES = frozenset({"grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"})
"""Health and reflection answer whoever can connect: they tell nothing that the published contract does not."""

_TEMPLATE_PEOPLE = (DRAFTER, REVIEWER, BANK_APPROVER)
_LETTER_PEOPLE = (TEAM_LEAD, ADMINISTRATION, MAILROOM)
_POLICY_PEOPLE = (POLICY_MAKER, POLICY_APPROVER)
_PERSON_PEOPLE = (SUPERVISOR, OPERATOR)
_EVIDENCE_PEOPLE = (SUPERVISOR, INSPECTOR, OPERATOR)

_ROLES_BY_SERVICE: dict[str, dict[str, tuple[str, ...]]] = {
    "OutreachService": {
        "Submit": (CASE_SYSTEM,),
        "SubmitBatch": (CASE_SYSTEM,),
        "Preflight": (CASE_SYSTEM,),
        "SubmitLetters": (CASE_SYSTEM,),
        "PreflightLetter": (CASE_SYSTEM,),
        "Get": (CASE_SYSTEM, SUPERVISOR, INSPECTOR),
        "List": (CASE_SYSTEM, SUPERVISOR, INSPECTOR),
        "Cancel": (CASE_SYSTEM, SUPERVISOR),
        "Watch": (CASE_SYSTEM, SUPERVISOR, INSPECTOR),
        "ListReplies": (CASE_SYSTEM, SUPERVISOR),
    },
    "BankService": {
        "ApplyEvents": (BANK,),
        "GetAccount": (BANK, CASE_SYSTEM, SUPERVISOR, INSPECTOR),
    },
    "HoldService": {
        "PlaceHold": (CASE_SYSTEM, SUPERVISOR, BANK),
        "RequestLift": (CASE_SYSTEM, SUPERVISOR),
        "ApproveLift": (SUPERVISOR,),
        "ListHolds": (CASE_SYSTEM, SUPERVISOR, INSPECTOR),
        "MarkNoContact": (CASE_SYSTEM, SUPERVISOR),
        "ConfirmContact": (CASE_SYSTEM, SUPERVISOR),
        "CloseContact": (CASE_SYSTEM, SUPERVISOR),
        "ConfirmAddress": (CASE_SYSTEM, SUPERVISOR),
        "MarkAddressBad": (CASE_SYSTEM, SUPERVISOR, MAILROOM),
        "ListBadAddresses": (CASE_SYSTEM, SUPERVISOR, MAILROOM, INSPECTOR),
        "CheckAddresses": (CASE_SYSTEM, SUPERVISOR, MAILROOM, TEAM_LEAD),
    },
    "TemplateService": {
        "DraftTemplate": (DRAFTER,),
        "LintTemplate": _TEMPLATE_PEOPLE,
        "ReviewTemplate": (REVIEWER,),
        "ApproveTemplate": (BANK_APPROVER,),
        "RecordBankDocument": (DRAFTER,),
        "VerifyBankDocument": (REVIEWER,),
        "SuspendTemplate": (REVIEWER, BANK_APPROVER, OPERATOR),
        "ResumeTemplate": (REVIEWER, BANK_APPROVER),
        "RetireTemplate": (REVIEWER, BANK_APPROVER),
        "RenewTemplate": (DRAFTER,),
        "RecordFiling": (DRAFTER, OPERATOR),
        "GetTemplate": (*_TEMPLATE_PEOPLE, CASE_SYSTEM, SUPERVISOR, OPERATOR, INSPECTOR),
        "ListTemplates": (*_TEMPLATE_PEOPLE, CASE_SYSTEM, SUPERVISOR, OPERATOR, INSPECTOR),
    },
    "LetterVersionService": {
        "DraftLetterVersion": (DRAFTER,),
        "LintLetterVersion": _TEMPLATE_PEOPLE,
        "ReviewLetterVersion": (REVIEWER,),
        "ApproveLetterVersion": (BANK_APPROVER,),
        "RecordLetterDocument": (DRAFTER,),
        "VerifyLetterDocument": (REVIEWER,),
        "SuspendLetterVersion": (REVIEWER, BANK_APPROVER, OPERATOR),
        "ResumeLetterVersion": (REVIEWER, BANK_APPROVER),
        "RetireLetterVersion": (REVIEWER, BANK_APPROVER),
        "RenewLetterVersion": (DRAFTER,),
        "GetLetterVersion": (*_TEMPLATE_PEOPLE, *_LETTER_PEOPLE, CASE_SYSTEM, SUPERVISOR, OPERATOR, INSPECTOR),
        "ListLetterVersions": (*_TEMPLATE_PEOPLE, *_LETTER_PEOPLE, CASE_SYSTEM, SUPERVISOR, OPERATOR, INSPECTOR),
    },
    "LetterService": {
        "PreviewLetter": (*_TEMPLATE_PEOPLE, *_LETTER_PEOPLE, INSPECTOR),
    },
    "QuantityService": {
        "AskQuantity": (TEAM_LEAD,),
        "DecideQuantity": (ADMINISTRATION,),
        "ListQuantities": (*_LETTER_PEOPLE, SUPERVISOR, INSPECTOR),
    },
    "MailroomService": {
        "GetQueue": (*_LETTER_PEOPLE, SUPERVISOR, INSPECTOR),
        "StartRun": (MAILROOM,),
        "GetRun": (*_LETTER_PEOPLE, SUPERVISOR, INSPECTOR),
        "ListRuns": (*_LETTER_PEOPLE, SUPERVISOR, INSPECTOR),
        "ListLetters": (*_LETTER_PEOPLE, SUPERVISOR, INSPECTOR),
        "FetchRunPdf": (MAILROOM,),
        "FetchLetterPdf": (MAILROOM, SUPERVISOR, INSPECTOR),
        "ConfirmPrinted": (MAILROOM,),
        "Spoil": (MAILROOM,),
        "Seal": (MAILROOM,),
        "Mail": (MAILROOM,),
        "Pull": (MAILROOM,),
        "RecordAcceptance": (MAILROOM,),
        "RecordDelivery": (MAILROOM,),
        "Return": (MAILROOM,),
        "FetchReturnScan": (MAILROOM, SUPERVISOR, INSPECTOR),
        "CloseRun": (MAILROOM, ADMINISTRATION),
        "ReleaseCare": (REVIEWER, SUPERVISOR),
    },
    "PolicyService": {
        "DraftPolicy": (POLICY_MAKER,),
        "ActivatePolicy": (POLICY_APPROVER,),
        "GetPolicy": (*_POLICY_PEOPLE, *_TEMPLATE_PEOPLE, BANK, SUPERVISOR, OPERATOR, INSPECTOR),
        "ListPolicies": (*_POLICY_PEOPLE, BANK_APPROVER, BANK, SUPERVISOR, OPERATOR, INSPECTOR),
        "SimulatePolicy": (*_POLICY_PEOPLE, INSPECTOR),
    },
    "LedgerService": {
        "GetCheckpoint": (OPERATOR, SUPERVISOR, INSPECTOR),
        "ListEntries": (OPERATOR, SUPERVISOR, INSPECTOR),
        "Export": (OPERATOR, SUPERVISOR, INSPECTOR),
        "GetProof": (OPERATOR, SUPERVISOR, INSPECTOR),
    },
    "EvidenceService": {
        "ExportEvidence": _EVIDENCE_PEOPLE,
        "OrderEvidence": _EVIDENCE_PEOPLE,
        "ListEvidenceOrders": _EVIDENCE_PEOPLE,
        "DropEvidenceOrder": _EVIDENCE_PEOPLE,
    },
    "PersonService": {
        "GetPerson": (*_PERSON_PEOPLE, INSPECTOR),
        "RestrictPerson": _PERSON_PEOPLE,
        "AskForPerson": _PERSON_PEOPLE,
        "DecideForPerson": _PERSON_PEOPLE,
        "ListPersonRequests": (*_PERSON_PEOPLE, INSPECTOR),
        "FetchPersonExport": _PERSON_PEOPLE,
        "GetRetention": (*_PERSON_PEOPLE, INSPECTOR),
        "AskRetention": _PERSON_PEOPLE,
        "ReplayErasures": (OPERATOR,),
    },
    "UserService": {
        "CreateUser": (OPERATOR,),
        "ChangeUser": (OPERATOR,),
        "ResetUser": (OPERATOR,),
        "ApproveUser": (OPERATOR,),
        "DeactivateUser": (OPERATOR,),
        "ListUsers": (OPERATOR, INSPECTOR),
    },
    "CallerService": {
        "ListCallers": (OPERATOR, INSPECTOR),
        "GetCaller": (OPERATOR, INSPECTOR),
        "DeactivateCaller": (OPERATOR,),
        "ReactivateCaller": (OPERATOR,),
    },
    "KeyService": {
        "ListKeys": (OPERATOR, INSPECTOR),
        "AskRotation": (OPERATOR,),
        "ApproveRotation": (OPERATOR,),
    },
    "OperationsService": {
        "GetSummary": (OPERATOR, SUPERVISOR, BANK, INSPECTOR),
        "GetDailyReport": (OPERATOR, SUPERVISOR, BANK, INSPECTOR),
        "SetBusinessClock": (OPERATOR,),
        "ConfirmWallClock": (OPERATOR,),
        "SetEmployee": (OPERATOR,),
        "ListUnconfirmed": (OPERATOR, SUPERVISOR, INSPECTOR),
        "ResolveUnconfirmed": (OPERATOR,),
    },
}

ROLES: dict[str, frozenset[str]] = {
    f"/outreach.v1.{service}/{rpc}": frozenset(roles)
    for service, rpcs in _ROLES_BY_SERVICE.items()
    for rpc, roles in rpcs.items()
}

OF_ALL_BANKS = frozenset(
    f"/outreach.v1.{name}"
    for name in (
        *(f"UserService/{rpc}" for rpc in _ROLES_BY_SERVICE["UserService"]),
        *(f"CallerService/{rpc}" for rpc in _ROLES_BY_SERVICE["CallerService"]),
        *(f"KeyService/{rpc}" for rpc in _ROLES_BY_SERVICE["KeyService"]),
        "LedgerService/ListEntries",
        "LedgerService/Export",
        "LedgerService/GetProof",
        "OperationsService/SetBusinessClock",
        "OperationsService/ConfirmWallClock",
        "OperationsService/SetEmployee",
        "PersonService/ReplayErasures",
    )
)
"""Public rpcs that concern every bank. The authority answers them only to who speaks for all; nobody else is offered
what leads to them."""

APPROVALS = frozenset(
    f"/outreach.v1.{name}"
    for name in (
        "HoldService/ApproveLift",
        "TemplateService/ReviewTemplate",
        "TemplateService/ApproveTemplate",
        "TemplateService/VerifyBankDocument",
        "TemplateService/ResumeTemplate",
        "LetterVersionService/ReviewLetterVersion",
        "LetterVersionService/ApproveLetterVersion",
        "LetterVersionService/VerifyLetterDocument",
        "LetterVersionService/ResumeLetterVersion",
        "QuantityService/DecideQuantity",
        "MailroomService/ReleaseCare",
        "PolicyService/ActivatePolicy",
        "PersonService/DecideForPerson",
        "PersonService/FetchPersonExport",
        "UserService/CreateUser",
        "UserService/ChangeUser",
        "UserService/ResetUser",
        "UserService/ApproveUser",
        "CallerService/ReactivateCaller",
        "KeyService/ApproveRotation",
    )
)
"""Public rpcs for which the person must have been proven anew a short while ago, whatever the way in."""
RECENT_S = 300.0
"""How long such a proof is fresh."""
NOT_PROVEN_LATELY = "NOT_PROVEN_LATELY"

PUBLIC_SERVICES = tuple(f"outreach.v1.{service}" for service in _ROLES_BY_SERVICE)


def check_roles(method: str, principal: Principal) -> None:
    """Raises Refusal unless one of the principal's roles may call the public rpc."""
    allowed = ROLES.get(method, frozenset())
    if allowed.isdisjoint(principal.roles):
        needed = ", ".join(sorted(allowed)) or "-"
        raise denied(
            f"此操作须有角色 {needed}，令牌中没有。{method} is for these roles; the token has none of them.",
            "ROLE_NOT_ALLOWED",
        )


def check_principal(method: str, principal: Principal) -> None:
    """Raises Refusal unless the principal's role may call the public rpc and, for an approval, the person was proven a
    short while ago."""
    check_roles(method, principal)
    if method in APPROVALS and time.time() - principal.authenticate_time.ToMilliseconds() / 1000 > RECENT_S:
        raise denied(
            f"审批前须在 {RECENT_S / 60:.0f} 分钟内确认过本人：控制台会再问密码；案件系统须先确认员工，再在令牌中 "
            "写明 auth_time。Approvals need a proof of the person of the last minutes: the console asks for it; a "
            "caller has its employee proven, and says when by auth_time in its token.",
            NOT_PROVEN_LATELY,
        )


def check_certificate(method: str, context: grpc.aio.ServicerContext[Any, Any]) -> None:
    """How a service behind mutual TLS authorizes: raises Refusal unless the caller's certificate may call the service
    and, for a public rpc that the gateway hands on, the principal may.
    """
    service = method[1:].partition("/")[0]
    if service in OPEN_SERVICES:
        return
    names = context.auth_context().get("x509_common_name", ())
    if CERTIFICATES.get(service, frozenset()).isdisjoint(name.decode() for name in names):
        raise denied(
            f"此证书不可调用 {service}。It is not for this certificate.",
            "CERTIFICATE_NOT_ALLOWED",
        )
    if method in ROLES:
        check_principal(method, principal_of(context))
