"""outreach ledger search and sample, on an exported ledger."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from typer.testing import CliRunner, Result

from outreach.cli.main import app
from outreach.ledger import export
from outreach.ledger.entries import encode

KINDS = ("admitted", "blocked", "released", "sent")


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A hundred entries of two banks, one a second; one has a reason that a spreadsheet would take for a formula."""
    path = tmp_path / "ledger.txt"
    bodies = [encode(entry(seq)) for seq in range(100)]
    with path.open("wb") as file:
        export.write(file, "example.com/ledger", bodies, "checkpoint\n")
    return path


def entry(seq: int) -> dict[str, Any]:
    made = {
        "seq": seq,
        "time": f"2026-11-24T08:{seq // 60:02d}:{seq % 60:02d}.000Z",
        "kind": KINDS[seq % 4],
        "bank": "b-one" if seq % 2 else "b-two",
        "by": "agency/dan",
    }
    return made | ({"codes": ["QUIET_HOURS"], "by": "=1+1"} if seq == 41 else {})


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["ledger", *map(str, arguments)])


def found(*arguments: object) -> list[int]:
    result = run("search", *arguments, "--limit", 1000, "--json")
    assert result.exit_code == 0, result.output
    return [one["seq"] for one in json.loads(result.stdout)["shown"]]


def test_entries_are_found_by_each_filter(ledger: Path) -> None:
    """By kind, bank, time (from the first on, before the last), text, and all of these together."""
    assert found(ledger, "--kind", "blocked") == list(range(1, 100, 4))
    assert found(ledger, "--kind", "blocked", "--kind", "sent", "--bank", "b-two") == []
    time = ("--since", "2026-11-24T08:00:10Z", "--until", "2026-11-24T16:00:12+08:00")
    assert found(ledger, *time) == [10, 11]
    assert found(ledger, "--word", "QUIET_HOURS") == [41]
    assert found(ledger, "--kind", "blocked", "--bank", "b-one", "--word", "QUIET", *time[2:]) == []


def test_a_sample_can_be_repeated_by_anybody(ledger: Path) -> None:
    """The entries whose SHA-256 of seed and number is lowest, in the ledger's order; another seed draws others."""
    answer = json.loads(run("sample", ledger, "--seed", "s1", "--count", 7, "--json").stdout)
    ranked = sorted(range(100), key=lambda seq: hashlib.sha256(f"s1:{seq}".encode()).digest())
    assert [one["seq"] for one in answer["entries"]] == sorted(ranked[:7])
    assert (answer["seed"], answer["population"]) == ("s1", 100)
    other = json.loads(run("sample", ledger, "--seed", "s2", "--count", 7, "--json").stdout)
    assert other["entries"] != answer["entries"]
    few = json.loads(run("sample", ledger, "--seed", "s", "--count", 90, "--kind", "sent", "--json").stdout)
    assert (len(few["entries"]), few["population"]) == (25, 25)


def test_exports_are_harmless_in_a_spreadsheet(ledger: Path, tmp_path: Path) -> None:
    """No cell is a formula, and the sheet's footer tells the seed."""
    files = (tmp_path / "a.csv", tmp_path / "a.xlsx")
    result = run("sample", ledger, "--seed", "s1", "--count", 100, "--csv", files[0], "--xlsx", files[1])
    assert result.exit_code == 0, result.output
    with files[0].open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert (len(rows), rows[42][0], rows[42][5]) == (101, "41", "'=1+1")
    sheet = load_workbook(files[1]).worksheets[0]
    cell = sheet.cell(43, 6)
    assert (cell.value, cell.data_type) == ("=1+1", "s")
    footer = sheet.oddFooter
    assert footer is not None
    assert "seed s1, 100 / 100" in str(footer.left.text)


def test_a_file_that_is_no_export_is_told(tmp_path: Path, ledger: Path) -> None:
    """Another file, one that was cut off, and one with an entry that is none."""
    whole = ledger.read_bytes()
    for data in (b"x", whole[:500], whole.replace(b'"kind"', b'"kink"', 1)):
        path = tmp_path / "other"
        path.write_bytes(data)
        assert run("search", path, "--kind", "sent").exit_code == 1
