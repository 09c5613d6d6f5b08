from pathlib import Path

import pytest

from tests.unit.ledger.ledgers import Ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger.txt", 100)
