"""Each fault of each carrier, over real sockets, gives its one outcome, and docs/carriers.md says the same."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from carrier_simulator.faults import BY_SUFFIX
from outreach.domain.clocks import elapsed_s
from outreach.v1.worker_service_pb2 import Outcome
from sms_service.carriers.account import Account
from sms_service.carriers.registry import open_carrier
from sms_service.carriers.seam import ACCEPTED, NOT_SENT, REFUSED, UNKNOWN, SendResult
from tests.service.sms_service import test_cmpp, test_simulator
from tests.service.sms_service.parts import (
    aliyun_account,
    bank_account,
    message,
    running,
    serving,
    simulating,
    speaking,
    tencent_account,
)
from tests.service.sms_service.test_simulator import DEAD, DELIVERED, FAILED, PENDING

DOCS = Path(__file__).parents[3] / "docs" / "carriers.md"

UNREADABLE = SendResult(UNKNOWN, "unreadable_reply")
LOST = SendResult(UNKNOWN, "connection_lost")
HOUR_MS = 3_600_000

FAULTS: dict[str, dict[str, SendResult]] = {
    "refuse": {
        "aliyun": SendResult(REFUSED, "isv.MOBILE_NUMBER_ILLEGAL"),
        "tencent": SendResult(REFUSED, "InvalidParameterValue.IncorrectPhoneNumber"),
        "cmpp": SendResult(REFUSED, "6"),
        "bank": SendResult(REFUSED, "2001"),
    },
    "throttle_number": {
        "aliyun": SendResult(NOT_SENT, "isv.BUSINESS_LIMIT_CONTROL", retry_after_ms=HOUR_MS),
        "tencent": SendResult(NOT_SENT, "LimitExceeded.PhoneNumberOneHourLimit", retry_after_ms=HOUR_MS),
        "cmpp": SendResult(NOT_SENT, "8", retry_after_ms=1000, pause_ms=1000),
        "bank": SendResult(NOT_SENT, "3001", retry_after_ms=HOUR_MS),
    },
    "throttle_channel": {
        "aliyun": SendResult(NOT_SENT, "Throttling.User", retry_after_ms=2000, pause_ms=2000),
        "tencent": SendResult(NOT_SENT, "RequestLimitExceeded", retry_after_ms=1000, pause_ms=1000),
        "cmpp": SendResult(NOT_SENT, "8", retry_after_ms=1000, pause_ms=1000),
        "bank": SendResult(NOT_SENT, "3002", retry_after_ms=2000, pause_ms=2000),
    },
    "halt": {
        "aliyun": SendResult(NOT_SENT, "isv.AMOUNT_NOT_ENOUGH", retry_after_ms=60_000, pause_ms=60_000),
        "tencent": SendResult(
            NOT_SENT, "UnauthorizedOperation.ServiceSuspendDueToArrears", retry_after_ms=60_000, pause_ms=60_000
        ),
        "cmpp": SendResult(NOT_SENT, "7", retry_after_ms=60_000, pause_ms=60_000),
        "bank": SendResult(NOT_SENT, "4001", retry_after_ms=60_000, pause_ms=60_000),
    },
    "transient": {
        "aliyun": SendResult(UNKNOWN, "isp.SYSTEM_ERROR"),
        "tencent": SendResult(UNKNOWN, "InternalError.Timeout"),
        "cmpp": SendResult(UNKNOWN, "88", segments=1),
        "bank": SendResult(UNKNOWN, "9001"),
    },
    "unlisted_code": {
        "aliyun": SendResult(UNKNOWN, "isv.NEVER_HEARD_OF"),
        "tencent": SendResult(UNKNOWN, "FailedOperation.NeverHeardOf"),
        "cmpp": SendResult(UNKNOWN, "99", segments=1),
        "bank": SendResult(UNKNOWN, "7777"),
    },
    "html_503": {
        **dict.fromkeys(("aliyun", "tencent", "bank"), SendResult(UNKNOWN, "http_503")),
        "cmpp": replace(UNREADABLE, segments=1),
    },
    "garble": {
        **dict.fromkeys(("aliyun", "tencent", "bank"), UNREADABLE),
        "cmpp": replace(UNREADABLE, segments=1),
    },
    **{
        fault: {**dict.fromkeys(("aliyun", "tencent", "bank"), LOST), "cmpp": replace(LOST, segments=1)}
        for fault in ("cut_short", "drop_taken", "drop_lost")
    },
    "delay": {
        **dict.fromkeys(("aliyun", "tencent", "bank"), SendResult(UNKNOWN, "timeout")),
        "cmpp": SendResult(UNKNOWN, "timeout", segments=1),
    },
}
SUFFIXES = {behaviour.name: suffix for suffix, behaviour in BY_SUFFIX.items()}
CARRIERS = ("aliyun", "tencent", "cmpp 2.0", "cmpp 3.0", "bank")
HTTP_CARRIERS = ("aliyun", "tencent", "bank")


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("fault", FAULTS)
async def test_each_fault_has_one_outcome_and_is_sent_once(fault: str, carrier: str, tmp_path: Path) -> None:
    """Whatever goes wrong behind the first byte, the carrier got it once, and the outcome says what is known."""
    async with simulating(tmp_path) as simulator:
        phone = f"1380000{SUFFIXES[fault]}"
        async with running(replace(simulator.account(carrier), timeout_s=0.4)) as adapter:
            result = await adapter.send(message(phone))
        assert result == FAULTS[fault][carrier.partition(" ")[0]]
        out_id = "" if carrier.startswith("cmpp") else "01ATTEMPT"
        assert [(line["out_id"], line["phone"]) for line in simulator.messages()] == [(out_id, phone)]


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_accepted_with_the_carriers_id(carrier: str, tmp_path: Path) -> None:
    """A message that is taken is ACCEPTED with the carrier's id, and arrived as the permit says."""
    async with simulating(tmp_path) as simulator:
        async with running(simulator.account(carrier)) as adapter:
            result = await adapter.send(message())
        (line,) = simulator.messages()
    assert (result.outcome, result.carrier_message_id) == (ACCEPTED, line["message_id"])
    assert (line["phone"], line["verdict"]) == ("13800000001", "accept")
    text = "张三，您尾号1234的账户本期应还16409.02元。"
    name, expected = {
        "aliyun": ("TemplateParam", '{"name":"张三","tail":"1234","amount":"16409.02"}'),
        "tencent": ("TemplateParamSet", '["张三","1234","16409.02"]'),
        "cmpp": ("text", f"【示例银行】{text}"),
        "bank": ("content", text),
    }[carrier.partition(" ")[0]]
    assert line["content"][name] == expected


