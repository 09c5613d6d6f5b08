"""Bad events and templates: each names its field and the way out, and docs/bad_input.md says the same."""

from __future__ import annotations

import pytest

from approval_service import templates
from approval_service.consumer import Unreadable, read_event
from outreach.domain.errors import Kind, Refusal
from outreach.v1.template_service_pb2 import DraftTemplateRequest
from tests.documented import assert_documented
from tests.service.approval_service.world import BANK, World, content

HEAD = f'"eventId": "e-1", "bankId": "{BANK}", "eventTime": "2026-03-17T06:00:00Z"'
BALANCE = '"accountNumber": "6001", "sequence": "1", "asOfTime": "2026-03-17T06:00:00Z"'
BALANCE_OF_HUGE_SEQUENCE = BALANCE.replace('"sequence": "1"', f'"sequence": "{2**53}"')
HOLD = '"accountNumber": "6001", "kind": "HOLD_KIND_DEATH"'


def event(body: str, head: str = HEAD) -> str:
    return f"{{{head}, {body}}}"


def balance(amount: str) -> str:
    return event(f'"balance": {{{BALANCE}, {amount}}}')


EVENTS = [
    ("被截断的 JSON JSON that was cut off", event('"recall": {"accountNumber": "6001')[:-1], ""),
    ("类型不符 a wrong type", event('"recall": {"accountNumber": 6001}'), "accountNumber"),
    ("不是数字的金额 an amount that is no number", balance('"overdueAmountFen": "1,5"'), "overdueAmountFen"),
    ("负的金额 a negative amount", balance('"overdueAmountFen": "-1"'), "balance.overdue_amount_fen"),
    ("超出 int64 的金额 an amount beyond int64", balance(f'"overdueAmountFen": "{"9" * 20}"'), "overdueAmountFen"),
    (
        "账本记不下的序号 a sequence beyond 2^53-1",
        event(f'"balance": {{{BALANCE_OF_HUGE_SEQUENCE}}}'),
        "balance.sequence",
    ),
    ("不存在的到期日 a due date that does not exist", balance('"dueDate": "2026-02-30"'), "balance.due_date"),
    (
        "不存在的时间 a time that does not exist",
        event('"recall": {"accountNumber": "6001"}', HEAD.replace("03-17", "02-30")),
        "eventTime",
    ),
    ("半个字符 half a character (lone surrogate)", event(f'"hold": {{{HOLD}, "reason": "\\ud800"}}'), "reason"),
    ("NUL 字符 a NUL character", event(f'"hold": {{{HOLD}, "reason": "a\\u0000"}}'), "hold.reason"),
    (
        "10 MB 的文本 a text of 10 MB",
        event(f'"recall": {{"accountNumber": "6001", "reason": "{"x" * 10_000_000}"}}'),
        "recall.reason",
    ),
    ("一万层嵌套 nested ten thousand deep", event(f'"recall": {"[" * 10_000}'), ""),
]


@pytest.mark.parametrize(("what", "text", "field"), EVENTS, ids=[event[0] for event in EVENTS])
def test_a_bad_event_says_why(what: str, text: str, field: str) -> None:
    """The reason that stands with the dead letter names the field and holds no value."""
    with pytest.raises(Unreadable) as caught:
        read_event(text.encode(), BANK)
    reason = str(caught.value)
    assert reason.startswith(f"{field}: " if field else "不是")
    assert "6001" not in reason
    assert_documented(f"{what} (NATS)", field, reason.removeprefix(f"{field}: "))


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("嵌套的花括号 nested braces", "您欠款{{amount}}元"),
        ("不成对的花括号 a brace without its pair", "您欠款{amount元"),
    ],
)
async def test_a_template_s_braces(world: World, what: str, text: str) -> None:
    """INVALID_ARGUMENT with the field, the rule and the way out; nothing is stored."""
    with pytest.raises(Refusal) as raised:
        await world.write(templates.draft, "ann", DraftTemplateRequest(content=content(text=text)))
    assert raised.value.kind is Kind.INVALID
    words = next(words for field, words in raised.value.violations if field == "text" and "花括号" in words)
    assert_documented(what, "text", words)
    assert await world.entries("template_drafted") == []
