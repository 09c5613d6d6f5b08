"""How commands end that cannot do what they were asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from outreach.cli.addresses import read_addresses, write_addresses
from outreach.cli.main import app
from outreach.client import Identity, write_identity
from outreach.domain.errors import Kind, Refusal
from outreach.runtime.config import Settings
from tests.fakes.gateway import FakeGateway
from tests.unit.cli.conftest import Run


def test_a_refusal_is_a_line_with_field_and_way_out(gateway: FakeGateway, run: Run) -> None:
    """Exit code 1, field and message on stderr, the further violations under it, nothing on stdout."""
    violations = (("reason", "must not be empty"), ("bank_id", "unknown bank"))
    gateway.refusals = [Refusal(Kind.INVALID, "must not be empty", violations=violations)]
    ended = run("hold", "request-lift", "h-1", "--reason", "")
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert "reason: must not be empty" in ended.stderr
    assert "bank_id: unknown bank" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_refusal_is_json_for_programs(gateway: FakeGateway, run: Run) -> None:
    """With --json the error is a document with stable keys, on stderr."""
    gateway.refusals = [Refusal(Kind.PRECONDITION, "not reviewed yet", reason="NOT_REVIEWED")]
    error = json.loads(run("hold", "approve-lift", "h-1", "--json").stderr)["error"]
    assert (error["reason"], error["message"]) == ("NOT_REVIEWED", "not reviewed yet")
    assert error.keys() == {"reason", "field", "message", "retry_after_s", "violations"}


def test_a_crash_leaves_a_report_without_data(gateway: FakeGateway, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect of ours shows no traceback but a file, and that holds where it happened and no argument's value."""
    monkeypatch.setattr("outreach.cli.holds.plain", lambda message: {"": 1}["13800005678"])
    ended = run("hold", "approve-lift", "h-13800005678")
    assert ended.exit_code == 1
    assert "Traceback" not in ended.stderr
    (path,) = (gateway.state_dir / "incidents").iterdir()
    assert str(path) in ended.stderr
    document = json.loads(path.read_text())
    assert (document["error"], document["command"]) == ("KeyError", "approve-lift")
    assert "13800005678" not in path.read_text()


def test_nobody_answers(tmp_path: Path, gateway: FakeGateway, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address where nothing listens, and a folder without installation, are told with the way out."""
    monkeypatch.setattr("outreach.cli.session._CONNECT_TIMEOUT_S", 0.3)
    assert "make run" in CliRunner().invoke(app, ["summary", "--state-dir", str(tmp_path / "none")]).stderr
    wrong = ["summary", "--address", "127.0.0.1:1", "--state-dir", str(gateway.state_dir)]
    ended = CliRunner().invoke(app, wrong)
    assert ended.exit_code == 1
    assert "127.0.0.1:1" in ended.stderr


def test_an_installation_is_found_by_its_folder(gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the folder alone a command finds the gateway on its port; variables and options go before the file."""
    settings = Settings(state_dir=gateway.state_dir, gateway_address=gateway.address, nats_url="nats://127.0.0.1:1")
    write_addresses(settings)
    monkeypatch.setattr("outreach.cli.session._CONNECT_TIMEOUT_S", 0.3)
    arguments = ["summary", "--state-dir", str(gateway.state_dir)]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert CliRunner(env={"OUTREACH_STATE_DIR": str(gateway.state_dir)}).invoke(app, ["summary"]).exit_code == 0
    assert CliRunner(env={"OUTREACH_GATEWAY_ADDRESS": "127.0.0.1:1"}).invoke(app, arguments).exit_code == 1
    assert CliRunner().invoke(app, [*arguments, "--address", "127.0.0.1:1"]).exit_code == 1
    assert read_addresses(gateway.state_dir)["OUTREACH_NATS_URL"] == "nats://127.0.0.1:1"


def test_who_acts_must_be_clear(gateway: FakeGateway, run: Run) -> None:
    """With several identities one must be named, and the bank too where an identity speaks of several."""
    other = Identity("caller-1", "clerk", ("operator",), ("a-bank", "b-bank"), gateway.identity.private_key)
    write_identity(gateway.state_dir, "other", other)
    ended = run("summary")
    assert ended.exit_code == 1
    assert "all, other" in ended.stderr
    ended = run("summary", "--as", "other")
    assert "a-bank, b-bank" in ended.stderr
    assert run("summary", "--as", "all").exit_code == 0
    assert "none.json" in run("summary", "--as", "none").stderr.replace("\n", "")


def test_usage_errors_are_code_2(run: Run) -> None:
    """A missing option and an unknown value are usage errors."""
    assert run("cancel").exit_code == 2
    assert run("hold", "place", "--account", "6", "--kind", "anger", "--reason", "x").exit_code == 2
