"""Case files that are .xlsx: cells as offices fill them, and files that are made to do harm."""

from __future__ import annotations

import random
import zipfile
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from outreach.cli.case_file import Case, CaseFile
from outreach.cli.failures import Failure
from outreach.domain.errors import Refusal
from outreach.v1.outreach_service_pb2 import SmsItem

HEADER = ("request_id", "bank_id", "account_number", "phone_number", "template_name", "not_before", "var.note")
GOOD = ("r-1", "demo-bank", "6222001", "13800005678", "due-reminder", None, "您好")
SHEET = "xl/worksheets/sheet1.xml"
Change = Callable[[bytes], bytes]


def workbook(path: Path, *rows: Sequence[Any], formats: dict[str, str] | None = None) -> Path:
    book = Workbook()
    for row in rows:
        book.worksheets[0].append(list(row))
    for place, number_format in (formats or {}).items():
        book.worksheets[0][place].number_format = number_format
    book.save(path)
    return path


def rewritten(path: Path, changes: dict[str, Change]) -> Path:
    """The same workbook with parts changed."""
    made = path.with_name("rewritten.xlsx")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, changes.get(name, bytes)(old.read(name)))
    return made


def read(path: Path) -> list[Case[SmsItem]]:
    with CaseFile(path) as cases:
        return list(cases.cases())


def test_cells_become_the_text_that_was_meant(tmp_path: Path) -> None:
    """Numbers lose no digit and show no exponent, padding zeros come back, dates are in China's time."""
    rows = [
        HEADER,
        GOOD,
        ("r-2", "demo-bank", 6222001, 1.3800005678e10, "due-reminder", datetime(2026, 11, 24, 8, 30), 0.5),  # noqa: DTZ001
        (" r-3 ", "demo-bank", 42, 13800005678, "due-reminder", date(2026, 11, 24), ""),
        ("r-4", "demo-bank", 999_999_999_999_999, "13800005678", "due-reminder", "2026-11-24T08:00:00Z", None),
    ]
    found = read(workbook(tmp_path / "c.xlsx", *rows, formats={"C4": "0000000000"}))
    first, second, third, fourth = (case.item for case in found)
    assert first is not None
    assert second is not None
    assert third is not None
    assert fourth is not None
    assert (first.request_id, dict(first.variables), first.HasField("not_before")) == ("r-1", {"note": "您好"}, False)
    assert (second.account_number, second.phone_number) == ("6222001", "13800005678")
    assert (second.not_before.ToJsonString(), second.variables["note"]) == ("2026-11-24T00:30:00Z", "0.5")
    assert (third.request_id, third.account_number) == ("r-3", "0000000042")
    assert third.not_before.ToJsonString() == "2026-11-23T16:00:00Z"
    assert (fourth.account_number, fourth.not_before.ToJsonString()) == ("999999999999999", "2026-11-24T08:00:00Z")
    assert [case.line for case in found] == [2, 3, 4, 5]


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        (3, 6_222_001_234_567_890, "C3 account_number: 数字超过 15 位"),
        (3, 1.5e-7, "C3 account_number: 数字过小"),
        (3, "=1+1", "C3 account_number: 是公式"),
        (1, date(2026, 3, 1), "A3 request_id: 是日期"),
        (4, True, "D3 phone_number: 是逻辑值"),
        (4, "#N/A", "D3 phone_number: 是错误值"),
        (6, datetime(2026, 3, 1).time(), "F3 not_before: 只有时刻"),  # noqa: DTZ001
        (6, "tomorrow", "not_before: 须为带时区的时间"),
        (8, "more", "H3 在表头之外"),
    ],
)
def test_a_cell_that_cannot_be_told_spoils_its_line_only(tmp_path: Path, column: int, value: Any, told: str) -> None:
    """Digits that the spreadsheet lost, formulas, ids that became dates, errors: the line is listed with its cell and
    the way out, without its content, and the lines around it are taken.
    """
    bad: list[Any] = [*GOOD, None]
    bad[column - 1] = value
    found = read(workbook(tmp_path / "c.xlsx", HEADER, GOOD, bad, GOOD))
    assert [case.item is not None for case in found] == [True, False, True]
    assert told in found[1].error
    assert "13800005678" not in found[1].error


def test_empty_rows_and_other_sheets(tmp_path: Path) -> None:
    """Rows without content are passed over, lines keep their numbers, and a person is told that one sheet is read."""
    path = workbook(tmp_path / "c.xlsx", (), HEADER, (), ("  ",), GOOD)
    assert [case.line for case in read(path)] == [5]
    with CaseFile(path) as cases:
        assert (cases.note, cases.line_count) == ("", 3)
    book = Workbook()
    book.worksheets[0].append(HEADER)
    book.create_sheet("更多").append(GOOD)
    book.save(path)
    with CaseFile(path) as cases:
        assert "更多" in cases.note


def test_a_workbook_is_known_by_its_content(tmp_path: Path) -> None:
    """A workbook named .csv and a CSV named .xlsx are read for what they are."""
    (case,) = read(workbook(tmp_path / "c.csv", HEADER, GOOD))
    assert case.request_id == "r-1"
    (tmp_path / "c.xlsx").write_text(",".join(HEADER) + "\n" + ",".join(value or "" for value in GOOD) + "\n")
    assert [case.request_id for case in read(tmp_path / "c.xlsx")] == ["r-1"]


