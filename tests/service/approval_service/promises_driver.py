"""Speaks to a real authority for the machine of test_promises.py: two banks, four accounts, and clocks set by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from itertools import count
from typing import Any, NamedTuple, TypeVar
from unittest import mock

from sqlalchemy import Row, Select, select, update

from approval_service import bank_events, operations, policies, schema, templates, writer
from approval_service.authority import Authority
from approval_service.calls import Call
from approval_service.database import Database
from approval_service.writer import Handler
from outreach.v1.bank_service_pb2 import Balance, BankEvent, EventResult, Party, Placement
from outreach.v1.operations_service_pb2 import SetEmployeeRequest
from outreach.v1.policy_service_pb2 import ActivatePolicyRequest, CarrierChoice, DraftPolicyRequest, Policy
from outreach.v1.template_service_pb2 import ApproveTemplateRequest, DraftTemplateRequest, ReviewTemplateRequest
from tests.service.approval_service.authorities import open_authority
from tests.service.approval_service.promises_model import DAY, GAP_MINUTES, PER_DAY, PER_SEVEN_DAYS, Account
from tests.service.approval_service.world import AGENCY, CALLER, CARRIER, HOTLINE, NOW_MS, PEOPLE, content, principal

P = TypeVar("P")
R = TypeVar("R")
T = TypeVar("T")

BANKS = ("demo-bank", "other-bank")
CLERK = "dan"
REAL_MS = 1_795_500_000_000


class Person(NamedTuple):
    """A party as the bank names it."""

    customer: str
    role: Party.Role.ValueType
    phone: str
    identity: str = ""
    agreed: bool = False


_ONE = Person("C1", Party.ROLE_DEBTOR, "13800138001", "110101199003070011")
PARTIES: dict[str, tuple[Person, ...]] = {
    # One person owes on two accounts of a bank and on one of another; a guarantor; a third party.
    "1000001": (
        _ONE,
        Person("C2", Party.ROLE_GUARANTOR, "13800138002"),
        Person("C3", Party.ROLE_THIRD_PARTY, "13800138003"),
    ),
    "1000002": (_ONE,),
    "1000003": (Person("C4", Party.ROLE_DEBTOR, "13800138004", agreed=True),),
    "2000001": (_ONE,),
}
BANK_OF = {number: BANKS[number.startswith("2")] for number in PARTIES}
UNKNOWN_PHONE = "13800138005"


class Driver:
    """One authority at a time on a database; `restart` closes it and opens the next."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._loop = asyncio.new_event_loop()
        self._numbers = count(1)
        self.real_ms = REAL_MS
        self._clock = mock.patch.object(writer, "real_ms", self._real_now)
        self._clock.start()
        self._open()

    def _real_now(self) -> int:
        return self.real_ms

    def _open(self) -> None:
        async def opened() -> Authority:
            return open_authority(Database(self._url))

        self.authority = self._loop.run_until_complete(opened())

    def restart(self) -> None:
        self.authority.writer.close()
        self.authority.database.close()
        self._open()

    def close(self) -> None:
        self.authority.writer.close()
        self.authority.database.close()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()
        self._clock.stop()

    def number(self) -> int:
        return next(self._numbers)

    def together(self, *asked: Coroutine[Any, Any, Any]) -> list[Any]:
        """The answers of calls made at the same time; refusals are answers too."""

        async def gather() -> list[Any]:
            return list(await asyncio.gather(*asked, return_exceptions=True))

        return self._loop.run_until_complete(gather())

    def run(self, asked: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(asked)

    async def call(self, handler: Handler[Call[P], R], request: P, employee: str = "ann", *, urgent: bool = False) -> R:
        return await self.authority.write(handler, Call(principal(employee, banks=["*"]), request), urgent=urgent)

    def event(self, bank: str, **kind: Any) -> BankEvent:
        return BankEvent(event_id=f"e{self.number()}", bank_id=bank, **kind)

    async def apply(self, event: BankEvent) -> EventResult:
        return await self.authority.write(bank_events.apply, event, urgent=True)

    def rows(self, query: Select[Any]) -> Sequence[Row[Any]]:
        with self.authority.database.reader.connect() as connection:
            return connection.execute(query).all()


def balance(sequence: int, overdue_fen: int, as_of_ms: int) -> Balance:
    made = Balance(sequence=sequence, overdue_amount_fen=overdue_fen, outstanding_amount_fen=900_000)
    made.as_of_time.FromMilliseconds(as_of_ms)
    return made


def placement(account: Account, agency: str, parties: Sequence[Person], amounts: Balance, now_ms: int) -> Placement:
    made = Placement(
        account_number=account.number,
        agency_id=agency,
        balance=amounts,
        parties=[
            Party(
                customer_id=one.customer,
                role=one.role,
                name="张三",
                phone_numbers=[one.phone] if one.phone else [],
                identity_number=one.identity,
                agreed_to_quiet_hours=one.agreed,
            )
            for one in parties
        ],
    )
    made.start_time.FromMilliseconds(now_ms - DAY)
    made.end_time.FromMilliseconds(now_ms + 20 * DAY)
    return made


def template_digest(driver: Driver, bank: str, until_ms: int) -> str:
    """A version that passed both gates. Its end makes it another one than those before."""
    text = content(bank_id=bank)
    text.effective_until.FromMilliseconds(until_ms)
    digest = driver.run(driver.call(templates.draft, DraftTemplateRequest(content=text))).template.digest
    passed: dict[str, Any] = {"digest": digest, "pass": True}
    driver.run(driver.call(templates.review, ReviewTemplateRequest(**passed), "ben"))
    driver.run(driver.call(templates.approve, ApproveTemplateRequest(digest=digest, approve=True), "cat"))
    return digest


def furnish(url: str) -> None:
    """Hires people and opens both banks, each with a policy and a template: what every example begins with."""
    driver = Driver(url)
    with driver.authority.database.writer.begin() as connection:
        connection.execute(update(schema.head).values(clock_business_ms=NOW_MS, clock_rate=0.0))
    for employee in PEOPLE:
        request = SetEmployeeRequest(caller_id=CALLER, employee_id=employee, active=True)
        driver.run(driver.call(operations.set_employee, request, PEOPLE[0]))
    policy = Policy(
        bank_name="示例银行",
        agency_id=AGENCY,
        agency_name="示例催收",
        hotlines=[HOTLINE],
        carriers=[CarrierChoice(carrier_id=CARRIER)],
        sms_per_seven_days=PER_SEVEN_DAYS,
        sms_gap_minutes=GAP_MINUTES,
    )
    for bank in BANKS:
        policy.sms_per_day = PER_DAY[bank]
        driver.run(driver.call(policies.draft, DraftPolicyRequest(bank_id=bank, policy=policy)))
        driver.run(driver.call(policies.activate, ActivatePolicyRequest(bank_id=bank, version=1), "ben"))
        template_digest(driver, bank, NOW_MS + 400 * DAY)
    driver.close()


def versions(driver: Driver) -> Sequence[Row[Any]]:
    return driver.rows(select(schema.template.c.digest, schema.template.c.bank_id, schema.template.c.approved_ms))
