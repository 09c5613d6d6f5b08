"""Bad input at the public edge: each names its field and the way out, nothing of it is handed on, and
docs/bad_input.md says the same.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message

from outreach.domain.errors import Kind
from outreach.runtime.errors import refusal_of
from outreach.v1.bank_service_pb2 import ApplyEventsRequest, ApplyEventsResponse, Balance, BankEvent
from outreach.v1.operations_service_pb2 import GetDailyReportRequest, GetDailyReportResponse
from outreach.v1.outreach_service_pb2 import SmsItem, SubmitBatchRequest, SubmitBatchResponse, SubmitRequest
from outreach.v1.template_service_pb2 import BankDocument, RecordBankDocumentRequest, RecordBankDocumentResponse
from tests.documented import assert_documented
from tests.service.gateway.conftest import SUBMIT, SUBMIT_BATCH, Edge, FakeAuthority, as_caller, item

BANK = partial(as_caller, "people", roles=("bank", "drafter", "inspector"))
METHODS: dict[type[Message], tuple[str, type[Message]]] = {
    SubmitRequest: (SUBMIT, SubmitBatchResponse),
    SubmitBatchRequest: (SUBMIT_BATCH, SubmitBatchResponse),
    ApplyEventsRequest: ("/outreach.v1.BankService/ApplyEvents", ApplyEventsResponse),
    GetDailyReportRequest: ("/outreach.v1.OperationsService/GetDailyReport", GetDailyReportResponse),
    RecordBankDocumentRequest: ("/outreach.v1.TemplateService/RecordBankDocument", RecordBankDocumentResponse),
}
HUGE = "x" * 10_000_000


def submit(**changes: Any) -> SubmitRequest:
    return SubmitRequest(item=item("r-1", **changes))


def raw_item(change: Callable[[bytes], bytes]) -> bytes:
    raw = change(item("r-1").SerializeToString())
    return b"\x0a" + bytes([len(raw)]) + raw


def late(seconds: int) -> SubmitRequest:
    request = submit()
    request.item.not_before.seconds = seconds
    return request


def balance(**changes: Any) -> ApplyEventsRequest:
    amounts = Balance(**{"account_number": "6222", "sequence": 1, "overdue_amount_fen": 1, **changes})
    amounts.as_of_time.GetCurrentTime()
    event = BankEvent(event_id="e-1", bank_id="demo-bank", balance=amounts)
    event.event_time.GetCurrentTime()
    return ApplyEventsRequest(events=[event])


def document(date: str) -> RecordBankDocumentRequest:
    digest = "0" * 64
    return RecordBankDocumentRequest(
        digest=digest, document=BankDocument(reference="R-1", date=date, scan_sha256=digest)
    )


CASES: list[tuple[str, Message | bytes, type[Message], str]] = [
    (
        "契约没有的字段 a field the contract does not have",
        raw_item(lambda raw: raw + b"\xf8\x07\x01"),
        SubmitRequest,
        "item.127",
    ),
    (
        "类型不符的字段 a field of a wrong type",
        raw_item(lambda raw: raw + b"\x28\x07"),
        SubmitRequest,
        "item.phone_number",
    ),
    ("10 MB 的文本 a text of 10 MB", submit(phone_number=HUGE), SubmitRequest, "item.phone_number"),
    ("10 MB 的变量值 a variable's value of 10 MB", submit(variables={"a": HUGE}), SubmitRequest, "item.variables[a]"),
    (
        "10 MB 的变量名 a variable's name of 10 MB",
        submit(variables={HUGE: "1"}),
        SubmitRequest,
        f"item.variables[{'x' * 40}…]",
    ),
    (
        "半个字符 half a character (lone surrogate)",
        raw_item(lambda raw: raw.replace(b"demo-bank", b"demo-b\xed\xa0\x80")),
        SubmitRequest,
        "item.bank_id",
    ),
    (
        "批次中的半个字符 half a character in a batch",
        SubmitBatchRequest(items=[item("a"), item("b-000")]).SerializeToString().replace(b"b-000", b"b-\xed\xa0\x80"),
        SubmitBatchRequest,
        "items[1].request_id",
    ),
    ("NUL 字符 a NUL character", submit(phone_number="138\0"), SubmitRequest, "item.phone_number"),
    ("公元 9999 年之后的时间 a time after the year 9999", late(2**62), SubmitRequest, "item.not_before"),
    (
        "负的金额 a negative amount",
        balance(overdue_amount_fen=-1),
        ApplyEventsRequest,
        "events[0].balance.overdue_amount_fen",
    ),
    (
        "过大的金额 a huge amount",
        balance(outstanding_amount_fen=2**62),
        ApplyEventsRequest,
        "events[0].balance.outstanding_amount_fen",
    ),
    (
        "不存在的到期日 a due date that does not exist (2026-02-30)",
        balance(due_date="2026-02-30"),
        ApplyEventsRequest,
        "events[0].balance.due_date",
    ),
    (
        "不存在的批文日期 a bank document's date that does not exist",
        document("2026-13-01"),
        RecordBankDocumentRequest,
        "document.date",
    ),
    (
        "不存在的日报日期 a report's day that does not exist (`report --day 2023-02-29`)",
        GetDailyReportRequest(bank_id="demo-bank", date="2023-02-29"),
        GetDailyReportRequest,
        "date",
    ),
]


@pytest.mark.parametrize(("what", "request_message", "kind", "field"), CASES, ids=[case[0] for case in CASES])
async def test_bad_input_names_its_field(
    edge: Edge, authority: FakeAuthority, what: str, request_message: Any, kind: type[Message], field: str
) -> None:
    """INVALID_ARGUMENT with the field and the way out; the authority sees nothing of it."""
    method, response = METHODS[kind]
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await edge.call(method, request_message, response, as_caller("cases") if "Outreach" in method else BANK())
    refused = refusal_of(raised.value)
    assert refused.kind is Kind.INVALID
    words = dict(refused.violations)
    assert field in words
    assert len(refused.message) < 1000
    assert authority.admits == []
    assert_documented(what, field, words[field])


async def test_a_request_over_the_limit_says_so(edge: Edge) -> None:
    """More than the transport takes is told with the way out, too."""
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await edge.call(SUBMIT, submit(phone_number=HUGE * 2), SubmitBatchResponse)
    refused = refusal_of(raised.value)
    assert (refused.kind, refused.reason) == (Kind.EXHAUSTED, "MESSAGE_TOO_LARGE")
    assert_documented("超过 16 MiB 的请求 a request of more than 16 MiB", "", refused.message)


async def test_a_thousand_violations_fit_into_an_answer(edge: Edge) -> None:
    """What is wrong with the first items is told, with how many more there are; the answer arrives in any client."""
    events = ApplyEventsRequest(events=[BankEvent(bank_id="demo-bank") for _ in range(1000)])
    method, response = METHODS[ApplyEventsRequest]
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await edge.call(method, events, response, BANK())
    refused = refusal_of(raised.value)
    assert refused.kind is Kind.INVALID
    assert refused.field == "events[0].event"
    assert 10 < len(refused.violations) < 100
    assert refused.violations[-1][1].startswith(f"另有 {3000 - len(refused.violations) + 1} 处")
    metadata = raised.value.trailing_metadata() or ()
    assert sum(len(value) * 4 / 3 for _, value in metadata) + 9 * len(refused.message) < 8192


async def test_the_longest_batch_is_taken(edge: Edge, authority: FakeAuthority) -> None:
    """A thousand items, each as long as the contract allows, are handed on."""
    variables = {f"v{n:031d}": "汉" * 100 for n in range(20)}
    items = [item(f"{n:064d}", account_number="6" * 40, variables=variables) for n in range(1000)]
    response = await edge.call(
        SUBMIT_BATCH, SubmitBatchRequest(items=items), SubmitBatchResponse, as_caller("cases"), timeout_s=30
    )
    assert all(result.HasField("decision") for result in response.results)
    assert sum(len(group.items) for admit in authority.admits for group in admit.groups) == 1000


async def test_good_items_of_a_batch_are_taken(edge: Edge, authority: FakeAuthority) -> None:
    """The bad ones are answered in their place, with their field; the others are decided."""
    bad = [
        item("nul", case_id="\0"),
        item("long", phone_number="1" * 100_000),
        SmsItem.FromString(item("unknown").SerializeToString() + b"\xf8\x07\x01"),
        item("type", variables={"Amount": "1"}),
    ]
    items = [part for n, one in enumerate(bad) for part in (item(f"good-{n}"), one)]
    response = await edge.call(SUBMIT_BATCH, SubmitBatchRequest(items=items), SubmitBatchResponse)
    fields = [result.error.field for result in response.results]
    assert fields == ["", "case_id", "", "phone_number", "", "127", "", "variables[Amount]"]
    assert [one.request_id for one in authority.admits[0].groups[0].items] == [f"good-{n}" for n in range(4)]
