"""outreach submit, against a fake gateway over real gRPC."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from outreach.domain.errors import Kind, Refusal
from outreach.v1.common_pb2 import Finding, State
from outreach.v1.outreach_service_pb2 import Decision, ItemError, ItemResult, PreflightResponse, SubmitBatchResponse
from tests.fakes.gateway import FakeGateway
from tests.unit.cli.conftest import Run

HEADER = "request_id,bank_id,account_number,phone_number,template_name"


def decide(request: Any) -> SubmitBatchResponse:
    """Blocks r-2, does not take r-3, admits the others."""
    blocked = Finding(code="QUIET_HOURS", reason="contact is allowed from 08:00")
    results = []
    for item in request.items:
        if item.request_id == "r-3":
            results.append(ItemResult(error=ItemError(code=3, message="phone_number: too long", field="phone_number")))
            continue
        state = State.STATE_BLOCKED if item.request_id == "r-2" else State.STATE_ADMITTED
        findings = [blocked] if state == State.STATE_BLOCKED else []
        decision = Decision(outreach_id=f"o-{item.request_id}", state=state, findings=findings)
        results.append(ItemResult(decision=decision))
    return SubmitBatchResponse(results=results)


def case_file(tmp_path: Path, *request_ids: str, extra: str = "") -> Path:
    path = tmp_path / "cases.csv"
    rows = [f"{request_id},demo-bank,6222001,13800005678,due-reminder" for request_id in request_ids]
    path.write_text("\n".join((HEADER, *rows)) + "\n" + extra)
    return path


def results(path: Path) -> list[dict[str, str]]:
    with path.with_name(path.name + ".results.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_each_line_gets_its_answer(gateway: FakeGateway, run: Run, tmp_path: Path) -> None:
    """Every line of the file is answered in the results file and counted; what was not taken is listed, exit code 1."""
    gateway.answers["SubmitBatch"] = decide
    path = case_file(tmp_path, "r-1", "r-2", "r-3", extra="r-4,demo-bank\n")
    ended = run("submit", path, "--json")
    assert ended.exit_code == 1
    document = json.loads(ended.stdout)
    assert document["outcomes"] == {"ADMITTED": 1, "BLOCKED": 1, "BROKEN": 1, "ERROR": 1}
    assert document["codes"] == {"INVALID_ARGUMENT": 1, "QUIET_HOURS": 1}
    assert [bad["line"] for bad in document["bad_lines"]] == [5, 4]
    answered = {row["request_id"]: row for row in results(path)}
    assert answered["r-1"]["outreach_id"] == "o-r-1"
    assert (answered["r-2"]["outcome"], answered["r-2"]["codes"]) == ("BLOCKED", "QUIET_HOURS")
    assert answered["r-3"]["reason"] == "phone_number: too long"
    assert answered[""]["outcome"] == "BROKEN"


def test_an_xlsx_file_is_submitted_and_resumed(gateway: FakeGateway, run: Run, tmp_path: Path) -> None:
    """As with CSV: answers beside the file, bad cells named, and a second run sends only what is not decided."""
    gateway.answers["SubmitBatch"] = decide
    book = Workbook()
    for row in (HEADER.split(","), ["r-1", "demo-bank", 6222001, 13800005678, "due"], ["r-2", "b", 1e20, 1, "due"]):
        book.worksheets[0].append(row)
    path = tmp_path / "cases.xlsx"
    book.save(path)
    ended = run("submit", path)
    assert ended.exit_code == 1
    assert "C3 account_number" in ended.stdout
    assert [row["outcome"] for row in results(path)] == ["BROKEN", "ADMITTED"]
    (request,) = gateway.asked("SubmitBatch")
    assert (request.items[0].account_number, request.items[0].phone_number) == ("6222001", "13800005678")
    assert json.loads(run("submit", path, "--json").stdout)["answered_earlier"] == 1
    assert len(gateway.asked("SubmitBatch")) == 1


def test_the_results_file_runs_no_formula(gateway: FakeGateway, run: Run, tmp_path: Path) -> None:
    """What a line holds that was not taken cannot come alive when the results are opened in a spreadsheet."""
    gateway.answers["SubmitBatch"] = lambda request: SubmitBatchResponse(
        results=[ItemResult(error=ItemError(code=3, message="request_id: bad")) for _ in request.items]
    )
    path = case_file(tmp_path, "=cmd|' /C calc'!A0")
    run("submit", path)
    assert [row["request_id"] for row in results(path)] == ["'=cmd|' /C calc'!A0"]


def test_a_second_run_sends_only_what_is_not_answered(gateway: FakeGateway, run: Run, tmp_path: Path) -> None:
    """Decided lines are not sent again; lines that were mended are, and the results file keeps one row per line."""
    gateway.answers["SubmitBatch"] = decide
    run("submit", case_file(tmp_path, "r-1", "r-2", "r-3"))
    gateway.requests.clear()
    path = case_file(tmp_path, "r-1", "r-2", "r-3b", "r-5")
    ended = run("submit", path, "--json")
    assert ended.exit_code == 0
    assert json.loads(ended.stdout)["answered_earlier"] == 2
    assert [item.request_id for request in gateway.asked("SubmitBatch") for item in request.items] == ["r-3b", "r-5"]
    assert [row["request_id"] for row in results(path)] == ["r-1", "r-2", "r-3b", "r-5"]


def test_a_run_that_was_cut_off_goes_on(gateway: FakeGateway, run: Run, tmp_path: Path) -> None:
    """After a failure the answered batches are in the file; a torn last row counts as not answered."""

    def second_batch_fails(request: Any) -> SubmitBatchResponse:
        if request.items[0].request_id != "r-0":
            raise Refusal(Kind.DENIED, "no more")
        return decide(request)

    gateway.answers["SubmitBatch"] = second_batch_fails
    path = case_file(tmp_path, *(f"r-{number}" for number in [0, *range(10, 1510)]))
    ended = run("submit", path)
    assert (ended.exit_code, len(results(path))) == (1, 1000)
    assert "no more" in ended.stderr
    with path.with_name(path.name + ".results.csv").open("a") as file:
        file.write("1002,r-1510,ADMI")
    gateway.answers["SubmitBatch"] = decide
    gateway.requests.clear()
    assert run("submit", path).exit_code == 0
    assert sum(len(request.items) for request in gateway.asked("SubmitBatch")) == 501
    assert len(results(path)) == 1501


def test_a_busy_gateway_is_waited_for(gateway: FakeGateway, run: Run, tmp_path: Path) -> None:
    """A rate limit in between costs time, not lines."""
    gateway.answers["SubmitBatch"] = decide
    gateway.refusals = [Refusal(Kind.EXHAUSTED, "slow down", retry_after_s=0.1)]
    assert run("submit", case_file(tmp_path, "r-1")).exit_code == 0


def test_the_summary_is_a_table(gateway: FakeGateway, run: Run, tmp_path: Path) -> None:
    """A person sees states and rules in Chinese beside their codes, and no personal data."""
    gateway.answers["SubmitBatch"] = decide
    ended = run("submit", case_file(tmp_path, "r-1", "r-2"))
    assert "已拦截 BLOCKED" in ended.stdout
    assert "免打扰时段 QUIET_HOURS" in ended.stdout
    assert "13800005678" not in ended.stdout


@pytest.mark.parametrize("name", ["missing.csv", "."])
def test_a_file_that_cannot_be_read_is_named(run: Run, tmp_path: Path, name: str) -> None:
    """No traceback for a file that is not there or is a folder."""
    ended = run("submit", tmp_path / name)
    assert ended.exit_code == 1
    assert str(tmp_path) in ended.stderr


def test_preflight_shows_the_decision(gateway: FakeGateway, run: Run) -> None:
    """The options become the item; the masked text and every finding are shown."""
    decision = Decision(state=State.STATE_BLOCKED, findings=[Finding(code="NOT_PLACED", reason="not placed")])
    gateway.answers["Preflight"] = lambda request: PreflightResponse(
        decision=decision, masked_text="张*您好", segments=1
    )
    options = ("--account", "6222001", "--phone", "13800005678", "--template", "due", "--var", "hotline=95588")
    ended = run("preflight", *options)
    assert "张*您好" in ended.stdout
    assert "未委案 NOT_PLACED" in ended.stdout
    (request,) = gateway.asked("Preflight")
    assert (request.item.bank_id, dict(request.item.variables)) == ("demo-bank", {"hotline": "95588"})
    assert run("preflight", "--not-before", "tomorrow").exit_code == 1
    assert run("preflight", "--var", "x").exit_code == 2
