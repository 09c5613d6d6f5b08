from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from outreach.cli.main import app
from tests.fakes.gateway import FakeGateway

Run = Callable[..., Result]


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[FakeGateway]:
    """A fake gateway that serves, with its state directory."""
    fake = FakeGateway(tmp_path / "state")
    with fake.in_thread():
        yield fake


@pytest.fixture
def run(gateway: FakeGateway) -> Run:
    """Runs a command against the fake gateway as the identity `all`."""

    def invoke(*arguments: object) -> Result:
        common = ["--address", gateway.address, "--state-dir", str(gateway.state_dir)]
        return CliRunner().invoke(app, [*map(str, arguments), *common])

    return invoke
