"""A small bank to test against: its people, policy, accounts and templates, made by the real use cases."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import count
from typing import Any, TypeVar

from sqlalchemy import Row, delete, select, update

from approval_service import admission, bank_events, leases, operations, policies, reports, schema, templates
from approval_service.admission import Asked
from approval_service.authority import Authority
from approval_service.calls import Call
from approval_service.database import Database
from approval_service.store import outreach as outreach_store
from approval_service.writer import Handler
from outreach.domain.clocks import real_ms
from outreach.ledger.entries import decode
from outreach.v1.admission_service_pb2 import AdmitGroup
from outreach.v1.bank_service_pb2 import Balance, BankEvent, EventResult, FeedMark, Party, Placement
from outreach.v1.common_pb2 import Principal
from outreach.v1.operations_service_pb2 import SetEmployeeRequest
from outreach.v1.outreach_service_pb2 import Decision, SmsItem
from outreach.v1.policy_service_pb2 import ActivatePolicyRequest, CarrierChoice, DraftPolicyRequest, Policy
from outreach.v1.template_service_pb2 import (
    ApproveTemplateRequest,
    DraftTemplateRequest,
    Placeholder,
    PlaceholderType,
    RecordField,
    ReviewTemplateRequest,
    Template,
    TemplateContent,
)
from outreach.v1.worker_service_pb2 import AttemptReport, LeaseRequest, Outcome, Permit
from tests.service.approval_service.authorities import open_authority

P = TypeVar("P")
R = TypeVar("R")

BANK = "demo-bank"
CALLER = "agency"
AGENCY = "demo-agency"
CARRIER = "bank-sms"
HOTLINE = "95500"
TEXT = "尊敬的{name}，您尾号{tail}的账户逾期{amount}元，请及时处理。如有疑问请致电{line}。示例催收受示例银行委托。"
DAY_MS = 86_400_000
NOW_MS = 1_795_492_800_000
"""Where the business clock of the `authority` fixture stands still: 2026-11-24 12:00 in Shanghai."""
PEOPLE = ("ann", "ben", "cat", "dan", "eve")
_numbers = count(1)


def clear(database: Database) -> None:
    """Deletes every row: a tenth of the time that a new PostgreSQL database takes."""
    with database.writer.begin() as connection:
        if not database.is_sqlite:
            connection.exec_driver_sql("SET LOCAL lock_timeout = '5s'")
        for table in schema.metadata.sorted_tables:
            connection.execute(delete(table))


@asynccontextmanager
async def running_authority(database: Database) -> AsyncIterator[Authority]:
    """An authority with a real writer; its business clock stands at NOW_MS."""
    authority = open_authority(database)
    with database.writer.begin() as connection:
        connection.execute(update(schema.head).values(clock_business_ms=NOW_MS, clock_rate=0.0))
    yield authority
    authority.writer.close()


def principal(employee: str, *, banks: Sequence[str] = (BANK,), roles: Sequence[str] = ()) -> Principal:
    return Principal(caller_id=CALLER, employee_id=employee, team="t1", roles=roles, bank_ids=banks)


def actor(employee: str) -> str:
    return f"{CALLER}/{employee}"


def content(**changes: Any) -> TemplateContent:
    """A content that passes every check, with changes."""
    types, fields = PlaceholderType, RecordField
    made = TemplateContent(
        bank_id=BANK,
        name="reminder",
        signature="示例银行",
        text=TEXT,
        placeholders=[
            Placeholder(name="name", type=types.PLACEHOLDER_TYPE_NAME, record_field=fields.RECORD_FIELD_RECIPIENT_NAME),
            Placeholder(
                name="tail",
                type=types.PLACEHOLDER_TYPE_LAST_FOUR,
                record_field=fields.RECORD_FIELD_ACCOUNT_LAST_FOUR,
            ),
            Placeholder(
                name="amount", type=types.PLACEHOLDER_TYPE_AMOUNT, record_field=fields.RECORD_FIELD_OVERDUE_AMOUNT
            ),
            Placeholder(name="line", type=types.PLACEHOLDER_TYPE_HOTLINE),
        ],
    )
    made.MergeFrom(TemplateContent(**changes))
    return made


def phone_of(number: str) -> str:
    """The reserved number of an account of four digits."""
    return f"1380013{number}"


def asked(authority: Authority, who: Principal, *items: SmsItem) -> list[Asked]:
    """What Admit is asked for, as the server reads it."""
    return admission.read(authority.keys, AdmitGroup(principal=who, items=items))


def decided(answer: bytes | Exception) -> Decision | Exception:
    """What Admit answers to one request, read."""
    return answer if isinstance(answer, Exception) else Decision.FromString(answer)


class World:
    """One bank on an authority. `write` acts as an employee; everything else is a step of the way of a message."""

    def __init__(self, authority: Authority) -> None:
        self.authority = authority

    async def write(
        self, handler: Handler[Call[P], R], employee: str, request: P, *, banks: Sequence[str] = (BANK,)
    ) -> R:
        return await self.authority.write(handler, Call(principal(employee, banks=banks), request))

    async def hire(self, *employees: str) -> None:
        """Registers employees; the first one ever registers himself and the others."""
        await self.hire_at(CALLER, *employees)

    async def hire_at(self, caller: str, *employees: str) -> None:
        for employee in employees:
            request = SetEmployeeRequest(caller_id=caller, employee_id=employee, team="t1", active=True)
            await self.write(operations.set_employee, PEOPLE[0], request, banks=["*"])

    async def open_bank(
        self, bank_id: str = BANK, *, next_carriers: Sequence[CarrierChoice] = (), **thresholds: Any
    ) -> None:
        """A policy in force, and a feed that is proven and complete through now."""
        policy = Policy(
            bank_name="示例银行",
            agency_id=AGENCY,
            agency_name="示例催收",
            hotlines=[HOTLINE],
            carriers=[CarrierChoice(carrier_id=CARRIER), *next_carriers],
            **thresholds,
        )
        drafted = await self.write(
            policies.draft, "ann", DraftPolicyRequest(bank_id=bank_id, policy=policy), banks=["*"]
        )
        activation = ActivatePolicyRequest(bank_id=bank_id, version=drafted.version.version)
        await self.write(policies.activate, "ben", activation, banks=["*"])
        await self.authority.write(bank_events.prove_feeds, (bank_id, real_ms()))
        mark = FeedMark()
        mark.complete_through.FromMilliseconds(self.now_ms())
        await self.apply(BankEvent(feed_mark=mark), bank_id)

    async def apply(self, event: BankEvent, bank_id: str = BANK) -> EventResult:
        event.event_id, event.bank_id = f"e{next(_numbers)}", bank_id
        return await self.authority.write(bank_events.apply, event)

    async def place(
        self, number: str, phone: str, *, customer: str = "", bank_id: str = BANK, name: str = "张三"
    ) -> None:
        """An account with one debtor, who owes 123.45 yuan."""
        placement = Placement(
            account_number=number,
            agency_id=AGENCY,
            balance=Balance(sequence=1, overdue_amount_fen=12_345, outstanding_amount_fen=20_000),
            parties=[
                Party(customer_id=customer or f"C{number}", role=Party.ROLE_DEBTOR, name=name, phone_numbers=[phone])
            ],
        )
        placement.start_time.FromMilliseconds(self.now_ms() - DAY_MS)
        placement.end_time.FromMilliseconds(self.now_ms() + 90 * DAY_MS)
        placement.balance.as_of_time.FromMilliseconds(self.now_ms())
        await self.apply(BankEvent(placement=placement), bank_id)

    async def draft(self, **changes: Any) -> Template:
        drafted = await self.write(templates.draft, "ann", DraftTemplateRequest(content=content(**changes)))
        return drafted.template

    async def approve(self, digest: str) -> Template:
        """Both gates, by ben and cat."""
        passed: dict[str, Any] = {"digest": digest, "pass": True}
        await self.write(templates.review, "ben", ReviewTemplateRequest(**passed))
        approval = ApproveTemplateRequest(digest=digest, approve=True)
        return (await self.write(templates.approve, "cat", approval)).template

    async def ready(self, *numbers: str) -> None:
        """An approved version, and an account for each number of four digits."""
        await self.approve((await self.draft()).digest)
        for number in numbers:
            await self.place(number, phone_of(number))

    async def ask(self, number: str, **changes: Any) -> Decision:
        """A good request for an account of `ready`, with changes."""
        return await self.submit(number, phone_of(number), **changes)

    async def submit(self, number: str, phone: str, **changes: Any) -> Decision:
        item = SmsItem(
            request_id=f"r{next(_numbers)}",
            bank_id=BANK,
            account_number=number,
            phone_number=phone,
            template_name="reminder",
            variables={"line": HOTLINE},
        )
        item.MergeFrom(SmsItem(**changes))
        (one,) = asked(self.authority, principal("dan"), item)
        return Decision.FromString(await self.authority.write(admission.admit, one))

    async def lease(self, limit: int = 10) -> list[Permit]:
        request = LeaseRequest(
            worker_id="w", carrier_ids=[CARRIER], max_permits=limit, lease_id=f"lease{next(_numbers)}"
        )
        return list((await self.authority.write(leases.lease, request)).permits)

    async def report(self, attempt_id: str, outcome: Outcome.ValueType) -> None:
        await self.authority.write(reports.report, AttemptReport(attempt_id=attempt_id, outcome=outcome))

    async def outreach(self, outreach_id: str) -> Row[Any]:
        row = await self.authority.read(outreach_store.get, outreach_id)
        assert row is not None
        return row

    async def entries(self, kind: str = "") -> list[dict[str, Any]]:
        """The ledger's entries of a kind, or all."""
        return [entry for body in await self.bodies() if (entry := decode(body))["kind"] == kind or not kind]

    async def bodies(self) -> list[bytes]:
        query = select(schema.ledger_entry.c.body).order_by(schema.ledger_entry.c.seq)
        return list(await self.authority.read(lambda connection: connection.execute(query).scalars().all()))

    def now_ms(self) -> int:
        """The business clock, which stands."""
        with self.authority.database.reader.connect() as connection:
            now: int = connection.execute(select(schema.head.c.clock_business_ms)).scalar_one()
        return now

    def set_clock(self, now_ms: int) -> None:
        with self.authority.database.writer.begin() as connection:
            connection.execute(update(schema.head).values(clock_business_ms=now_ms))
