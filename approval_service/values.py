"""What fills the placeholders of a template: the caller's values, checked, and the bank's record, formatted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from approval_service import variables as variable_rules
from outreach.domain.money import format_fen
from outreach.v1.template_service_pb2 import Placeholder, PlaceholderType, RecordField


class Record(NamedTuple):
    """The bank's record of one account and one of its parties, unsealed."""

    account: Any
    recipient_name: str
    account_number: str
    time_zone: str


def problems(
    placeholders: Sequence[Placeholder | variable_rules.Slot], variables: Mapping[str, str], hotlines: Sequence[str]
) -> list[tuple[str, str]]:
    """What is wrong with the caller's values, as (placeholder, reason)."""
    return variable_rules.check(placeholders, variables, hotlines)


class RecordGap(NamedTuple):
    """A placeholder that the record fills."""

    name: str
    kind: PlaceholderType.ValueType
    text: Callable[[Record], str]
    known_fault: Callable[[Any, Any], str] | None
    """What was found wrong with a sealed text when the bank told it, by the rows of account and person."""


def gaps_of_record(placeholders: Iterable[Placeholder]) -> list[RecordGap]:
    return [
        RecordGap(p.name, p.type, _TEXTS[p.record_field], _KNOWN_FAULTS.get(p.record_field))
        for p in placeholders
        if p.record_field
    ]


def name_fault(name: str) -> str:
    """Why a name may not be shown, without it; empty if it may."""
    return variable_rules.record_problem(PlaceholderType.PLACEHOLDER_TYPE_NAME, name)


def number_fault(account_number: str) -> str:
    """Likewise of the number's last four characters."""
    return variable_rules.record_problem(PlaceholderType.PLACEHOLDER_TYPE_LAST_FOUR, account_number[-4:])


def faults_of_record(gaps: Iterable[RecordGap], account: Any, person: Any, time_zone: str) -> list[tuple[str, str]]:
    """(placeholder, reason) for what the record does not give, told without unsealing anything."""
    record = Record(account, "", "", time_zone)
    found = []
    for name, kind, text_of, known_fault in gaps:
        reason = known_fault(account, person) if known_fault else variable_rules.record_problem(kind, text_of(record))
        if reason:
            found.append((name, reason))
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

_KNOWN_FAULTS: dict[RecordField.ValueType, Callable[[Any, Any], str]] = {
    RecordField.RECORD_FIELD_RECIPIENT_NAME: lambda _, person: person.name_fault,
    RecordField.RECORD_FIELD_ACCOUNT_LAST_FOUR: lambda account, _: account.number_fault,
}
