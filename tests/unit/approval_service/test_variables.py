"""Values of placeholders: what a caller gives is of its type and nothing else; what the record lacks is told."""

from __future__ import annotations

import pytest

from approval_service.variables import check, record_problem, slots_of
from outreach.v1.template_service_pb2 import Placeholder, PlaceholderType, RecordField

HOTLINES = ["95533", "400-820-1234"]
PLACEHOLDERS = slots_of(
    [
        Placeholder(
            name="name",
            type=PlaceholderType.PLACEHOLDER_TYPE_NAME,
            record_field=RecordField.RECORD_FIELD_RECIPIENT_NAME,
        ),
        Placeholder(name="hotline", type=PlaceholderType.PLACEHOLDER_TYPE_HOTLINE),
        Placeholder(name="reference", type=PlaceholderType.PLACEHOLDER_TYPE_REFERENCE),
    ]
)
GOOD = {"hotline": "95533", "reference": "WA2026-0001"}


def test_values_of_their_types_are_taken() -> None:
    """One of the policy's hotlines and a reference of the documented shape."""
    assert check(PLACEHOLDERS, GOOD, HOTLINES) == []


@pytest.mark.parametrize(
    ("variables", "names"),
    [
        ({}, ["hotline", "reference"]),
        (GOOD | {"hotline": ""}, ["hotline"]),
        (GOOD | {"reference": "  "}, ["reference"]),
        (GOOD | {"extra": "x"}, ["extra"]),
        (GOOD | {"name": "张三"}, ["name"]),
    ],
)
def test_missing_empty_extra_and_the_banks_own_are_refused(variables: dict[str, str], names: list[str]) -> None:
    """Each fault names its placeholder."""
    assert [name for name, _ in check(PLACEHOLDERS, variables, HOTLINES)] == names


@pytest.mark.parametrize("hotline", ["13800001111", "95534", "95533 ", "９５５３３", "95533转我微信"])
def test_only_hotlines_of_the_policy_are_taken(hotline: str) -> None:
    """Exactly as the policy writes them."""
    assert [name for name, _ in check(PLACEHOLDERS, GOOD | {"hotline": hotline}, HOTLINES)] == ["hotline"]


@pytest.mark.parametrize("reference", ["ABCD", "2026-0001", "SLYH-2026-000123", "WA1234567", "A" * 20])
def test_references_of_the_documented_shape_are_taken(reference: str) -> None:
    """4 to 20 capital letters, digits and hyphens, at most 7 digits in a row."""
    assert check(PLACEHOLDERS, GOOD | {"reference": reference}, HOTLINES) == []


@pytest.mark.parametrize(
    "reference",
    [
        "ABC",
        "A" * 21,
        "wa2026-0001",
        "WA12345678",
        "WA2026-0001\n",
        "WA 2026",
        "案号2026",
        "HTTP://X.CN",
        "WA２０２６",
        "138-0000-1111",
        "WA-138-0000-1111",
        "6222-0202-0011-2233",
        "400-820-1234",
        "QQ-1234567",
        "VX-ZHANG888",
        "{name}",
        "\ud800AAA",
    ],
)
def test_references_smuggle_nothing(reference: str) -> None:
    """No text, link, phone, card or chat number passes as a reference, and the reason does not repeat it."""
    [(name, reason)] = check(PLACEHOLDERS, GOOD | {"reference": reference}, HOTLINES)
    assert name == "reference"
    assert reference not in reason


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (PlaceholderType.PLACEHOLDER_TYPE_NAME, "张三"),
        (PlaceholderType.PLACEHOLDER_TYPE_NAME, "阿卜杜拉·买买提"),
        (PlaceholderType.PLACEHOLDER_TYPE_NAME, "Anna Müller"),
        (PlaceholderType.PLACEHOLDER_TYPE_NAME, "𠮷野"),
        (PlaceholderType.PLACEHOLDER_TYPE_AMOUNT, "0.01"),
        (PlaceholderType.PLACEHOLDER_TYPE_AMOUNT, "1000000000.00"),
        (PlaceholderType.PLACEHOLDER_TYPE_DATE, "2024-02-29"),
        (PlaceholderType.PLACEHOLDER_TYPE_LAST_FOUR, "234X"),
    ],
)
def test_values_of_the_record_are_shown(kind: PlaceholderType.ValueType, text: str) -> None:
    """Names in any script, amounts to the fen, days of the calendar, four characters."""
    assert record_problem(kind, text) == ""


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (PlaceholderType.PLACEHOLDER_TYPE_NAME, ""),
        (PlaceholderType.PLACEHOLDER_TYPE_NAME, "张三1"),
        (PlaceholderType.PLACEHOLDER_TYPE_NAME, "张三【银行】"),
        (PlaceholderType.PLACEHOLDER_TYPE_NAME, "www.x.cn"),
        (PlaceholderType.PLACEHOLDER_TYPE_NAME, "张三\n"),
        (PlaceholderType.PLACEHOLDER_TYPE_NAME, "张" * 61),
        (PlaceholderType.PLACEHOLDER_TYPE_NAME, "请把钱转到我微信"),
        (PlaceholderType.PLACEHOLDER_TYPE_AMOUNT, "-1.00"),
        (PlaceholderType.PLACEHOLDER_TYPE_AMOUNT, "1.5"),
        (PlaceholderType.PLACEHOLDER_TYPE_DATE, ""),
        (PlaceholderType.PLACEHOLDER_TYPE_DATE, "2026-02-30"),
        (PlaceholderType.PLACEHOLDER_TYPE_DATE, "20260228"),
        (PlaceholderType.PLACEHOLDER_TYPE_DATE, "2026-W09-6"),
        (PlaceholderType.PLACEHOLDER_TYPE_LAST_FOUR, "12"),
    ],
)
def test_what_the_record_cannot_show_has_a_reason(kind: PlaceholderType.ValueType, text: str) -> None:
    """A missing value or one of another shape is told, without the value."""
    reason = record_problem(kind, text)
    assert reason
    assert not text or text not in reason
