"""A bank's files of placements and events."""

from __future__ import annotations

from pathlib import Path

import pytest

from outreach.cli.bank_file import FileEvent, read_events
from outreach.cli.failures import Failure
from outreach.v1.bank_service_pb2 import Party

HEADER = (
    "account_number,agency_id,start_time,end_time,customer_id,name,sequence,as_of_time,overdue_amount_fen,role,"
    "phone_numbers"
)
FIRST = (
    "6222001,demo-agency,2026-01-01T00:00:00+08:00,2026-12-31T00:00:00+08:00,c-1,张三,3,2026-03-17T06:00:00+08:00,100000,,"
    "138 0000 5678;13900005678"
)
SECOND = "6222001,,,,c-2,李四,,,,guarantor,13700005678"


def events(tmp_path: Path, name: str, *lines: str) -> list[FileEvent]:
    path = tmp_path / name
    path.write_text("\n".join(lines) + "\n")
    return list(read_events(path, "demo-bank"))


def test_lines_of_one_account_are_one_placement(tmp_path: Path) -> None:
    """The first line has the amounts, each line a party; the debtor is the default, numbers are split."""
    (found,) = events(tmp_path, "p.csv", HEADER, FIRST, SECOND)
    assert found.event is not None
    placement = found.event.placement
    assert [(party.role, party.customer_id) for party in placement.parties] == [
        (Party.ROLE_DEBTOR, "c-1"),
        (Party.ROLE_GUARANTOR, "c-2"),
    ]
    assert list(placement.parties[1].phone_numbers) == ["13700005678"]
    assert (placement.balance.sequence, placement.balance.overdue_amount_fen) == (3, 100000)
    assert found.event.event_time == placement.balance.as_of_time


def test_the_same_line_is_the_same_event(tmp_path: Path) -> None:
    """Without an id of the bank's, content gives it: reading twice changes nothing, a changed line is another event."""
    (first,) = events(tmp_path, "p.csv", HEADER, FIRST)
    (again,) = events(tmp_path, "p.csv", HEADER, FIRST)
    (changed,) = events(tmp_path, "p.csv", HEADER, FIRST.replace(",3,", ",4,"))
    assert first.event is not None
    assert again.event is not None
    assert changed.event is not None
    assert first.event.event_id == again.event.event_id != changed.event.event_id
    assert "6222001" not in first.event.event_id


def test_a_bad_line_spoils_no_other(tmp_path: Path) -> None:
    """A wrong amount, a missing one, and a line that is no CSV are told by line; the good placement is taken."""
    found = events(
        tmp_path,
        "p.csv",
        HEADER,
        FIRST.replace("6222001", "6222002").replace("100000", "1e5"),
        FIRST.replace("6222001", "6222003").replace("张三", ""),
        '6222004,"x',
        FIRST,
    )
    assert [(entry.line, entry.event is None) for entry in found] == [(2, True), (3, True), (4, True), (5, False)]
    assert "overdue_amount_fen" in found[0].error
    assert "placement.parties[0].name" in found[1].error


def test_json_lines_are_any_events(tmp_path: Path) -> None:
    """Each line is the JSON of an event of this bank; others, unknown fields and broken JSON are told by line."""
    times = '"eventId": "e-1", "bankId": "demo-bank", "eventTime": "2026-03-17T06:00:00Z"'
    good = f'{{{times}, "recall": {{"accountNumber": "6"}}}}'
    found = events(
        tmp_path, "e.jsonl", good, "", good.replace("demo-bank", "b-bank"), good.replace("recall", "recoil"), "{", good
    )
    assert [entry.line for entry in found if entry.event] == [1, 6]
    assert [entry.line for entry in found if entry.error] == [3, 4, 5]
    assert "bank_id" in found[1].error


def test_other_names_are_refused(tmp_path: Path) -> None:
    """The name's ending says how to read the file."""
    with pytest.raises(Failure, match="jsonl"):
        events(tmp_path, "p.xlsx", HEADER)
