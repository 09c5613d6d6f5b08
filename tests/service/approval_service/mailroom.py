"""A mailroom to test with: accounts to write to, runs, and eve, who is designated to scan."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from hashlib import sha256
from itertools import count
from typing import Any, TypeVar

from sqlalchemy import Row

from approval_service.calls import Call
from approval_service.mailroom import closing, mailing, printing, releases, rendering, returns, start, views
from approval_service.store import letters as store
from approval_service.writer import Handler
from outreach.domain.roles import MAILROOM
from outreach.v1.bank_service_pb2 import Balance, BankEvent, EventResult, Party, Placement, Repayment
from outreach.v1.common_pb2 import Principal
from outreach.v1.mailroom_service_pb2 import (
    CloseRunRequest,
    CloseRunResponse,
    ConfirmPrintedRequest,
    GetRunRequest,
    LetterSelection,
    ListLettersRequest,
    MailRequest,
    MailScan,
    PrintRun,
    PullRequest,
    ReturnReason,
    ReturnRequest,
    ReturnResponse,
    ScanResult,
    SealRequest,
    SpoilRequest,
    SpoilResponse,
    StartRunRequest,
)
from outreach.v1.outreach_service_pb2 import Decision, PostalClass
from outreach.v1.print_service_pb2 import (
    LetterPermit,
    ListPermitsRequest,
    ReleaseRunPdfRequest,
    RenderedLetter,
    ReportRenderingRequest,
)
from tests.service.approval_service.letters import authorized_letter, grant_quantity, letter_item, submit_letters
from tests.service.approval_service.world import AGENCY, BANK, DAY_MS, World, principal

P = TypeVar("P")
R = TypeVar("R")

ORDINARY = PostalClass.POSTAL_CLASS_ORDINARY
REGISTERED = PostalClass.POSTAL_CLASS_REGISTERED
_numbers = count(1)


def address_of(number: str) -> str:
    """The reserved address of an account."""
    return f"浙江省杭州市西湖区文三路18号3幢{number}室"


def clerk(employee: str = "eve", *roles: str) -> Principal:
    """A principal of the mailroom."""
    return principal(employee, roles=roles or (MAILROOM,))


def hash_of(text: str) -> str:
    return sha256(text.encode()).hexdigest()


class Mailroom:
    """Steps of the way of a letter, on a world with an authorized version and a granted quantity."""

    def __init__(self, world: World, digest: str) -> None:
        self.world = world
        self.digest = digest

    async def write(self, handler: Handler[Call[P], R], request: P, who: Principal | None = None) -> R:
        return await self.world.authority.write(handler, Call(who or clerk(), request))

    async def place(self, *numbers: str) -> None:
        """An account for each number, whose debtor owes 1,234.56 yuan and has a reserved address."""
        for number in numbers:
            debtor = Party(
                customer_id=f"C{number}", role=Party.ROLE_DEBTOR, name="张三丰", addresses=[address_of(number)]
            )
            placement = Placement(account_number=number, agency_id=AGENCY, parties=[debtor])
            placement.balance.CopyFrom(self.balance(1, 123_456))
            placement.start_time.FromMilliseconds(self.world.now_ms() - DAY_MS)
            placement.end_time.FromMilliseconds(self.world.now_ms() + 90 * DAY_MS)
            await self.world.apply(BankEvent(placement=placement))

    def balance(self, sequence: int, overdue_fen: int) -> Balance:
        made = Balance(sequence=sequence, overdue_amount_fen=overdue_fen, outstanding_amount_fen=2 * overdue_fen)
        made.as_of_time.FromMilliseconds(self.world.now_ms())
        return made

    async def repay(self, number: str, sequence: int, overdue_fen: int | None = None) -> EventResult:
        """In full, or in part with new amounts."""
        repayment = Repayment(account_number=number, sequence=sequence, kind=Repayment.KIND_FULL, amount_fen=1_000)
        if overdue_fen is not None:
            repayment.kind = Repayment.KIND_PARTIAL
            repayment.balance_after.CopyFrom(self.balance(sequence, overdue_fen))
        return await self.world.apply(BankEvent(repayment=repayment))

    def repayment_without_amounts(self, number: str, sequence: int) -> BankEvent:
        kind = Repayment.KIND_PARTIAL
        return BankEvent(repayment=Repayment(account_number=number, sequence=sequence, kind=kind, amount_fen=1_000))

    def balance_event(self, number: str, sequence: int, overdue_fen: int) -> BankEvent:
        balance = self.balance(sequence, overdue_fen)
        balance.account_number = number
        return BankEvent(balance=balance)

    async def ask(self, *numbers: str, **changes: Any) -> list[Decision]:
        """A good request for a letter about each account, with changes."""
        items = [letter_item(number, **({"address": address_of(number)} | changes)) for number in numbers]
        return await submit_letters(self.world, *items)

    async def start(self, postal_class: PostalClass.ValueType = ORDINARY, **changes: Any) -> PrintRun:
        request = StartRunRequest(
            bank_id=BANK, version_digest=self.digest, postal_class=postal_class, run_request_id=f"run{next(_numbers)}"
        )
        request.MergeFrom(StartRunRequest(**changes))
        return (await self.write(start.start_run, request)).run

    async def permits(self, run_id: str) -> list[LetterPermit]:
        authority = self.world.authority
        parts = await authority.read(rendering.list_permits, authority.keys, ListPermitsRequest(run_id=run_id))
        return [permit for part in parts for permit in part.permits]

    async def report(self, run_id: str, permits: Sequence[LetterPermit], refused: Collection[str] = ()) -> None:
        """What letter_service reports of these permits; the named letters do not fit."""
        letters = [
            RenderedLetter(letter_number=permit.letter_number, refusal="字体缺字 no such glyph", field="name")
            if permit.letter_number in refused
            else RenderedLetter(letter_number=permit.letter_number, sheets=1, pdf_sha256=hash_of(permit.letter_number))
            for permit in permits
        ]
        laid_out = [letter.letter_number for letter in letters if not letter.refusal]
        pdf = hash_of(",".join(laid_out)) if laid_out else ""
        request = ReportRenderingRequest(run_id=run_id, pdf_sha256=pdf, letters=letters)
        await self.world.authority.write(rendering.report_rendering, request)

    async def run(self, *numbers: str, postal_class: PostalClass.ValueType = ORDINARY) -> tuple[str, list[str]]:
        """A run that is laid out, of a letter about each account: its id and the letter numbers in its order."""
        await self.ask(*numbers, postal_class=postal_class)
        run_id = (await self.start(postal_class)).run_id
        permits = await self.permits(run_id)
        await self.report(run_id, permits)
        return run_id, [permit.letter_number for permit in permits]

    async def printed(self, *numbers: str, postal_class: PostalClass.ValueType = ORDINARY) -> tuple[str, list[str]]:
        """A run whose letters are printed and sealed."""
        run_id, letters = await self.run(*numbers, postal_class=postal_class)
        await self.confirm(*letters)
        await self.seal(*letters)
        return run_id, letters

    async def release_pdf(self, run_id: str, station: str = "room-1", reason: str = "", who: Any = None) -> str:
        request = ReleaseRunPdfRequest(run_id=run_id, station=station, reason=reason)
        return (await self.write(releases.release_run_pdf, request, who)).pdf_sha256

    async def confirm(self, *numbers: str, who: Principal | None = None) -> list[ScanResult]:
        request = ConfirmPrintedRequest(letters=LetterSelection(letter_numbers=numbers))
        return list((await self.write(printing.confirm_printed, request, who)).results)

    async def seal(self, *numbers: str, before: int = 0, after: int = 0) -> list[ScanResult]:
        selection = LetterSelection(letter_numbers=numbers)
        request = SealRequest(letters=selection, counter_before=before, counter_after=after)
        return list((await self.write(printing.seal, request)).results)

    async def spoil(self, number: str) -> SpoilResponse:
        return await self.write(printing.spoil, SpoilRequest(letter_number=number, reason="卡纸 jammed"))

    async def mail(self, *numbers: str, items: Sequence[str] = ()) -> list[ScanResult]:
        scans = [
            MailScan(letter_number=number, item_number=items[index] if items else "")
            for index, number in enumerate(numbers)
        ]
        return list((await self.write(mailing.mail, MailRequest(scans=scans))).results)

    async def pull(self, *numbers: str, never_printed: bool = False) -> list[ScanResult]:
        request = PullRequest(letters=LetterSelection(letter_numbers=numbers), never_printed=never_printed)
        return list((await self.write(printing.pull, request)).results)

    async def send_back(self, number: str, reason: ReturnReason.ValueType) -> ReturnResponse:
        return await self.write(returns.return_letter, ReturnRequest(letter_number=number, reason=reason))

    async def close(self, run_id: str, explanation: str = "", employee: str = "eve") -> CloseRunResponse:
        request = CloseRunRequest(run_id=run_id, explanation=explanation)
        return await self.write(closing.close_run, request, clerk(employee))

    async def get_run(self, run_id: str) -> PrintRun:
        authority = self.world.authority
        catalog = await authority.read(authority.catalogs.at, 0)
        call = Call(clerk(), GetRunRequest(run_id=run_id))
        return (await authority.read(views.get_run, catalog, call)).run

    async def letters(self, **fields: Any) -> list[Any]:
        call = Call(clerk(), ListLettersRequest(bank_id=BANK, **fields))
        authority = self.world.authority
        return list((await authority.read(views.list_letters, authority.keys, call)).letters)

    async def letter(self, number: str) -> Row[Any]:
        return (await self.world.authority.read(store.by_number, [number]))[number]

    async def outreach_of(self, number: str) -> Row[Any]:
        """The row of outreach that a letter is a print of."""
        return await self.world.outreach((await self.letter(number)).outreach_id)


async def open_mailroom(world: World, places: int = 100) -> Mailroom:
    """A mailroom with a version drafted by ann and filed by ben, and a quantity granted to dan's team."""
    version = await authorized_letter(world)
    await grant_quantity(world, places)
    return Mailroom(world, version.digest)
