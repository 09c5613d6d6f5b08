"""What the doctor reads in a log."""

from __future__ import annotations

import io
import logging
from pathlib import Path

import pytest

from outreach.cli import doctor
from outreach.runtime import logs
from outreach.runtime.refusal_log import RefusalLog


def test_refusals_are_counted_by_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the gateway writes them, between other lines and after others that the tail cuts off."""
    written = io.StringIO()
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        logs.set_up("gateway", stream=written)
        refused, other = RefusalLog("server"), logs.EventLogger("gateway")
        for reason in ("TOKEN_EXPIRED", "ROLE_NOT_ALLOWED", "TOKEN_EXPIRED"):
            refused.note("call_refused", reason, method="/outreach.v1.OutreachService/Get", caller="cases")
            other.info("started")
        refused.note("sign_in_refused", "STATE_UNKNOWN", provider="agency")
    finally:
        logging.basicConfig(handlers=before, level=level, force=True)
    log = tmp_path / "gateway.log"
    log.write_text(written.getvalue())
    assert doctor.refusals(log) == "TOKEN_EXPIRED 2, ROLE_NOT_ALLOWED 1, STATE_UNKNOWN 1"
    monkeypatch.setattr(doctor, "LOG_TAIL_BYTES", len(written.getvalue().splitlines()[-1]) + 1)
    assert doctor.refusals(log) == "STATE_UNKNOWN 1"
    log.write_text("")
    assert doctor.refusals(log) == ""
