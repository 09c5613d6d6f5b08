"""outreach letters submit and preflight, and the commands on addresses, against a fake gateway over real gRPC."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from openpyxl import Workbook

from outreach.v1.common_pb2 import Finding, State
from outreach.v1.hold_service_pb2 import (
    BadAddress,
    BadAddressReason,
    ConfirmAddressResponse,
    ListBadAddressesResponse,
    MarkAddressBadResponse,
)
from outreach.v1.outreach_service_pb2 import (
    CallOutcome,
    Decision,
    ItemResult,
    PostalClass,
    PreflightLetterResponse,
    SubmitLettersResponse,
)
from tests.fakes.gateway import FakeGateway
from tests.unit.cli.conftest import Run

HEADER = [
    "request_id",
    "bank_id",
    "account_number",
    "address",
    "letter_name",
    "postal_class",
    "call_time",
    "call_outcome",
    "recording_reference",
    "var.line",
]
ADDRESS = "浙江省杭州市西湖区文三路18号3幢402室"


def row(request_id: str, *, outcome: str = "not-answered") -> list[str]:
    call = ["2026-11-20T10:00:00+08:00", outcome, "rec-1"]
    return [request_id, "demo-bank", "6222001", ADDRESS, "payment-notice", "registered", *call, "95500"]


def decide(request: Any) -> SubmitLettersResponse:
    states = {"r-1": State.STATE_ADMITTED, "r-2": State.STATE_AWAITING_QUANTITY}
    decisions = [
        Decision(outreach_id=f"o-{item.request_id}", state=states.get(item.request_id, State.STATE_BLOCKED))
        for item in request.items
    ]
    return SubmitLettersResponse(results=[ItemResult(decision=decision) for decision in decisions])


def csv_file(tmp_path: Path, *rows: list[str]) -> Path:
    path = tmp_path / "letters.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([HEADER, *rows])
    return path


def test_columns_become_the_fields_of_letters(gateway: FakeGateway, run: Run, tmp_path: Path) -> None:
    """The first call among them; a line that cannot be read spoils no other."""
    gateway.answers["SubmitLetters"] = decide
    ended = run("letters", "submit", csv_file(tmp_path, row("r-1"), row("r-3", outcome="perhaps")), "--json")
    assert ended.exit_code == 1
    assert json.loads(ended.stdout)["outcomes"] == {"ADMITTED": 1, "BROKEN": 1}
    (request,) = gateway.asked("SubmitLetters")
    (item,) = request.items
    assert (item.address, item.postal_class) == (ADDRESS, PostalClass.POSTAL_CLASS_REGISTERED)
    assert (item.prior_call.outcome, item.prior_call.recording_reference) == (
        CallOutcome.CALL_OUTCOME_NOT_ANSWERED,
        "rec-1",
    )
    assert item.prior_call.call_time.ToJsonString() == "2026-11-20T02:00:00Z"
    assert dict(item.variables) == {"line": "95500"}


def test_a_letter_that_awaits_a_quantity_is_decided(gateway: FakeGateway, run: Run, tmp_path: Path) -> None:
    """A second run does not send it again, from a workbook either."""
    gateway.answers["SubmitLetters"] = decide
    book = Workbook()
    for cells in (HEADER, row("r-1"), row("r-2"), row("r-3")):
        book.worksheets[0].append(cells)
    path = tmp_path / "letters.xlsx"
    book.save(path)
    first = json.loads(run("letters", "submit", path, "--json").stdout)
    assert first["outcomes"] == {"ADMITTED": 1, "AWAITING_QUANTITY": 1, "BLOCKED": 1}
    assert json.loads(run("letters", "submit", path, "--json").stdout)["answered_earlier"] == 3
    assert len(gateway.asked("SubmitLetters")) == 1


def test_preflight_shows_what_would_be_decided(gateway: FakeGateway, run: Run) -> None:
    """A letter without a call has none, rather than an empty one."""
    finding = Finding(code="NO_PRIOR_CALL", reason="寄函前须有首次电联记录。", field="prior_call")
    decision = Decision(state=State.STATE_BLOCKED, findings=[finding])
    gateway.answers["PreflightLetter"] = lambda _: PreflightLetterResponse(decision=decision)
    ended = run("letters", "preflight", "--account", "6222001", "--to", ADDRESS, "--letter", "payment-notice")
    assert ended.exit_code == 0
    assert "NO_PRIOR_CALL" in ended.stdout
    (request,) = gateway.asked("PreflightLetter")
    assert request.item.postal_class == PostalClass.POSTAL_CLASS_ORDINARY
    assert not request.item.HasField("prior_call")


def test_addresses_are_confirmed_and_marked(gateway: FakeGateway, run: Run) -> None:
    """Each with its evidence; the answer names what is to be pulled."""
    gateway.answers["ConfirmAddress"] = lambda _: ConfirmAddressResponse(resumed=2)
    ended = run("contact", "confirm-address", "--customer", "C1", "--to", ADDRESS, "--evidence", "rec-1", "--json")
    assert json.loads(ended.stdout)["resumed"] == 2
    mark = BadAddress(masked_address="浙江省杭州市****", for_everybody=True)
    gateway.answers["MarkAddressBad"] = lambda _: MarkAddressBadResponse(mark=mark, to_pull_letter_numbers=["L1"])
    options = ("--customer", "C1", "--to", ADDRESS, "--reason", "demolished", "--evidence", "visit-1")
    ended = run("contact", "mark-address-bad", *options)
    assert ended.exit_code == 0
    assert "L1" in ended.stdout
    (request,) = gateway.asked("MarkAddressBad")
    assert request.reason == BadAddressReason.BAD_ADDRESS_REASON_DEMOLISHED


def test_bad_addresses_are_listed_page_by_page(gateway: FakeGateway, run: Run) -> None:
    """Until there are no more."""
    pages = iter(
        [
            ListBadAddressesResponse(addresses=[BadAddress(mark_id="2")], next_page_token="2"),
            ListBadAddressesResponse(addresses=[BadAddress(mark_id="1", masked_address="浙江省****")]),
        ]
    )
    gateway.answers["ListBadAddresses"] = lambda _: next(pages)
    ended = run("contact", "bad-addresses", "--json")
    assert [mark["mark_id"] for mark in json.loads(ended.stdout)] == ["2", "1"]
