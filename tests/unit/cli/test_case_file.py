"""Case files as offices write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from outreach.cli.case_file import Case, CaseFile
from outreach.cli.failures import Failure
from outreach.v1.outreach_service_pb2 import SmsItem

HEADER = "request_id,bank_id,account_number,phone_number,template_name,case_id,not_before,var.note"
GOOD = "r-1,demo-bank,6222001,13800005678,due-reminder,c-1,2026-11-24T08:00:00+08:00,您好"


def cases(tmp_path: Path, content: str | bytes) -> list[Case[SmsItem]]:
    path = tmp_path / "cases.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(CaseFile(path).cases())


def lines(*extra: str) -> str:
    return "\n".join((HEADER, GOOD, *extra)) + "\n"


def test_columns_become_fields(tmp_path: Path) -> None:
    """Every column sets its field, `var.` columns the variables, empty cells nothing."""
    found = cases(tmp_path, lines("r-2,demo-bank,6222002,138 0000 5679,due-reminder,,,"))
    first, second = (case.item for case in found)
    assert first is not None
    assert second is not None
    assert (first.request_id, first.phone_number, first.case_id) == ("r-1", "13800005678", "c-1")
    assert first.not_before.ToJsonString() == "2026-11-24T00:00:00Z"
    assert dict(first.variables) == {"note": "您好"}
    assert not second.HasField("not_before")
    assert not second.variables
    assert [case.line for case in found] == [2, 3]


@pytest.mark.parametrize(
    ("encoding", "bom"),
    [
        ("utf-8", b""),
        ("utf-8", b"\xef\xbb\xbf"),
        ("gbk", b""),
        ("gbk", b"\xef\xbb\xbf"),
        ("gb18030", "\ufeff".encode("gb18030")),
    ],
)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_encodings_are_recognised(tmp_path: Path, encoding: str, bom: bytes, ending: str) -> None:
    """UTF-8 and GBK, with or without a byte order mark and even a wrong one, with either line end, read alike."""
    (case,) = cases(tmp_path, bom + lines().replace("\n", ending).encode(encoding))
    assert case.item is not None
    assert case.item.variables["note"] == "您好"


@pytest.mark.parametrize("encoding", ["utf-8", "gbk"])
def test_a_broken_line_is_told_and_the_good_ones_are_taken(tmp_path: Path, encoding: str) -> None:
    """Bytes of no encoding, an unclosed quote, a NUL, a huge cell, a column too few or many, a time that is none: each
    spoils its own line only, is named by its number, and not repeated.
    """
    bad = [
        b'r-3,demo-bank,"6222001,13800005678,due-reminder,c-1,,x',
        b"r-4,demo-bank,62\x0022001,13800005678,due-reminder,c-1,,x",
        b"r-5,demo-bank," + b"9" * 100_000 + b",13800005678,due-reminder,c-1,,x",
        b"r-6,demo-bank,6222001",
        b"r-7,demo-bank,6222001,13800005678,due-reminder,c-1,,x,y",
        b"r-8,demo-bank,6222001,13800005678,due-reminder,c-1,2026-11-24 08:00,x",
        b"r-9,demo-bank,6222001,13800005678,due-reminder,c-1,,\xff\xff",
    ]
    good = GOOD.encode(encoding)
    found = cases(tmp_path, b"\n".join((HEADER.encode(), good, *bad, good)) + b"\n")
    assert [case.item is not None for case in found] == [True, *[False] * len(bad), True]
    assert [case.line for case in found] == list(range(2, 11))
    words = ["no CSV", "NUL", "longer", "有 3 列", "有 9 列", "not_before", "encoding"]
    for case, word in zip(found[1:-1], words, strict=True):
        assert word in case.error
        assert "13800005678" not in case.error


def test_empty_lines_are_nothing(tmp_path: Path) -> None:
    """Lines without content, such as Excel leaves behind, are passed over, and lines keep their numbers."""
    found = cases(tmp_path, lines("", ",,,,,,,", GOOD.replace("r-1", "r-2")))
    assert [(case.line, case.request_id) for case in found] == [(2, "r-1"), (5, "r-2")]


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("", "It is empty"),
        (HEADER + ",case_id\n", "case_id 重复"),
        (HEADER.replace("phone_number,", "") + "\n", "缺少列 phone_number"),
        (HEADER + ",telefon\n", "没有列 telefon"),
        (HEADER.replace(",", ";") + "\n", "The column is missing"),
        (HEADER.encode("utf-16"), "UTF-16"),
        ('"' + HEADER + "\n", "the header"),
    ],
)
def test_a_wrong_header_is_told_with_the_way_out(tmp_path: Path, content: str | bytes, word: str) -> None:
    """Without the right columns nothing is taken; the message names the column and what there should be."""
    with pytest.raises(Failure, match=word):
        cases(tmp_path, content)
