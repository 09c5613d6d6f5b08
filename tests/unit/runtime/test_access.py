"""The access table against the contract's descriptors."""

from __future__ import annotations

import importlib
import pkgutil
import time

import pytest

import outreach.v1
from outreach.domain import roles
from outreach.domain.errors import Refusal
from outreach.runtime import access
from outreach.v1.common_pb2 import Principal


def contract() -> dict[str, list[str]]:
    """Every rpc's full name by service, of every module of the contract."""
    services: dict[str, list[str]] = {}
    for module in pkgutil.iter_modules(outreach.v1.__path__):
        if module.name.endswith("_pb2"):
            file = importlib.import_module(f"outreach.v1.{module.name}").DESCRIPTOR
            for service in file.services_by_name.values():
                services[service.full_name] = [f"/{service.full_name}/{method.name}" for method in service.methods]
    return services


def test_every_service_has_a_row_of_certificates() -> None:
    """A service that nobody was thought of for cannot be added to the contract unseen."""
    assert set(access.CERTIFICATES) == set(contract())


def test_every_public_rpc_has_a_row_of_roles_and_no_other_is_listed() -> None:
    """An rpc is either internal as a whole service or has its roles; the table names no rpc that is gone."""
    internal = set(contract()) - set(access.PUBLIC_SERVICES)
    assert internal == {f"outreach.v1.{name}Service" for name in ("Admission", "Archive", "Print", "Session", "Worker")}
    assert set(access.ROLES) == {rpc for service, rpcs in contract().items() if service not in internal for rpc in rpcs}


def test_every_row_names_known_roles() -> None:
    """No rpc is open to nobody, and no role is misspelt."""
    assert all(row and row <= roles.ALL_ROLES for row in access.ROLES.values())


@pytest.mark.parametrize("rpc", [rpc for rpc in access.ROLES if roles.INSPECTOR in access.ROLES[rpc]])
def test_an_inspector_only_reads(rpc: str) -> None:
    """What an inspector may call changes nothing, but for the packs of evidence that the inspector orders."""
    reads = ("Get", "List", "Watch", "Export", "Fetch", "Preview", "Simulate")
    assert rpc.rpartition("/")[2].startswith((*reads, "OrderEvidence", "DropEvidenceOrder"))


_DECIDES = ("Approve", "Activate", "Decide", "Verify", "Review", "Resume", "Reactivate", "Release", "Confirm")
_DECIDES_NOTHING = {
    "HoldService/ConfirmContact": "a mark that a door is open again",
    "HoldService/ConfirmAddress": "likewise",
    "MailroomService/ConfirmPrinted": "a scan",
    "OperationsService/ConfirmWallClock": "what is seen on the wall",
}


def test_every_rpc_that_decides_for_others_needs_a_fresh_proof_of_the_person() -> None:
    """A new one is an approval, or stands here with what it is instead."""
    deciding = {rpc for rpc in access.ROLES if rpc.rpartition("/")[2].startswith(_DECIDES)}
    assert deciding - {f"/outreach.v1.{name}" for name in _DECIDES_NOTHING} <= access.APPROVALS
    assert set(access.ROLES) >= access.APPROVALS


@pytest.mark.parametrize("rpc", sorted(access.APPROVALS))
def test_an_approval_wants_a_proof_of_the_last_minutes(rpc: str) -> None:
    """Never proven, and proven too long ago, is refused; other calls need no proof."""
    principal = Principal(caller_id="c", employee_id="e", roles=[*access.ROLES[rpc], roles.SUPERVISOR])
    for age_s in (None, access.RECENT_S + 1):
        if age_s is not None:
            principal.authenticate_time.FromMilliseconds(int((time.time() - age_s) * 1000))
        with pytest.raises(Refusal, check=lambda refusal: refusal.reason == access.NOT_PROVEN_LATELY):
            access.check_principal(rpc, principal)
        access.check_principal("/outreach.v1.HoldService/ListHolds", principal)
    principal.authenticate_time.FromMilliseconds(int((time.time() - access.RECENT_S / 2) * 1000))
    access.check_principal(rpc, principal)


def test_only_the_gateway_hands_on_public_calls() -> None:
    """No other service can speak in a caller's name."""
    for service in access.PUBLIC_SERVICES:
        assert access.CERTIFICATES[service] == {access.GATEWAY}


@pytest.mark.parametrize(
    ("rpc", "role"),
    [
        ("/outreach.v1.OutreachService/Submit", roles.INSPECTOR),
        ("/outreach.v1.TemplateService/ApproveTemplate", roles.DRAFTER),
        ("/outreach.v1.TemplateService/ApproveTemplate", roles.REVIEWER),
        ("/outreach.v1.PolicyService/ActivatePolicy", roles.POLICY_MAKER),
        ("/outreach.v1.HoldService/ApproveLift", roles.CASE_SYSTEM),
        ("/outreach.v1.BankService/ApplyEvents", roles.CASE_SYSTEM),
        ("/outreach.v1.LedgerService/Export", roles.BANK),
        ("/outreach.v1.WorkerService/Lease", roles.OPERATOR),
    ],
)
def test_a_role_cannot_do_another_s_work(rpc: str, role: str) -> None:
    """The separations that the rules demand hold in the table."""
    with pytest.raises(Refusal, match="for these roles"):
        access.check_roles(rpc, Principal(caller_id="c", roles=[role]))