@pytest.mark.parametrize(
    ("rows", "word"),
    [
        ((), "第一张表是空的"),
        ((HEADER[1:], GOOD[1:]), "缺少列 request_id"),
        (((*HEADER, "telefon"), GOOD), "没有列 telefon"),
        (((*HEADER, "request_id"), GOOD), "request_id 重复"),
        (((*HEADER, 1e300), GOOD), "表头 the header"),
    ],
)
def test_a_wrong_header_is_told(tmp_path: Path, rows: Sequence[Sequence[Any]], word: str) -> None:
    """As with CSV, nothing is taken without the right columns."""
    with pytest.raises((Failure, Refusal), match=word):
        read(workbook(tmp_path / "c.xlsx", *rows))


def padded(content: bytes) -> bytes:
    return content.replace(b"</sheetData>", b"</sheetData>" + b" " * (4 << 20))


def with_entities(content: bytes) -> bytes:
    entities = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    prolog = f'<!DOCTYPE worksheet [<!ENTITY a0 "lol">{entities}]>'.encode()
    return prolog + content.replace(b"due-reminder", b"&a9;")


def with_file_entity(content: bytes) -> bytes:
    prolog = (
        b'<?xml version="1.0"?><!-- ' + b"x" * 10_000 + b' --><!DOCTYPE w [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    )
    return prolog + content.replace(b"due-reminder", b"&a;")


def dangling(content: bytes) -> bytes:
    return content.replace(b'<c r="A2" t="inlineStr"><is><t>r-1</t></is></c>', b'<c r="A2" t="s"><v>9</v></c>')


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (padded, "WORKBOOK_TOO_LARGE"),
        (with_entities, "WORKBOOK_HAS_ENTITIES"),
        (with_file_entity, "WORKBOOK_HAS_ENTITIES"),
        (lambda content: content[:600], "WORKBOOK_UNREADABLE"),
        (dangling, "WORKBOOK_UNREADABLE"),
        (lambda content: b"\0" * 100, "WORKBOOK_UNREADABLE"),
    ],
    ids=["zip bomb", "billion laughs", "a file as entity", "torn", "dangling strings", "no xml"],
)
def test_a_harmful_or_torn_workbook_is_refused(tmp_path: Path, change: Change, reason: str) -> None:
    """A ZIP bomb and XML entities are refused before they are expanded, torn parts where they are met."""
    path = rewritten(workbook(tmp_path / "c.xlsx", HEADER, GOOD), {SHEET: change})
    with pytest.raises(Refusal) as raised:
        read(path)
    assert raised.value.reason == reason
    assert str(path) in str(raised.value)


def test_a_bomb_that_lies_about_its_size_is_not_expanded(tmp_path: Path) -> None:
    """A member whose directory entry claims less than it holds yields no more than it claims."""
    path = rewritten(workbook(tmp_path / "c.xlsx", HEADER, GOOD), {SHEET: padded})
    with zipfile.ZipFile(path) as archive:
        true_size = archive.getinfo(SHEET).file_size
    lie = path.read_bytes().replace(true_size.to_bytes(4, "little"), (2000).to_bytes(4, "little"))
    path.write_bytes(lie)
    with pytest.raises(Refusal) as raised:
        read(path)
    assert raised.value.reason == "WORKBOOK_UNREADABLE"


def test_a_directory_that_points_before_the_file_is_damage(tmp_path: Path) -> None:
    """No error of the disk, as which zipfile tells it."""
    path = workbook(tmp_path / "c.xlsx", HEADER, GOOD)
    data = bytearray(path.read_bytes())
    end = data.rindex(b"PK\x05\x06")
    data[end + 16 : end + 20] = (2**31).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(Refusal) as raised:
        read(path)
    assert raised.value.reason == "WORKBOOK_UNREADABLE"


def test_a_huge_cell_spoils_its_line_only(tmp_path: Path) -> None:
    """A cell of 10 MB is named by place and column; it is not sent."""
    path = workbook(tmp_path / "c.xlsx", HEADER, GOOD, (*GOOD[:6], "huge"), GOOD)
    huge = random.Random(1).randbytes(5_000_000).hex().encode()
    found = read(rewritten(path, {SHEET: lambda content: content.replace(b"huge", huge)}))
    assert [case.item is not None for case in found] == [True, False, True]
    assert found[1].error.startswith("G3 var.note: 超过 65536 个字符")


def test_rows_that_claim_to_be_far_down_cost_nothing(tmp_path: Path) -> None:
    """A row number beyond what a sheet can have ends the sheet instead of filling the gap."""
    path = workbook(tmp_path / "c.xlsx", HEADER, GOOD, GOOD)
    far = rewritten(path, {SHEET: lambda content: content.replace(b'r="3"', b'r="99999999999"')})
    assert [case.line for case in read(far)] == [2]


@pytest.mark.parametrize("content", [b"PK\x03\x04", b"PK\x03\x04" + b"\0" * 500, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"])
def test_what_is_no_workbook_is_told(tmp_path: Path, content: bytes) -> None:
    """A torn archive, and the older or encrypted form, are told with the way out."""
    path = tmp_path / "c.xlsx"
    path.write_bytes(content)
    with pytest.raises(Refusal, match="另存为"):
        read(path)