@pytest.mark.parametrize("make", [aliyun_account, tencent_account, bank_account])
@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://no-such-host.invalid", "https://127.0.0.1:9"])
async def test_no_connection_is_not_sent(make: object, url: str) -> None:
    """A refused connection and a name that does not resolve wrote no byte: NOT_SENT."""
    adapter = open_carrier(make(url, timeout_s=5.0))  # type: ignore[operator]  # one of the two functions above
    await adapter.start()
    result = await adapter.send(message())
    await adapter.close()
    assert result == SendResult(NOT_SENT, "connect_failed")


@pytest.mark.parametrize("carrier", HTTP_CARRIERS)
async def test_a_failed_handshake_is_not_sent(carrier: str, tmp_path: Path) -> None:
    """TLS that does not come about carried no message: NOT_SENT."""
    async with simulating(tmp_path) as simulator:
        account = simulator.account(carrier)
        adapter = open_carrier(replace(account, base_url=account.base_url.replace("http:", "https:")))
        await adapter.start()
        result = await adapter.send(message())
        await adapter.close()
        assert result == SendResult(NOT_SENT, "connect_failed")


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_nothing_is_written_after_the_permits_time(carrier: str, tmp_path: Path) -> None:
    """When send_within_ms has passed before the first byte, also on an open connection, nothing leaves."""
    async with simulating(tmp_path) as simulator:
        adapter = open_carrier(simulator.account(carrier))
        await adapter.start()
        await adapter.send(message())
        result = await adapter.send(replace(message(), send_before=elapsed_s() - 0.001))
        await adapter.close()
        assert result == SendResult(NOT_SENT, "send_deadline_passed")
        assert len(simulator.messages()) == 1


async def test_a_connection_that_never_stands_is_not_sent() -> None:
    """A server that accepts no handshake within the timeout got no byte of the message: NOT_SENT."""

    async def stay_silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with speaking(stay_silent) as port:
        adapter = open_carrier(aliyun_account(f"https://127.0.0.1:{port}", timeout_s=0.3))
        await adapter.start()
        result = await adapter.send(message())
        await adapter.close()
    assert result == SendResult(NOT_SENT, "connect_failed")


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_a_reused_connection_that_closes_is_unknown_and_not_repeated(method: str) -> None:
    """aiohttp would repeat an idempotent method on a kept connection that closes; here nothing is written twice."""
    seen: list[bytes] = []

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in (b'HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"code":"0000"}', b""):
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                return  # aiohttp did try again, and was kept from writing
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            seen.append(await reader.readexactly(length))
            writer.write(answer)

    async with speaking(speak) as port:
        account = bank_account(f"http://127.0.0.1:{port}")
        adapter = open_carrier(replace(account, request=replace(account.request, method=method)))
        await adapter.start()
        first = await adapter.send(message(attempt_id="A1"))
        second = await adapter.send(message(attempt_id="A2"))
        await adapter.close()
    assert (first.outcome, second) == (ACCEPTED, SendResult(UNKNOWN, "connection_lost"))
    assert len(seen) == 2


