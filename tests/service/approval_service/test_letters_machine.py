"""A random life of letters on each database. LETTERS_EXAMPLES and LETTERS_STEPS make it longer, for the night."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from approval_service.database import Database
from tests.service.approval_service.letters_machine import Letters
from tests.service.approval_service.world import clear

EXAMPLES = {"sqlite": 20, "postgresql": 6}
STEPS = int(os.environ.get("LETTERS_STEPS", "40"))


def _fresh(kind: str, request: pytest.FixtureRequest, folder: Path) -> tuple[str, Callable[[], None]]:
    """The URL of an empty database, and what empties it."""
    if kind == "sqlite":
        for left in folder.glob("copy.db*"):
            left.unlink()
        shutil.copyfile(request.getfixturevalue("sqlite_template"), folder / "copy.db")
        return f"sqlite:///{folder}/copy.db", lambda: None
    url: str = request.getfixturevalue("postgres_url")

    def empty() -> None:
        database = Database(url)
        clear(database)
        database.close()

    return url, empty


@pytest.mark.timeout(0)
@pytest.mark.parametrize("kind", EXAMPLES)
def test_letters_reconcile(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """In whatever order: a letter is mailed or destroyed, nothing stopped leaves, and every run's numbers meet."""

    class Machine(Letters):
        def __init__(self) -> None:
            super().__init__(*_fresh(kind, request, tmp_path))

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=int(os.environ.get("LETTERS_EXAMPLES", "0")) or EXAMPLES[kind],
            stateful_step_count=STEPS,
            deadline=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink],
        ),
    )
