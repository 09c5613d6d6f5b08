"""Status changes as they are stored and published: the ProtoJSON of a StatusChange, written when the change commits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from outreach.v1.common_pb2 import State
from outreach.v1.outreach_service_pb2 import StatusChange

_NAMES = {state: State.Name(state) for state in State.values()}


def to_json(
    position: int,
    row: Any,
    state: State.ValueType,
    codes: Sequence[str],
    attempt_id: str,
    time: str,
    *,
    notice: bool = False,
) -> bytes:
    """The change of an outreach (anything with its columns) at a business time in ISO form. Much faster than protobuf's
    own way; what is empty is left out, as it does."""
    change = {
        "position": str(position),
        "bankId": row.bank_id,
        "outreachId": row.outreach_id,
        "requestId": row.request_id,
        "callerId": row.caller_id,
        "state": _NAMES[state],
        "changeTime": time,
    }
    if row.case_id:
        change["caseId"] = row.case_id
    if codes:
        change["codes"] = codes
    if attempt_id:
        change["attemptId"] = attempt_id
    if notice:
        change["notice"] = True
    return orjson.dumps(change)


def codes_of(body: bytes) -> list[str]:
    """The codes of the change that `to_json` wrote."""
    codes: list[str] = orjson.loads(body).get("codes", [])
    return codes


def from_json(body: bytes) -> StatusChange:
    """The change that `to_json` wrote."""
    fields = orjson.loads(body)
    change = StatusChange(
        position=int(fields["position"]),
        bank_id=fields["bankId"],
        outreach_id=fields["outreachId"],
        request_id=fields["requestId"],
        caller_id=fields["callerId"],
        case_id=fields.get("caseId", ""),
        state=fields["state"],
        codes=fields.get("codes", ()),
        attempt_id=fields.get("attemptId", ""),
        notice=fields.get("notice", False),
    )
    change.change_time.FromJsonString(fields["changeTime"])
    return change
