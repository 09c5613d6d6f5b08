"""The image: what the Dockerfile says, since no test can build it without a registry."""

from __future__ import annotations

import re
import subprocess
import sysconfig
import tomllib
from pathlib import Path

from tests.unit.k8s.manifests import REPOSITORY

DOCKERFILE = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8")
BUILD, FINAL = DOCKERFILE.split("\n\nFROM ")


def _pinned(lock: str) -> set[str]:
    return set(re.findall(r"^([a-z0-9.-]+==\S+)", (REPOSITORY / lock).read_text(), re.MULTILINE))


def test_hadolint_finds_nothing() -> None:
    """No finding of hadolint, and no comment that silences one."""
    hadolint = Path(sysconfig.get_path("scripts")) / "hadolint"
    found = subprocess.run([hadolint, REPOSITORY / "Dockerfile"], capture_output=True, text=True, check=False)
    assert found.stdout == ""
    assert found.returncode == 0
    assert "hadolint ignore" not in DOCKERFILE


def test_it_is_not_root_and_has_no_tools() -> None:
    """The last stage runs as a numbered user, takes the finished environment over, and takes pip away."""
    assert re.search(r"^USER 10001:10001$", FINAL, re.MULTILINE)
    assert "pip uninstall" in FINAL
    assert "pip install" not in FINAL
    assert "apt" not in FINAL
    assert re.findall(r"^COPY .*$", FINAL, re.MULTILINE) == ["COPY --from=build /opt/outreach /opt/outreach"]


def test_it_holds_every_package_that_we_ship() -> None:
    """What pyproject.toml packs is copied, and not shut out by .dockerignore."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    packed = {pattern.rstrip("*") for pattern in project["tool"]["setuptools"]["packages"]["find"]["include"]}
    copied = set(re.findall(r"^COPY (\w+) \./\1$", BUILD, re.MULTILINE))
    let_in = {line[1:] for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert copied == packed
    assert packed | {"pyproject.toml", "requirements.lock", "requirements.runtime.lock"} == let_in


def test_the_two_locks_agree() -> None:
    """What runs is a part of what was tested, in the same versions, and has no tool of ours in it."""
    tested, runs = _pinned("requirements.lock"), _pinned("requirements.runtime.lock")
    assert runs < tested
    assert not {name for name in runs if name.split("==")[0] in {"pytest", "mypy", "ruff", "setuptools", "pip"}}
    assert "--hash=sha256:" in (REPOSITORY / "requirements.runtime.lock").read_text()
