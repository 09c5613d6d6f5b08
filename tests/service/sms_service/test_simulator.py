"""The simulator as a carrier's far end: what it checks, what it remembers, which receipts it sends."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from yarl import URL

from carrier_simulator.faults import BY_SUFFIX
from outreach.v1.worker_service_pb2 import Receipt
from sms_service.carriers.aliyun import signed_request
from sms_service.carriers.bank_http import signature_headers
from sms_service.carriers.registry import open_carrier
from sms_service.carriers.seam import Carrier
from tests.service.sms_service.parts import (
    Simulator,
    Webhook,
    aliyun_account,
    bank_account,
    eventually,
    message,
    serving,
    simulating,
)

CARRIERS = ("aliyun", "tencent", "bank")
SUFFIXES = {behaviour.name: suffix for suffix, behaviour in BY_SUFFIX.items()}
PARAMETERS = {
    "PhoneNumbers": "13800000001",
    "SignName": "示例银行",
    "TemplateCode": "SMS_1",
    "TemplateParam": '{"name":"a b+c*~/&=%\\n张"}',
    "OutId": "A1",
}


async def post(url: str, headers: dict[str, str], body: bytes = b"") -> tuple[int, str]:
    """Status and code of the answer."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        request = session.post(
            URL(url, encoded=True), headers=headers, data=body or None, skip_auto_headers=("Content-Type",)
        )
        async with request as response:
            answer = orjson.loads(await response.read())
            return response.status, str(answer.get("Code") or answer.get("code"))


def aliyun_request(simulator: Simulator, nonce: str = "n1", age: timedelta = timedelta()) -> tuple[str, dict[str, str]]:
    return signed_request(aliyun_account(simulator.url), "SendSms", PARAMETERS, datetime.now(UTC) - age, nonce)


async def test_awkward_characters_are_verified(tmp_path: Path) -> None:
    """Space, + * ~ / & = %, a newline and Han in a value: signer and verifier, written apart, agree."""
    async with simulating(tmp_path) as simulator:
        assert await post(*aliyun_request(simulator)) == (200, "OK")
        assert simulator.messages()[0]["content"]["TemplateParam"] == PARAMETERS["TemplateParam"]


async def test_aliyun_refuses_what_is_not_proven(tmp_path: Path) -> None:
    """A repeated nonce, an old date, a changed parameter, body or header, an unsigned header: each is refused."""
    async with simulating(tmp_path) as simulator:
        url, headers = aliyun_request(simulator)
        assert await post(url, headers) == (200, "OK")
        assert await post(url, headers) == (400, "SignatureNonceUsed")
        assert await post(*aliyun_request(simulator, "n2", timedelta(minutes=16))) == (400, "InvalidTimeStamp.Expired")
        url, headers = aliyun_request(simulator, "n3")
        mismatch = (400, "SignatureDoesNotMatch")
        assert await post(url.replace("13800000001", "13800000002"), headers) == mismatch
        assert await post(url, headers, b"x") == mismatch
        assert await post(url, headers | {"x-acs-version": "2018-01-01"}) == mismatch
        assert await post(url, headers | {"x-acs-extra": "1"}) == mismatch
        assert await post(url, {k: v for k, v in headers.items() if k != "x-acs-date"}) == (400, "MissingParameter")
        assert await post(url, headers) == (200, "OK")
        assert [line["taken"] for line in simulator.messages()].count(True) == 2


async def test_the_bank_refuses_what_is_not_proven(tmp_path: Path) -> None:
    """A repeated nonce, an old time, a changed body, another application: each is refused."""
    async with simulating(tmp_path) as simulator:
        signing = bank_account(simulator.url).signing
        assert signing is not None
        fields = {"msgId": "A1", "mobile": "13800000001", "content": "您好", "signature": "示例银行", "template": "t"}
        url, body, now = simulator.url + "/bank/v1/messages", orjson.dumps(fields), int(datetime.now(UTC).timestamp())

        def headers(nonce: str, timestamp: int = now) -> dict[str, str]:
            given: dict[str, Any] = {"method": "POST", "path": "/", "timestamp": str(timestamp), "nonce": nonce}
            return {"X-App-Id": "simulated-app"} | signature_headers(signing, body, **given)

        assert await post(url, headers("n1"), body) == (200, "0000")
        assert await post(url, headers("n1"), body) == (401, "1003")
        assert await post(url, headers("n2", now - 301), body) == (401, "1002")
        assert await post(url, headers("n3"), body + b" ") == (401, "1001")
        assert await post(url, headers("n4") | {"X-App-Id": "other"}, body) == (401, "1001")


async def received(tmp_path: Path, carrier: str, behaviour: str, pushes: int) -> tuple[Carrier, list[list[Receipt]]]:
    """What our parser makes of each push that follows one message."""
    webhook = Webhook()
    async with serving(webhook.app) as hook, simulating(tmp_path, webhooks={carrier: f"{hook}/hook"}) as simulator:
        adapter = open_carrier(simulator.account(carrier))
        await adapter.start()
        await adapter.send(message(f"1380000{SUFFIXES.get(behaviour, '0001')}"))
        await adapter.close()
        await eventually(lambda: len(webhook.bodies) >= pushes)
        await asyncio.sleep(0.15)
    return adapter, [adapter.parse_receipts(body, {}) for body in webhook.bodies]


