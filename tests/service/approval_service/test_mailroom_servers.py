"""The mailroom over the wire: MailroomService and PrintService as the gateway and letter_service call them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from approval_service.servers.mailroom import MailroomServer
from approval_service.servers.printing import PrintServer
from outreach.domain.roles import MAILROOM, REVIEWER
from outreach.runtime.server import running
from outreach.runtime.tokens import principal_metadata
from outreach.v1 import mailroom_service_pb2 as pb
from outreach.v1 import mailroom_service_pb2_grpc, print_service_pb2_grpc
from outreach.v1 import print_service_pb2 as printing
from outreach.wording.formats import CHINA
from tests.service.approval_service.mailroom import ORDINARY, Mailroom, clerk, hash_of, open_mailroom
from tests.service.approval_service.world import BANK, World


class Client:
    """Calls both services over a real socket."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.mailroom: Any = mailroom_service_pb2_grpc.MailroomServiceStub(channel)
        self.printing: Any = print_service_pb2_grpc.PrintServiceStub(channel)


@pytest.fixture
async def room(world: World) -> Mailroom:
    room = await open_mailroom(world)
    await room.place("7701", "7702", "7703")
    return room


@pytest.fixture
async def client(world: World) -> AsyncIterator[Client]:
    def register(server: grpc.aio.Server) -> None:
        mailroom_service_pb2_grpc.add_MailroomServiceServicer_to_server(MailroomServer(world.authority), server)
        print_service_pb2_grpc.add_PrintServiceServicer_to_server(PrintServer(world.authority), server)

    credentials = grpc.local_server_credentials()
    async with (
        running("127.0.0.1:0", credentials, services=(), register=register, authorize=lambda *_: None) as server,
        grpc.aio.secure_channel(f"127.0.0.1:{server.port}", grpc.local_channel_credentials()) as channel,
    ):
        yield Client(channel)


def by(employee: str = "eve", *roles: str) -> dict[str, Any]:
    return {"metadata": principal_metadata(clerk(employee, *(roles or (MAILROOM,))))}


