"""The commands of callers: what they ask for, and what they show."""

from __future__ import annotations

import json

from outreach.v1.caller_service_pb2 import (
    Caller,
    CallerDeactivation,
    CallerOutreach,
    CallerRegistration,
    CallerWork,
    DeactivateCallerResponse,
    GetCallerResponse,
    ListCallersResponse,
    ReactivateCallerResponse,
)
from outreach.v1.common_pb2 import State
from outreach.v1.outreach_service_pb2 import Channel
from outreach.v1.user_service_pb2 import WaitingItem
from tests.fakes.gateway import FakeGateway
from tests.unit.cli.conftest import Run

REGISTRATION = CallerRegistration(active=True, roles=["case_system"], bank_ids=["demo-bank"])
SHUT_OUT = Caller(
    caller_id="cases",
    registration=REGISTRATION,
    deactivation=CallerDeactivation(deactivated_by="agency/operator-1", reason="key leaked"),
)
WORK = CallerWork(
    outreach=[
        CallerOutreach(bank_id="demo-bank", channel=Channel.CHANNEL_SMS, state=State.STATE_ADMITTED, count=42),
    ],
    waiting=[WaitingItem(kind="hold_lift", id="h1", bank_id="demo-bank")],
)


def test_a_caller_is_shut_out(gateway: FakeGateway, run: Run) -> None:
    """Name and reason are sent; by whom, why and what goes on is shown. Without a reason nothing is sent."""
    gateway.answers["DeactivateCaller"] = lambda request: DeactivateCallerResponse(caller=SHUT_OUT, work=WORK)
    shown = run("caller", "deactivate", "cases", "--reason", "key leaked").stdout
    (request,) = gateway.asked("DeactivateCaller")
    assert (request.caller_id, request.reason) == ("cases", "key leaked")
    for word in ("已停用 DEACTIVATED", "agency/operator-1", "key leaked", "SMS", "ADMITTED", "42", "hold_lift"):
        assert word in shown
    assert run("caller", "deactivate", "cases").exit_code == 2


def test_a_caller_is_let_in_again(gateway: FakeGateway, run: Run) -> None:
    """It is active once more, in JSON too."""
    back = Caller(caller_id="cases", registration=REGISTRATION)
    gateway.answers["ReactivateCaller"] = lambda request: ReactivateCallerResponse(caller=back)
    assert "可用 ACTIVE" in run("caller", "reactivate", "cases", "--reason", "key changed").stdout
    answer = json.loads(run("caller", "reactivate", "cases", "--reason", "key changed", "--json").stdout)
    assert answer["caller"]["registration"]["active"] is True
    assert [one.reason for one in gateway.asked("ReactivateCaller")] == ["key changed"] * 2


def test_callers_are_listed(gateway: FakeGateway, run: Run) -> None:
    """Each with its state, also one that the file shuts out; one is shown with what is under way."""
    inactive = Caller(caller_id="old-cases", registration=CallerRegistration(roles=["case_system"]))
    gateway.answers["ListCallers"] = lambda request: ListCallersResponse(callers=[SHUT_OUT, inactive])
    shown = run("caller", "list").stdout
    assert all(word in shown for word in ("cases", "DEACTIVATED", "old-cases", "INACTIVE", "case_system"))
    gateway.answers["GetCaller"] = lambda request: GetCallerResponse(caller=SHUT_OUT, work=WORK)
    assert "42" in run("caller", "show", "cases").stdout
    assert [one.caller_id for one in gateway.asked("GetCaller")] == ["cases"]
