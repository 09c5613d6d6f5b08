"""Processes are killed (SIGKILL) while letters are laid out, fetched and confirmed: none is lost, none twice."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pypdfium2
import yaml
from google.protobuf.json_format import ParseDict
from google.protobuf.timestamp_pb2 import Timestamp

from outreach.client import Client, Kind, Refusal, read_identity
from outreach.domain.clocks import real_ms
from outreach.domain.ids import new_id
from outreach.runtime.tls import ca_certificate
from outreach.v1.bank_service_pb2 import ApplyEventsRequest, BankEvent, Party, Placement
from outreach.v1.bank_service_pb2_grpc import BankServiceStub
from outreach.v1.common_pb2 import State
from outreach.v1.letter_version_service_pb2 import (
    DraftLetterVersionRequest,
    LetterContent,
    ReviewLetterVersionRequest,
)
from outreach.v1.letter_version_service_pb2_grpc import LetterVersionServiceStub
from outreach.v1.mailroom_service_pb2 import (
    CloseRunRequest,
    ConfirmPrintedRequest,
    FetchRunPdfRequest,
    GetRunRequest,
    LetterSelection,
    ListLettersRequest,
    MailRequest,
    PrintRun,
    RunState,
    SealRequest,
    StartRunRequest,
)
from outreach.v1.mailroom_service_pb2_grpc import MailroomServiceStub
from outreach.v1.operations_service_pb2 import SetBusinessClockRequest, SetEmployeeRequest
from outreach.v1.operations_service_pb2_grpc import OperationsServiceStub
from outreach.v1.outreach_service_pb2 import CallOutcome, LetterItem, PostalClass, PriorCall, SubmitLettersRequest
from outreach.v1.outreach_service_pb2_grpc import OutreachServiceStub
from outreach.v1.policy_service_pb2 import ActivatePolicyRequest, DraftPolicyRequest, Policy
from outreach.v1.policy_service_pb2_grpc import PolicyServiceStub
from outreach.v1.quantity_service_pb2 import AskQuantityRequest, DecideQuantityRequest
from outreach.v1.quantity_service_pb2_grpc import QuantityServiceStub
from tests.system.conftest import ROOT, Installation

BANK = "demo-bank"
LETTERS = 60
NOW = "2026-03-17T10:00:00+08:00"
PATIENCE_S = 120.0
ADDRESS = "浙江省杭州市西湖区文三路{}号3幢402室"


def time(text: str) -> Timestamp:
    made = Timestamp()
    made.FromJsonString(text)
    return made


class Office:
    """The installation's people, each with a connection that outlives restarts."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._clients: dict[str, Client] = {}

    def __getitem__(self, person: str) -> Client:
        if person not in self._clients:
            state_dir, address = self._installation.state_dir, f"127.0.0.1:{self._installation.port + 43}"
            identity = read_identity(state_dir, person)
            self._clients[person] = Client(address, ca_certificate(state_dir), identity, patience_s=PATIENCE_S)
        self._clients[person].authenticated_s = real_ms() / 1000
        return self._clients[person]

    async def ask(self, person: str, stub: Callable[[grpc.aio.Channel], Any], rpc: str, request: Any) -> Any:
        client = self[person]
        return await client.call(getattr(stub(client.channel), rpc), request, repeatable=True)

    def kill(self, part: str) -> None:
        os.kill(self._installation.pids()[part], signal.SIGKILL)

    async def close(self) -> None:
        for client in self._clients.values():
            await client.channel.close()


@asynccontextmanager
async def office_of(installation: Installation) -> AsyncIterator[Office]:
    office = Office(installation)
    try:
        yield office
    finally:
        await office.close()


def test_letters_survive_kills(tmp_path: Path) -> None:
    """letter_service, authority and gateway are killed in turn between rendering, printing, confirming and mailing:
    every admitted letter is mailed once, under one number, and the run reconciles."""
    installation = Installation(tmp_path / "state")
    with installation.running():
        asyncio.run(_walk(installation))


