"""Stored pushes and lookups against a real gRPC authority, a real nats-server and the real simulator."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from outreach.runtime import bus, nats_server
from outreach.runtime.sealing import Sealer
from outreach.v1.worker_service_pb2 import Lookup
from sms_service import inbox, lookups
from sms_service.carriers.aliyun import Aliyun
from sms_service.carriers.seam import QueryError
from sms_service.pushes import Fate, Push
from sms_service.receipts import receipts as receipts_of
from tests.service.sms_service.authority import serving_authority
from tests.service.sms_service.parts import aliyun_account, eventually, message, simulating
from tests.unit.runtime.conftest import NatsProcess

ALIYUN = Aliyun(aliyun_account("http://127.0.0.1:1"))


def push(*attempt_ids: str) -> bytes:
    return orjson.dumps([{"out_id": i, "success": True, "err_code": "DELIVERED"} for i in attempt_ids])


async def test_each_push_has_its_own_fate() -> None:
    """Matched is done, partly unmatched is kept whole, unreadable and unknown carriers are dead with the reason."""
    async with serving_authority() as (authority, stub):
        authority.known_attempts = {"A1", "A2"}
        receipts = receipts_of(stub, {"aliyun-demo": ALIYUN})
        bodies = [("aliyun-demo", push("A1", "A2")), ("aliyun-demo", push("A1", "X")), ("aliyun-demo", b"<html>")]
        fates = await receipts.handle([Push(carrier, body, {}) for carrier, body in [*bodies, ("other", push("A1"))]])
        assert [fate for fate, _ in fates] == [Fate.DONE, Fate.KEEP, Fate.DEAD, Fate.DEAD]
        assert fates[2][1] == "not JSON"
        assert [receipt.attempt_id for receipt in authority.receipts] == ["A1", "A2", "A1", "X"]


async def test_many_receipts_go_in_calls_of_a_thousand() -> None:
    """The contract allows 1,000 receipts a call; a push may hold more."""
    async with serving_authority() as (authority, stub):
        attempt_ids = [f"A{i}" for i in range(2500)]
        authority.known_attempts = set(attempt_ids)
        assert await receipts_of(stub, {"aliyun-demo": ALIYUN}).handle(
            [Push("aliyun-demo", push(*attempt_ids), {})]
        ) == [(Fate.DONE, "")]
        assert len(authority.receipts) == 2500


async def test_stored_pushes_are_matched_kept_or_set_aside(nats_process: NatsProcess) -> None:
    """From the stream: a matched push is gone, an unmatched one comes again until it matches, an unreadable one and one
    sealed for another carrier go to the dead letters with the reason."""
    sealer = Sealer.load(nats_process.settings.state_dir)
    client = await bus.connect(nats_process.settings, nats_server.SMS_SERVICE)
    gateway = await bus.connect(nats_process.settings, nats_server.GATEWAY)
    operator = await bus.connect(nats_process.settings, nats_server.OPERATOR)
    js = client.jetstream()
    await bus.ensure_streams(js, bus.OUTREACH_CARRIER, bus.OUTREACH_DEAD)
    subject = bus.carrier_subject("aliyun-demo", "receipts")
    other = bus.carrier_subject("other", "receipts")
    for sealed in (
        sealer.seal(push("A1"), subject.encode()),
        sealer.seal(push("LATE"), subject.encode()),
        sealer.seal(b"<html>", subject.encode()),
        sealer.seal(push("A1"), other.encode()),
    ):
        await gateway.jetstream().publish(subject, sealed)
    async with serving_authority() as (authority, stub):
        authority.known_attempts = {"A1"}
        handler = inbox.handler(js, sealer, receipts_of(stub, {"aliyun-demo": ALIYUN}))
        task = asyncio.create_task(bus.consume(client, bus.OUTREACH_CARRIER, "receipts", handler))
        await eventually(lambda: len(authority.receipts) == 2)
        authority.known_attempts.add("LATE")
        await eventually(lambda: len(authority.receipts) == 3)
        await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.wait({task})
    assert [receipt.attempt_id for receipt in authority.receipts] == ["A1", "LATE", "LATE"]
    manager = operator.jetstream()
    assert (await manager.stream_info(bus.OUTREACH_CARRIER)).state.messages == 0
    reasons = []
    for sequence in (1, 2):
        letter = await manager.get_msg(bus.OUTREACH_DEAD, sequence)
        reasons.append((letter.headers or {})["Outreach-Reason"])
    assert sorted(reasons) == ["changed, or sealed for another context", "not JSON"]
    for connection in (client, gateway, operator):
        await connection.close()


def lookup(attempt_id: str, phone: str = "13800000001") -> Lookup:
    found = Lookup(attempt_id=attempt_id, phone_number=phone)
    found.release_time.FromDatetime(datetime.now(UTC) - timedelta(minutes=5))
    return found


async def test_lookups_report_what_the_carrier_knows(tmp_path: Path) -> None:
    """A message whose answer was lost is found by its id; one that the carrier does not know reports nothing."""
    async with serving_authority() as (authority, stub), simulating(tmp_path) as simulator:
        carrier = Aliyun(aliyun_account(simulator.url, timeout_s=0.5))
        await carrier.start()
        await carrier.send(message("13800009910", "LOST"))
        await carrier.send(message("13800009911", "NEVER"))
        await asyncio.sleep(0.06)
        authority.lookups = [lookup("LOST", "13800009910"), lookup("NEVER", "13800009911")]
        assert await lookups.look_up(stub, carrier) == 1
        await carrier.close()
        (receipt,) = authority.receipts
        assert (receipt.attempt_id, receipt.delivered, receipt.carrier_code) == ("LOST", True, "DELIVERED")


async def test_a_record_without_a_receipt_is_pending(tmp_path: Path) -> None:
    """SendStatus 1 says that the carrier has it, and nothing final."""
    async with simulating(tmp_path, receipt_delay_s=60) as simulator:
        carrier = Aliyun(aliyun_account(simulator.url))
        await carrier.start()
        await carrier.send(message())
        record = await carrier.query(lookup("01ATTEMPT"))
        await carrier.close()
        assert record is not None
        assert (record.pending, record.delivered) == (True, False)


async def test_the_right_one_of_many_is_found(tmp_path: Path) -> None:
    """More messages to a number than one page holds: the pages are read until the id is found."""
    async with simulating(tmp_path) as simulator:
        carrier = Aliyun(aliyun_account(simulator.url))
        await carrier.start()
        for index in range(60):
            await carrier.send(message(attempt_id=f"A{index}"))
        assert (await carrier.query(lookup("A59"))) is not None
        assert (await carrier.query(lookup("A60"))) is None
        await carrier.close()


async def test_a_carrier_that_cannot_be_asked_reports_nothing() -> None:
    """No answer is no evidence: QueryError, and the round ends without a report."""
    async with serving_authority() as (authority, stub):
        carrier = Aliyun(aliyun_account("http://127.0.0.1:9"))
        await carrier.start()
        with pytest.raises(QueryError):
            await carrier.query(lookup("A1"))
        authority.lookups = [lookup("A1")]
        assert await lookups.look_up(stub, carrier) == 0
        await carrier.close()
        assert authority.receipts == []
