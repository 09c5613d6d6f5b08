"""Bad files: the good lines are taken, the bad ones listed with field and way out, harmful files are refused whole; and
docs/bad_input.md says the same.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from outreach.domain.errors import Refusal
from outreach.v1.common_pb2 import State
from outreach.v1.outreach_service_pb2 import Decision, ItemResult, SubmitBatchResponse
from tests.documented import assert_documented
from tests.fakes.gateway import FakeGateway
from tests.unit.cli.conftest import Run
from tests.unit.cli.test_sheet_file import (
    GOOD,
    HEADER,
    SHEET,
    padded,
    read,
    rewritten,
    with_entities,
    workbook,
)

CELLS: Sequence[tuple[str, int, Any, str]] = (
    ("超过 15 位的数字 a number of more than 15 digits", 3, 6_222_001_234_567_890, "C3 account_number"),
    ("公式 a formula", 4, "=B2", "D3 phone_number"),
    ("变成日期的编号 an id that became a date", 1, date(2026, 3, 1), "A3 request_id"),
    ("错误值 an error", 4, "#N/A", "D3 phone_number"),
    ("逻辑值 TRUE or FALSE", 4, True, "D3 phone_number"),
    ("不存在的时间 a time that does not exist", 6, "2026-02-30T08:00:00+08:00", "not_before"),
)
LINES: Sequence[tuple[str, bytes, str]] = (
    ("引号未闭合 an unclosed quote", b'r-9,demo-bank,"6222001,1,due,,', ""),
    ("列数不对 another number of columns", b"r-9,demo-bank", ""),
    ("编码与全文不同 bytes of another encoding", b"r-9,demo-bank,6222001,1,due,,\xff\xff", ""),
    ("NUL 字符 a NUL character", b"r-9,demo-bank,62\x00,1,due,,", ""),
    ("10 MB 的单元格 a cell of 10 MB", b"r-9,demo-bank," + b"6" * 10_000_000 + b",1,due,,", ""),
    ("没有时区的时间 a time without its offset", b"r-9,demo-bank,6222001,1,due,2026-03-17 08:00,", "not_before"),
)


def admit(request: Any) -> SubmitBatchResponse:
    decision = Decision(state=State.STATE_ADMITTED)
    return SubmitBatchResponse(results=[ItemResult(decision=decision) for _ in request.items])


def test_a_gbk_file_with_a_wrong_mark_and_broken_lines(gateway: FakeGateway, run: Run, tmp_path: Path) -> None:
    """GBK behind UTF-8's byte order mark, as some programs write it: good lines are submitted, bad ones listed."""
    gateway.answers["SubmitBatch"] = admit
    good = "r-{},demo-bank,6222001,13800005678,due-reminder,,您好"
    lines = [part for n, (_, bad, _) in enumerate(LINES) for part in (good.format(n).encode("gbk"), bad)]
    path = tmp_path / "cases.csv"
    path.write_bytes(b"\xef\xbb\xbf" + b"\r\n".join([",".join(HEADER).encode(), *lines]) + b"\r\n")
    assert run("submit", path).exit_code == 1
    items = [one for request in gateway.asked("SubmitBatch") for one in request.items]
    assert [(one.request_id, one.variables["note"]) for one in items] == [(f"r-{n}", "您好") for n in range(len(LINES))]
    with Path(f"{path}.results.csv").open(encoding="utf-8-sig", newline="") as file:
        broken = {int(row["line"]): row["reason"] for row in csv.DictReader(file) if row["outcome"] == "BROKEN"}
    assert list(broken) == [3 + 2 * n for n in range(len(LINES))]
    for (what, _, field), reason in zip(LINES, broken.values(), strict=True):
        assert reason.startswith(f"{field}: " if field else "")
        assert_documented(f"{what} (CSV)", field, reason.removeprefix(f"{field}: "))


@pytest.mark.parametrize(("what", "column", "value", "field"), CELLS, ids=[cell[0] for cell in CELLS])
def test_a_bad_cell(tmp_path: Path, what: str, column: int, value: Any, field: str) -> None:
    """The line is listed with its cell, and the lines around it are taken."""
    bad: list[Any] = list(GOOD)
    bad[column - 1] = value
    found = read(workbook(tmp_path / "c.xlsx", HEADER, GOOD, bad, GOOD))
    assert [case.item is not None for case in found] == [True, False, True]
    assert found[1].error.startswith(f"{field}: ")
    assert_documented(f"{what} (XLSX)", field, found[1].error.removeprefix(f"{field}: "))


@pytest.mark.parametrize(
    ("what", "change"),
    [("压缩炸弹 a ZIP bomb", padded), ("XML 实体 XML entities", with_entities), ("损坏 torn", lambda part: part[:600])],
)
def test_a_harmful_workbook(gateway: FakeGateway, run: Run, tmp_path: Path, what: str, change: Any) -> None:
    """Nothing of it is submitted; the message says what it is, and the way out."""
    path = rewritten(workbook(tmp_path / "c.xlsx", HEADER, GOOD), {SHEET: change})
    ended = run("submit", path)
    assert (ended.exit_code, gateway.requests) == (1, [])
    with pytest.raises(Refusal) as raised:
        read(path)
    words = str(raised.value).removeprefix(str(path)).lstrip(":, ")
    assert words[:40] in ended.stderr
    assert_documented(f"{what} (XLSX)", "", re.sub("（x[0-9]+）", "", words))
