"""The three promises, after every step of a random life of the authority: on each database, with concurrent workers.

A failure prints the steps that lead to it and how to repeat them; --hypothesis-seed=N makes a run the same again.
PROMISES_EXAMPLES and PROMISES_STEPS make it longer, for the night:

    PROMISES_EXAMPLES=5000 PROMISES_STEPS=80 pytest tests/service/approval_service/test_promises.py -k sqlite
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.postgres import PostgresServer
from tests.service.approval_service.promises_driver import furnish
from tests.service.approval_service.promises_machine import Promises

# Lives per database; one of PostgreSQL's takes half a second to make.
EXAMPLES = {"sqlite": 30, "postgresql": 12}
STEPS = int(os.environ.get("PROMISES_STEPS", "30"))

Fresh = Callable[[], tuple[str, Callable[[], None]]]
"""Makes a copy of the furnished database: its URL, and what removes it."""


@pytest.fixture
def fresh(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Fresh]:
    made = _sqlite(request, tmp_path) if kind == "sqlite" else _postgresql(request)
    with made as fresh:
        yield fresh


@contextmanager
def _sqlite(request: pytest.FixtureRequest, folder: Path) -> Iterator[Fresh]:
    furnished, copy = folder / "furnished.db", folder / "copy.db"
    shutil.copyfile(request.getfixturevalue("sqlite_template"), furnished)
    furnish(f"sqlite:///{furnished}")

    def fresh() -> tuple[str, Callable[[], None]]:
        for left in folder.glob("copy.db*"):
            left.unlink()
        shutil.copyfile(furnished, copy)
        return f"sqlite:///{copy}", lambda: None

    yield fresh


@contextmanager
def _postgresql(request: pytest.FixtureRequest) -> Iterator[Fresh]:
    server: PostgresServer = request.getfixturevalue("postgres")
    furnish(server.create_database("furnished", "outreach_template"))

    def fresh() -> tuple[str, Callable[[], None]]:
        return server.create_database("promises", "furnished"), lambda: server.drop_database("promises")

    yield fresh
    server.drop_database("furnished")


@pytest.mark.timeout(0)
@pytest.mark.parametrize("kind", EXAMPLES)
def test_the_three_promises(kind: str, fresh: Fresh) -> None:
    """In whatever order: nothing forbidden leaves, nothing is lost or sent twice, everything can be proven."""

    class Machine(Promises):
        def __init__(self) -> None:
            super().__init__(*fresh())

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=int(os.environ.get("PROMISES_EXAMPLES", "0")) or EXAMPLES[kind],
            stateful_step_count=STEPS,
            deadline=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink],
        ),
    )
