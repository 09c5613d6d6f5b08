"""outreach ledger: export, and the proof that needs only the file and a key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner, Result

from outreach.cli.main import app
from outreach.ledger.checkpoint import Signer
from outreach.ledger.entries import encode
from outreach.ledger.merkle import Frontier, inclusion_proof, leaf_hash
from outreach.v1.ledger_service_pb2 import (
    ExportResponse,
    GetCheckpointResponse,
    GetProofResponse,
    LedgerEntries,
    LedgerEntry,
    ListEntriesResponse,
)
from tests.fakes.gateway import FakeGateway
from tests.unit.cli.conftest import Run

SIGNER = Signer("example.com/ledger", Ed25519PrivateKey.generate())
BODIES = [encode({"seq": seq, "time": f"2026-11-24T08:00:{seq:02d}Z", "kind": "admitted"}) for seq in range(30)]
ENTRIES = [LedgerEntry(index=index, body=body) for index, body in enumerate(BODIES)]


def checkpoint(size: int) -> str:
    frontier = Frontier()
    frontier.extend([leaf_hash(body) for body in BODIES[:size]])
    return SIGNER.sign("example.com/ledger", size, frontier.root())


def serve_ledger(gateway: FakeGateway) -> None:
    def stream(request: Any) -> Iterator[ExportResponse]:
        for begin in range(0, 30, 10):
            yield ExportResponse(entries=LedgerEntries(entries=ENTRIES[begin : begin + 10]))
        yield ExportResponse(checkpoint=checkpoint(30))

    def page(request: Any) -> ListEntriesResponse:
        begin = max(0, request.start_index + 30 if request.start_index < 0 else request.start_index)
        return ListEntriesResponse(entries=ENTRIES[begin : begin + min(request.page_size, 7)])

    key = SIGNER.verifier_key
    gateway.answers["Export"] = stream
    gateway.answers["ListEntries"] = page
    gateway.answers["GetCheckpoint"] = lambda request: GetCheckpointResponse(
        checkpoint=checkpoint(30), verifier_key=key
    )


@pytest.fixture
def exported(gateway: FakeGateway, run: Run, tmp_path: Path) -> Path:
    serve_ledger(gateway)
    path = tmp_path / "ledger.txt"
    assert run("ledger", "export", path).exit_code == 0
    return path


def verify(path: Path, *options: str) -> Result:
    """Verifies without any installation."""
    return CliRunner().invoke(app, ["ledger", "verify", str(path), "--key", SIGNER.verifier_key, *options])


def test_an_export_proves_itself(exported: Path, tmp_path: Path) -> None:
    """The exported file verifies offline, with the key as text or in a file, and against an older checkpoint."""
    ended = verify(exported)
    assert (ended.exit_code, "30" in ended.stdout, "proven" in ended.stdout) == (0, True, True)
    key, witness = tmp_path / "key", tmp_path / "witness"
    key.write_text(SIGNER.verifier_key + "\n")
    witness.write_text(checkpoint(10))
    document = json.loads(verify(exported, "--key", str(key), "--witness", str(witness), "--json").stdout)
    assert (document["ok"], document["entries"], document["witnessed_entries"]) == (True, 30, 10)
    assert list(exported.parent.glob("*.part")) == list(exported.parent.glob("*.new")) == []


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda lines: [*lines[:5], lines[5].replace(b"admitted", b"approved"), *lines[6:]], "changed"),
        (lambda lines: [*lines[:5], *lines[6:]], "missing: seq 4"),
        (lambda lines: [*lines[:5], lines[6], lines[5], *lines[7:]], "out of order"),
        (lambda lines: [*lines[:5], lines[5], *lines[5:]], "twice: seq 4"),
        (lambda lines: lines[:9], "cut off"),
    ],
)
def test_a_changed_file_is_found_out(exported: Path, change: Any, word: str) -> None:
    """A changed, a removed, a moved and an inserted entry and a torn file end with exit code 1 and say so."""
    exported.write_bytes(b"\n".join(change(exported.read_bytes().split(b"\n"))))
    ended = verify(exported)
    assert ended.exit_code == 1
    assert "NOT PROVEN" in ended.stdout
    assert word in ended.stdout


def test_a_wrong_key_is_told(exported: Path, tmp_path: Path) -> None:
    """A damaged key and a missing file are errors in a line; another key is a finding."""
    ended = CliRunner().invoke(app, ["ledger", "verify", str(exported), "--key", "a+b+c"])
    assert (ended.exit_code, "verifier key" in ended.stderr) == (1, True)
    assert verify(tmp_path / "none").exit_code == 1
    other = Signer("example.com/ledger", Ed25519PrivateKey.generate()).verifier_key
    ended = verify(exported, "--key", other)
    assert (ended.exit_code, "not signed by" in ended.stdout) == (1, True)


def test_a_torn_export_leaves_no_file(gateway: FakeGateway, run: Run, tmp_path: Path) -> None:
    """Without its checkpoint nothing is written that could pass for an export."""
    serve_ledger(gateway)
    gateway.answers["Export"] = lambda request: [ExportResponse(entries=LedgerEntries(entries=ENTRIES))]
    ended = run("ledger", "export", tmp_path / "ledger.txt")
    assert (ended.exit_code, "export again" in ended.stderr) == (1, True)
    assert list(tmp_path.glob("ledger*")) == []


def test_the_tail_is_the_newest(gateway: FakeGateway, run: Run) -> None:
    """The newest entries come in order, over several pages if need be."""
    serve_ledger(gateway)
    lines = run("ledger", "tail", "--limit", "12", "--json").stdout.splitlines()
    assert [json.loads(line)["index"] for line in lines] == list(range(18, 30))
    assert "admitted" in run("ledger", "tail", "--limit", "1").stdout
    assert SIGNER.verifier_key in run("ledger", "checkpoint").stdout.replace("\n", "")


def test_one_entry_is_proven_offline(gateway: FakeGateway, run: Run, tmp_path: Path) -> None:
    """The file alone verifies with the key; so does an entry that one has, and another one does not."""
    leaves = [leaf_hash(body) for body in BODIES]
    gateway.answers["GetProof"] = lambda request: GetProofResponse(
        entry=ENTRIES[request.index],
        path=inclusion_proof(leaves, request.index),
        checkpoint=checkpoint(30),
        verifier_key=SIGNER.verifier_key,
    )
    path, entry = tmp_path / "entry-17.tlog-proof", tmp_path / "line"
    assert str(path.name) in run("ledger", "prove", "17", path).stdout
    verified = ["ledger", "verify-proof", str(path), "--key", SIGNER.verifier_key]
    document = json.loads(CliRunner().invoke(app, [*verified, "--json"]).stdout)
    assert (document["ok"], document["index"], document["signed_entries"]) == (True, 17, 30)
    entry.write_bytes(BODIES[17] + b"\n")
    assert CliRunner().invoke(app, [*verified, "--entry", str(entry)]).exit_code == 0
    entry.write_bytes(BODIES[16])
    ended = CliRunner().invoke(app, [*verified, "--entry", str(entry)])
    assert (ended.exit_code, "not in the signed ledger" in ended.stderr) == (1, True)
    path.write_text("\n".join(line for line in path.read_text().split("\n") if not line.startswith("extra ")))
    ended = CliRunner().invoke(app, verified)
    assert (ended.exit_code, "--entry" in ended.stderr) == (1, True)
