"""Who has the database in hand and edits an entry of the ledger is found out by whoever has an export and the key."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from pathlib import Path

from tests.system.conftest import OUTREACH, Installation


def test_an_entry_changed_in_the_database_by_hand(played: Installation, tmp_path: Path) -> None:
    """The services go on and notice nothing; `outreach ledger verify` does, with the file and the key alone."""
    changed = Installation(tmp_path / "state")
    shutil.copytree(played.state_dir, changed.state_dir)
    with sqlite3.connect(changed.state_dir / "outreach.db") as connection:
        (body,) = connection.execute("SELECT body FROM ledger_entry WHERE seq = 20").fetchone()
        edited = body.replace(b'"time":"2', b'"time":"3')
        assert edited != body
        connection.execute("UPDATE ledger_entry SET body = ? WHERE seq = 20", (edited,))
    connection.close()
    file = tmp_path / "ledger"
    with changed.running():
        exported = changed.cli("ledger", "export", str(file), "--as", "inspector-1")
    command = [OUTREACH, "ledger", "verify", str(file), "--key", exported["verifier_key"]]
    done = subprocess.run(command, env=changed.environment, capture_output=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "root hash" in done.stdout.decode() + done.stderr.decode()
