"""A bank's file of events: placements as CSV, or any events as lines of the JSON of BankEvent."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from google.protobuf.json_format import Parse, ParseError

from outreach.cli.csv_lines import CsvFile
from outreach.cli.failures import Failure
from outreach.cli.fields import FieldError, set_text
from outreach.cli.lines import Line
from outreach.v1.bank_service_pb2 import Balance, BankEvent, Party, Placement
from outreach.validation import NOT_OF_ITS_TYPE, field_of, oddities, violations

_EVENT = ("event_id", "event_time")
_PLACEMENT = ("account_number", "agency_id", "start_time", "end_time", "product_name")
_BALANCE = (
    "sequence",
    "as_of_time",
    "overdue_amount_fen",
    "outstanding_amount_fen",
    "minimum_payment_fen",
    "due_date",
)
_PARTY = ("customer_id", "role", "name", "phone_numbers", "addresses", "identity_number", "agreed_to_quiet_hours")
_LISTS = frozenset({"phone_numbers", "addresses"})
_OPTIONAL = (
    *_EVENT,
    "product_name",
    "outstanding_amount_fen",
    "minimum_payment_fen",
    "due_date",
    *_PARTY[1:2],
    *_PARTY[3:],
)
_REQUIRED = tuple(name for name in (*_PLACEMENT, *_BALANCE, *_PARTY) if name not in _OPTIONAL)
_NO_EVENT = "不是 BankEvent 的 ProtoJSON is not the ProtoJSON of a BankEvent"
_SEPARATORS = re.compile(r"[;;,、\s]+")
_BETWEEN_ADDRESSES = re.compile(r"[;；\n]")


@dataclass(frozen=True, slots=True)
class FileEvent:
    """An event and the line it begins at, or why there is none."""

    line: int
    event: BankEvent | None = None
    error: str = ""


def read_events(path: Path, bank_id: str) -> Iterator[FileEvent]:
    """The events of a .csv or .jsonl file, checked against the contract. Raises Failure, OSError."""
    readers = {".csv": _read_csv, ".jsonl": _read_jsonl}
    if path.suffix.lower() not in readers:
        raise Failure(f"{path}: 文件名须以 .csv 或 .jsonl 结尾。The name must end so.")
    return map(_checked, readers[path.suffix.lower()](path, bank_id))


def _checked(found: FileEvent) -> FileEvent:
    broken = [*violations(found.event), *oddities(found.event)] if found.event else []
    if not broken:
        return found
    return FileEvent(found.line, error="; ".join(f"{field}: {message}" for field, message in broken[:3]))


def _read_jsonl(path: Path, bank_id: str) -> Iterator[FileEvent]:
    for number, line in enumerate(path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            event = Parse(line.decode(), BankEvent())
        except ParseError as error:
            field = field_of(error)
            yield FileEvent(
                number, error=f"{field}: {NOT_OF_ITS_TYPE}" if field else f"{_NO_EVENT}: {str(error)[:200]}"
            )
            continue
        except (UnicodeDecodeError, RecursionError):
            yield FileEvent(number, error=_NO_EVENT)
            continue
        if event.bank_id == bank_id:
            yield FileEvent(number, event)
        else:
            yield FileEvent(number, error=f"bank_id: 须为 {bank_id}，如 --bank 所示 must be that, as --bank says")


def _read_csv(path: Path, bank_id: str) -> Iterator[FileEvent]:
    """Lines of one account that follow each other are one placement: the first has the amounts, each has a party."""
    file = CsvFile(path, _REQUIRED, _OPTIONAL)
    for _, group in groupby(file.lines(), lambda line: line.cells.get("account_number") or line.number):
        lines = list(group)
        try:
            yield FileEvent(lines[0].number, _placement(bank_id, lines))
        except FieldError as error:
            yield FileEvent(lines[0].number, error=str(error))


def _placement(bank_id: str, lines: list[Line]) -> BankEvent:
    first = lines[0].cells
    if lines[0].error:
        raise FieldError("line", lines[0].error)
    event = BankEvent(bank_id=bank_id)
    _set(event, _EVENT, first)
    _set(event.placement, _PLACEMENT, first)
    _set(event.placement.balance, _BALANCE, first)
    for line in lines:
        _add_party(event.placement, line.cells)
    if not event.HasField("event_time"):
        event.event_time.CopyFrom(event.placement.balance.as_of_time)
    event.event_id = event.event_id or content_id(event)
    return event


def _add_party(placement: Placement, cells: dict[str, str]) -> None:
    party = placement.parties.add(role=Party.ROLE_DEBTOR)
    _set(party, tuple(name for name in _PARTY if name not in _LISTS), cells)
    party.phone_numbers.extend(filter(None, _SEPARATORS.split(cells.get("phone_numbers", ""))))
    addresses = _BETWEEN_ADDRESSES.split(cells.get("addresses", ""))
    party.addresses.extend(filter(None, map(str.strip, addresses)))


def _set(message: BankEvent | Placement | Balance | Party, names: Iterable[str], cells: dict[str, str]) -> None:
    for name in names:
        set_text(message, name, cells.get(name, ""))


def content_id(event: BankEvent) -> str:
    """An event id made of the content: the same line again is the same event, and changes nothing."""
    return f"file-{hashlib.sha256(event.SerializeToString(deterministic=True)).hexdigest()[:40]}"
