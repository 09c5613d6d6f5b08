"""What is stored and published of a status change is its ProtoJSON."""

from __future__ import annotations

import pytest
from google.protobuf import json_format

from approval_service.status_changes import from_json, to_json
from outreach.v1.common_pb2 import State
from outreach.v1.outreach_service_pb2 import StatusChange

FULL = StatusChange(
    position=9_007_199_254_740_993,
    bank_id="demo-bank",
    outreach_id="01OUTREACH",
    request_id="r-1",
    caller_id="case-system",
    case_id="案件-1",
    state=State.STATE_CANCELLED,
    codes=["REPAID_IN_FULL", "QUIET_HOURS"],
    attempt_id="01ATTEMPT",
    notice=True,
)
FULL.change_time.FromMilliseconds(1_795_492_800_123)


LEAST = StatusChange(
    position=1,
    bank_id="demo-bank",
    outreach_id="01OUTREACH",
    request_id="r-1",
    caller_id="case-system",
    state=State.STATE_ADMITTED,
    change_time=FULL.change_time,
)


@pytest.mark.parametrize("change", [FULL, LEAST])
def test_it_is_what_protobuf_itself_reads(change: StatusChange) -> None:
    """Every field that a change can have, and no field that it has not."""
    assert set(FULL.DESCRIPTOR.fields_by_name) == {field.name for field, _ in FULL.ListFields()}
    time = change.change_time.ToJsonString()
    body = to_json(
        change.position, change, change.state, list(change.codes), change.attempt_id, time, notice=change.notice
    )
    assert json_format.Parse(body, StatusChange()) == change
    assert from_json(body) == change
