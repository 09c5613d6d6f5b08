"""Values of placeholders: what a caller may give, what of the bank's record may be shown (VARIABLE_INVALID)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from approval_service.screening.content import screen
from outreach.v1.template_service_pb2 import Placeholder, PlaceholderType, RecordField

Fault = tuple[str, str]
"""A placeholder's name and what is wrong with its value; never the value."""

HOTLINE = PlaceholderType.PLACEHOLDER_TYPE_HOTLINE
GIVEN = RecordField.RECORD_FIELD_UNSPECIFIED
NAME_LIMIT = 60
REFERENCE_LIMIT = 20

_NAME = re.compile(r"[^\W\d_]+(?:[·• ][^\W\d_]+)*")
_AMOUNT = re.compile(r"[0-9]{1,10}\.[0-9]{2}")
AMOUNT_LIMIT_FEN = 10**12
"""The first amount that is too long to be shown."""
_LAST_FOUR = re.compile(r"[A-Za-z0-9-]{4}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_REFERENCE = re.compile(r"(?!.*[0-9]{8})[A-Z0-9-]{4,20}")
_NUMBER_IN_DISGUISE = re.compile(
    r"(?<![0-9])(?:1[3-9][0-9]{9}|[48]00[0-9]{7}|[0-9]{15,19})(?![0-9])"  # mobile, service and card numbers
    r"|^(?:V|VX|WX|QQ|WEIXIN)[0-9A-Z]{5,}$"
)


class Slots(NamedTuple):
    """What is looked at of a template's placeholders, for many messages: cheaper to read than the placeholders."""

    given: tuple[tuple[str, PlaceholderType.ValueType], ...]
    """Name and type of those that the caller fills."""
    of_record: tuple[str, ...]
    """Names of those that the bank's record fills."""


def slots_of(placeholders: Iterable[Placeholder]) -> Slots:
    known = list(placeholders)
    return Slots(
        tuple((one.name, one.type) for one in known if one.record_field == GIVEN),
        tuple(one.name for one in known if one.record_field != GIVEN),
    )


def check(slots: Slots, variables: Mapping[str, str], hotlines: Sequence[str]) -> list[Fault]:
    """What is wrong with the values a caller gave; `hotlines` are those of the bank's policy."""
    faults: list[Fault] = []
    expected = 0
    for name, kind in slots.given:
        value = variables.get(name)
        if value is None:
            faults.append((name, "缺少此变量。Is missing."))
            continue
        expected += 1
        fault = _given_fault(kind, value, hotlines)
        if fault:
            faults.append((name, fault))
    if expected < len(variables):
        faults += _unexpected(slots, variables)
    return faults


def _unexpected(slots: Slots, variables: Mapping[str, str]) -> Iterator[Fault]:
    given = {name for name, _ in slots.given}
    for name in variables:
        if name in slots.of_record:
            yield name, "此项取自银行记录，请勿提供。Comes from the bank's record; leave it out."
        elif name not in given:
            yield name, "模板没有此变量，请删除。The template has no such placeholder; leave it out."


def _given_fault(kind: PlaceholderType.ValueType, value: str, hotlines: Sequence[str]) -> str:
    if not value.strip():
        return "变量为空。Is empty."
    if kind == HOTLINE:
        allowed = value in hotlines
        return "" if allowed else "须为银行规则中的热线。Must be one of the hotlines in the bank's policy."
    return _reference_fault(value)


def _reference_fault(value: str) -> str:
    if not _REFERENCE.fullmatch(value):
        return (
            "须为 4 至 20 位大写字母、数字、连字符，连续数字不超过 7 位。"
            "Must be 4 to 20 capital letters, digits and hyphens, at most 7 digits in a row."
        )
    if _NUMBER_IN_DISGUISE.search(value.replace("-", "")):
        return (
            "形似电话、卡号或聊天账号。Looks like a phone, card or chat number; give the case's or letter's reference."
        )
    return ""


def record_problem(kind: PlaceholderType.ValueType, text: str) -> str:
    """Why a value of the bank's record may not be shown as this type, without the value; empty if it may."""
    if not text.strip():
        return "银行记录没有此项。The bank's record does not have it."
    return _RECORD_FAULTS[kind](text)


@lru_cache(maxsize=50_000)
def _name_fault(name: str) -> str:
    """Kept in mind, since a name is judged at the door and again at each permit."""
    if len(name) > NAME_LIMIT or not _NAME.fullmatch(name):
        return (
            f"姓名只能是文字，至多 {NAME_LIMIT} 字。Is no name: letters, parted by · or a space, at most {NAME_LIMIT}."
        )
    if screen(name):
        return "姓名栏写有禁用内容。The name reads as a forbidden message."
    return ""


@lru_cache(maxsize=1024)
def _date_fault(day: str) -> str:
    fault = "日期不存在。The date does not exist."
    if not _DATE.fullmatch(day):
        return fault
    try:
        date.fromisoformat(day)
    except ValueError:
        return fault
    return ""


def _amount_fault(amount: str) -> str:
    return "" if _AMOUNT.fullmatch(amount) else "金额格式不对。Is no amount in yuan with two decimals."


def _last_four_fault(characters: str) -> str:
    return "" if _LAST_FOUR.fullmatch(characters) else "账号不足四位。The account number has no four last characters."


_RECORD_FAULTS: dict[PlaceholderType.ValueType, Callable[[str], str]] = {
    PlaceholderType.PLACEHOLDER_TYPE_NAME: _name_fault,
    PlaceholderType.PLACEHOLDER_TYPE_AMOUNT: _amount_fault,
    PlaceholderType.PLACEHOLDER_TYPE_DATE: _date_fault,
    PlaceholderType.PLACEHOLDER_TYPE_LAST_FOUR: _last_four_fault,
}
