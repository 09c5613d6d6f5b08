"""The commands of personal data: what they ask for, what they show, and the files that they write and read."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from openpyxl import load_workbook

from outreach.evidence.held import archive
from outreach.ledger.checkpoint import Signer
from outreach.ledger.entries import encode
from outreach.ledger.export import write
from outreach.ledger.merkle import Frontier, leaf_hash, verify_inclusion
from outreach.v1.person_service_pb2 import (
    AskForPersonResponse,
    AskRetentionResponse,
    DecideForPersonResponse,
    ErasureBar,
    FetchPersonExportResponse,
    GetPersonResponse,
    GetRetentionResponse,
    ListPersonRequestsResponse,
    PersonRequest,
    PersonRequestKind,
    PersonRequestState,
    PersonState,
    ReplayErasuresResponse,
    RestrictPersonResponse,
    RetentionLine,
)
from tests.fakes.gateway import FakeGateway
from tests.unit.cli.conftest import Run

ERASURE = PersonRequestKind.PERSON_REQUEST_KIND_ERASURE
HELD = {
    "person": {"person_id": "P1", "name": "=cmd()"},
    "phone_numbers": [{"phone_number": "15400000001", "status": "RESERVED"}],
    "messages_and_letters": [{"outreach_id": "O1", "sent": [{"as_sent": {"phoneNumber": "15400000001"}}]}],
}


def asked(state: PersonRequestState.ValueType = PersonRequestState.PERSON_REQUEST_STATE_ASKED) -> PersonRequest:
    return PersonRequest(request_id="R1", person_id="P1", kind=ERASURE, state=state, asked_by="agency/ann")


@pytest.mark.parametrize(("name", "kind"), [("erase", 1), ("lift", 2), ("export", 3)])
def test_something_is_asked_for(gateway: FakeGateway, run: Run, name: str, kind: int) -> None:
    """Of the identity's bank; the way on is told."""
    gateway.answers["AskForPerson"] = lambda request: AskForPersonResponse(request=asked())
    shown = run("person", name, "--customer", "C1", "--reason", "来函 LTR-1")
    assert shown.exit_code == 0
    (request,) = gateway.asked("AskForPerson")
    assert (request.bank_id, request.customer_id, request.kind, request.reason) == (
        "demo-bank",
        "C1",
        kind,
        "来函 LTR-1",
    )
    assert "待另一人处理" in shown.stdout
    assert "outreach person decide R1" in shown.output


@pytest.mark.parametrize("named", [[], ["--customer", "C1", "--account", "A1"]])
def test_a_person_is_named_in_one_way(gateway: FakeGateway, run: Run, named: list[str]) -> None:
    refused = run("person", "erase", *named, "--reason", "r")
    assert refused.exit_code == 1
    assert "--customer" in refused.output
    assert gateway.asked("AskForPerson") == []


def test_what_is_held_is_shown_with_what_stands_in_the_way(gateway: FakeGateway, run: Run) -> None:
    bar = ErasureBar(reason="RETENTION_RUNS", message="保存期限至 2030-01-01")
    gateway.answers["GetPerson"] = lambda request: GetPersonResponse(
        person_id="P1",
        state=PersonState.PERSON_STATE_RESTRICTED,
        masked_name="张*",
        bars=[bar],
        unconfirmed_attempt_ids=["T1"],
        requests=[asked()],
    )
    shown = run("person", "show", "--account", "A1").stdout
    for text in ("已限制处理 RESTRICTED", "张*", "保存期限至 2030-01-01", "T1", "R1"):
        assert text in shown


def test_a_decision_names_what_it_cancelled(gateway: FakeGateway, run: Run) -> None:
    gateway.answers["DecideForPerson"] = lambda request: DecideForPersonResponse(
        request=asked(PersonRequestState.PERSON_REQUEST_STATE_APPROVED), decided=1, cancelled_ids=["O7"]
    )
    shown = run("person", "decide", "R1", "--accept-unconfirmed-loss").stdout
    assert "O7" in shown
    run("person", "decide", "R1", "--refuse")
    run("person", "decide", "B1", "--batch")
    first, second, third = gateway.asked("DecideForPerson")
    assert (first.request_id, first.approve, first.accept_unconfirmed_loss) == ("R1", True, True)
    assert (second.request_id, second.approve) == ("R1", False)
    assert (third.batch_id, third.approve) == ("B1", True)


