"""A locked identity: its passphrase is asked for at a terminal, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import typer

from outreach.cli import identities, session
from outreach.client.identity import is_locked
from tests.fakes.gateway import FakeGateway
from tests.unit.cli.conftest import Run

PASSPHRASE = "four words in a row"
Type = Callable[..., None]


@pytest.fixture
def types(monkeypatch: pytest.MonkeyPatch) -> Type:
    """Sits at the terminal and types these, one at each question."""

    def answer(*typed: str) -> None:
        left = list(typed)
        monkeypatch.setattr(typer, "prompt", lambda *_, **__: left.pop(0))
        for module in (session, identities):
            monkeypatch.setattr(module, "at_terminal", lambda: True)

    return answer


def test_each_command_in_a_locked_name_asks_once(gateway: FakeGateway, run: Run, types: Type) -> None:
    """Locked, used with the passphrase and refused with another; unlocked again."""
    types(PASSPHRASE)
    assert run("identity", "lock").exit_code == 0
    assert is_locked(gateway.state_dir, "all")
    types(PASSPHRASE)
    assert run("hold", "list").exit_code == 0
    types("another four words")
    refused = run("hold", "list")
    assert refused.exit_code == 1
    assert "passphrase" in refused.stderr
    assert "another four words" not in refused.stderr
    types(PASSPHRASE)
    assert run("identity", "unlock").exit_code == 0
    assert not is_locked(gateway.state_dir, "all")


def test_a_short_passphrase_is_refused(gateway: FakeGateway, run: Run, types: Type) -> None:
    """The file stays as it was."""
    types("short")
    refused = run("identity", "lock")
    assert refused.exit_code == 1
    assert "12" in refused.stderr
    assert not is_locked(gateway.state_dir, "all")


def test_a_program_cannot_use_a_locked_identity(
    gateway: FakeGateway, run: Run, types: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told why, and is not kept waiting for an answer."""
    types(PASSPHRASE)
    run("identity", "lock")
    monkeypatch.setattr(session, "at_terminal", lambda: False)
    refused = run("hold", "list", "--json")
    assert refused.exit_code == 1
    assert "IDENTITY_LOCKED" in refused.stderr
