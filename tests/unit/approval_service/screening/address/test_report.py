"""Files of addresses are screened line by line, and a line that is none is told."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

from typer.testing import CliRunner

from approval_service.screening.address.report import check, check_lines
from outreach.cli.main import app


def _run(*arguments: str, stdin: str = "") -> tuple[int, str]:
    result = CliRunner().invoke(app, ["address", "check", *arguments], input=stdin)
    return result.exit_code, result.stdout


def test_lines_keep_their_id_and_bad_ones_are_told() -> None:
    """One document a line, in order; blank lines are passed over."""
    lines = ['{"id": 7, "address": "青梧路"}', "", "{", '{"id": 1}', '{"id": "b", "address": "青梧路12号"}']
    first, broken, empty, last = check_lines(lines)
    assert first == {"id": 7, **check("青梧路")}
    assert first["codes"] == ["ADDRESS_INCOMPLETE"]
    assert broken["line"] == 3
    assert empty["line"] == 4
    assert (last["id"], last["codes"], last["why"]) == ("b", [], [])


def test_why_names_span_offsets_and_reason() -> None:
    """What a program needs to mark the place in the address as it was given."""
    document = check("浙江省 南京市青梧路12号")
    assert document["why"] == [
        {
            "code": "ADDRESS_UNDELIVERABLE",
            "span": "南京市",
            "start": 4,
            "end": 7,
            "reason": "南京市不在浙江省 · 南京市 is not in 浙江省",
        }
    ]


def test_one_address_on_the_command_line() -> None:
    """Good: exit code 0. Bad: exit code 1, with the place and the reason."""
    assert _run("青梧路12号枫桥小区3栋401")[0] == 0
    code, shown = _run("青梧路12号枫桥小区3栋")
    assert code == 1
    assert "ADDRESS_INCOMPLETE" in shown
    assert "「枫桥小区3栋」" in shown


def test_json_lines_on_the_command_line() -> None:
    """A file of any length goes through standard input and output."""
    code, shown = _run("--jsonl", stdin='{"id": "1", "address": "青梧农贸市场"}\n')
    assert code == 0
    assert json.loads(shown)["codes"] == ["ADDRESS_BROAD"]


def test_a_csv_file_gets_two_columns(tmp_path: Path) -> None:
    """By number or name of the column, in the encodings of offices; a short line is an empty address."""
    path = tmp_path / "file.csv"
    for encoding, column in (("utf-8-sig", "地址"), ("gb18030", "2")):
        path.write_text('编号,地址\n1,"青梧路12号, 3栋402"\n2,青梧路\n3\n', encoding=encoding)
        code, shown = _run("--csv", str(path), "--column", column)
        rows = list(csv.DictReader(io.StringIO(shown)))
        assert code == 0
        assert [row["codes"] for row in rows[:2]] == ["", "ADDRESS_INCOMPLETE"]
        assert "without a house number" in rows[1]["why"]
        assert "ADDRESS_INCOMPLETE" in shown.splitlines()[3]


def test_wrong_usage_is_told(tmp_path: Path) -> None:
    """Nothing to check, two things at once, a column that is not there, an empty file."""
    path = tmp_path / "file.csv"
    path.write_text("编号,地址\n", encoding="utf-8")
    assert _run()[0] == 2
    assert _run("青梧路", "--jsonl")[0] == 2
    assert _run("--csv", str(path), "--column", "9")[0] == 1
    path.write_text("", encoding="utf-8")
    assert _run("--csv", str(path), "--column", "1")[0] == 1


def test_content_is_checked_by_lines_too() -> None:
    """outreach content check: findings for each text."""
    result = CliRunner().invoke(app, ["content", "check", "--jsonl"], input='{"id": 1, "text": "请按时还款。"}\n')
    assert json.loads(result.stdout) == {"id": 1, "findings": []}