async def _walk(installation: Installation) -> None:
    async with office_of(installation) as office:
        digest = await _prepare(office)
        await _submit(office)
        start = StartRunRequest(
            bank_id=BANK,
            version_digest=digest,
            postal_class=PostalClass.POSTAL_CLASS_ORDINARY,
            max_letters=LETTERS,
            run_request_id=new_id(),
        )
        run: PrintRun = (await office.ask("mailroom-1", MailroomServiceStub, "StartRun", start)).run
        office.kill("letter_service")
        run = await _ready(office, run.run_id)
        pdf = await _fetched(office, run.run_id)
        assert hashlib.sha256(pdf).hexdigest() == run.pdf_sha256
        whole = LetterSelection(run_id=run.run_id, first_position=1, last_position=LETTERS)
        for victim, rpc, request in (
            ("approval_service", "ConfirmPrinted", ConfirmPrintedRequest(letters=whole)),
            ("gateway", "Seal", SealRequest(letters=whole)),
            ("approval_service", "Mail", MailRequest(range=whole)),
        ):
            office.kill(victim)
            first = await office.ask("mailroom-1", MailroomServiceStub, rpc, request)
            again = await office.ask("mailroom-1", MailroomServiceStub, rpc, request)
            assert [result for result in first.results if not result.ok] == []
            assert first == again
        await _is_complete(office, run.run_id, pdf)


async def _prepare(office: Office) -> str:
    """Employees, clock, policy, accounts, a version and a quantity; the version's digest."""
    people = ("operator-1", "policy-maker", "policy-approver", "drafter-1", "reviewer-1", "team-lead-1", "mailroom-1")
    for person in (*people, "administrator-1", "demo-feed", "clerk-1"):
        who = office[person].identity
        employee = SetEmployeeRequest(caller_id=who.caller_id, employee_id=person, team=who.team, active=True)
        await office.ask("operator-1", OperationsServiceStub, "SetEmployee", employee)
    clock = SetBusinessClockRequest(time=time(NOW), rate=1)
    await office.ask("operator-1", OperationsServiceStub, "SetBusinessClock", clock)
    terms = yaml.safe_load((ROOT / "examples/demo-bank/policy.yaml").read_text(encoding="utf-8"))
    policy = DraftPolicyRequest(bank_id=BANK, policy=ParseDict(terms, Policy()))
    drafted = await office.ask("policy-maker", PolicyServiceStub, "DraftPolicy", policy)
    active = ActivatePolicyRequest(bank_id=BANK, version=drafted.version.version)
    await office.ask("policy-approver", PolicyServiceStub, "ActivatePolicy", active)
    await office.ask("demo-feed", BankServiceStub, "ApplyEvents", ApplyEventsRequest(events=_events()))
    source = (ROOT / "examples/demo-bank/letters/payment-notice.md").read_bytes()
    content = LetterContent(bank_id=BANK, name="payment-notice", source=source)
    request = DraftLetterVersionRequest(content=content)
    version = (await office.ask("drafter-1", LetterVersionServiceStub, "DraftLetterVersion", request)).version
    review = ReviewLetterVersionRequest(digest=version.digest, filing_number="HQ-2026-001")
    setattr(review, "pass", True)  # a word of Python
    await office.ask("reviewer-1", LetterVersionServiceStub, "ReviewLetterVersion", review)
    asking = AskQuantityRequest(bank_id=BANK, letter_name="payment-notice", number=LETTERS, reason="monthly")
    asked = (await office.ask("team-lead-1", QuantityServiceStub, "AskQuantity", asking)).quantity
    decision = DecideQuantityRequest(quantity_id=asked.quantity_id, granted=LETTERS)
    await office.ask("administrator-1", QuantityServiceStub, "DecideQuantity", decision)
    digest: str = version.digest
    return digest