async def test_a_redirect_is_not_followed() -> None:
    """A redirect followed would be a second message: it is an answer that tells nothing."""
    visits: list[str] = []

    async def redirect(request: web.Request) -> web.Response:
        visits.append(request.path)
        return web.Response(status=307, headers={"Location": "/elsewhere"})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", redirect)
    async with serving(app) as url:
        adapter = open_carrier(bank_account(url))
        await adapter.start()
        result = await adapter.send(message())
        await adapter.close()
    assert (result, visits) == (SendResult(UNKNOWN, "http_307"), ["/bank/v1/messages"])


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[]",
        b'{"Response": []}',
        b'{"Response": {"SendStatusSet": []}}',
        b'{"Response": {"SendStatusSet": [7]}}',
        b'{"Response": {"SendStatusSet": [{"Code": "Ok"}, {"Code": "Ok"}]}}',
        b'{"Response": {"SendStatusSet": [{"SerialNo": "1"}]}}',
        b'{"Response": {"SendStatusSet": [{"Code": "ok", "SerialNo": "1"}]}}',
    ],
)
async def test_an_answer_of_tencent_without_exactly_one_status_is_unknown(body: bytes) -> None:
    """One number was sent to, so one status is due, and only Ok in this letter case means taken."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    app = web.Application()
    app.router.add_post("/", answer)
    async with serving(app) as url, running(tencent_account(url)) as adapter:
        result = await adapter.send(message())
    assert (result.outcome, result.code) == (UNKNOWN, "ok" if b'"ok"' in body else "unreadable_reply")


async def test_a_wrong_secret_halts_the_channel(tmp_path: Path) -> None:
    """A signature that the carrier does not accept stops the whole channel: no message after it would leave."""
    async with simulating(tmp_path) as simulator:
        bank = bank_account(simulator.url)
        assert bank.signing is not None
        accounts: dict[str, Account] = {
            "SignatureDoesNotMatch": aliyun_account(simulator.url, access_key_secret="other"),
            "AuthFailure.SignatureFailure": tencent_account(simulator.url, secret_key="other"),
            "1001": replace(bank, signing=replace(bank.signing, secret="other")),
        }
        for code, account in accounts.items():
            async with running(account) as adapter:
                result = await adapter.send(message())
            assert result == SendResult(NOT_SENT, code, retry_after_ms=60_000, pause_ms=60_000)
        assert [line["taken"] for line in simulator.messages()] == [False, False, False]


def test_the_documented_fault_table_is_the_tested_one() -> None:
    """docs/carriers.md shows each fault with the outcome and code that the tests above prove."""
    for fault, by_carrier in FAULTS.items():
        cells = [
            f"{_outcome(by_carrier[name])} `{by_carrier[name].code}`" for name in ("aliyun", "tencent", "cmpp", "bank")
        ]
        row = f"| {SUFFIXES[fault]} | {fault} | {' | '.join(cells)} |"
        assert row in DOCS.read_text(encoding="utf-8"), row


def _outcome(result: SendResult) -> str:
    return Outcome.Name(result.outcome).removeprefix("OUTCOME_")


def test_the_documented_receipt_table_is_the_tested_one() -> None:
    """docs/carriers.md shows, for each plan of receipts, what is read from them."""
    for behaviour, suffix in SUFFIXES.items():
        if behaviour.startswith("receipt_"):
            http = [_fate(flags, attempt_id) for attempt_id, flags in test_simulator.RECEIPTS[behaviour]]
            cmpp = [_fate(flags, message_id) for message_id, _, flags in test_cmpp.RECEIPTS[behaviour]]
            row = f"| {suffix} | {behaviour} | {', '.join(http) or '-'} | {', '.join(cmpp) or '-'} |"
            assert row in DOCS.read_text(encoding="utf-8"), row


def _fate(flags: tuple[bool, ...], by: str) -> str:
    names: dict[tuple[bool, ...], str] = {
        DELIVERED: "delivered",
        PENDING: "pending",
        DEAD: "number dead",
        FAILED: "failed",
    }
    whose = {"01ATTEMPT": "", "": " (our id missing)", test_cmpp.OWN: ""}.get(by, " (stranger)")
    return names[flags] + whose
