"""outreach letter-version lint: the verdict before anybody is asked, without an installation."""

from __future__ import annotations

from pathlib import Path

import orjson
from typer.testing import CliRunner, Result

from outreach.cli.main import app

_EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
_NOTICE = _EXAMPLES / "demo-bank/letters/payment-notice.md"


def _lint(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["letter-version", "lint", *map(str, arguments)])


def test_a_complete_version_may_be_drafted() -> None:
    """The example passes, also against the bank's policy."""
    result = _lint(_NOTICE, "--policy", _EXAMPLES / "demo-bank/policy.yaml", "--json")
    assert result.exit_code == 0, result.output
    document = orjson.loads(result.stdout)
    assert document["refused"] is False
    assert document["findings"] == []


def test_what_is_missing_or_forbidden_is_told(tmp_path: Path) -> None:
    """A line left out and a threat put in are both told, and the exit code is 1."""
    file = tmp_path / "notice.md"
    text = _NOTICE.read_text(encoding="utf-8")
    file.write_text(
        text.replace("　　如您在收到本函前已经还款，请忽略本函。", "　　再不还款，我们就上门找你家人要钱。")
    )
    result = _lint(file)
    assert result.exit_code == 1
    assert "如已还款请忽略" in result.output
    assert "threat" in result.output


def test_what_is_not_in_the_format_is_told_in_a_line(tmp_path: Path) -> None:
    """A source that cannot be read names its line."""
    file = tmp_path / "notice.md"
    file.write_text("---\ntitle: 缴款告知函\n")
    result = _lint(file)
    assert result.exit_code == 1
    assert "line 3" in result.stderr


def test_another_banks_policy(tmp_path: Path) -> None:
    """The names and hotlines of another bank's policy do not fit."""
    result = _lint(_NOTICE, "--policy", _EXAMPLES / "sample-bank/policy.yaml", "--json")
    assert result.exit_code == 1
    assert "样本银行" in result.stdout
    assert "010-00000001" in result.stdout
