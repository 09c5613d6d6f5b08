"""What the gateway can tell of a request from the contract alone."""

from __future__ import annotations

import pytest
from google.protobuf.descriptor import MethodDescriptor

from gateway.forwarding import SERVICES
from gateway.shape import Shape, is_odd
from outreach.domain.errors import Refusal
from outreach.runtime import access
from outreach.v1.bank_service_pb2 import ApplyEventsRequest, BankEvent
from outreach.v1.outreach_service_pb2 import SmsItem, SubmitBatchRequest, SubmitRequest
from outreach.validation import oddities

METHODS = [method for service in SERVICES for method in service.methods]

LEFT_TO_THE_AUTHORITY = {
    "ApproveLetterVersion",
    "ApproveLift",
    "ApproveRotation",
    "ApproveTemplate",
    "ApproveUser",
    "AskRotation",
    "ChangeUser",
    "CheckAddresses",
    "CloseRun",
    "ConfirmPrinted",
    "ConfirmWallClock",
    "CreateUser",
    "DeactivateCaller",
    "DeactivateUser",
    "DecideForPerson",
    "DecideQuantity",
    "DropEvidenceOrder",
    "Export",
    "FetchLetterPdf",
    "FetchPersonExport",
    "FetchReturnScan",
    "FetchRunPdf",
    "Get",
    "GetCaller",
    "GetCheckpoint",
    "GetLetterVersion",
    "GetProof",
    "GetRun",
    "GetTemplate",
    "ListCallers",
    "ListEntries",
    "ListEvidenceOrders",
    "ListKeys",
    "ListUsers",
    "Mail",
    "Pull",
    "ReactivateCaller",
    "RecordAcceptance",
    "RecordBankDocument",
    "RecordFiling",
    "RecordLetterDocument",
    "ReleaseCare",
    "RequestLift",
    "RenewLetterVersion",
    "RenewTemplate",
    "ReplayErasures",
    "ResetUser",
    "ResolveUnconfirmed",
    "ResumeLetterVersion",
    "ResumeTemplate",
    "RetireLetterVersion",
    "RetireTemplate",
    "Return",
    "ReviewLetterVersion",
    "ReviewTemplate",
    "Seal",
    "SetBusinessClock",
    "SetEmployee",
    "Spoil",
    "SuspendLetterVersion",
    "SuspendTemplate",
    "VerifyBankDocument",
    "VerifyLetterDocument",
}
"""Rpcs whose requests name a digest, an id of ours or nothing: the authority checks their bank itself."""


def test_all_public_services_are_forwarded() -> None:
    """The gateway offers what the access table calls public, and nothing else."""
    assert {service.full_name for service in SERVICES} == set(access.PUBLIC_SERVICES)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: str(method.name))
def test_a_request_names_its_bank_or_is_left_to_the_authority(method: MethodDescriptor) -> None:
    """A new rpc cannot slip past the bank check unseen."""
    assert (not Shape(method.input_type).names_bank) == (method.name in LEFT_TO_THE_AUTHORITY)


def test_banks_are_found_wherever_they_stand() -> None:
    """At the top, in the item, and in every event of a list."""
    assert Shape(SmsItem.DESCRIPTOR).banks(SmsItem(bank_id="a")) == {"a"}
    assert Shape(SubmitRequest.DESCRIPTOR).banks(SubmitRequest(item=SmsItem(bank_id="a"))) == {"a"}
    events = ApplyEventsRequest(events=[BankEvent(bank_id="a"), BankEvent(bank_id="b")])
    assert Shape(ApplyEventsRequest.DESCRIPTOR).banks(events) == {"a", "b"}


def test_a_batch_counts_its_items() -> None:
    """Lists of messages count by their length, all else as one; maps are no lists."""
    assert Shape(SubmitBatchRequest.DESCRIPTOR).items(SubmitBatchRequest(items=[SmsItem()] * 7)) == 7
    assert Shape(SmsItem.DESCRIPTOR).items(SmsItem(variables={"a": "1", "b": "2"})) == 1


def test_long_lists_of_violations_are_told_shortly_in_words_and_fully_in_details() -> None:
    """The message names three; the details name all."""
    with pytest.raises(Refusal) as raised:
        Shape(SubmitRequest.DESCRIPTOR).read(SubmitRequest(item=SmsItem()).SerializeToString())
    assert len(raised.value.violations) == 5
    assert "and 2 more" in raised.value.message


def test_only_odd_messages_are_odd() -> None:
    """An ordinary message is not walked through; a NUL and an unknown field are found where they are."""
    plain = SmsItem(request_id="r", variables={"hotline": "95588"})
    assert not is_odd(plain.SerializeToString(), plain)
    odd = SubmitBatchRequest(
        items=[SmsItem(), SmsItem.FromString(b"\xf8\x07\x01"), SmsItem(variables={"a": "x\0"}, case_id="\0")]
    )
    assert {field for field, _ in oddities(odd)} == {"items[1].127", "items[2].variables[a]", "items[2].case_id"}


@pytest.mark.parametrize(("seconds", "nanos"), [(5, -1), (5, 1_000_000_000), (-(2**63), 0), (253_402_300_800, 0)])
def test_a_time_that_no_clock_has_is_named(seconds: int, nanos: int) -> None:
    """Wherever it stands: nothing behind the door could compute with it."""
    request = ApplyEventsRequest(events=[BankEvent(event_id="1", bank_id="a")])
    request.events[0].event_time.GetCurrentTime()
    wrong = request.events[0].feed_mark.complete_through
    wrong.seconds, wrong.nanos = seconds, nanos
    with pytest.raises(Refusal) as refused:
        Shape(ApplyEventsRequest.DESCRIPTOR).read(request.SerializeToString())
    assert "events[0].feed_mark.complete_through" in {field for field, _ in refused.value.violations}
