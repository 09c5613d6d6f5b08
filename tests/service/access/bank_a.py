"""Things of one bank, made as they are needed: each row of the tables asks about one that exists."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import Any

from sqlalchemy import Connection, func, select

from approval_service import (
    callers,
    evidence_orders,
    holds,
    letter_versions,
    policies,
    quantity_register,
    replies,
    schema,
    templates,
    users,
)
from approval_service.calls import Call
from approval_service.mailroom import return_scans, returns
from approval_service.personal_data import erasing, requests
from outreach.domain import states
from outreach.v1 import letter_version_service_pb2 as letter
from outreach.v1.bank_service_pb2 import BankEvent, Party, Placement
from outreach.v1.caller_service_pb2 import DeactivateCallerRequest
from outreach.v1.evidence_service_pb2 import ExportEvidenceRequest, OrderEvidenceRequest
from outreach.v1.hold_service_pb2 import HoldKind, PlaceHoldRequest, RequestLiftRequest
from outreach.v1.mailroom_service_pb2 import ReturnReason, ReturnRequest, RunState
from outreach.v1.outreach_service_pb2 import LetterItem, SmsItem
from outreach.v1.person_service_pb2 import (
    AskForPersonRequest,
    DecideForPersonRequest,
    PersonRequestKind,
    ReplayErasuresRequest,
)
from outreach.v1.policy_service_pb2 import DraftPolicyRequest, GetPolicyRequest, Policy
from outreach.v1.quantity_service_pb2 import AskQuantityRequest
from outreach.v1.template_service_pb2 import (
    BankDocument,
    RecordBankDocumentRequest,
    ReviewTemplateRequest,
    SuspendTemplateRequest,
)
from outreach.v1.user_service_pb2 import ApproveUserRequest, CreateUserRequest
from outreach.v1.worker_service_pb2 import CarrierReply, Outcome
from tests.service.access.stack import OTHER_BANK, SPARE_CALLERS
from tests.service.approval_service.letters import NAME, draft_letter, letter_item, letter_review, submit_letters
from tests.service.approval_service.mailroom import Mailroom, address_of, open_mailroom
from tests.service.approval_service.test_replay import proofs
from tests.service.approval_service.test_return_scans import scan
from tests.service.approval_service.test_users import make_secrets
from tests.service.approval_service.world import (
    AGENCY,
    BANK,
    CARRIER,
    DAY_MS,
    HOTLINE,
    PEOPLE,
    World,
    actor,
    content,
    phone_of,
    principal,
)

DOCUMENT = BankDocument(reference="文号1", date="2026-11-20", scan_sha256="0" * 64)
READY_S = 20.0
LEAST = 8
"""Shorter values prove nothing when an answer holds them."""


class BankA:
    """Makes things of BANK as ann, ben, cat, dan and eve do it, so that nobody else is their maker."""

    def __init__(self, world: World, room: Mailroom) -> None:
        self.world = world
        self.room = room
        self._numbers = count(4001)
        self._spare_callers = iter(SPARE_CALLERS)

    async def account(self) -> str:
        """The number of an account whose debtor has a reserved phone number and address."""
        number, now_ms = str(next(self._numbers)), self.world.now_ms()
        debtor = Party(
            customer_id=f"CUSTOMER-{number}",
            role=Party.ROLE_DEBTOR,
            name="欧阳甲乙",
            phone_numbers=[phone_of(number)],
            addresses=[address_of(number)],
        )
        placement = Placement(account_number=number, agency_id=AGENCY, parties=[debtor])
        placement.balance.CopyFrom(self.room.balance(1, 123_456))
        placement.start_time.FromMilliseconds(now_ms - DAY_MS)
        placement.end_time.FromMilliseconds(now_ms + 90 * DAY_MS)
        await self.world.apply(BankEvent(placement=placement))
        return number

    async def item(self) -> SmsItem:
        """A good request that nobody has made yet."""
        number = await self.account()
        return SmsItem(
            request_id=f"request-{number}",
            bank_id=BANK,
            account_number=number,
            phone_number=phone_of(number),
            template_name="reminder",
            variables={"line": HOTLINE},
            case_id=f"CASE-OF-{number}",
        )

    async def letter_item(self) -> LetterItem:
        number = await self.account()
        return letter_item(number, address=address_of(number), request_id=f"letter-request-{number}")

    async def outreach_id(self) -> str:
        """A message that waits."""
        number = await self.account()
        return (await self.world.submit(number, phone_of(number), case_id=f"CASE-OF-{number}")).outreach_id

    async def unconfirmed(self) -> str:
        """An attempt of which nobody knows what came."""
        outreach_id = await self.outreach_id()
        while (await self.world.outreach(outreach_id)).state == states.ADMITTED:
            for permit in await self.world.lease():
                await self.world.report(permit.attempt_id, Outcome.OUTCOME_UNKNOWN)
        return str((await self.world.outreach(outreach_id)).attempt_id)

    async def reply(self) -> None:
        """Somebody wrote back."""
        outreach_id = await self.outreach_id()
        phone = ""
        while (await self.world.outreach(outreach_id)).state == states.ADMITTED:
            for permit in await self.world.lease():
                await self.world.report(permit.attempt_id, Outcome.OUTCOME_ACCEPTED)
                phone = permit.phone_number if permit.outreach_id == outreach_id else phone
        answer = CarrierReply(carrier_id=CARRIER, reply_id=phone, phone_number=phone, text="已收到，下周五再联系")
        await self.world.authority.write(replies.receive, answer)

    async def template(self, state: str = "draft") -> str:
        """The digest of a version that ann drafted, and that went on to the state."""
        digest = (await self.world.draft(name=f"name-{next(self._numbers)}")).digest
        if state == "draft":
            return digest
        passed: dict[str, Any] = {"digest": digest, "pass": True}
        if state in ("approved", "suspended"):
            await self.world.approve(digest)
        else:
            await self.world.write(templates.review, "ben", ReviewTemplateRequest(**passed))
        if state == "documented":
            entry = RecordBankDocumentRequest(digest=digest, document=DOCUMENT)
            await self.world.write(templates.document, "cat", entry)
        if state == "suspended":
            await self.world.write(templates.suspend, "ben", SuspendTemplateRequest(digest=digest, reason="银行要求"))
        return digest

    async def letter_version(self, state: str = "draft") -> str:
        """Likewise a letter version."""
        digest = (await draft_letter(self.world, name=f"letter-{next(self._numbers)}")).digest
        if state == "draft":
            return digest
        filing = "BA-2026-2" if state in ("authorized", "suspended") else ""
        await self.world.write(letter_versions.review, "ben", letter_review(digest, filing_number=filing))
        if state == "documented":
            entry = letter.RecordLetterDocumentRequest(digest=digest, document=DOCUMENT)
            await self.world.write(letter_versions.document, "cat", entry)
        if state == "suspended":
            stop = letter.SuspendLetterVersionRequest(digest=digest, reason="银行要求")
            await self.world.write(letter_versions.suspend, "ben", stop)
        return digest

    async def hold(self, *, lift_requested: bool = False) -> str:
        number = await self.account()
        request = PlaceHoldRequest(
            bank_id=BANK, account_number=number, kind=HoldKind.HOLD_KIND_DISPUTE, reason="对金额有异议"
        )
        hold_id = (await self.world.write(holds.place_hold, "ann", request)).hold.hold_id
        if lift_requested:
            await self.world.write(holds.request_lift, "ann", RequestLiftRequest(hold_id=hold_id, reason="已说明"))
        return hold_id

    async def quantity(self) -> str:
        request = AskQuantityRequest(bank_id=BANK, letter_name=NAME, number=5, reason="月度寄函")
        return (await self.world.write(quantity_register.ask, "ann", request)).quantity.quantity_id

    async def policy_in_force(self) -> Policy:
        current = await self.world.authority.read(policies.get, Call(principal("ann"), GetPolicyRequest(bank_id=BANK)))
        return current.version.policy

    async def policy(self) -> int:
        """A draft's number."""
        request = DraftPolicyRequest(bank_id=BANK, policy=await self.policy_in_force())
        return (await self.world.write(policies.draft, "ann", request)).version.version

    async def user(self, *, approved: bool = False) -> str:
        user_id = f"user-{next(self._numbers)}"
        request = CreateUserRequest(user_id=user_id, team="t1", roles=["reviewer"], bank_ids=[BANK])
        call = Call(principal("ann", banks=["*"]), request)
        await self.world.authority.write(users.create_user, (call, await make_secrets()))
        if approved:
            await self.world.write(users.approve_user, "ben", ApproveUserRequest(user_id=user_id), banks=["*"])
        return user_id

    async def caller(self, *, deactivated: bool = False) -> str:
        """A registered system that nobody calls by."""
        caller_id = next(self._spare_callers)
        if deactivated:
            request = DeactivateCallerRequest(caller_id=caller_id, reason="私钥疑似泄露")
            await self.world.write(callers.deactivate, "ann", request, banks=["*"])
        return caller_id

    async def run(self, step: str = "ready") -> tuple[str, str]:
        """A run of one letter, laid out by letter_service, on to the step: its id and the letter's number."""
        item = await self.letter_item()
        await submit_letters(self.world, item)
        run = await self.room.start()
        for _ in range(int(READY_S / 0.05)):
            if (await self.room.get_run(run.run_id)).state == RunState.RUN_STATE_READY:
                break
            await asyncio.sleep(0.05)
        numbers = [one.letter_number for one in await self.room.letters(run_id=run.run_id)]
        if step in ("printed", "sealed", "mailed"):
            await self.room.confirm(*numbers)
        if step in ("sealed", "mailed"):
            await self.room.seal(*numbers)
        if step == "mailed":
            await self.room.mail(*numbers)
        return run.run_id, numbers[0]

    async def returned(self) -> str:
        """The number of a letter that came back, with a picture of its envelope."""
        number = (await self.run("mailed"))[1]
        request = ReturnRequest(letter_number=number, reason=ReturnReason.RETURN_REASON_MOVED, scan_image=scan())
        await self.room.write(returns.return_letter, return_scans.prepared(request))
        return number

    async def care(self) -> str:
        """A letter that waits for a reviewer, since its amount is small."""
        await self.world.open_bank(care_amount_fen=200_000)
        (decision,) = await submit_letters(self.world, await self.letter_item())
        await self.world.open_bank()
        return decision.outreach_id

    async def person(self) -> str:
        """The id of somebody who owes."""
        await self.account()
        newest = select(func.max(schema.person.c.person_id))
        return await self.world.authority.read(lambda connection: str(connection.execute(newest).scalar_one()))

    async def export(self, *, asked_by: str = "ann", approved: bool = False) -> str:
        """An export of a person."""
        return await self._asked(PersonRequestKind.PERSON_REQUEST_KIND_EXPORT, await self.account(), asked_by, approved)

    async def evidence_order(self, employee: str) -> str:
        """Of an account."""
        wanted = ExportEvidenceRequest(bank_id=BANK, account_number=await self.account(), purpose="投诉核对")
        call = Call(principal(employee), OrderEvidenceRequest(wanted=wanted))
        return (await evidence_orders.order(self.world.authority, call)).order_id

    async def due(self) -> str:
        """The number of an account whose debtor's data is kept no longer."""
        number, now_ms = str(next(self._numbers)), self.world.now_ms()
        debtor = Party(customer_id=f"CUSTOMER-{number}", role=Party.ROLE_DEBTOR, name="欧阳甲乙")
        placement = Placement(account_number=number, agency_id=AGENCY, parties=[debtor])
        placement.start_time.FromMilliseconds(now_ms - 2000 * DAY_MS)
        placement.end_time.FromMilliseconds(now_ms - 1500 * DAY_MS)
        placement.balance.as_of_time.FromMilliseconds(now_ms - 1500 * DAY_MS)
        placement.balance.sequence = 1
        await self.world.apply(BankEvent(placement=placement))
        return number

    async def erased(self) -> ReplayErasuresRequest:
        """The ledger's proof that somebody was erased."""
        await self._asked(PersonRequestKind.PERSON_REQUEST_KIND_ERASURE, await self.due(), "ann", approved=True)
        await erasing.round_of(self.world.authority)
        return await proofs(self.world, "person_erased")

    async def _asked(self, kind: PersonRequestKind.ValueType, number: str, asked_by: str, approved: bool) -> str:
        request = AskForPersonRequest(bank_id=BANK, account_number=number, kind=kind, reason="来函")
        asked = await self.world.write(requests.ask, asked_by, request)
        if approved:
            decision = DecideForPersonRequest(request_id=asked.request.request_id, approve=True)
            await self.world.write(requests.decide, "ben", decision)
        return asked.request.request_id

    async def values(self) -> set[bytes]:
        """What an answer to another bank must not hold: whatever the database has of this bank and not of others, and
        the people's data that it has in clear nowhere."""
        own, others = await self.world.authority.read(_values, True), await self.world.authority.read(_values, False)
        private = {BANK, "欧阳甲乙", *(f(str(n)) for n in range(4001, 4060) for f in (phone_of, address_of))}
        shared = {CARRIER, NAME, content().name, *(actor(employee) for employee in PEOPLE)}
        return {value.encode() for value in (own - others - shared) | private}


async def open_bank_a(world: World) -> BankA:
    """With an approved template, a filed letter version, a quantity and one of each thing; the other bank has some
    accounts of its own."""
    room = await open_mailroom(world)
    await world.approve((await world.draft()).digest)
    await world.place("2001", phone_of("2001"), bank_id=OTHER_BANK)
    return BankA(world, room)


def _values(connection: Connection, of_bank: bool) -> set[str]:
    found: set[str] = set()
    for table in schema.metadata.sorted_tables:
        if "bank_id" not in table.c:
            continue
        mine = table.c.bank_id == BANK
        for row in connection.execute(select(table).where(mine if of_bank else ~mine)):
            found |= {value for value in row if isinstance(value, str) and len(value) >= LEAST}
    return found
