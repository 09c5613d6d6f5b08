"""docs/security.md names proofs that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")


def test_every_proof_exists() -> None:
    """Each `file::test` of the document is a test of that file, and each file that it names is there."""
    proofs = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", DOCUMENT)
    assert len(proofs) > 50
    missing = [
        f"{file}::{test}"
        for file, test in proofs
        if not (ROOT / file).is_file() or f"def {test}(" not in (ROOT / file).read_text(encoding="utf-8")
    ]
    assert missing == []
    named = set(re.findall(r"`((?:tests|docs|outreach)/[\w/]+\.\w+)`", DOCUMENT))
    assert {name for name in named if not (ROOT / name).is_file()} == set()


def test_every_threat_has_a_proof() -> None:
    """No row of the table of threats goes without one."""
    table = DOCUMENT.partition("## 威胁")[2].partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 20
    assert [row for row in rows if "::test_" not in row] == []
