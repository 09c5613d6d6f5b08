"""`make audit` fails for a finding, and says plainly when nobody could be asked."""

from __future__ import annotations

import orjson
import pytest

from tests import audit

BAD = {"name": "jinja2", "version": "2.11.2", "vulns": [{"id": "X-1", "fix_versions": []}]}
GOOD = {"name": "orjson", "version": "3", "vulns": []}
UNKNOWN = {"name": "orjson", "skip_reason": "not found"}


def _service(monkeypatch: pytest.MonkeyPatch, canary: list[object], packages: list[object]) -> None:
    def answer(_: str, *arguments: str) -> str:
        asked = packages if "requirements.lock" in arguments else canary
        return orjson.dumps({"dependencies": asked}).decode()

    monkeypatch.setattr(audit, "_run", answer)


def test_a_vulnerability_fails(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """With its package, version and id; unless its id is accepted with a reason."""
    _service(monkeypatch, [BAD], [GOOD, BAD])
    assert audit.audit_packages() == 1
    assert "jinja2 2.11.2: X-1" in capsys.readouterr().out
    monkeypatch.setattr(audit, "ACCEPTED", {"X-1": "not reachable"})
    assert audit.audit_packages() == 0


def test_an_acceptance_that_nothing_needs_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the table never holds more than is true."""
    _service(monkeypatch, [BAD], [GOOD])
    assert audit.audit_packages() == 0
    monkeypatch.setattr(audit, "ACCEPTED", {"X-1": "not reachable"})
    assert audit.audit_packages() == 1


def test_an_audit_that_broke_off_is_no_all_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service answers, and of the packages nothing is heard."""
    _service(monkeypatch, [BAD], [])
    assert audit.audit_packages() == 1


@pytest.mark.parametrize("answer", [[], [UNKNOWN], [GOOD]])
def test_nobody_to_ask_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], answer: list[object]
) -> None:
    """A service that does not know what everybody knows is none; that is no failure, and no all-clear."""
    _service(monkeypatch, answer, [GOOD])
    assert audit.audit_packages() == 0
    assert "NOT CHECKED" in capsys.readouterr().out
