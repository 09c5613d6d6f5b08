"""Carriers' pushes against a real nats-server: kept, sealed, before they are answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
import yaml

from gateway.main import GatewaySettings, gateway
from gateway.webhooks import read_pushers
from outreach.runtime import bus
from outreach.runtime.config import SettingError
from outreach.runtime.sealing import Sealer
from outreach.runtime.secret_files import ensure_secret
from tests.service.gateway.conftest import settings_for
from tests.unit.runtime.conftest import NatsProcess

RECEIPTS = b'[{"phone_number":"13800138000","success":true,"err_code":"DELIVERED","out_id":"A1"}]'


class Webhooks:
    """The webhooks as a carrier sees them."""

    def __init__(self, state_dir: Path, port: int, session: aiohttp.ClientSession) -> None:
        self._state_dir = state_dir
        self._base = f"http://127.0.0.1:{port}"
        self._session = session

    def url(self, carrier_id: str, what: str, secret: str = "") -> str:
        secret = secret or ensure_secret(self._state_dir, f"webhook-{carrier_id}")
        return f"{self._base}/carriers/{carrier_id}/{secret}/{what}"

    async def post(
        self, carrier_id: str, what: str = "receipts", body: bytes = RECEIPTS, secret: str = ""
    ) -> tuple[int, str]:
        url = self.url(carrier_id, what, secret)
        async with self._session.post(url, data=body, headers={"Content-Type": "application/json"}) as response:
            return response.status, await response.text()

    async def get(self, carrier_id: str, secret: str = "") -> tuple[int, str]:
        async with self._session.get(self.url(carrier_id, "receipts", secret)) as response:
            return response.status, await response.text()

    async def post_until_taken(self, carrier_id: str, what: str = "receipts") -> str:
        """The gateway connects to NATS in the background; a carrier pushes again until it is taken."""
        for _ in range(100):
            status, text = await self.post(carrier_id, what)
            if status == 200:
                return text
            assert status == 503
            await asyncio.sleep(0.05)
        raise AssertionError("never taken")


@pytest.fixture
def webhook_settings(state_dir: Path) -> GatewaySettings:
    carriers = {
        "aliyun-demo": {"kind": "aliyun", "sources": ["127.0.0.1/32"]},
        "tencent-demo": {"kind": "tencent", "sources": ["127.0.0.1/32"]},
        "bank-demo": {"kind": "bank_http", "sources": ["127.0.0.0/8"], "answer": {"ok": True}},
        "far-away": {"kind": "aliyun", "sources": ["203.0.113.0/24"]},
    }
    (state_dir / "webhooks.yaml").write_text(yaml.safe_dump({"carriers": carriers}))
    return settings_for(state_dir, "127.0.0.1:1")


@asynccontextmanager
async def webhooks(settings: GatewaySettings) -> AsyncIterator[Webhooks]:
    async with gateway(settings) as running, aiohttp.ClientSession() as session:
        yield Webhooks(settings.state_dir, running.webhook_port, session)


@pytest.fixture
async def nats(state_dir: Path) -> AsyncIterator[NatsProcess]:
    process = NatsProcess(state_dir)
    await process.start()
    yield process
    await process.stop()


async def stored(process: NatsProcess) -> list[tuple[str, bytes, dict[str, str]]]:
    """What lies in the stream, still sealed."""
    client = await bus.connect(process.settings, "approval_service")
    try:
        js = client.jetstream()
        count = (await js.stream_info(bus.OUTREACH_CARRIER)).state.messages
        messages = [await js.get_msg(bus.OUTREACH_CARRIER, sequence + 1) for sequence in range(count)]
        return [(str(message.subject), message.data or b"", dict(message.headers or {})) for message in messages]
    finally:
        await client.close()


async def test_a_push_is_kept_sealed_and_then_answered(
    webhook_settings: GatewaySettings, state_dir: Path, nats: NatsProcess
) -> None:
    """Each kind of carrier gets its own answer, and the raw bodies lie in the stream, unreadable without the key."""
    settings = settings_for(state_dir, "127.0.0.1:1", nats.settings.nats_url)
    async with webhooks(settings) as hooks:
        assert await hooks.post_until_taken("aliyun-demo") == '{"code":0,"msg":"接收成功"}'
        assert await hooks.post_until_taken("tencent-demo") == '{"result":0,"errmsg":"OK"}'
        assert await hooks.post_until_taken("bank-demo", "replies") == '{"ok":true}'
    kept = await stored(nats)
    assert [subject for subject, _, _ in kept] == [
        "outreach.carrier.aliyun-demo.receipts",
        "outreach.carrier.tencent-demo.receipts",
        "outreach.carrier.bank-demo.replies",
    ]
    for subject, sealed, headers in kept:
        assert b"13800138000" not in sealed
        assert Sealer.load(state_dir).open(sealed, subject.encode()) == RECEIPTS
        assert headers["Content-Type"] == "application/json"


async def test_the_console_s_probe_is_answered(webhook_settings: GatewaySettings) -> None:
    """A GET at the right path gets what the carrier's console wants to see, also while NATS is down."""
    async with webhooks(webhook_settings) as hooks:
        assert await hooks.get("aliyun-demo") == (200, '{"code":0,"msg":"成功"}')
        assert (await hooks.get("aliyun-demo", "wrong"))[0] == 404


