"""Lists of addresses that people bring, some of them made to do harm, and what they take away."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook

from gateway.console import address_files
from outreach.domain.errors import Refusal
from tests.unit.cli.test_sheet_file import SHEET, Change, padded, rewritten, with_entities, with_file_entity

FIRST, SECOND = "浙江省杭州市西湖区文三路18号3幢402室", "上海市徐汇区漕溪北路88号7栋1201"


def sheet(*rows: tuple[Any, ...], others: int = 0) -> bytes:
    book = Workbook()
    for row in rows:
        book.worksheets[0].append(row)
    for _ in range(others):
        book.create_sheet().append(("地址",))
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def spoilt(folder: Path, change: Change) -> bytes:
    (folder / "a.xlsx").write_bytes(sheet(("地址",), (FIRST,)))
    return rewritten(folder / "a.xlsx", {SHEET: change}).read_bytes()


@pytest.mark.parametrize(
    ("written", "addresses"),
    [
        ("甲路1号\n\n 乙路2号 \n", ["甲路1号", "乙路2号"]),
        ('case,Address\n1,"浙江省,甲路1号"\n2,\n3,乙路2号\n', ["浙江省,甲路1号", "乙路2号"]),
        ("编号,地址\n1,甲路1号\n2\n", ["甲路1号"]),
        ("", []),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
async def test_addresses_of_a_text(written: str, addresses: list[str], encoding: str) -> None:
    """Each line, or the column of addresses if there is one."""
    assert await address_files.read(written.encode(encoding)) == addresses


@pytest.mark.parametrize(
    "rows",
    [
        ((FIRST,), (None,), (SECOND,)),
        ((), ("编号", " Address "), (1, FIRST), ("=1+1", None), (3, f" {SECOND}\n")),
        (("地址", "日期"), (FIRST, "=TODAY()"), (SECOND, "=HYPERLINK(1)")),
    ],
    ids=["no header", "a column among others", "formulas elsewhere"],
)
async def test_addresses_of_a_workbook(rows: tuple[tuple[Any, ...], ...]) -> None:
    """Of the first sheet alone; nothing of another column matters."""
    assert await address_files.read(sheet(*rows, others=1)) == [FIRST, SECOND]


@pytest.mark.parametrize(
    ("upload", "words"),
    [
        (sheet(("地址",), (FIRST,), ("=A2",)), "Sheet A3 是公式"),
        (sheet(("编号", "住址"), (1, FIRST)), "没有“地址”列"),
        (sheet(), "第一张表是空的"),
        (b"\xd0\xcf\x11\xe0" + b"\0" * 600, "旧版 .xls"),
        (b"PK\x03\x04" + b"\0" * 600, "不是完好的 .xlsx"),
        (sheet(("地址",), (FIRST,))[:-300], "不是完好的 .xlsx"),
        ("地址\n".encode() + b'"' + b"x" * 200_000, "不是完好的 CSV"),
    ],
    ids=["a formula", "no column", "an empty sheet", "an old workbook", "no archive", "torn", "an endless field"],
)
async def test_what_cannot_be_read_is_told(upload: bytes, words: str) -> None:
    """As an error of the form's field, with the place and the way out."""
    with pytest.raises(Refusal, match=words) as refused:
        await address_files.read(upload)
    assert refused.value.violations[0][0] == "file"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (padded, "压缩炸弹"),
        (with_entities, "XML 实体"),
        (with_file_entity, "XML 实体"),
        (lambda part: part[:200], "完好"),
    ],
    ids=["zip bomb", "billion laughs", "a file as entity", "torn"],
)
async def test_a_harmful_workbook_is_refused(tmp_path: Path, change: Change, words: str) -> None:
    """Before it is expanded."""
    with pytest.raises(Refusal, match=words) as refused:
        await address_files.read(spoilt(tmp_path, change))
    assert refused.value.violations[0][0] == "file"


async def test_less_is_expanded_than_for_a_file_of_ones_own(tmp_path: Path) -> None:
    """An upload that compresses as well as a sheet may is bound by what it expands to."""
    text = bytes(range(32, 127)) * (address_files.MAX_EXPANDED_BYTES // 95 + 1)
    with zipfile.ZipFile(tmp_path / "large.xlsx", "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("xl/media/noise", text)
    with pytest.raises(Refusal, match="展开后过大"):
        await address_files.read((tmp_path / "large.xlsx").read_bytes())


async def test_no_more_rows_are_read_than_are_checked() -> None:
    """One more than may be, so that too many are told of."""
    assert len(await address_files.read(sheet(*[(FIRST,)] * (address_files.MAX_ADDRESSES + 50)))) == 10_001


async def test_what_is_taken_away_runs_nothing() -> None:
    """A formula, a control character and a link in an address stay texts; the file can be brought again."""
    rows = [("=cmd|' /C calc'!A0", "ADDRESS_INCOMPLETE", "缺少门牌", ""), (f"@{FIRST}\x01", "", "", FIRST)]
    taken = list(csv.reader(io.StringIO(address_files.csv_of(rows).decode("utf-8-sig"))))
    assert [row[0][:2] for row in taken[1:]] == ["'=", "'@"]
    xlsx = await address_files.xlsx_of("地址诊所", rows)
    written = load_workbook(io.BytesIO(xlsx)).worksheets[0]
    assert {cell.data_type for row in written.iter_rows(min_row=2, max_col=1) for cell in row} == {"s"}
    assert await address_files.read(xlsx) == [rows[0][0], f"@{FIRST}\ufffd"]
