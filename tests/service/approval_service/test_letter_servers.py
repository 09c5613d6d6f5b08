"""Letters over the wire: admitted for the gateway, tried beforehand; addresses confirmed, marked and listed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from approval_service.servers.holds import HoldServer
from approval_service.servers.outreach import AdmissionServer, OutreachServer
from outreach.domain import states
from outreach.runtime.server import running
from outreach.runtime.tokens import principal_metadata
from outreach.v1 import admission_service_pb2_grpc, hold_service_pb2_grpc, outreach_service_pb2_grpc
from outreach.v1.admission_service_pb2 import AdmitLettersRequest
from outreach.v1.hold_service_pb2 import (
    BadAddressReason,
    ConfirmAddressRequest,
    ListBadAddressesRequest,
    MarkAddressBadRequest,
)
from outreach.v1.outreach_service_pb2 import (
    GetRequest,
    ListRequest,
    PreflightLetterRequest,
    WatchRequest,
)
from tests.service.approval_service.letters import letter_item
from tests.service.approval_service.mailroom import Mailroom, address_of, open_mailroom
from tests.service.approval_service.world import BANK, World, principal

ELSEWHERE = "浙江省杭州市西湖区文三路20号1幢101室"


def as_dan() -> dict[str, Any]:
    return {"metadata": principal_metadata(principal("dan"))}


@pytest.fixture
async def room(world: World) -> Mailroom:
    room = await open_mailroom(world)
    await room.place("7001", "7002")
    return room


@pytest.fixture
async def channel(world: World) -> AsyncIterator[grpc.aio.Channel]:
    def register(server: grpc.aio.Server) -> None:
        admission_service_pb2_grpc.add_AdmissionServiceServicer_to_server(AdmissionServer(world.authority), server)
        outreach_service_pb2_grpc.add_OutreachServiceServicer_to_server(OutreachServer(world.authority), server)
        hold_service_pb2_grpc.add_HoldServiceServicer_to_server(HoldServer(world.authority), server)

    credentials = grpc.local_server_credentials()
    async with (
        running("127.0.0.1:0", credentials, services=(), register=register, authorize=lambda *_: None) as server,
        grpc.aio.secure_channel(f"127.0.0.1:{server.port}", grpc.local_channel_credentials()) as channel,
    ):
        yield channel


async def test_letters_are_admitted_one_by_one(room: Mailroom, channel: grpc.aio.Channel) -> None:
    """By the gateway alone; what cannot be decided is an error of its own; a preflight stores nothing."""
    good = letter_item("7001", address=address_of("7001"), case_id="case-1")
    foreign = letter_item("7002", bank_id="other-bank")
    admission: Any = admission_service_pb2_grpc.AdmissionServiceStub(channel)
    request = AdmitLettersRequest(principal=principal("dan"), items=[good, foreign])
    results = (await admission.AdmitLetters(request)).results
    assert (results[0].decision.state, results[1].error.code) == (states.ADMITTED, 7)
    outreach: Any = outreach_service_pb2_grpc.OutreachServiceStub(channel)
    assert (await admission.AdmitLetters(request)).results[0].decision == results[0].decision
    tried = letter_item("7002", address="西湖区18号")
    shown = await outreach.PreflightLetter(PreflightLetterRequest(item=tried), **as_dan())
    assert "ADDRESS_INCOMPLETE" in {finding.code for finding in shown.decision.findings}
    listed = await outreach.List(ListRequest(bank_id=BANK, case_id="case-1"), **as_dan())
    found = await outreach.Get(GetRequest(request_id=good.request_id), **as_dan())
    assert [one.outreach_id for one in listed.outreach] == [found.outreach.outreach_id]
    watched = [
        one.change.outreach_id async for one in outreach.Watch(WatchRequest(bank_id=BANK, only_past=True), **as_dan())
    ]
    assert watched == [found.outreach.outreach_id]


async def test_what_is_known_of_an_address(room: Mailroom, channel: grpc.aio.Channel) -> None:
    """Confirmed, then found to be bad, which the list shows."""
    holds: Any = hold_service_pb2_grpc.HoldServiceStub(channel)
    (waiting,) = await room.ask("7001", address=ELSEWHERE)
    person = {"bank_id": BANK, "customer_id": "C7001", "address": ELSEWHERE, "evidence_reference": "rec-1"}
    assert (await holds.ConfirmAddress(ConfirmAddressRequest(**person), **as_dan())).resumed == 1
    request = MarkAddressBadRequest(**person, reason=BadAddressReason.BAD_ADDRESS_REASON_REFUSED)
    done = await holds.MarkAddressBad(request, **as_dan())
    assert list(done.cancelled_ids) == [waiting.outreach_id]
    listed = await holds.ListBadAddresses(ListBadAddressesRequest(bank_id=BANK), **as_dan())
    assert list(listed.addresses) == [done.mark]