async def test_strangers_and_wrong_secrets_find_nothing(
    webhook_settings: GatewaySettings, state_dir: Path, nats: NatsProcess
) -> None:
    """A wrong secret, another carrier's secret, an address outside the list and an unknown carrier all get 404, and
    nothing of theirs is kept.
    """
    settings = settings_for(state_dir, "127.0.0.1:1", nats.settings.nats_url)
    async with webhooks(settings) as hooks:
        await hooks.post_until_taken("aliyun-demo")
        others = ensure_secret(state_dir, "webhook-tencent-demo")
        assert (await hooks.post("aliyun-demo", secret="wrong"))[0] == 404
        assert (await hooks.post("aliyun-demo", secret=others))[0] == 404
        assert (await hooks.post("aliyun-demo", what="other"))[0] == 404
        assert (await hooks.post("far-away"))[0] == 404
        assert (await hooks.post("nobody", secret="x"))[0] == 404
    assert len(await stored(nats)) == 1


async def test_what_cannot_be_kept_is_not_answered_as_taken(
    webhook_settings: GatewaySettings, state_dir: Path, nats: NatsProcess
) -> None:
    """While NATS is down the carrier gets 503 and pushes again; once it is back the push is taken."""
    settings = settings_for(state_dir, "127.0.0.1:1", nats.settings.nats_url)
    async with webhooks(settings) as hooks:
        await hooks.post_until_taken("aliyun-demo")
        await nats.stop()
        assert (await hooks.post("aliyun-demo"))[0] == 503
        await nats.start()
        await hooks.post_until_taken("aliyun-demo")
    assert len(await stored(nats)) >= 2


async def test_a_body_over_the_limit_is_refused(webhook_settings: GatewaySettings) -> None:
    """More than half a MiB is not read to its end."""
    async with webhooks(webhook_settings) as hooks:
        assert (await hooks.post("aliyun-demo", body=b"x" * 600_000))[0] == 413


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("carriers: [", "mapping"),
        ("carriers: {a: {kind: fax, sources: []}}", "carrier a: KeyError"),
        ("carriers: {a: {kind: aliyun, sources: [everywhere]}}", "carrier a: ValueError"),
        ("carriers: {A_b: {kind: aliyun, sources: []}}", "carrier A_b: ValueError"),
    ],
)
def test_a_bad_configuration_names_the_carrier(tmp_path: Path, text: str, words: str) -> None:
    """A gateway does not start with webhooks that it cannot read."""
    (tmp_path / "webhooks.yaml").write_text(text)
    with pytest.raises(SettingError, match=words):
        read_pushers(tmp_path)
