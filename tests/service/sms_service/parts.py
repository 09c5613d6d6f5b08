"""What the tests of sms_service are made of: a running simulator, accounts that fit it, permits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import orjson
from aiohttp import web

from carrier_simulator import cmpp
from carrier_simulator.app import CMPP_GATEWAY, build
from outreach.domain.clocks import elapsed_s
from outreach.v1.worker_service_pb2 import Permit, PermitValue
from sms_service.carriers.account import Account
from sms_service.carriers.aliyun import AliyunAccount
from sms_service.carriers.bank_http import BankHttpAccount, ReceiptMapping, RequestMapping, ResponseMapping, Signing
from sms_service.carriers.cmpp import CmppAccount
from sms_service.carriers.registry import open_carrier
from sms_service.carriers.seam import Carrier, Keep, Message, keep_nothing
from sms_service.carriers.tencent import TencentAccount
from sms_service.rendering import render


async def eventually(condition: Callable[[], bool]) -> None:
    """Returns once the condition holds; TimeoutError after 10 s."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what it looks at is another process's or a file
            await asyncio.sleep(0.01)


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[str]:
    """A real web server on a free loopback port; its URL."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def speaking(
    handle: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[int]:
    """A bare TCP server that says what `handle` says, then closes; its port."""
    connections: list[asyncio.Task[None] | None] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(asyncio.current_task())
        await handle(reader, writer)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
    for connection in connections:
        if connection is not None:
            await connection


class Webhook:
    """Takes what carriers push, and keeps it."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.refuse = 0
        self.app = web.Application()
        self.app.router.add_post("/hook", self._take)

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        if self.refuse:
            self.refuse -= 1
            return web.Response(status=503)
        self.bodies.append(body)
        return web.json_response({"code": 0, "msg": "成功"})


class Simulator:
    """The simulator over real sockets, and what it has written down."""

    def __init__(self, folder: Path, url: str, gateway: cmpp.Gateway) -> None:
        self.url = url
        self.gateway = gateway
        self._folder = folder

    def messages(self) -> list[dict[str, Any]]:
        return [orjson.loads(line) for line in (self._folder / "messages.jsonl").read_bytes().splitlines()]

    def account(self, carrier: str) -> Account:
        """The account that fits; `carrier` is aliyun, bank, tencent, cmpp 2.0 or cmpp 3.0."""
        if carrier.startswith("cmpp"):
            return cmpp_account(f"cmpp://127.0.0.1:{self.gateway.port}", version=carrier.removeprefix("cmpp "))
        return {"aliyun": aliyun_account, "bank": bank_account, "tencent": tencent_account}[carrier](self.url)

    async def control(self, **order: Any) -> None:
        async with aiohttp.ClientSession() as session, session.post(f"{self.url}/control", json=order) as response:
            assert response.status == 200, await response.text()


@asynccontextmanager
async def simulating(folder: Path, **options: Any) -> AsyncIterator[Simulator]:
    options.setdefault("receipt_delay_s", 0.05)
    options.setdefault("cmpp_account", cmpp.Account(port=0))
    app = build(folder, **options)
    async with serving(app) as url:
        yield Simulator(folder, url, app[CMPP_GATEWAY])


@asynccontextmanager
async def running(account: Account, keep: Keep = keep_nothing) -> AsyncIterator[Carrier]:
    """A started carrier, closed at the end."""
    carrier = open_carrier(account, keep)
    await carrier.start()
    try:
        yield carrier
    finally:
        await carrier.close()


def aliyun_account(url: str, **changes: Any) -> AliyunAccount:
    known: dict[str, Any] = {
        "carrier_id": "aliyun-demo",
        "kind": "aliyun",
        "base_url": url,
        "rate_per_s": 1000.0,
        "timeout_s": 1.0,
        "access_key_id": "simulated-key",
        "access_key_secret": "simulated-secret",
    }
    return AliyunAccount(**known | changes)


def tencent_account(url: str, **changes: Any) -> TencentAccount:
    known: dict[str, Any] = {
        "carrier_id": "tencent-demo",
        "kind": "tencent",
        "base_url": url,
        "rate_per_s": 1000.0,
        "timeout_s": 1.0,
        "secret_id": "simulated-id",
        "secret_key": "simulated-secret",
        "sdk_app_id": "1400000000",
    }
    return TencentAccount(**known | changes)


def cmpp_account(url: str, **changes: Any) -> CmppAccount:
    known: dict[str, Any] = {
        "carrier_id": "cmpp-demo",
        "kind": "cmpp",
        "base_url": url,
        "rate_per_s": 1000.0,
        "timeout_s": 1.0,
        "source_addr": "900001",
        "secret": "simulated-secret",
        "sender": "10690001",
        "service_id": "SMS",
        "version": "3.0",
    }
    return CmppAccount(**known | changes)


def bank_account(url: str, **changes: Any) -> BankHttpAccount:
    known: dict[str, Any] = {
        "carrier_id": "bank-demo",
        "kind": "bank_http",
        "base_url": url,
        "rate_per_s": 1000.0,
        "timeout_s": 1.0,
        "request": RequestMapping(
            path="/bank/v1/messages",
            fields={
                "msgId": "attempt_id",
                "mobile": "phone_number",
                "content": "text",
                "signature": "signature",
                "template": "template_digest",
            },
            headers={"X-App-Id": "simulated-app"},
        ),
        "signing": Signing(secret="simulated-secret"),
        "response": ResponseMapping(
            code="code",
            message_id="data.messageId",
            segments="data.segments",
            accepted_codes=("0000",),
            refused_codes=("2001", "2002"),
            number_throttled_codes=("3001",),
            channel_throttled_codes=("3002",),
            halted_codes=("4001", "1001", "1002"),
        ),
        "receipts": ReceiptMapping(
            items="reports",
            attempt_id="msgId",
            message_id="messageId",
            phone_number="mobile",
            code="status",
            segments="segments",
            delivered_codes=("DELIVRD",),
            pending_codes=("ACCEPTD",),
            number_dead_codes=("DEADNUM",),
        ),
    }
    return BankHttpAccount(**known | changes)


def permit(phone: str = "13800000001", attempt_id: str = "01ATTEMPT", **changes: Any) -> Permit:
    known: dict[str, Any] = {
        "attempt_id": attempt_id,
        "outreach_id": f"O{attempt_id}",
        "bank_id": "demo-bank",
        "carrier_id": "aliyun-demo",
        "phone_number": phone,
        "signature": "示例银行",
        "template_digest": "ab" * 32,
        "template_text": "{name}，您尾号{tail}的账户本期应还{amount}元。",
        "carrier_template_code": "SMS_1",
        "values": [
            PermitValue(name="name", text="张三"),
            PermitValue(name="tail", text="1234"),
            PermitValue(name="amount", text="16409.02"),
        ],
        "send_within_ms": 5000,
        "report_within_ms": 20000,
    }
    return Permit(**known | changes)


def message(phone: str = "13800000001", attempt_id: str = "01ATTEMPT", **changes: Any) -> Message:
    return render(permit(phone, attempt_id, **changes), elapsed_s() + 5)
