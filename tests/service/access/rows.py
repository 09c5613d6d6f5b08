"""A row for every public rpc: a plausible request about something that one bank has. A new rpc needs a row."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from approval_service import key_rotation
from outreach.v1 import (
    bank_service_pb2 as bank,
)
from outreach.v1 import (
    caller_service_pb2 as caller,
)
from outreach.v1 import (
    evidence_service_pb2 as evidence,
)
from outreach.v1 import (
    hold_service_pb2 as hold,
)
from outreach.v1 import (
    key_service_pb2 as key,
)
from outreach.v1 import (
    ledger_service_pb2 as ledger,
)
from outreach.v1 import (
    letter_service_pb2 as preview,
)
from outreach.v1 import (
    letter_version_service_pb2 as letter,
)
from outreach.v1 import (
    mailroom_service_pb2 as mailroom,
)
from outreach.v1 import (
    operations_service_pb2 as ops,
)
from outreach.v1 import (
    outreach_service_pb2 as outreach,
)
from outreach.v1 import (
    person_service_pb2 as person,
)
from outreach.v1 import (
    policy_service_pb2 as policy,
)
from outreach.v1 import (
    quantity_service_pb2 as quantity,
)
from outreach.v1 import (
    template_service_pb2 as template,
)
from outreach.v1 import (
    user_service_pb2 as user,
)
from outreach.v1.common_pb2 import STATE_SENT
from tests.service.access.bank_a import DOCUMENT, BankA
from tests.service.approval_service.letters import NAME, letter_content, submit_letters
from tests.service.approval_service.mailroom import ORDINARY, address_of
from tests.service.approval_service.world import BANK, CALLER, content, phone_of


class Reach(Enum):
    """Whose token may make the call."""

    BANK = "one that speaks for the bank"
    ALL = "one that speaks for all banks"
    ANY = "any: it concerns no bank"


@dataclass(frozen=True)
class Row:
    """How to ask."""

    make: Callable[[BankA], Awaitable[Any]]
    reach: Reach = Reach.BANK


ROWS: dict[str, Row] = {}
"""By `Service/Rpc`."""


def row(name: str, reach: Reach = Reach.BANK) -> Callable[[Callable[[BankA], Awaitable[Any]]], None]:
    def enter(make: Callable[[BankA], Awaitable[Any]]) -> None:
        ROWS[name] = Row(make, reach)

    return enter


def fixed(name: str, request: Any, reach: Reach = Reach.BANK) -> None:
    """A row whose request needs nothing made before."""

    async def make(a: BankA) -> Any:
        return request

    ROWS[name] = Row(make, reach)


@row("OutreachService/Submit")
async def _(a: BankA) -> Any:
    return outreach.SubmitRequest(item=await a.item())


@row("OutreachService/SubmitBatch")
async def _(a: BankA) -> Any:
    return outreach.SubmitBatchRequest(items=[await a.item()])


@row("OutreachService/Preflight")
async def _(a: BankA) -> Any:
    return outreach.PreflightRequest(item=await a.item())


@row("OutreachService/SubmitLetters")
async def _(a: BankA) -> Any:
    return outreach.SubmitLettersRequest(items=[await a.letter_item()])


@row("OutreachService/PreflightLetter")
async def _(a: BankA) -> Any:
    return outreach.PreflightLetterRequest(item=await a.letter_item())


@row("OutreachService/Get")
async def _(a: BankA) -> Any:
    return outreach.GetRequest(outreach_id=await a.outreach_id())


@row("OutreachService/List")
async def _(a: BankA) -> Any:
    await a.outreach_id()
    return outreach.ListRequest(bank_id=BANK)


@row("OutreachService/Cancel")
async def _(a: BankA) -> Any:
    ids = outreach.OutreachIds(ids=[await a.outreach_id()])
    return outreach.CancelRequest(bank_id=BANK, outreach_ids=ids, reason="客户来电说明")


@row("OutreachService/Watch")
async def _(a: BankA) -> Any:
    await a.outreach_id()
    return outreach.WatchRequest(bank_id=BANK, only_past=True)


@row("OutreachService/ListReplies")
async def _(a: BankA) -> Any:
    await a.reply()
    return outreach.ListRepliesRequest(bank_id=BANK)


@row("BankService/ApplyEvents")
async def _(a: BankA) -> Any:
    number = await a.account()
    paid = bank.Repayment(account_number=number, sequence=9, kind=bank.Repayment.KIND_FULL, amount_fen=1)
    event = bank.BankEvent(event_id=f"event-{number}", bank_id=BANK, repayment=paid)
    event.event_time.FromMilliseconds(a.world.now_ms())
    return bank.ApplyEventsRequest(events=[event])


@row("BankService/GetAccount")
async def _(a: BankA) -> Any:
    return bank.GetAccountRequest(bank_id=BANK, account_number=await a.account())


@row("HoldService/PlaceHold")
async def _(a: BankA) -> Any:
    number = await a.account()
    return hold.PlaceHoldRequest(bank_id=BANK, account_number=number, kind=hold.HOLD_KIND_DISPUTE, reason="有异议")


@row("HoldService/RequestLift")
async def _(a: BankA) -> Any:
    return hold.RequestLiftRequest(hold_id=await a.hold(), reason="已说明")


@row("HoldService/ApproveLift")
async def _(a: BankA) -> Any:
    return hold.ApproveLiftRequest(hold_id=await a.hold(lift_requested=True))


@row("HoldService/ListHolds")
async def _(a: BankA) -> Any:
    await a.hold()
    return hold.ListHoldsRequest(bank_id=BANK)


@row("HoldService/MarkNoContact")
async def _(a: BankA) -> Any:
    return hold.MarkNoContactRequest(
        bank_id=BANK,
        account_number=await a.account(),
        reason=hold.NO_CONTACT_REASON_REFUSAL,
        evidence_reference="rec-1",
    )


@row("HoldService/ConfirmContact")
async def _(a: BankA) -> Any:
    number = await a.account()
    return hold.ConfirmContactRequest(
        bank_id=BANK, customer_id=f"CUSTOMER-{number}", phone_number=phone_of(number), evidence_reference="rec-1"
    )


@row("HoldService/CloseContact")
async def _(a: BankA) -> Any:
    number = await a.account()
    return hold.CloseContactRequest(
        bank_id=BANK,
        customer_id=f"CUSTOMER-{number}",
        phone_number=phone_of(number),
        finding=hold.CloseContactRequest.FINDING_NOT_THIS_PERSON,
        evidence_reference="rec-1",
    )


@row("HoldService/ConfirmAddress")
async def _(a: BankA) -> Any:
    number = await a.account()
    return hold.ConfirmAddressRequest(
        bank_id=BANK, customer_id=f"CUSTOMER-{number}", address=address_of(number), evidence_reference="rec-1"
    )


@row("HoldService/MarkAddressBad")
async def _(a: BankA) -> Any:
    number = await a.account()
    return hold.MarkAddressBadRequest(
        bank_id=BANK,
        customer_id=f"CUSTOMER-{number}",
        address=address_of(number),
        reason=hold.BAD_ADDRESS_REASON_MOVED,
        evidence_reference="rec-1",
    )


fixed("HoldService/ListBadAddresses", hold.ListBadAddressesRequest(bank_id=BANK))
fixed("HoldService/CheckAddresses", hold.CheckAddressesRequest(addresses=["某省某市某路1号"]), Reach.ANY)
fixed("TemplateService/DraftTemplate", template.DraftTemplateRequest(content=content(name="drafted-here")))
fixed("TemplateService/LintTemplate", template.LintTemplateRequest(content=content()))


@row("TemplateService/ReviewTemplate")
async def _(a: BankA) -> Any:
    fields: dict[str, Any] = {"digest": await a.template(), "pass": True}
    return template.ReviewTemplateRequest(**fields)


@row("TemplateService/ApproveTemplate")
async def _(a: BankA) -> Any:
    return template.ApproveTemplateRequest(digest=await a.template("reviewed"), approve=True)


@row("TemplateService/RecordBankDocument")
async def _(a: BankA) -> Any:
    return template.RecordBankDocumentRequest(digest=await a.template("reviewed"), document=DOCUMENT)


@row("TemplateService/VerifyBankDocument")
async def _(a: BankA) -> Any:
    return template.VerifyBankDocumentRequest(digest=await a.template("documented"), document=DOCUMENT)


@row("TemplateService/SuspendTemplate")
async def _(a: BankA) -> Any:
    return template.SuspendTemplateRequest(digest=await a.template("approved"), reason="银行要求")


@row("TemplateService/ResumeTemplate")
async def _(a: BankA) -> Any:
    return template.ResumeTemplateRequest(digest=await a.template("suspended"), reason="银行要求")


@row("TemplateService/RetireTemplate")
async def _(a: BankA) -> Any:
    return template.RetireTemplateRequest(digest=await a.template("approved"), reason="银行要求")


@row("TemplateService/RecordFiling")
async def _(a: BankA) -> Any:
    filing = template.Filing(
        carrier_id="aliyun", template_code="SMS_1", registered_text="x", state=template.Filing.STATE_REVIEWING
    )
    return template.RecordFilingRequest(digest=await a.template("approved"), filing=filing)


@row("TemplateService/RenewTemplate")
async def _(a: BankA) -> Any:
    return template.RenewTemplateRequest(digest=await a.template("approved"))


@row("TemplateService/GetTemplate")
async def _(a: BankA) -> Any:
    return template.GetTemplateRequest(digest=await a.template())


fixed("TemplateService/ListTemplates", template.ListTemplatesRequest(bank_id=BANK))
fixed(
    "LetterVersionService/DraftLetterVersion",
    letter.DraftLetterVersionRequest(content=letter_content(name="drafted-here")),
)
fixed("LetterVersionService/LintLetterVersion", letter.LintLetterVersionRequest(content=letter_content()))


@row("LetterVersionService/ReviewLetterVersion")
async def _(a: BankA) -> Any:
    fields: dict[str, Any] = {"digest": await a.letter_version(), "pass": True}
    return letter.ReviewLetterVersionRequest(**fields)


@row("LetterVersionService/ApproveLetterVersion")
async def _(a: BankA) -> Any:
    return letter.ApproveLetterVersionRequest(digest=await a.letter_version("reviewed"), approve=True)


@row("LetterVersionService/RecordLetterDocument")
async def _(a: BankA) -> Any:
    return letter.RecordLetterDocumentRequest(digest=await a.letter_version("reviewed"), document=DOCUMENT)


@row("LetterVersionService/VerifyLetterDocument")
async def _(a: BankA) -> Any:
    return letter.VerifyLetterDocumentRequest(digest=await a.letter_version("documented"), document=DOCUMENT)


@row("LetterVersionService/SuspendLetterVersion")
async def _(a: BankA) -> Any:
    return letter.SuspendLetterVersionRequest(digest=await a.letter_version("authorized"), reason="银行要求")


@row("LetterVersionService/ResumeLetterVersion")
async def _(a: BankA) -> Any:
    return letter.ResumeLetterVersionRequest(digest=await a.letter_version("suspended"), reason="银行要求")


@row("LetterVersionService/RetireLetterVersion")
async def _(a: BankA) -> Any:
    return letter.RetireLetterVersionRequest(digest=await a.letter_version("authorized"), reason="银行要求")


@row("LetterVersionService/RenewLetterVersion")
async def _(a: BankA) -> Any:
    return letter.RenewLetterVersionRequest(digest=await a.letter_version("authorized"))


@row("LetterVersionService/GetLetterVersion")
async def _(a: BankA) -> Any:
    return letter.GetLetterVersionRequest(digest=await a.letter_version())


fixed("LetterVersionService/ListLetterVersions", letter.ListLetterVersionsRequest(bank_id=BANK))
fixed(
    "LetterService/PreviewLetter",
    preview.PreviewLetterRequest(content=letter_content(), values=preview.PREVIEW_VALUES_SAMPLE),
)
fixed(
    "QuantityService/AskQuantity",
    quantity.AskQuantityRequest(bank_id=BANK, letter_name=NAME, number=3, reason="补寄"),
)


@row("QuantityService/DecideQuantity")
async def _(a: BankA) -> Any:
    return quantity.DecideQuantityRequest(quantity_id=await a.quantity(), granted=5)


@row("QuantityService/ListQuantities")
async def _(a: BankA) -> Any:
    await a.quantity()
    return quantity.ListQuantitiesRequest(bank_id=BANK)


@row("MailroomService/GetQueue")
async def _(a: BankA) -> Any:
    return mailroom.GetQueueRequest(bank_id=BANK)


@row("MailroomService/StartRun")
async def _(a: BankA) -> Any:
    await submit_letters(a.world, await a.letter_item())
    return mailroom.StartRunRequest(
        bank_id=BANK, version_digest=a.room.digest, postal_class=ORDINARY, run_request_id="run-of-bank-a"
    )


@row("MailroomService/GetRun")
async def _(a: BankA) -> Any:
    return mailroom.GetRunRequest(run_id=(await a.run())[0])


@row("MailroomService/ListRuns")
async def _(a: BankA) -> Any:
    await a.run()
    return mailroom.ListRunsRequest(bank_id=BANK)


@row("MailroomService/ListLetters")
async def _(a: BankA) -> Any:
    return mailroom.ListLettersRequest(bank_id=BANK, run_id=(await a.run())[0])


@row("MailroomService/FetchRunPdf")
async def _(a: BankA) -> Any:
    return mailroom.FetchRunPdfRequest(run_id=(await a.run())[0], station="room-1")


@row("MailroomService/FetchLetterPdf")
async def _(a: BankA) -> Any:
    return mailroom.FetchLetterPdfRequest(letter_number=(await a.run())[1], reason="投诉核对")


@row("MailroomService/ConfirmPrinted")
async def _(a: BankA) -> Any:
    return mailroom.ConfirmPrintedRequest(letters=mailroom.LetterSelection(letter_numbers=[(await a.run())[1]]))


@row("MailroomService/Spoil")
async def _(a: BankA) -> Any:
    return mailroom.SpoilRequest(letter_number=(await a.run("printed"))[1], reason="卡纸")


@row("MailroomService/Seal")
async def _(a: BankA) -> Any:
    run_id, _ = await a.run("printed")
    return mailroom.SealRequest(letters=mailroom.LetterSelection(run_id=run_id, first_position=1, last_position=1))


@row("MailroomService/Mail")
async def _(a: BankA) -> Any:
    return mailroom.MailRequest(scans=[mailroom.MailScan(letter_number=(await a.run("sealed"))[1])])


@row("MailroomService/Pull")
async def _(a: BankA) -> Any:
    number = (await a.run("printed"))[1]
    return mailroom.PullRequest(letters=mailroom.LetterSelection(letter_numbers=[number]))


@row("MailroomService/RecordAcceptance")
async def _(a: BankA) -> Any:
    run_id, number = await a.run("mailed")
    items = [mailroom.AcceptedItem(letter_number=number)]
    return mailroom.RecordAcceptanceRequest(run_id=run_id, reference="收寄清单1", items=items)


@row("MailroomService/RecordDelivery")
async def _(a: BankA) -> Any:
    items = [mailroom.AcceptedItem(letter_number=(await a.run("mailed"))[1])]
    return mailroom.RecordDeliveryRequest(bank_id=BANK, reference="妥投清单1", items=items)


@row("MailroomService/Return")
async def _(a: BankA) -> Any:
    number = (await a.run("mailed"))[1]
    return mailroom.ReturnRequest(letter_number=number, reason=mailroom.RETURN_REASON_MOVED)


@row("MailroomService/FetchReturnScan")
async def _(a: BankA) -> Any:
    return mailroom.FetchReturnScanRequest(letter_number=await a.returned(), reason="投诉核对")


@row("MailroomService/CloseRun")
async def _(a: BankA) -> Any:
    return mailroom.CloseRunRequest(run_id=(await a.run("mailed"))[0])


@row("MailroomService/ReleaseCare")
async def _(a: BankA) -> Any:
    return mailroom.ReleaseCareRequest(outreach_id=await a.care(), reason="已核对")


@row("PolicyService/DraftPolicy")
async def _(a: BankA) -> Any:
    return policy.DraftPolicyRequest(bank_id=BANK, policy=await a.policy_in_force())


@row("PolicyService/ActivatePolicy")
async def _(a: BankA) -> Any:
    return policy.ActivatePolicyRequest(bank_id=BANK, version=await a.policy())


@row("PolicyService/SimulatePolicy")
async def _(a: BankA) -> Any:
    request = policy.SimulatePolicyRequest(bank_id=BANK, version=await a.policy())
    request.period.FromSeconds(86_400)
    return request


fixed("PolicyService/GetPolicy", policy.GetPolicyRequest(bank_id=BANK))
fixed("PolicyService/ListPolicies", policy.ListPoliciesRequest(bank_id=BANK))
fixed("LedgerService/GetCheckpoint", ledger.GetCheckpointRequest(), Reach.ANY)
fixed("LedgerService/ListEntries", ledger.ListEntriesRequest(start_index=-500, page_size=500), Reach.ALL)
fixed("LedgerService/GetProof", ledger.GetProofRequest(), Reach.ALL)
fixed("LedgerService/Export", ledger.ExportRequest(), Reach.ALL)


@row("EvidenceService/ExportEvidence")
async def _(a: BankA) -> Any:
    return evidence.ExportEvidenceRequest(bank_id=BANK, letter_number=(await a.run("mailed"))[1], purpose="投诉核对")


@row("EvidenceService/OrderEvidence")
async def _(a: BankA) -> Any:
    wanted = evidence.ExportEvidenceRequest(bank_id=BANK, account_number=await a.account(), purpose="投诉核对")
    return evidence.OrderEvidenceRequest(wanted=wanted)


fixed("EvidenceService/ListEvidenceOrders", evidence.ListEvidenceOrdersRequest(), Reach.ANY)


@row("EvidenceService/DropEvidenceOrder")
async def _(a: BankA) -> Any:
    return evidence.DropEvidenceOrderRequest(order_id=await a.evidence_order("own-inspector"))


@row("UserService/CreateUser", Reach.ALL)
async def _(a: BankA) -> Any:
    return user.CreateUserRequest(user_id="made-here", team="t1", roles=["reviewer"], bank_ids=[BANK])


@row("UserService/ChangeUser", Reach.ALL)
async def _(a: BankA) -> Any:
    return user.ChangeUserRequest(user_id=await a.user(), team="t1", roles=["drafter"], bank_ids=[BANK])


@row("UserService/ResetUser", Reach.ALL)
async def _(a: BankA) -> Any:
    return user.ResetUserRequest(user_id=await a.user(approved=True))


@row("UserService/ApproveUser", Reach.ALL)
async def _(a: BankA) -> Any:
    return user.ApproveUserRequest(user_id=await a.user())


@row("UserService/DeactivateUser", Reach.ALL)
async def _(a: BankA) -> Any:
    return user.DeactivateUserRequest(user_id=await a.user(approved=True))


@row("PersonService/GetPerson")
async def _(a: BankA) -> Any:
    return person.GetPersonRequest(bank_id=BANK, account_number=await a.account())


@row("PersonService/RestrictPerson")
async def _(a: BankA) -> Any:
    return person.RestrictPersonRequest(bank_id=BANK, account_number=await a.account(), reason="依法保存")


@row("PersonService/AskForPerson")
async def _(a: BankA) -> Any:
    export = person.PERSON_REQUEST_KIND_EXPORT
    return person.AskForPersonRequest(bank_id=BANK, account_number=await a.account(), kind=export, reason="来函")


@row("PersonService/DecideForPerson")
async def _(a: BankA) -> Any:
    return person.DecideForPersonRequest(request_id=await a.export(), approve=True)


@row("PersonService/ListPersonRequests")
async def _(a: BankA) -> Any:
    await a.export()
    return person.ListPersonRequestsRequest(bank_id=BANK)


@row("PersonService/FetchPersonExport")
async def _(a: BankA) -> Any:
    return person.FetchPersonExportRequest(request_id=await a.export(asked_by="own-operator", approved=True))


fixed("PersonService/GetRetention", person.GetRetentionRequest(bank_id=BANK))


@row("PersonService/AskRetention")
async def _(a: BankA) -> Any:
    await a.due()
    return person.AskRetentionRequest(bank_id=BANK, reason="到期")


@row("PersonService/ReplayErasures", Reach.ALL)
async def _(a: BankA) -> Any:
    return await a.erased()


@row("UserService/ListUsers", Reach.ALL)
async def _(a: BankA) -> Any:
    await a.user()
    return user.ListUsersRequest()


@row("CallerService/ListCallers", Reach.ALL)
async def _(a: BankA) -> Any:
    await a.caller(deactivated=True)
    return caller.ListCallersRequest()


@row("CallerService/GetCaller", Reach.ALL)
async def _(a: BankA) -> Any:
    return caller.GetCallerRequest(caller_id=await a.caller(deactivated=True))


@row("CallerService/DeactivateCaller", Reach.ALL)
async def _(a: BankA) -> Any:
    return caller.DeactivateCallerRequest(caller_id=await a.caller(), reason="私钥疑似泄露")


@row("CallerService/ReactivateCaller", Reach.ALL)
async def _(a: BankA) -> Any:
    return caller.ReactivateCallerRequest(caller_id=await a.caller(deactivated=True), reason="已换钥")


fixed("KeyService/ListKeys", key.ListKeysRequest(), Reach.ALL)
fixed("KeyService/AskRotation", key.AskRotationRequest(kind=key.KEY_KIND_MASTER), Reach.ALL)


@row("KeyService/ApproveRotation", Reach.ALL)
async def _(a: BankA) -> Any:
    kind = key.KEY_KIND_LEDGER
    await a.world.write(key_rotation.ask, "ann", key.AskRotationRequest(kind=kind), banks=["*"])
    return key.ApproveRotationRequest(kind=kind)


fixed("OperationsService/GetSummary", ops.GetSummaryRequest(bank_id=BANK))
fixed("OperationsService/GetDailyReport", ops.GetDailyReportRequest(bank_id=BANK, date="2026-11-24"))


@row("OperationsService/SetBusinessClock", Reach.ALL)
async def _(a: BankA) -> Any:
    request = ops.SetBusinessClockRequest()
    request.time.FromMilliseconds(a.world.now_ms())
    return request


fixed("OperationsService/ConfirmWallClock", ops.ConfirmWallClockRequest(reason="校时"), Reach.ALL)
fixed(
    "OperationsService/SetEmployee",
    ops.SetEmployeeRequest(caller_id=CALLER, employee_id="newcomer", team="t1", active=True),
    Reach.ALL,
)


@row("OperationsService/ListUnconfirmed")
async def _(a: BankA) -> Any:
    await a.unconfirmed()
    return ops.ListUnconfirmedRequest(bank_id=BANK)


@row("OperationsService/ResolveUnconfirmed")
async def _(a: BankA) -> Any:
    return ops.ResolveUnconfirmedRequest(
        attempt_id=await a.unconfirmed(), state=STATE_SENT, evidence_reference="bill-1"
    )
