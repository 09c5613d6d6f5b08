"""What the gateway writes down of those whom it does not let in."""

from __future__ import annotations

import logging
from typing import Any

import grpc
import pytest

from outreach.runtime import refusal_log, tokens
from outreach.runtime.refusal_log import RefusalLog
from outreach.v1.outreach_service_pb2 import CancelRequest, CancelResponse
from tests.service.gateway.conftest import KEY, STRANGER, Edge, as_caller

CANCEL = "/outreach.v1.OutreachService/Cancel"


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [record.__dict__["fields"] for record in caplog.records if record.msg == "call_refused"]


async def refuse(edge: Edge, metadata: Any, bank: str = "demo-bank") -> None:
    request = CancelRequest(bank_id=bank, account_number="6222000000001", reason="paid")
    with pytest.raises(grpc.aio.AioRpcError):
        await edge.call(CANCEL, request, CancelResponse, metadata=metadata)


async def test_each_refusal_is_a_line_without_what_was_sent(edge: Edge, caplog: pytest.LogCaptureFixture) -> None:
    """Reason, rpc and the registered caller that was named; neither token nor account."""
    forged = tokens.Issuer("cases", STRANGER).metadata("e-1001", "", ["case_system"], ["demo-bank"])
    unknown = tokens.Issuer("nobody", KEY).metadata("e-1001", "", ["case_system"], ["demo-bank"])
    with caplog.at_level(logging.WARNING):
        await refuse(edge, ())
        await refuse(edge, forged)
        await refuse(edge, unknown)
        await refuse(edge, as_caller("people", roles=("inspector",)))
        await refuse(edge, as_caller("cases"), bank="other-bank")
    written = [(line["reason"], line["caller"], line["method"]) for line in lines(caplog)]
    assert written == [
        ("TOKEN_MISSING", "", CANCEL),
        ("TOKEN_INVALID", "cases", CANCEL),
        ("CALLER_UNKNOWN", "", CANCEL),
        ("ROLE_NOT_ALLOWED", "people", CANCEL),
        ("BANK_NOT_ALLOWED", "cases", CANCEL),
    ]
    assert not any(word in str(lines(caplog)) for word in ("6222000000001", "Bearer", forged[0][1][-20:], "e-1001"))


def test_a_flood_is_counted_and_not_written(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many lines a second for each reason; the next one tells how many there were."""
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    log = RefusalLog("test")
    with caplog.at_level(logging.WARNING):
        for _ in range(5000):
            log.note("call_refused", "TOKEN_INVALID")
        log.note("call_refused", "ROLE_NOT_ALLOWED")
        assert len(lines(caplog)) == refusal_log.LINES_PER_SECOND + 1
        now = 101.0
        log.note("call_refused", "TOKEN_INVALID")
    assert lines(caplog)[-1] == {"reason": "TOKEN_INVALID", "total": 5001}
