"""What may be written into the ledger."""

from __future__ import annotations

import pytest

from approval_service.calls import is_plain

PLAIN = [
    "客户来电投诉，2026-03-17 09:30 已登记",
    "2026年3月17日第 3 次来电；2026.3.17 复核；2026/3/17 结案",
    "已还 12,345.67 元，余 1,234,567.00 元",
    "张先生来电，要求出示委托书",
    "客户：金额有误",
    "债务人与银行协商，三十六期分期",
    "二〇二六年三月一日起执行",
    "10.00-12.00 请勿致电",
    "ticket OPS-1234, second call",
    "投诉 TS-2026-00012",
    "isv.BUSINESS_LIMIT_CONTROL",
]
PERSONAL = [
    "13800138001",
    "138 0013 8001",
    "A2026-13800 138001",
    "TS-2026-13800138001",
    "138.0013.8001",
    "138·0013·8001",
    "138/0013/8001",
    "(138)0013-8001",
    "１３８００１３８００１",
    "一三八〇〇一三八〇〇一",
    "010-62345678",
    "6222 0212 3456 7890 123",
    "11010119900307001X",
    "客户姓名：张三丰，来电投诉",
    "债务人是王小明",
    "李小龙先生来电",
]


@pytest.mark.parametrize("text", PLAIN)
def test_ordinary_words_pass(text: str) -> None:
    """Dates, amounts, times and titles name nobody."""
    assert is_plain(text)


@pytest.mark.parametrize("text", PERSONAL)
def test_numbers_and_names_do_not(text: str) -> None:
    """However the digits are set apart or written, and a full name that is said to be one."""
    assert not is_plain(text)


def test_a_known_name_is_found_anywhere() -> None:
    """The parties of the account that a reason is about are known."""
    assert is_plain("张三来电投诉")
    assert not is_plain("张三来电投诉", ["李四", "张三"])
