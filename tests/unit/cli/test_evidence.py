"""outreach evidence: what is asked of the gateway, the file that is written, and its check."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf.json_format import MessageToJson
from rich.progress import Progress, TaskID
from typer.testing import CliRunner, Result

from outreach.cli.main import app
from outreach.domain.errors import denied
from outreach.ledger.checkpoint import Signer
from outreach.ledger.entries import encode
from outreach.ledger.merkle import Frontier, Prover, leaf_hash
from outreach.v1.evidence_service_pb2 import (
    Evidence,
    EvidencedLetter,
    EvidencedOutreach,
    EvidenceSeal,
    ExportEvidenceResponse,
    ProvenEntries,
    ProvenEntry,
)
from outreach.v1.ledger_service_pb2 import LedgerEntry
from outreach.v1.mailroom_service_pb2 import FetchLetterPdfResponse
from outreach.v1.print_service_pb2 import LetterPermit
from tests.fakes.gateway import FakeGateway
from tests.unit.cli.conftest import Run

SIGNER = Signer("example.com/ledger", Ed25519PrivateKey.generate())
NUMBER = "DEMO-261124-0000001X"


def parts(request: Any) -> Iterator[ExportEvidenceResponse]:
    """The evidence of one letter, as a gateway would give it out."""
    letter = EvidencedLetter(
        permit=LetterPermit(letter_number=NUMBER, recipient_name="张三"), commitment="c", pdf_sha256="0" * 64
    )
    evidence = Evidence(evidence_id="E1", bank_id="demo-bank", purpose=request.purpose)
    evidence.outreach.append(EvidencedOutreach(letters=[letter]))
    content = MessageToJson(evidence).encode()
    time = "2026-11-24T08:00:00Z"
    made: list[dict[str, Any]] = [
        {"kind": "released", "attempt": NUMBER, "commitment": "c"},
        {"kind": "evidence_made", "evidence": "E1", "content_sha256": hashlib.sha256(content).hexdigest()},
    ]
    bodies = [encode({"seq": seq, "time": time, "bank": "demo-bank", **entry}) for seq, entry in enumerate(made)]
    leaves = [leaf_hash(body) for body in bodies]
    prover, frontier = Prover(), Frontier()
    prover.add(leaves, keep=True)
    frontier.extend(leaves)
    entries = [
        ProvenEntry(entry=LedgerEntry(index=index, body=body), proof=proof)
        for index, (body, proof) in enumerate(zip(bodies, prover.proofs([0, 1]), strict=True))
    ]
    for start in range(0, len(content), 100):
        yield ExportEvidenceResponse(content=content[start : start + 100])
    yield ExportEvidenceResponse(entries=ProvenEntries(entries=entries))
    checkpoint = SIGNER.sign("example.com/ledger", 2, frontier.root())
    yield ExportEvidenceResponse(seal=EvidenceSeal(checkpoint=checkpoint, verifier_key=SIGNER.verifier_key))


@pytest.fixture
def pack(gateway: FakeGateway, run: Run, tmp_path: Path) -> Path:
    """A pack made by `evidence --letter`."""
    gateway.answers["ExportEvidence"] = parts
    gateway.answers["FetchLetterPdf"] = lambda request: [FetchLetterPdfResponse(chunk=b"%PDF-"), _rest()]
    path = tmp_path / "pack.zip"
    result = run("evidence", "--letter", NUMBER, "--purpose", "TS-1", "--out", path)
    assert result.exit_code == 0, result.output
    return path


def _rest() -> FetchLetterPdfResponse:
    return FetchLetterPdfResponse(chunk=b"copy")


def run_offline(*arguments: object) -> Result:
    return CliRunner().invoke(app, list(map(str, arguments)))


def test_a_pack_is_asked_for_and_written(gateway: FakeGateway, pack: Path) -> None:
    """By letter, with its purpose, which is also the reason for the look at the archive copy."""
    (asked,) = gateway.asked("ExportEvidence")
    assert (asked.bank_id, asked.letter_number, asked.purpose) == ("demo-bank", NUMBER, "TS-1")
    assert [request.reason for request in gateway.asked("FetchLetterPdf")] == ["TS-1"]
    assert pack.stat().st_mode & 0o077 == 0
    with ZipFile(pack) as archive:
        assert archive.read(f"letters/{NUMBER}.pdf") == b"%PDF-copy"
        assert {"summary.pdf", "README.txt", "checkpoint.txt", "proofs.json"} <= set(archive.namelist())
        assert "TS-1" in archive.read("README.txt").decode()


def test_it_tells_a_person_how_far_it_is(
    gateway: FakeGateway, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal: how much of the ledger was looked through, of how much. Programs and files get none of it."""

    def told(request: Any) -> Iterator[ExportEvidenceResponse]:
        yield ExportEvidenceResponse(entries=ProvenEntries(looked_through=1_000_000, ledger_size=2_180_000))
        yield from parts(request)

    gateway.answers |= {"ExportEvidence": told, "FetchLetterPdf": lambda request: [_rest()]}
    asked = ("evidence", "--letter", NUMBER, "--purpose", "TS-1", "--out", tmp_path / "pack.zip")
    assert "ledger" not in run(*asked).stderr
    seen: list[tuple[str, int, int | None]] = []
    add = Progress.add_task

    def watched(progress: Progress, description: str, **fields: Any) -> TaskID:
        seen.append((description, fields["completed"], fields["total"]))
        return add(progress, description, **fields)

    monkeypatch.setattr(Progress, "add_task", watched)
    monkeypatch.setenv("FORCE_COLOR", "1")  # as on a terminal
    result = run(*asked)
    assert "looking through the ledger" in result.stderr
    assert "looking" not in run(*asked, "--json").stderr
    assert ("查找账目 looking through the ledger", 1_000_000, 2_180_000) in seen
    assert seen[-1] == ("写汇总 writing the summary", 0, None)


