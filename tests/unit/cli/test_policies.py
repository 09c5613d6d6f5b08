"""The commands of policies: simulating a draft, and what is shown of it."""

from __future__ import annotations

import json

import pytest

from outreach.v1.outreach_service_pb2 import Channel
from outreach.v1.policy_service_pb2 import (
    GetPolicyResponse,
    PolicyOutcome,
    PolicySimulation,
    PolicyVersion,
    SimulatedCell,
    SimulatedChannel,
    SimulatedCode,
    SimulatePolicyResponse,
    SimulationProgress,
)
from outreach.v1.template_service_pb2 import GetTemplateResponse, Template, TemplateState
from tests.fakes.gateway import FakeGateway
from tests.unit.cli.conftest import Run

THROUGH, HELD, UNKNOWN = (
    PolicyOutcome.POLICY_OUTCOME_LET_THROUGH,
    PolicyOutcome.POLICY_OUTCOME_HELD,
    PolicyOutcome.POLICY_OUTCOME_UNKNOWN,
)
MADE = PolicySimulation(
    bank_id="demo-bank",
    version=3,
    made_by="agency/maker-1",
    channels=[
        SimulatedChannel(
            channel=Channel.CHANNEL_SMS,
            requests=45,
            cells=[
                SimulatedCell(happened=THROUGH, would=THROUGH, requests=30),
                SimulatedCell(happened=THROUGH, would=HELD, requests=12, outreach_ids=["01AAA", "01BBB"]),
                SimulatedCell(happened=THROUGH, would=UNKNOWN, requests=3),
            ],
            codes=[
                SimulatedCode(code="QUIET_HOURS", happened=5, would=17, added=12, outreach_ids=["01AAA"]),
                SimulatedCode(code="NOT_AFTER", unknown=3),
                SimulatedCode(code="NOT_PLACED", happened=4, would=4),
            ],
        ),
        SimulatedChannel(channel=Channel.CHANNEL_LETTER),
    ],
)


@pytest.fixture
def simulating(gateway: FakeGateway) -> FakeGateway:
    """Tells how far it is, then the result."""
    parts = [
        SimulatePolicyResponse(progress=SimulationProgress(done=20, total=45)),
        SimulatePolicyResponse(simulation=MADE),
    ]
    gateway.answers["SimulatePolicy"] = lambda request: parts
    return gateway


def test_a_simulation_is_shown_as_a_matrix_with_what_changes(simulating: FakeGateway, run: Run) -> None:
    """Chinese first; only rules that change, and some requests of each change; no channel without requests."""
    shown = run("policy", "simulate", 3, "--since", "12h").stdout
    (request,) = simulating.asked("SimulatePolicy")
    assert (request.bank_id, request.version, request.period.seconds) == ("demo-bank", 3, 12 * 3600)
    for told in ("短信 SMS (45)", "等待 HELD", "无法判断 UNKNOWN", "免打扰时段 QUIET_HOURS", "+12", "01AAA  01BBB"):
        assert told in shown, shown
    assert "要求的等待超过期限 NOT_AFTER" in shown
    assert "NOT_PLACED" not in shown
    assert "LETTER" not in shown


def test_a_program_gets_the_whole_simulation(simulating: FakeGateway, run: Run) -> None:
    """As ProtoJSON, without progress; thirty days back if nothing is said."""
    told = json.loads(run("policy", "simulate", 3, "--json").stdout)
    assert simulating.asked("SimulatePolicy")[0].period.seconds == 30 * 86_400
    assert [cell["requests"] for cell in told["channels"][0]["cells"]] == ["30", "12", "3"]
    assert told["channels"][0]["codes"][0]["outreach_ids"] == ["01AAA"]


@pytest.mark.parametrize("since", ["0d", "30", "a month", "-3d", "3w"])
def test_a_period_is_written_as_days_hours_or_minutes(simulating: FakeGateway, run: Run, since: str) -> None:
    """Anything else is refused before the gateway is asked."""
    result = run("policy", "simulate", 3, f"--since={since}")
    assert result.exit_code == 2
    assert simulating.asked("SimulatePolicy") == []


def test_a_version_is_shown_with_its_last_simulation(gateway: FakeGateway, run: Run) -> None:
    """Whoever is to activate it sees the numbers."""
    version = PolicyVersion(bank_id="demo-bank", version=3)
    version.policy.approval_life_days = 365
    gateway.answers["GetPolicy"] = lambda request: GetPolicyResponse(version=version, simulation=MADE)
    shown = run("policy", "show", "--version", 3).stdout
    assert "365" in shown
    assert "短信 SMS (45)" in shown
    assert json.loads(run("policy", "show", "--json").stdout)["version"] == "3"


def test_a_renewal_is_asked_for_and_rejected_at_its_gate(gateway: FakeGateway, run: Run) -> None:
    """What is shown says until when the approval lasts; a rejection goes to the gate where the renewal stands."""
    template = Template(digest="a" * 64, state=TemplateState.TEMPLATE_STATE_APPROVED, approval_days_left=12)
    template.content.bank_id = "demo-bank"
    template.approved_until.FromJsonString("2026-12-06T04:00:00Z")
    template.renewal.state, template.renewal.drafted_by = TemplateState.TEMPLATE_STATE_DRAFT, "agency/ann"
    gateway.answers["GetTemplate"] = lambda request: GetTemplateResponse(template=template)
    assert run("template", "renew", "a" * 64).exit_code == 0
    assert gateway.asked("RenewTemplate")[0].digest == "a" * 64
    shown = run("template", "show", "a" * 64).stdout
    assert "12 days left" in shown
    assert "待内审 DRAFT  agency/ann" in shown
    assert run("template", "reject", "a" * 64, "--comment", "no").exit_code == 0
    assert len(gateway.asked("ReviewTemplate")) == 1
