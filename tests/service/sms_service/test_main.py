"""The process itself: sms_service as its own process against NATS, an authority by mutual TLS, and the simulator."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from outreach.runtime import bus, nats_server, tls
from outreach.runtime.config import Settings, variables
from outreach.runtime.sealing import Sealer
from tests.service.sms_service.authority import Authority, serving_authority_by_tls
from tests.service.sms_service.parts import eventually, permit, simulating
from tests.service.sms_service.test_copies import COPIES, filed
from tests.service.sms_service.test_receipts import push
from tests.unit.runtime.conftest import NatsProcess


def carriers_file(folder: Path, *accounts: dict[str, Any]) -> Path:
    path = folder / "carriers.yaml"
    path.write_text(yaml.safe_dump({"carriers": [{"rate_per_s": 500, **account} for account in accounts]}))
    return path


def aliyun(url: str) -> dict[str, Any]:
    return {
        "carrier_id": "aliyun-demo",
        "kind": "aliyun",
        "base_url": url,
        "access_key_id": "simulated-key",
        "access_key_secret": "simulated-secret",
    }


def cmpp(port: int) -> dict[str, Any]:
    return {
        "carrier_id": "cmpp-demo",
        "kind": "cmpp",
        "base_url": f"cmpp://127.0.0.1:{port}",
        "source_addr": "900001",
        "secret": "simulated-secret",
        "sender": "10690001",
        "service_id": "SMS",
    }


@asynccontextmanager
async def certified(nats_process: NatsProcess, folder: Path) -> AsyncIterator[tuple[Authority, Settings]]:
    """An authority by mutual TLS, and the settings of an sms_service that finds it."""
    tls.ensure_local_ca(folder)
    for service in ("approval_service", "sms_service"):
        tls.ensure_certificate(folder, service)
    async with serving_authority_by_tls(folder) as (authority, address):
        yield (
            authority,
            replace(nats_process.settings, approval_service_address=address, sms_service_address="127.0.0.1:0"),
        )


async def started(settings: Settings, carriers: Path, **environment: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "sms_service.main",
        env={"PATH": os.environ["PATH"], "OUTREACH_CARRIERS_FILE": str(carriers), **variables(settings), **environment},
        stderr=asyncio.subprocess.PIPE,
    )


async def stopped(process: asyncio.subprocess.Process) -> bytes:
    """The log of a process that ended well."""
    process.send_signal(signal.SIGTERM)
    _, log = await process.communicate()
    assert process.returncode == 0, log.decode()
    return log


async def test_it_sends_wakes_reads_receipts_and_stops(nats_process: NatsProcess, tmp_path: Path) -> None:
    """A permit is sent and reported, a wake-up leases at once, a stored receipt is reported, SIGTERM ends it with 0."""
    async with (
        certified(nats_process, tmp_path) as (authority, settings),
        simulating(tmp_path / "carriers") as simulator,
    ):
        process = await started(settings, carriers_file(tmp_path, aliyun(simulator.url)))
        authority.due.append(permit(attempt_id="A1"))
        await authority.reported(1)

        own = await bus.connect(settings, nats_server.APPROVAL_SERVICE)
        authority.due.append(permit(attempt_id="A2"))
        await own.publish(bus.WAKE_SMS, b"")
        await authority.reported(2)
        await own.close()

        gateway = await bus.connect(settings, nats_server.GATEWAY)
        subject = bus.carrier_subject("aliyun-demo", "receipts")
        authority.known_attempts = {"A1"}
        await gateway.jetstream().publish(subject, Sealer.load(tmp_path).seal(push("A1"), subject.encode()))
        await eventually(lambda: [receipt.attempt_id for receipt in authority.receipts] == ["A1"])
        await gateway.close()

        log = await stopped(process)
        assert [line["out_id"] for line in simulator.messages()] == ["A1", "A2"]
        assert b"13800000001" not in log


async def test_registered_copies_are_read_at_the_start_and_again(nats_process: NatsProcess, tmp_path: Path) -> None:
    """What the carrier has is reported, and so is what it was changed to meanwhile."""
    async with (
        certified(nats_process, tmp_path) as (authority, settings),
        simulating(tmp_path / "carriers") as simulator,
    ):
        authority.filed = [filed("aliyun")]
        code, text = COPIES["aliyun"]
        await simulator.control(carrier="aliyun", template={"code": code, "text": text, "state": "passed"})
        carriers = carriers_file(tmp_path, aliyun(simulator.url), cmpp(simulator.gateway.port))
        process = await started(settings, carriers, OUTREACH_COPIES_INTERVAL_S="0.1")
        await eventually(lambda: bool(authority.read_copies))
        await simulator.control(carrier="aliyun", template={"code": code, "text": "改过", "state": "reviewing"})
        await eventually(lambda: authority.read_copies[-1].filing.registered_text == "改过")
        await stopped(process)
        assert authority.read_copies[0].filing.registered_text == text


async def test_what_comes_over_cmpp_goes_through_the_stream(nats_process: NatsProcess, tmp_path: Path) -> None:
    """A message by CMPP, its receipt and a person's reply: both are stored, answered, and reach the authority."""
    async with (
        certified(nats_process, tmp_path) as (authority, settings),
        simulating(tmp_path / "carriers") as simulator,
    ):
        process = await started(settings, carriers_file(tmp_path, cmpp(simulator.gateway.port)))
        authority.due.append(permit(attempt_id="A1", carrier_id="cmpp-demo"))
        await authority.reported(1)
        report = authority.reports["A1"]
        await eventually(lambda: bool(authority.receipts))
        receipt = authority.receipts[0]
        assert report.carrier_message_id == simulator.messages()[0]["message_id"]
        assert (receipt.carrier_message_id, receipt.delivered) == (report.carrier_message_id, True)

        assert await simulator.gateway.reply("13800000001", "退订" * 40)
        await eventually(lambda: bool(authority.replies))
        assert (authority.replies[0].carrier_id, authority.replies[0].text) == ("cmpp-demo", "退订" * 40)
        log = await stopped(process)
        assert b"13800000001" not in log
