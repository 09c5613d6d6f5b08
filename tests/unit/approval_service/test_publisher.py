"""What the outbox publishes is ProtoJSON."""

from __future__ import annotations

import orjson
import pytest
from google.protobuf import json_format

from approval_service.publisher import to_json
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


LEAST = StatusChange(position=1, state=State.STATE_ADMITTED, change_time=FULL.change_time)


@pytest.mark.parametrize("change", [FULL, LEAST])
def test_it_is_what_protobuf_itself_writes(change: StatusChange) -> None:
    """Every field that a change can have, and no field that it has not."""
    assert set(FULL.DESCRIPTOR.fields_by_name) == {field.name for field, _ in FULL.ListFields()}
    assert orjson.loads(to_json(change.SerializeToString())) == json_format.MessageToDict(change)
