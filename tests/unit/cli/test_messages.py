"""outreach status, watch and cancel."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from outreach.v1.common_pb2 import Finding, State
from outreach.v1.outreach_service_pb2 import (
    Attempt,
    CancelResponse,
    GetResponse,
    ListResponse,
    Outreach,
    PossiblyLeaving,
    StatusChange,
    WatchResponse,
)
from tests.fakes.gateway import FakeGateway
from tests.unit.cli.conftest import Run


def outreach(number: int = 1) -> Outreach:
    entry = Outreach(outreach_id=f"o-{number}", request_id=f"r-{number}", state=State.STATE_ADMITTED)
    entry.masked_phone_number = "138****5678"
    entry.findings.append(Finding(code="QUIET_HOURS", reason="waits for 08:00", waits=True))
    entry.attempts.append(Attempt(attempt_id="a-1", carrier_id="bank-demo", state=State.STATE_SENT))
    return entry


def test_one_is_shown_in_full(gateway: FakeGateway, run: Run) -> None:
    """By id and by request id: state, rules and attempts; JSON has every key, set or not."""
    gateway.answers["Get"] = lambda request: GetResponse(outreach=outreach())
    shown = run("status", "o-1").stdout
    for word in ("待发 ADMITTED", "免打扰时段 QUIET_HOURS", "138****5678", "a-1", "bank-demo", "已发送 SENT"):
        assert word in shown
    document = json.loads(run("status", "--request", "r-1", "--json").stdout)
    assert (document["outreach_id"], document["state"], document["cause"]) == ("o-1", "STATE_ADMITTED", "")
    assert document.keys() == {field.name for field in Outreach.DESCRIPTOR.fields}
    assert document["due_time"] is document["attempts"][0]["release_time"] is None
    assert [request.WhichOneof("key") for request in gateway.asked("Get")] == ["outreach_id", "request_id"]


def test_a_case_is_listed(gateway: FakeGateway, run: Run) -> None:
    """Lists by case, account and state up to the limit; the bank is the identity's only one."""
    gateway.answers["List"] = lambda request: ListResponse(outreach=map(outreach, range(10)))
    shown = json.loads(run("status", "--case", "c-1", "--state", "sent", "--limit", "3", "--json").stdout)
    assert [entry["outreach_id"] for entry in shown] == ["o-0", "o-1", "o-2"]
    (request,) = gateway.asked("List")
    assert (request.bank_id, request.case_id, request.state) == ("demo-bank", "c-1", State.STATE_SENT)
    assert "138****5678" in run("status", "--account", "6222").stdout
    assert "138****5678" in run("status", "--name", " 王小明").stdout
    assert gateway.asked("List")[-1].masked_name == "王**"
    assert run("status", "--state", "lost").exit_code == 2


def changes_up_to(last: int) -> Any:
    def tell(request: Any) -> Iterator[WatchResponse]:
        for position in range(request.after_position + 1, last + 1):
            change = StatusChange(position=position, request_id=f"r-{position}", state=State.STATE_SENT)
            yield WatchResponse(change=change)

    return tell


def test_watch_goes_on_where_it_stopped(gateway: FakeGateway, run: Run) -> None:
    """The position lasts from run to run, per case; --after overrides it; nothing is told twice."""
    gateway.answers["Watch"] = changes_up_to(3)
    told = [json.loads(line)["position"] for line in run("watch", "--once", "--json").stdout.splitlines()]
    assert told == ["1", "2", "3"]
    gateway.answers["Watch"] = changes_up_to(5)
    told = [json.loads(line)["position"] for line in run("watch", "--once", "--json").stdout.splitlines()]
    assert told == ["4", "5"]
    assert run("watch", "--once").stdout == ""
    assert len(run("watch", "--once", "--case", "c-1").stdout.splitlines()) == 5
    assert "已发送 SENT" in run("watch", "--once", "--after", "4").stdout


def test_a_spoiled_position_is_told(gateway: FakeGateway, run: Run) -> None:
    """A file that holds no position is not taken for position 0."""
    gateway.answers["Watch"] = changes_up_to(1)
    run("watch", "--once")
    (path,) = (gateway.state_dir / "watch").iterdir()
    path.write_text("x")
    ended = run("watch", "--once")
    assert ended.exit_code == 1
    assert str(path) in ended.stderr.replace("\n", "")


def test_cancel_names_what_may_be_leaving(gateway: FakeGateway, run: Run) -> None:
    """The answer counts what was withdrawn and lists each attempt that already held a permit."""
    leaving = PossiblyLeaving(outreach_id="o-2", attempt_id="a-2", state=State.STATE_RELEASED)
    gateway.answers["Cancel"] = lambda request: CancelResponse(cancelled_ids=["o-1"], possibly_leaving=[leaving])
    shown = run("cancel", "--case", "c-1", "--reason", "paid").stdout
    for word in ("已撤回 Cancelled", "可能已在途 Possibly leaving", "a-2", "已放行 RELEASED"):
        assert word in shown
    document = json.loads(run("cancel", "--id", "o-1", "--id", "o-2", "--reason", "paid", "--json").stdout)
    assert document["possibly_leaving"][0]["attempt_id"] == "a-2"
    assert list(gateway.asked("Cancel")[1].outreach_ids.ids) == ["o-1", "o-2"]
    assert run("cancel", "--reason", "paid").exit_code == 2
    assert run("cancel", "--case", "c-1", "--account", "6", "--reason", "paid").exit_code == 2