def test_a_restriction_tells_what_may_be_leaving(gateway: FakeGateway, run: Run) -> None:
    gateway.answers["RestrictPerson"] = lambda request: RestrictPersonResponse(
        person_id="P1", possibly_leaving_attempt_ids=["T9"]
    )
    assert "T9" in run("person", "restrict", "--person", "P1", "--reason", "r").stdout


def test_the_register_follows_its_pages(gateway: FakeGateway, run: Run) -> None:
    def answer(request: Any) -> ListPersonRequestsResponse:
        token = "" if request.page_token else "R1"
        return ListPersonRequestsResponse(requests=[asked()], next_page_token=token)

    gateway.answers["ListPersonRequests"] = answer
    listed = json.loads(run("person", "requests", "--state", "asked", "--json").stdout)
    assert len(listed) == 2
    assert [one.page_token for one in gateway.asked("ListPersonRequests")] == ["", "R1"]


def test_an_export_becomes_a_zip_for_its_owner_alone(gateway: FakeGateway, run: Run, tmp_path: Path) -> None:
    content = json.dumps(HELD).encode()
    gateway.answers["FetchPersonExport"] = lambda request: [
        FetchPersonExportResponse(content=content[:20]),
        FetchPersonExportResponse(content=content[20:]),
    ]
    out = tmp_path / "held.zip"
    assert run("person", "fetch", "R1", "--out", out).exit_code == 0
    assert out.stat().st_mode & 0o077 == 0
    with ZipFile(out) as files:
        assert files.read("held.json") == content
        book = load_workbook(BytesIO(files.read("held.xlsx")))
    cells = [cell for sheet in book.worksheets for row in sheet.iter_rows() for cell in row]
    assert {"=cmd()", "15400000001"} <= {cell.value for cell in cells}
    assert "f" not in {cell.data_type for cell in cells}
    assert run("person", "fetch", "R1", "--out", out).exit_code == 1
    assert len(gateway.asked("FetchPersonExport")) == 1


def test_what_is_no_export_makes_no_file() -> None:
    with pytest.raises(ValueError, match="object"):
        archive(b"[]")


def test_who_is_due_is_told_and_a_batch_asked_for(gateway: FakeGateway, run: Run) -> None:
    gateway.answers["GetRetention"] = lambda request: GetRetentionResponse(
        retention_days=1095, total=1, lines=[RetentionLine(person_id="P1", outreach=4)]
    )
    gateway.answers["AskRetention"] = lambda request: AskRetentionResponse(batch_id="B1", people=1)
    shown = run("person", "retention").stdout
    assert "1095" in shown
    assert "P1" in shown
    shown = run("person", "erase-due", "--reason", "到期", "--limit", 5).output
    assert "outreach person decide B1 --batch" in shown
    assert gateway.asked("AskRetention")[0].limit == 5


def test_erasures_are_replayed_with_their_proofs(gateway: FakeGateway, run: Run, tmp_path: Path) -> None:
    """Over more than one block of the tree, and more entries than one call takes."""
    bodies = [
        encode({"seq": seq, "kind": "person_erased" if seq % 25 == 3 else "sent", "bank": "b", "person": f"P{seq}"})
        for seq in range(2500)
    ]
    tree = Frontier()
    tree.extend([leaf_hash(body) for body in bodies])
    note = Signer("ledger", Ed25519PrivateKey.generate()).sign("ledger", tree.size, tree.root())
    export = tmp_path / "ledger"
    with export.open("wb") as file:
        write(file, "ledger", bodies, note)
    gateway.answers["ReplayErasures"] = lambda request: ReplayErasuresResponse(erased=len(request.entries))
    shown = run("person", "replay-erasures", export).stdout
    assert "重新删除 Erased again  100" in shown
    calls = gateway.asked("ReplayErasures")
    assert [len(call.entries) for call in calls] == [50, 50]
    for call in calls:
        assert call.checkpoint == note
        for one in call.entries:
            leaf, index = leaf_hash(one.entry.body), one.entry.index
            assert verify_inclusion(leaf, index, tree.size, list(one.proof), tree.root())
    export.write_text("nothing\n")
    assert run("person", "replay-erasures", export).exit_code == 1
