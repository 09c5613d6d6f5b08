from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.gateway import FakeGateway


@pytest.fixture
def gateway(tmp_path: Path) -> FakeGateway:
    return FakeGateway(tmp_path)
