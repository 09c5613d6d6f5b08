from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from approval_service import wall_clock
from approval_service.authority import Authority
from approval_service.servers.holds import HoldServer
from approval_service.servers.ledger import LedgerServer
from approval_service.servers.letter_versions import LetterVersionServer
from approval_service.servers.operations import OperationsServer
from approval_service.servers.policies import PolicyServer
from approval_service.servers.quantities import QuantityServer
from approval_service.servers.templates import TemplateServer
from outreach.domain.errors import Kind
from outreach.runtime.access import check_roles
from outreach.runtime.server import Context, running
from outreach.runtime.tokens import principal_metadata, principal_of
from outreach.v1 import (
    hold_service_pb2 as hold,
)
from outreach.v1 import (
    hold_service_pb2_grpc,
    ledger_service_pb2_grpc,
    letter_version_service_pb2_grpc,
    operations_service_pb2_grpc,
    policy_service_pb2_grpc,
    quantity_service_pb2_grpc,
    template_service_pb2_grpc,
)
from outreach.v1 import (
    ledger_service_pb2 as ledger,
)
from outreach.v1 import (
    letter_version_service_pb2 as letter,
)
from outreach.v1 import (
    operations_service_pb2 as ops,
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
from outreach.v1.common_pb2 import STATE_SENT
from tests.service.approval_service.letters import NAME, letter_content, letter_review
from tests.service.approval_service.world import BANK, CALLER, World, content, principal

REGISTER: tuple[tuple[Any, Any], ...] = (
    (hold_service_pb2_grpc.add_HoldServiceServicer_to_server, HoldServer),
    (ledger_service_pb2_grpc.add_LedgerServiceServicer_to_server, LedgerServer),
    (letter_version_service_pb2_grpc.add_LetterVersionServiceServicer_to_server, LetterVersionServer),
    (quantity_service_pb2_grpc.add_QuantityServiceServicer_to_server, QuantityServer),
    (operations_service_pb2_grpc.add_OperationsServiceServicer_to_server, OperationsServer),
    (policy_service_pb2_grpc.add_PolicyServiceServicer_to_server, PolicyServer),
    (template_service_pb2_grpc.add_TemplateServiceServicer_to_server, TemplateServer),
)


class Client:
    """Calls the services over a real socket, as an employee with roles."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.templates: Any = template_service_pb2_grpc.TemplateServiceStub(channel)
        self.letters: Any = letter_version_service_pb2_grpc.LetterVersionServiceStub(channel)
        self.quantities: Any = quantity_service_pb2_grpc.QuantityServiceStub(channel)
        self.policies: Any = policy_service_pb2_grpc.PolicyServiceStub(channel)
        self.holds: Any = hold_service_pb2_grpc.HoldServiceStub(channel)
        self.operations: Any = operations_service_pb2_grpc.OperationsServiceStub(channel)
        self.ledger: Any = ledger_service_pb2_grpc.LedgerServiceStub(channel)


def by(employee: str, *roles: str, banks: tuple[str, ...] = (BANK,)) -> dict[str, Any]:
    return {"metadata": principal_metadata(principal(employee, banks=banks, roles=roles))}


def _authorize(method: str, context: Context) -> None:
    check_roles(method, principal_of(context))


@pytest.fixture
async def client(world: World) -> AsyncIterator[Client]:
    def register(server: grpc.aio.Server) -> None:
        for add, servicer in REGISTER:
            add(servicer(world.authority), server)

    credentials = grpc.local_server_credentials()
    async with (
        running("127.0.0.1:0", credentials, services=(), register=register, authorize=_authorize) as server,
        grpc.aio.secure_channel(f"127.0.0.1:{server.port}", grpc.local_channel_credentials()) as channel,
    ):
        yield Client(channel)


async def test_a_version_goes_its_way_over_the_wire(client: Client) -> None:
    """Drafted, linted, reviewed, approved, filed, suspended, resumed, retired, shown and listed by gRPC."""
    drafted = await client.templates.DraftTemplate(
        template.DraftTemplateRequest(content=content()), **by("ann", "drafter")
    )
    digest = drafted.template.digest
    linted = await client.templates.LintTemplate(
        template.LintTemplateRequest(content=content()), **by("ann", "drafter")
    )
    assert linted.digest == digest
    passed: dict[str, Any] = {"digest": digest, "pass": True}
    await client.templates.ReviewTemplate(template.ReviewTemplateRequest(**passed), **by("ben", "reviewer"))
    approval = template.ApproveTemplateRequest(digest=digest, approve=True)
    await client.templates.ApproveTemplate(approval, **by("cat", "bank_approver"))
    filing = template.Filing(carrier_id="c", template_code="1", registered_text="x", state=template.Filing.STATE_PASSED)
    filed = template.RecordFilingRequest(digest=digest, filing=filing)
    assert not (await client.templates.RecordFiling(filed, **by("eve", "operator"))).usable
    suspension = template.SuspendTemplateRequest(digest=digest, reason="r")
    await client.templates.SuspendTemplate(suspension, **by("ben", "reviewer"))
    await client.templates.ResumeTemplate(
        template.ResumeTemplateRequest(digest=digest, reason="r"), **by("cat", "reviewer")
    )
    await client.templates.RetireTemplate(
        template.RetireTemplateRequest(digest=digest, reason="r"), **by("cat", "reviewer")
    )
    shown = await client.templates.GetTemplate(template.GetTemplateRequest(digest=digest), **by("dan", "inspector"))
    assert shown.template.state == template.TEMPLATE_STATE_RETIRED
    listed = await client.templates.ListTemplates(template.ListTemplatesRequest(bank_id=BANK), **by("dan", "inspector"))
    assert list(listed.templates) == [shown.template]


async def test_the_banks_document_goes_its_way_over_the_wire(client: Client) -> None:
    """Entered by one and verified by another."""
    drafted = await client.templates.DraftTemplate(
        template.DraftTemplateRequest(content=content()), **by("ann", "drafter")
    )
    digest = drafted.template.digest
    passed: dict[str, Any] = {"digest": digest, "pass": True}
    await client.templates.ReviewTemplate(template.ReviewTemplateRequest(**passed), **by("ben", "reviewer"))
    document = template.BankDocument(reference="r", date="2026-11-20", scan_sha256="0" * 64)
    entry = template.RecordBankDocumentRequest(digest=digest, document=document)
    await client.templates.RecordBankDocument(entry, **by("cat", "drafter"))
    verification = template.VerifyBankDocumentRequest(digest=digest, document=document)
    verified = await client.templates.VerifyBankDocument(verification, **by("dan", "reviewer"))
    assert verified.template.state == template.TEMPLATE_STATE_APPROVED


async def test_a_letter_version_goes_its_way_over_the_wire(client: Client) -> None:
    """Drafted, linted, reviewed, approved, suspended, resumed, retired, shown and listed by gRPC; another one by the
    bank's document."""
    made = letter_content()
    drafting = letter.DraftLetterVersionRequest(content=made)
    digest = (await client.letters.DraftLetterVersion(drafting, **by("ann", "drafter"))).version.digest
    linting = letter.LintLetterVersionRequest(content=made)
    assert (await client.letters.LintLetterVersion(linting, **by("ann", "drafter"))).digest == digest
    await client.letters.ReviewLetterVersion(letter_review(digest), **by("ben", "reviewer"))
    approval = letter.ApproveLetterVersionRequest(digest=digest, approve=True)
    await client.letters.ApproveLetterVersion(approval, **by("cat", "bank_approver"))
    reason: dict[str, Any] = {"digest": digest, "reason": "r"}
    await client.letters.SuspendLetterVersion(letter.SuspendLetterVersionRequest(**reason), **by("ben", "reviewer"))
    await client.letters.ResumeLetterVersion(letter.ResumeLetterVersionRequest(**reason), **by("cat", "reviewer"))
    await client.letters.RetireLetterVersion(letter.RetireLetterVersionRequest(**reason), **by("cat", "reviewer"))
    found = letter.GetLetterVersionRequest(digest=digest)
    assert (await client.letters.GetLetterVersion(found, **by("dan", "mailroom"))).version.content == made
    listing = letter.ListLetterVersionsRequest(bank_id=BANK)
    listed = await client.letters.ListLetterVersions(listing, **by("dan", "inspector"))
    assert [version.state for version in listed.versions] == [template.TEMPLATE_STATE_RETIRED]

    drafting.content.name = "second-notice"
    digest = (await client.letters.DraftLetterVersion(drafting, **by("ann", "drafter"))).version.digest
    await client.letters.ReviewLetterVersion(letter_review(digest), **by("ben", "reviewer"))
    document = template.BankDocument(reference="r", date="2026-11-20", scan_sha256="0" * 64)
    entry = letter.RecordLetterDocumentRequest(digest=digest, document=document)
    await client.letters.RecordLetterDocument(entry, **by("cat", "drafter"))
    verification = letter.VerifyLetterDocumentRequest(digest=digest, document=document)
    verified = await client.letters.VerifyLetterDocument(verification, **by("dan", "reviewer"))
    assert verified.version.state == template.TEMPLATE_STATE_APPROVED


async def test_quantities_over_the_wire(client: Client) -> None:
    """Asked for, decided and listed by gRPC, each by the role whose task it is."""
    drafting = letter.DraftLetterVersionRequest(content=letter_content())
    digest = (await client.letters.DraftLetterVersion(drafting, **by("ann", "drafter"))).version.digest
    filed = letter_review(digest, filing_number="BA-2026-1")
    await client.letters.ReviewLetterVersion(filed, **by("ben", "reviewer"))
    asking = quantity.AskQuantityRequest(bank_id=BANK, letter_name=NAME, number=5, reason="r")
    asked = (await client.quantities.AskQuantity(asking, **by("ann", "team_lead"))).quantity
    deciding = quantity.DecideQuantityRequest(quantity_id=asked.quantity_id, granted=5)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.quantities.DecideQuantity(deciding, **by("ben", "team_lead"))
    assert caught.value.code().name == Kind.DENIED.value
    granted = (await client.quantities.DecideQuantity(deciding, **by("ben", "administration"))).quantity
    listing = quantity.ListQuantitiesRequest(bank_id=BANK, state=quantity.QUANTITY_STATE_GRANTED)
    assert list((await client.quantities.ListQuantities(listing, **by("dan", "mailroom"))).quantities) == [granted]


async def test_policies_over_the_wire(client: Client) -> None:
    """Drafted, activated, shown and listed by gRPC; a refusal keeps its status."""
    in_force = await client.policies.GetPolicy(policy.GetPolicyRequest(bank_id=BANK), **by("ann", "operator"))
    draft = policy.DraftPolicyRequest(bank_id=BANK, policy=in_force.version.policy)
    drafted = await client.policies.DraftPolicy(draft, **by("ann", "policy_maker"))
    activation = policy.ActivatePolicyRequest(bank_id=BANK, version=drafted.version.version)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.policies.ActivatePolicy(activation, **by("ann", "policy_approver"))
    assert caught.value.code().name == Kind.DENIED.value
    active = await client.policies.ActivatePolicy(activation, **by("ben", "policy_approver"))
    listed = await client.policies.ListPolicies(policy.ListPoliciesRequest(bank_id=BANK), **by("ann", "operator"))
    assert listed.versions[0] == active.version


async def test_holds_marks_and_contacts_over_the_wire(client: Client, world: World) -> None:
    """Every rpc of HoldService answers."""
    await world.place("6001", "13800138001", customer="C1")
    placing = hold.PlaceHoldRequest(bank_id=BANK, account_number="6001", kind=hold.HOLD_KIND_DISPUTE, reason="r")
    placed = await client.holds.PlaceHold(placing, **by("ann", "case_system"))
    hold_id = placed.hold.hold_id
    await client.holds.RequestLift(hold.RequestLiftRequest(hold_id=hold_id, reason="r"), **by("ann", "supervisor"))
    await client.holds.ApproveLift(hold.ApproveLiftRequest(hold_id=hold_id), **by("ben", "supervisor"))
    listed = await client.holds.ListHolds(
        hold.ListHoldsRequest(bank_id=BANK, include_lifted=True), **by("ann", "inspector")
    )
    assert [found.hold_id for found in listed.holds] == [hold_id]
    number = {"bank_id": BANK, "customer_id": "C1", "phone_number": "13800138001", "evidence_reference": "e"}
    confirmed = await client.holds.ConfirmContact(hold.ConfirmContactRequest(**number), **by("ann", "case_system"))
    assert confirmed.resumed == 0
    closing = hold.CloseContactRequest(finding=hold.CloseContactRequest.FINDING_DEAD, **number)
    await client.holds.CloseContact(closing, **by("ann", "case_system"))
    mark = hold.MarkNoContactRequest(
        bank_id=BANK, account_number="6001", reason=hold.NO_CONTACT_REASON_REFUSAL, evidence_reference="e"
    )
    await client.holds.MarkNoContact(mark, **by("ann", "case_system"))


async def test_operations_over_the_wire(client: Client, world: World) -> None:
    """A confirmed jump of the clock lets permits be given again; the clock is set; reports answer."""
    world.authority.guard._offset -= 10
    await wall_clock.watch(world.authority)
    summary = ops.GetSummaryRequest(bank_id=BANK)
    assert (await client.operations.GetSummary(summary, **by("ann", "operator"))).permits_stopped
    reason = ops.ConfirmWallClockRequest(reason="r")
    await client.operations.ConfirmWallClock(reason, **by("ann", "operator", banks=("*",)))
    found = await client.operations.GetSummary(summary, **by("ann", "operator"))
    assert not found.permits_stopped
    setting = ops.SetBusinessClockRequest(time=found.business_time, rate=0)
    await client.operations.SetBusinessClock(setting, **by("ann", "operator", banks=("*",)))
    world.authority.simulated_clock = False
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.operations.SetBusinessClock(setting, **by("ann", "operator", banks=("*",)))
    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    report = ops.GetDailyReportRequest(bank_id=BANK, date="2026-11-24")
    assert (await client.operations.GetDailyReport(report, **by("ann", "operator"))).asked == 0
    listing = ops.ListUnconfirmedRequest(bank_id=BANK)
    assert not (await client.operations.ListUnconfirmed(listing, **by("ann", "operator"))).attempts
    resolving = ops.ResolveUnconfirmedRequest(attempt_id="none", state=STATE_SENT, evidence_reference="e")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.operations.ResolveUnconfirmed(resolving, **by("ann", "operator"))
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    hiring = ops.SetEmployeeRequest(caller_id=CALLER, employee_id="zoe", active=True)
    await client.operations.SetEmployee(hiring, **by("ann", "operator", banks=("*",)))


async def test_the_ledger_over_the_wire(client: Client, authority: Authority) -> None:
    """An export streams entries, then the checkpoint that covers them."""
    everything = by("ann", "inspector", banks=("*",))
    parts = [part async for part in client.ledger.Export(ledger.ExportRequest(), **everything)]
    assert [part.WhichOneof("part") for part in parts] == ["entries", "checkpoint"]
    newest = await client.ledger.GetCheckpoint(ledger.GetCheckpointRequest(), **everything)
    assert (newest.checkpoint, newest.verifier_key) == (parts[-1].checkpoint, authority.signer.verifier_key)
    listed = await client.ledger.ListEntries(ledger.ListEntriesRequest(start_index=-1), **everything)
    assert listed.entries[0] == parts[0].entries.entries[-1]
