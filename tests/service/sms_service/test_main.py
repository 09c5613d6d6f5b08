"""The process itself: sms_service as its own process against NATS, an authority by mutual TLS, and the simulator."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import yaml

from outreach.runtime import bus, nats_server, tls
from outreach.runtime.config import variables
from outreach.runtime.sealing import Sealer
from tests.service.sms_service.authority import serving_authority_by_tls
from tests.service.sms_service.parts import eventually, permit, simulating
from tests.service.sms_service.test_receipts import push
from tests.unit.runtime.conftest import NatsProcess


def carriers_file(folder: Path, url: str) -> Path:
    account = {
        "carrier_id": "aliyun-demo",
        "kind": "aliyun",
        "base_url": url,
        "rate_per_s": 500,
        "access_key_id": "simulated-key",
        "access_key_secret": "simulated-secret",
    }
    path = folder / "carriers.yaml"
    path.write_text(yaml.safe_dump({"carriers": [account]}))
    return path


async def test_it_sends_wakes_reads_receipts_and_stops(nats_process: NatsProcess, tmp_path: Path) -> None:
    """A permit is sent and reported, a wake-up leases at once, a stored receipt is reported, SIGTERM ends it with 0."""
    tls.ensure_local_ca(tmp_path)
    for service in ("approval_service", "sms_service"):
        tls.ensure_certificate(tmp_path, service)
    async with (
        serving_authority_by_tls(tmp_path) as (authority, address),
        simulating(tmp_path / "carriers") as simulator,
    ):
        settings = replace(nats_process.settings, approval_service_address=address, sms_service_address="127.0.0.1:0")
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "sms_service.main",
            env={
                "PATH": os.environ["PATH"],
                "OUTREACH_CARRIERS_FILE": str(carriers_file(tmp_path, simulator.url)),
                **variables(settings),
            },
            stderr=asyncio.subprocess.PIPE,
        )
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

        process.send_signal(signal.SIGTERM)
        _, log = await process.communicate()
        assert process.returncode == 0, log.decode()
        assert [line["out_id"] for line in simulator.messages()] == ["A1", "A2"]
        assert b"13800000001" not in log