def _events() -> list[BankEvent]:
    events = []
    for number in range(1, LETTERS + 1):
        event = BankEvent(event_id=f"letters-{number}", bank_id=BANK, event_time=time(NOW))
        event.placement.CopyFrom(
            Placement(
                account_number=f"LETTER-{number:05d}",
                agency_id="demo-agency",
                start_time=time("2026-03-01T00:00:00+08:00"),
                end_time=time("2026-06-01T00:00:00+08:00"),
                parties=[
                    Party(
                        customer_id=f"LC-{number:05d}",
                        role=Party.ROLE_DEBTOR,
                        name="赵例" + chr(0x4E00 + number),
                        addresses=[ADDRESS.format(number)],
                    )
                ],
            )
        )
        balance = event.placement.balance
        balance.sequence, balance.due_date = 1, "2026-02-20"
        balance.as_of_time.CopyFrom(time("2026-03-17T06:00:00+08:00"))
        balance.overdue_amount_fen, balance.outstanding_amount_fen, balance.minimum_payment_fen = (
            100_000,
            400_000,
            1_000,
        )
        events.append(event)
    mark = BankEvent(event_id="letters-mark", bank_id=BANK, event_time=time(NOW))
    mark.feed_mark.complete_through.CopyFrom(time(NOW))
    return [*events, mark]


async def _submit(office: Office) -> None:
    call = PriorCall(
        call_time=time("2026-03-16T10:00:00+08:00"),
        outcome=CallOutcome.CALL_OUTCOME_ANSWERED,
        recording_reference="rec-1",
    )
    items = [
        LetterItem(
            request_id=f"letter-{number}",
            bank_id=BANK,
            account_number=f"LETTER-{number:05d}",
            address=ADDRESS.format(number),
            postcode="310012",
            letter_name="payment-notice",
            postal_class=PostalClass.POSTAL_CLASS_ORDINARY,
            prior_call=call,
        )
        for number in range(1, LETTERS + 1)
    ]
    answer = await office.ask("clerk-1", OutreachServiceStub, "SubmitLetters", SubmitLettersRequest(items=items))
    assert {result.decision.state for result in answer.results} == {State.STATE_ADMITTED}, answer


async def _ready(office: Office, run_id: str) -> PrintRun:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            found = await office.ask("mailroom-1", MailroomServiceStub, "GetRun", GetRunRequest(run_id=run_id))
            run: PrintRun = found.run
            if run.state == RunState.RUN_STATE_READY:
                return run
            await asyncio.sleep(0.1)


async def _fetched(office: Office, run_id: str) -> bytes:
    """The run's PDF, asked for again by the same station for as long as letter_service is away."""
    client = office["mailroom-1"]
    request = FetchRunPdfRequest(run_id=run_id, station="desk-1")

    async def fetch() -> bytes:
        stream = client.stream(MailroomServiceStub(client.channel).FetchRunPdf, request)
        return b"".join([piece.chunk async for piece in stream])

    office.kill("letter_service")
    return await _patiently(fetch)


async def _patiently(call: Callable[[], Awaitable[bytes]]) -> bytes:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                return await call()
            except Refusal as refusal:
                if refusal.kind is not Kind.UNAVAILABLE:
                    raise
                await asyncio.sleep(0.2)


async def _is_complete(office: Office, run_id: str, pdf: bytes) -> None:
    """Each letter has one number, which stands on its own sheets of the PDF and on no others; the run closes."""
    listing = ListLettersRequest(bank_id=BANK, run_id=run_id, page_size=1000)
    letters = (await office.ask("mailroom-1", MailroomServiceStub, "ListLetters", listing)).letters
    assert len({letter.outreach_id for letter in letters}) == LETTERS
    numbers = [letter.letter_number for letter in letters]
    assert len(set(numbers)) == LETTERS
    document = pypdfium2.PdfDocument(pdf)
    texts = [page.get_textpage().get_text_bounded() for page in document]
    document.close()
    shown = [number for text in texts for number in numbers if number in text]
    assert list(dict.fromkeys(shown)) == numbers
    assert len(texts) == 2 * sum(letter.sheets for letter in letters)
    closed = await office.ask("mailroom-1", MailroomServiceStub, "CloseRun", CloseRunRequest(run_id=run_id))
    assert closed.run.state == RunState.RUN_STATE_CLOSED
    assert (closed.run.printed, closed.run.mailed) == (LETTERS, LETTERS)
