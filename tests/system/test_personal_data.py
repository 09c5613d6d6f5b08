"""Somebody of the example day is erased: the files of the installation hold nothing of the person any more, and a
restored backup brings nobody back."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.system.conftest import Installation

CLOCK = "2031-01-05T10:00:00+08:00"
"""Years after the example's accounts ended."""
BANK = ("--bank", "demo-bank")
WAIT_S = 60.0


def _person(state_dir: Path) -> tuple[str, list[bytes], list[str]]:
    """The id of somebody who got messages or mailed letters in closed runs, all that is sealed for the person, and the
    hashes of the kept PDFs."""
    database = sqlite3.connect(state_dir / "outreach.db")
    (person_id,) = database.execute(
        "SELECT l.person_id FROM letter l JOIN person p USING (person_id) JOIN print_run r USING (run_id)"
        " WHERE p.bank_id = 'demo-bank' AND l.pdf_sha256 <> '' GROUP BY l.person_id"
        " HAVING max(r.state) = 3 AND min(r.state) = 3 ORDER BY count(*) DESC LIMIT 1"
    ).fetchone()
    secrets = [*sealed(database, person_id)]
    pdfs = database.execute(
        "SELECT l.pdf_sha256, r.pdf_sha256 FROM letter l JOIN print_run r USING (run_id) WHERE l.person_id = ?",
        (person_id,),
    ).fetchall()
    database.close()
    return person_id, secrets, sorted({sha256 for pair in pdfs for sha256 in pair if sha256})


def sealed(database: sqlite3.Connection, person_id: str) -> Iterator[bytes]:
    """All that the tables hold sealed for somebody."""
    for columns, table in (
        ("wrapped_key, name_sealed", "person"),
        ("phone_sealed", "contact"),
        ("address_sealed", "address"),
        ("request_sealed", "outreach"),
        ("permit_sealed", "attempt"),
        ("permit_sealed", "letter"),
    ):
        query = f"SELECT {columns} FROM {table} WHERE person_id = ?"  # noqa: S608  # names of our own schema
        for row in database.execute(query, (person_id,)):
            yield from (value for value in row if len(value) > 20)


def _erase(installation: Installation, person_id: str) -> None:
    installation.cli("clock", "set", CLOCK, "--as", "operator-1")
    named = ("--person", person_id, *BANK, "--reason", "来函 LTR-1")
    asked: Any = installation.cli("person", "erase", *named, "--as", "supervisor-1")
    installation.cli(
        "person", "decide", asked["request"]["request_id"], "--accept-unconfirmed-loss", "--as", "operator-1"
    )
    end = time.monotonic() + WAIT_S
    while (state := _state(installation, person_id)) != "PERSON_REQUEST_STATE_DONE":
        assert time.monotonic() < end, state
        time.sleep(0.5)


def _state(installation: Installation, person_id: str) -> str:
    found: Any = installation.cli("person", "show", "--person", person_id, *BANK, "--as", "supervisor-1")
    return str(found["requests"][0]["state"])


def test_nothing_of_an_erased_person_is_left_and_a_backup_brings_nobody_back(
    installation: Installation, tmp_path: Path
) -> None:
    state_dir = installation.state_dir
    shutil.copyfile(state_dir / "outreach.db", tmp_path / "backup.db")
    person_id, secrets, pdfs = _person(state_dir)
    assert len(secrets) > 4
    kept = [state_dir / "letters" / sha256[:2] / sha256 for sha256 in pdfs]
    assert len(kept) >= 2
    assert all(path.exists() for path in kept)
    with installation.running():
        _erase(installation, person_id)
        entries = installation.ledger(tmp_path / "ledger")
    assert [one["person"] for one in entries if one["kind"] == "person_erased"] == [person_id]
    assert not [path for path in kept if path.exists()]
    files = [path for path in state_dir.rglob("*") if path.is_file()]
    contents = {path: path.read_bytes() for path in files}
    assert not [path for path, content in contents.items() if any(secret in content for secret in secrets)]

    for leftover in state_dir.glob("outreach.db*"):
        leftover.unlink()
    shutil.copyfile(tmp_path / "backup.db", state_dir / "outreach.db")
    with installation.running():
        told: Any = installation.cli("person", "replay-erasures", str(tmp_path / "ledger"), "--as", "operator-1")
        assert (told["erased"], told["absent"]) == (1, 0)
    database = sqlite3.connect(state_dir / "outreach.db")
    assert database.execute("SELECT * FROM person WHERE person_id = ?", (person_id,)).fetchall() == []
    database.close()
