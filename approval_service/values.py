"""What fills the placeholders of a template: the caller's values, checked, and the bank's record, formatted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from approval_service import variables as variable_rules
from outreach.domain.money import format_fen
from outreach.v1.template_service_pb2 import Placeholder, PlaceholderType, RecordField

AMOUNT, DATE = PlaceholderType.PLACEHOLDER_TYPE_AMOUNT, PlaceholderType.PLACEHOLDER_TYPE_DATE


class Record(NamedTuple):
    """The bank's record of one account and one of its parties, unsealed."""

    account: Any
    recipient_name: str
    account_number: str
    time_zone: str


class RecordGap(NamedTuple):
    """A placeholder that the record fills."""

    name: str
    text: Callable[[Record], str]
    fault: Callable[[Any, Any, str], str]
    """Why it may not be shown, empty if it may, by the rows of account and person and the time zone. Told without
    unsealing anything: what is sealed was judged when the bank told it."""


def gaps_of_record(placeholders: Iterable[Placeholder]) -> list[RecordGap]:
    return [RecordGap(p.name, _TEXTS[p.record_field], _fault_of(p)) for p in placeholders if p.record_field]


def _fault_of(placeholder: Placeholder) -> Callable[[Any, Any, str], str]:
    kind, field = placeholder.type, placeholder.record_field
    known = _KNOWN_FAULTS.get((kind, field)) or _KNOWN_FAULTS.get((None, field))
    if known is not None:
        return known
    text = _TEXTS[field]
    return lambda account, _, zone: variable_rules.record_problem(kind, text(Record(account, "", "", zone)))


def name_fault(name: str) -> str:
    """Why a name may not be shown, without it; empty if it may."""
    return variable_rules.record_problem(PlaceholderType.PLACEHOLDER_TYPE_NAME, name)


def number_fault(account_number: str) -> str:
    """Likewise of the number's last four characters."""
    return variable_rules.record_problem(PlaceholderType.PLACEHOLDER_TYPE_LAST_FOUR, account_number[-4:])


def faults_of_record(gaps: Iterable[RecordGap], account: Any, person: Any, time_zone: str) -> list[tuple[str, str]]:
    """(placeholder, reason) for what the record does not give."""
    found = []
    for name, _, fault_of in gaps:
        fault = fault_of(account, person, time_zone)
        if fault:
            found.append((name, fault))
    return found


def texts_of_record(gaps: Iterable[RecordGap], record: Record) -> dict[str, str]:
    """The texts that the record gives. Only for what `faults_of_record` finds no fault with."""
    return {gap.name: gap.text(record) for gap in gaps}


@lru_cache(maxsize=1024)
def _local_date(time_ms: int, time_zone: str) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).astimezone(ZoneInfo(time_zone)).date().isoformat()


_TEXTS: dict[RecordField.ValueType, Callable[[Record], str]] = {
    RecordField.RECORD_FIELD_OVERDUE_AMOUNT: lambda record: format_fen(record.account.overdue_fen),
    RecordField.RECORD_FIELD_OUTSTANDING_AMOUNT: lambda record: format_fen(record.account.outstanding_fen),
    RecordField.RECORD_FIELD_MINIMUM_PAYMENT: lambda record: format_fen(record.account.minimum_fen),
    RecordField.RECORD_FIELD_DUE_DATE: lambda record: str(record.account.due_date),
    RecordField.RECORD_FIELD_AS_OF_DATE: lambda record: _local_date(record.account.as_of_ms, record.time_zone),
    RecordField.RECORD_FIELD_RECIPIENT_NAME: lambda record: record.recipient_name,
    RecordField.RECORD_FIELD_ACCOUNT_LAST_FOUR: lambda record: record.account_number[-4:],
}


def _amount_fault(fen: int) -> str:
    """The same as of its text, which need not be made for it."""
    if 0 <= fen < variable_rules.AMOUNT_LIMIT_FEN:
        return ""
    return variable_rules.record_problem(AMOUNT, format_fen(fen))


@lru_cache(maxsize=1024)
def _as_of_fault(as_of_ms: int, time_zone: str) -> str:
    return variable_rules.record_problem(DATE, _local_date(as_of_ms, time_zone))


_KNOWN_FAULTS: dict[tuple[PlaceholderType.ValueType | None, RecordField.ValueType], Callable[[Any, Any, str], str]] = {
    (None, RecordField.RECORD_FIELD_RECIPIENT_NAME): lambda _, person, __: str(person.name_fault),
    (None, RecordField.RECORD_FIELD_ACCOUNT_LAST_FOUR): lambda account, _, __: str(account.number_fault),
    (AMOUNT, RecordField.RECORD_FIELD_OVERDUE_AMOUNT): lambda account, _, __: _amount_fault(account.overdue_fen),
    (AMOUNT, RecordField.RECORD_FIELD_OUTSTANDING_AMOUNT): lambda account, _, __: _amount_fault(
        account.outstanding_fen
    ),
    (AMOUNT, RecordField.RECORD_FIELD_MINIMUM_PAYMENT): lambda account, _, __: _amount_fault(account.minimum_fen),
    (DATE, RecordField.RECORD_FIELD_AS_OF_DATE): lambda account, _, zone: _as_of_fault(account.as_of_ms, zone),
}
"""By type and field; of any type where what the bank told was judged as it came."""