async def test_a_letter_goes_its_way_over_the_wire(room: Mailroom, client: Client) -> None:
    """From the queue to the closing of its run, one returned, one pulled, one delivered."""
    mailroom, press = client.mailroom, client.printing
    await room.ask("7701", "7702", "7703")
    queue = await mailroom.GetQueue(pb.GetQueueRequest(bank_id=BANK), **by())
    (line,) = queue.lines
    assert queue.business_time.ToDatetime(CHINA) < queue.next_cutoff_time.ToDatetime(CHINA)
    assert f"{queue.next_cutoff_time.ToDatetime(CHINA):%H:%M}" == "17:00"
    assert (line.due, line.version_digest, line.letter_name) == (3, room.digest, "payment-notice")
    request = pb.StartRunRequest(
        bank_id=BANK, version_digest=line.version_digest, postal_class=ORDINARY, run_request_id="r1"
    )
    run_id = (await mailroom.StartRun(request, **by())).run.run_id
    (listed,) = (await press.ListRenderings(printing.ListRenderingsRequest(), **by())).renderings
    permits = [
        permit
        async for part in press.ListPermits(printing.ListPermitsRequest(run_id=run_id), **by())
        for permit in part.permits
    ]
    assert (listed.run_id, listed.letters) == (run_id, len(permits))
    laid_out = [
        printing.RenderedLetter(letter_number=one.letter_number, sheets=1, pdf_sha256=hash_of(one.letter_number))
        for one in permits
    ]
    report = printing.ReportRenderingRequest(run_id=run_id, pdf_sha256=hash_of("run"), letters=laid_out)
    await press.ReportRendering(report, **by())
    release = printing.ReleaseRunPdfRequest(run_id=run_id, station="room-1")
    assert (await press.ReleaseRunPdf(release, **by())).pdf_sha256 == hash_of("run")
    first, second, third = [one.letter_number for one in permits]
    look = printing.ReleaseLetterPdfRequest(letter_number=first, reason="抽查 spot check")
    assert (await press.ReleaseLetterPdf(look, **by("ann", "inspector"))).pdf_sha256 == hash_of(first)
    every = pb.LetterSelection(run_id=run_id, first_position=1, last_position=3)
    await mailroom.ConfirmPrinted(pb.ConfirmPrintedRequest(letters=every), **by())
    await mailroom.Seal(pb.SealRequest(letters=every), **by())
    await mailroom.Mail(pb.MailRequest(scans=[pb.MailScan(letter_number=n) for n in (first, second)]), **by())
    await mailroom.RecordAcceptance(
        pb.RecordAcceptanceRequest(
            run_id=run_id, reference="L1", items=[pb.AcceptedItem(letter_number=n) for n in (first, second)]
        ),
        **by(),
    )
    await mailroom.RecordDelivery(
        pb.RecordDeliveryRequest(bank_id=BANK, reference="D1", items=[pb.AcceptedItem(letter_number=first)]), **by()
    )
    returned = pb.ReturnRequest(letter_number=second, reason=pb.ReturnReason.RETURN_REASON_MOVED)
    assert (await mailroom.Return(returned, **by())).address_closed
    spoiled = await mailroom.Spoil(pb.SpoilRequest(letter_number=third, reason="污损 stained"), **by())
    assert spoiled.waiting_outreach_id
    pull = pb.PullRequest(letters=pb.LetterSelection(letter_numbers=[third]))
    assert not (await mailroom.Pull(pull, **by())).results[0].ok
    closed = await mailroom.CloseRun(pb.CloseRunRequest(run_id=run_id), **by())
    assert closed.run == (await mailroom.GetRun(pb.GetRunRequest(run_id=run_id), **by())).run
    assert (closed.run.mailed, closed.run.returned, closed.run.spoiled) == (2, 1, 1)
    assert len((await mailroom.ListRuns(pb.ListRunsRequest(bank_id=BANK), **by())).runs) == 1
    assert len((await mailroom.ListLetters(pb.ListLettersRequest(bank_id=BANK), **by())).letters) == 3


async def test_a_run_tells_what_the_policy_in_force_says(room: Mailroom, client: Client) -> None:
    """By when to hand over, and whether its browsers may use a camera: not by default, from the next version on."""
    await room.ask("7701")
    run = pb.GetRunRequest(run_id=(await room.start()).run_id)
    found = await client.mailroom.GetRun(run, **by())
    assert (f"{found.next_cutoff_time.ToDatetime(CHINA):%H:%M}", found.camera_allowed) == ("17:00", False)
    await room.world.open_bank(mailroom_camera_allowed=True, mail_cutoff_minute=16 * 60)
    found = await client.mailroom.GetRun(run, **by())
    assert (f"{found.next_cutoff_time.ToDatetime(CHINA):%H:%M}", found.camera_allowed) == ("16:00", True)
    assert 0 < found.next_cutoff_time.seconds - found.business_time.seconds <= 24 * 3600


async def test_what_is_refused_says_why(room: Mailroom, client: Client) -> None:
    """PDFs are the gateway's; a letter that does not wait for care is not released; a jumped clock stops permits."""
    (decision,) = await room.ask("7701")
    request = pb.ReleaseCareRequest(outreach_id=decision.outreach_id, reason="checked")
    calls = [
        client.mailroom.ReleaseCare(request, **by("cat", REVIEWER)),
        client.mailroom.FetchRunPdf(pb.FetchRunPdfRequest(run_id="r", station="s"), **by()).read(),
        client.mailroom.FetchLetterPdf(pb.FetchLetterPdfRequest(letter_number="A", reason="r"), **by()).read(),
    ]
    for call in calls:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    room.world.authority.guard._offset -= 10
    for call in (
        client.mailroom.StartRun(pb.StartRunRequest(bank_id=BANK, run_request_id="r"), **by()),
        client.mailroom.Mail(pb.MailRequest(), **by()),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        assert "ConfirmWallClock" in (caught.value.details() or "")