def test_a_pack_is_verified_offline(pack: Path, gateway: FakeGateway) -> None:
    """With the file and the key alone; what the ledger says nothing of is named."""
    before = len(gateway.requests)
    result = run_offline("evidence", "verify", pack, "--key", SIGNER.verifier_key, "--json")
    found = json.loads(result.stdout)
    assert (result.exit_code, found["ok"], found["problems"], found["letters"]) == (0, True, [], 1)
    assert found["unproven_files"] == [f"letters/{NUMBER}.pdf"]
    assert len(gateway.requests) == before


def test_a_changed_pack_is_not_proven(pack: Path, tmp_path: Path) -> None:
    """Exit code 1, and what was changed is named."""
    changed = tmp_path / "changed.zip"
    with ZipFile(pack) as old, ZipFile(changed, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace("张三".encode(), "李四".encode()))
    result = run_offline("evidence", "verify", changed, "--key", SIGNER.verifier_key)
    assert result.exit_code == 1
    assert "NOT PROVEN" in result.stdout
    assert f"letters/{NUMBER}.txt: 缺失或被改动" in result.stdout


def test_letters_that_cannot_be_fetched_are_counted(gateway: FakeGateway, run: Run, tmp_path: Path) -> None:
    """An operator may not see archive copies: the pack is made all the same, and says so."""

    def refuse(request: Any) -> Any:
        raise denied("not for this role", "ROLE_NOT_ALLOWED")

    gateway.answers |= {"ExportEvidence": parts, "FetchLetterPdf": refuse}
    path = tmp_path / "pack.zip"
    result = run("evidence", "make", "--letter", NUMBER, "--purpose", "TS-1", "--out", path, "--json")
    assert json.loads(result.stdout)["originals_missing"] == 1
    with ZipFile(path) as archive:
        assert "1 份信函原件未能取得" in archive.read("README.txt").decode()


def test_one_subject_is_named(run: Run, tmp_path: Path, gateway: FakeGateway) -> None:
    """Neither none nor two; nothing is asked of the gateway."""
    for subjects in ([], ["--account", "1", "--letter", NUMBER]):
        result = run("evidence", *subjects, "--purpose", "x", "--out", tmp_path / "a.zip")
        assert result.exit_code == 1
    assert gateway.asked("ExportEvidence") == []
