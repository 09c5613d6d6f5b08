"""No number that may be asked for is greater than the ledger can write (outreach.ledger.entries)."""

from __future__ import annotations

import math
from collections.abc import Iterator

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gateway.forwarding import SERVICES
from outreach.v1.bank_service_pb2 import BankEvent

GREATEST = 2**53 - 1
ONLY_LOOKED_UP = {
    "GetProofRequest.index",
    "ListEntriesRequest.start_index",
    "LedgerEntry.index",
    "ActivatePolicyRequest.version",
    "GetPolicyRequest.version",
    "SimulatePolicyRequest.version",
    "WatchRequest.after_position",
}
"""They name what there is, or nothing: no entry has them."""


def _fields(message: Descriptor, seen: set[str]) -> Iterator[FieldDescriptor]:
    if message.full_name in seen or message.full_name.startswith("google."):
        return
    seen.add(message.full_name)
    for field in message.fields:
        yield field
        if field.message_type is not None:
            yield from _fields(field.message_type, seen)


def _greatest(field: FieldDescriptor) -> float:
    """The greatest value that the contract allows."""
    for _, rules in field.GetOptions().ListFields():
        if rules.int64.HasField("lte"):
            return int(rules.int64.lte)
    return math.inf


def test_a_number_that_is_recorded_fits_the_ledger() -> None:
    """Each integer of 64 bits of a request or a bank's event is bounded by its contract."""
    seen = set[str]()
    messages = [BankEvent.DESCRIPTOR, *(method.input_type for service in SERVICES for method in service.methods)]
    numbers = [field for message in messages for field in _fields(message, seen) if field.type == field.TYPE_INT64]
    assert {_greatest(field) <= GREATEST for field in numbers} == {True, False}
    found = {field.full_name.removeprefix("outreach.v1.") for field in numbers if _greatest(field) > GREATEST}
    assert found == ONLY_LOOKED_UP