DELIVERED, PENDING, DEAD, FAILED = (True, False, False), (False, True, False), (False, False, True), (False,) * 3
"""Whether a receipt says delivered, nothing final, and that the number is dead."""
RECEIPTS: dict[str, list[tuple[str, tuple[bool, ...]]]] = {
    "accept": [("01ATTEMPT", DELIVERED)],
    "drop_taken": [("01ATTEMPT", DELIVERED)],
    "receipt_early": [("01ATTEMPT", DELIVERED)],
    "receipt_never": [],
    "receipt_repeated": [("01ATTEMPT", DELIVERED)] * 3,
    "receipt_reordered": [("01ATTEMPT", DELIVERED), ("01ATTEMPT", PENDING)],
    "receipt_without_out_id": [("", DELIVERED)],
    "receipt_with_a_stranger": [("stranger", DELIVERED), ("01ATTEMPT", DELIVERED)],
    "receipt_number_dead": [("01ATTEMPT", DEAD)],
    "receipt_rejected": [("01ATTEMPT", FAILED)],
}


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("behaviour", RECEIPTS)
async def test_receipts(carrier: str, behaviour: str, tmp_path: Path) -> None:
    """Each plan's receipts arrive in its order, in the carrier's form, and our parser reads them."""
    expected = RECEIPTS[behaviour]
    _, pushes = await received(tmp_path, carrier, behaviour, 1 if expected else 0)
    receipts = [receipt for push in pushes for receipt in push]
    assert [(r.attempt_id, (r.delivered, r.pending, r.number_dead)) for r in receipts] == expected
    assert all(r.carrier_message_id for r in receipts)


async def test_a_push_that_is_not_taken_comes_again(tmp_path: Path) -> None:
    """A webhook that answers 503 is tried again, as carriers do."""
    webhook = Webhook()
    webhook.refuse = 1
    async with serving(webhook.app) as hook, simulating(tmp_path, webhooks={"aliyun": f"{hook}/hook"}) as simulator:
        assert await post(*aliyun_request(simulator)) == (200, "OK")
        await eventually(lambda: len(webhook.bodies) == 1)


async def test_a_receipt_that_comes_before_the_answer_is_tried_again(tmp_path: Path) -> None:
    """Refused while the answer is still to come, it is pushed again afterwards."""
    webhook = Webhook()
    webhook.refuse = 1
    async with serving(webhook.app) as hook, simulating(tmp_path, webhooks={"aliyun": f"{hook}/hook"}) as simulator:
        await simulator.control(carrier="aliyun", behaviour="receipt_early", times=1)
        assert await post(*aliyun_request(simulator)) == (200, "OK")
        await eventually(lambda: len(webhook.bodies) == 1)


async def test_a_restart_remembers_messages_and_owed_receipts(tmp_path: Path) -> None:
    """What was written down is known after a kill, a torn last line is cut away, and receipts still owed are pushed."""
    async with simulating(tmp_path, receipt_delay_s=60) as simulator:
        assert await post(*aliyun_request(simulator)) == (200, "OK")
    with (tmp_path / "messages.jsonl").open("ab") as file:
        file.write(b'{"time_ms": 1, "carr')
    webhook = Webhook()
    async with serving(webhook.app) as hook, simulating(tmp_path, webhooks={"aliyun": f"{hook}/hook"}) as simulator:
        await eventually(lambda: len(webhook.bodies) == 1)
        assert await post(*aliyun_request(simulator, "n2")) == (200, "OK")
        first, second = simulator.messages()
    assert first["message_id"] != second["message_id"]
    async with serving(webhook.app) as hook, simulating(tmp_path, webhooks={"aliyun": f"{hook}/hook"}):
        await asyncio.sleep(0.2)
    assert [item["biz_id"] for body in webhook.bodies for item in orjson.loads(body)].count(first["message_id"]) == 1


async def test_control_tells_the_next_messages_what_to_do(tmp_path: Path) -> None:
    """The next so many messages of a carrier behave as told, whatever their number; the answer counts."""
    async with simulating(tmp_path) as simulator, aiohttp.ClientSession() as session:
        order = {"carrier": "aliyun", "behaviour": "refuse", "times": 1}
        async with session.post(f"{simulator.url}/control", json=order) as response:
            assert response.status == 200
        assert await post(*aliyun_request(simulator, "n1")) == (200, "isv.MOBILE_NUMBER_ILLEGAL")
        assert await post(*aliyun_request(simulator, "n2")) == (200, "OK")
        async with session.post(f"{simulator.url}/control", json={}) as response:
            assert await response.json() == {"messages": 2, "taken": 1}
        async with session.post(f"{simulator.url}/control", json=order | {"behaviour": "explode"}) as response:
            assert response.status == 400


async def test_it_writes_down_before_it_answers(tmp_path: Path) -> None:
    """Many at once: every message whose answer came is in the file, each once."""
    async with simulating(tmp_path) as simulator:
        adapter = open_carrier(replace(bank_account(simulator.url), timeout_s=10.0))
        await adapter.start()
        results = await asyncio.gather(*(adapter.send(message(attempt_id=f"A{i}")) for i in range(100)))
        await adapter.close()
        assert sorted(line["message_id"] for line in simulator.messages()) == sorted(
            result.carrier_message_id for result in results
        )
